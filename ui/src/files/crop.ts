import { AVATAR_FILE_PX } from './limits';
import { coverScale, held, type Size, type View } from './zoom';

/** The square of a picture that a view shows in a square frame, in the picture's own pixels. */
export function cropOf(view: View, picture: Size, frameSide: number): { x: number; y: number; side: number } {
  const side = frameSide / view.scale;
  return {
    x: picture.width / 2 - view.x / view.scale - side / 2,
    y: picture.height / 2 - view.y / view.scale - side / 2,
    side,
  };
}

/** How a picture lies in the frame at first: covering it, centred. */
export function firstView(picture: Size, frameSide: number): View {
  return { scale: coverScale(picture, { width: frameSide, height: frameSide }), x: 0, y: 0 };
}

/** Moves a view, and keeps the picture over the whole frame. */
export function movedBy(view: View, dx: number, dy: number, picture: Size, frameSide: number): View {
  return held({ ...view, x: view.x + dx, y: view.y + dy }, picture, { width: frameSide, height: frameSide });
}

/** The square as a file. PNG stays PNG, for pictures with holes; photographs are smaller as JPEG. */
export async function cropFile(bitmap: ImageBitmap, view: View, frameSide: number, type: string): Promise<File> {
  const { x, y, side } = cropOf(view, bitmap, frameSide);
  const pixels = Math.min(AVATAR_FILE_PX, Math.max(64, Math.round(side)));
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = pixels;
  const pen = canvas.getContext('2d')!;
  pen.imageSmoothingQuality = 'high';
  pen.drawImage(bitmap, x, y, side, side, 0, 0, pixels, pixels);
  const kept = type === 'image/png' ? 'image/png' : 'image/jpeg';
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, kept, 0.9));
  if (blob === null) throw new Error('the canvas gave no picture');
  return new File([blob], kept === 'image/png' ? 'picture.png' : 'picture.jpg', { type: kept });
}
