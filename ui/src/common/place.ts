const EDGE_PX = 8;

/** Puts `floating` (position: fixed) below `anchor`, or above it where there is more room, inside the window. */
export function placeBeside(floating: HTMLElement, anchor: Element): void {
  const at = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = floating;
  const below = at.bottom + 4;
  const top = below + height + EDGE_PX <= innerHeight ? below : Math.max(EDGE_PX, at.top - height - 4);
  const wanted = document.documentElement.dir === 'rtl' ? at.left : at.right - width;
  const left = Math.min(Math.max(EDGE_PX, wanted), innerWidth - width - EDGE_PX);
  floating.style.top = `${top}px`;
  floating.style.left = `${left}px`;
}

/** Puts `floating` (position: fixed) with its corner at a point of the window, inside the window. */
export function placeAt(floating: HTMLElement, { x, y }: { x: number; y: number }): void {
  const { offsetWidth: width, offsetHeight: height } = floating;
  const left = document.documentElement.dir === 'rtl' ? x - width : x;
  floating.style.top = `${Math.max(EDGE_PX, Math.min(y, innerHeight - height - EDGE_PX))}px`;
  floating.style.left = `${Math.max(EDGE_PX, Math.min(left, innerWidth - width - EDGE_PX))}px`;
}
