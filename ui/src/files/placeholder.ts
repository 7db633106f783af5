import { thumbHashToRGBA } from 'thumbhash';

/** A ThumbHash takes 5 to 25 bytes; what is longer is none. */
const BASE64_CHARS = 40;

/** Draws a ThumbHash into a canvas, which CSS stretches; false for what is none. Comes from the relay, and is not trusted. */
export function drawPlaceholder(canvas: HTMLCanvasElement, base64: string): boolean {
  if (base64 === '' || base64.length > BASE64_CHARS) return false;
  try {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    if (bytes.length < 5) return false;
    const { w, h, rgba } = thumbHashToRGBA(bytes);
    canvas.width = w;
    canvas.height = h;
    canvas.getContext('2d')?.putImageData(new ImageData(new Uint8ClampedArray(rgba), w, h), 0, 0);
    return true;
  } catch {
    return false;
  }
}
