/** Where a picture stands in its frame: `scale` times its own size, its centre `x`, `y` CSS pixels from the frame's centre. */
export interface View {
  scale: number;
  x: number;
  y: number;
}

export interface Size {
  width: number;
  height: number;
}

/** A picture is never drawn larger than this many times its own size, and a small one may always grow fourfold. */
const LARGEST = 8;

/** The scale at which a picture is seen whole; small ones keep their size. */
export function fitScale(picture: Size, frame: Size): number {
  if (picture.width <= 0 || picture.height <= 0 || frame.width <= 0 || frame.height <= 0) return 1;
  return Math.min(1, frame.width / picture.width, frame.height / picture.height);
}

/** The scale at which a picture covers a frame. */
export function coverScale(picture: Size, frame: Size): number {
  if (picture.width <= 0 || picture.height <= 0) return 1;
  return Math.max(frame.width / picture.width, frame.height / picture.height);
}

/** Grows by `factor` around a point, in CSS pixels from the frame's centre: what is under it stays under it. */
export function zoomAt(view: View, factor: number, point: { x: number; y: number }, least: number, most: number): View {
  const scale = Math.min(Math.max(view.scale * factor, least), most);
  const grown = scale / view.scale;
  return { scale, x: point.x - (point.x - view.x) * grown, y: point.y - (point.y - view.y) * grown };
}

/** The largest scale of a picture that fits at `fit`. */
export function mostScale(fit: number): number {
  return Math.max(LARGEST, fit * 4);
}

/** Keeps a picture that is larger than its frame over it, and centres one that is smaller. */
export function held(view: View, picture: Size, frame: Size): View {
  const room = (side: number, space: number) => Math.max(0, (side * view.scale - space) / 2);
  const [x, y] = [room(picture.width, frame.width), room(picture.height, frame.height)];
  return { scale: view.scale, x: clamp(view.x, -x, x), y: clamp(view.y, -y, y) };
}

function clamp(value: number, least: number, most: number): number {
  // `+ 0` makes a zero of -0.
  return Math.min(Math.max(value, least), most) + 0;
}
