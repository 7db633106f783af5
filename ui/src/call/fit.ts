export interface Size {
  width: number;
  height: number;
}

/** `contain` shows all of a picture with bars, `cover` fills the tile and cuts. */
export type Fit = 'contain' | 'cover';

/** Width and height of the picture as parts of the tile's: 1 fills it, more is cut. */
export function fitInside(picture: Size, tile: Size, fit: Fit): [x: number, y: number] {
  if (picture.width === 0 || picture.height === 0 || tile.width === 0 || tile.height === 0) return [1, 1];
  const wider = picture.width / picture.height / (tile.width / tile.height);
  if (fit === 'contain') return wider > 1 ? [1, 1 / wider] : [wider, 1];
  return wider > 1 ? [wider, 1] : [1, 1 / wider];
}
