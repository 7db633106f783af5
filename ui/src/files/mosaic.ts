import type { AttachmentView } from '../generated/view';

/** How wide pictures in the talk are at most, and how tall a single one, in CSS pixels. */
export const MOSAIC_PX = 380;
const TALLEST_PX = 340;
const SMALLEST_PX = 96;
const GAP_PX = 4;
const CARD_PX = 62;

/** Columns of six that each picture takes, and the ratio of its sides. */
export interface Tile {
  span: number;
  ratio: number;
}

/** A row of one, two or three; what is left over makes the first row, so that none has a hole. */
export function tilesOf(count: number): Tile[] {
  const perRow = count === 2 || count === 4 ? 2 : 3;
  const first = count % perRow;
  return Array.from({ length: count }, (_, index) => {
    const inRow = index < first ? first : perRow;
    return { span: 6 / inRow, ratio: inRow === 1 ? 16 / 9 : 1 };
  });
}

/** The size of a picture that stands alone: whole where it can be, cut where it is very long or very small. */
export function aloneSize(width: number, height: number): { width: number; height: number } {
  if (width <= 0 || height <= 0) return { width: SMALLEST_PX, height: SMALLEST_PX };
  const scale = Math.min(1, MOSAIC_PX / width, TALLEST_PX / height);
  return {
    width: Math.round(Math.max(SMALLEST_PX, width * scale)),
    height: Math.round(Math.max(SMALLEST_PX, height * scale)),
  };
}

export function imagesOf(attachments: readonly AttachmentView[]): AttachmentView[] {
  return attachments.filter((attachment) => attachment.kind.type === 'image');
}

/** How tall the files of a message are, in CSS pixels: known before one of them is loaded. */
export function heightOf(attachments: readonly AttachmentView[]): number {
  const images = imagesOf(attachments);
  const cards = attachments.length - images.length;
  const only = images[0];
  let height = cards * (CARD_PX + GAP_PX);
  if (images.length === 1 && only?.kind.type === 'image')
    height += aloneSize(only.kind.width_px, only.kind.height_px).height;
  else
    for (let index = 0, used = 0; index < images.length; index++) {
      const { span, ratio } = tilesOf(images.length)[index]!;
      if (used % 6 === 0) height += (MOSAIC_PX * span) / 6 / ratio + GAP_PX;
      used += span;
    }
  return Math.round(height);
}
