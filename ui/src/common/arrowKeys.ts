/** Arrow keys move the focus between the rows (`[data-row]`) inside `root`; a search field's arrow down enters the first. */
export function arrowKeys(root: HTMLElement): () => void {
  const onkeydown = (event: KeyboardEvent) => {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp' && event.key !== 'Home' && event.key !== 'End') return;
    const target = event.target as HTMLElement;
    const inField = target instanceof HTMLInputElement;
    // A field that offers choices has the arrows for itself.
    if (target.getAttribute('aria-expanded') === 'true') return;
    if (inField && event.key !== 'ArrowDown') return;
    const rows = [...root.querySelectorAll<HTMLElement>('[data-row]')];
    const at = rows.indexOf(target.closest<HTMLElement>('[data-row]') ?? target);
    if (rows.length === 0 || (at < 0 && !inField)) return;
    const next =
      event.key === 'Home' ? 0 : event.key === 'End' ? rows.length - 1 : at + (event.key === 'ArrowDown' ? 1 : -1);
    if (next < 0) root.querySelector<HTMLElement>('input')?.focus();
    else rows[Math.min(next, rows.length - 1)]?.focus();
    event.preventDefault();
  };
  root.addEventListener('keydown', onkeydown);
  return () => root.removeEventListener('keydown', onkeydown);
}
