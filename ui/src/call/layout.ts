import type { Size } from './fit';

export interface GridLayout {
  columns: number;
  rows: number;
  /** Of one tile, in pixels. */
  tile: Size;
}

const ASPECT = 16 / 9;
/** Tiles may be as tall as a portrait of 4:5 before bars would waste less. */
const TALLEST = 4 / 5;

/** The grid whose tiles are largest for `count` people in `area`, with `gap` pixels between them. */
export function gridLayout(count: number, area: Size, gap: number): GridLayout {
  let best: GridLayout = { columns: 1, rows: Math.max(1, count), tile: { width: 0, height: 0 } };
  for (let columns = 1; columns <= Math.max(1, count); columns++) {
    const rows = Math.ceil(Math.max(1, count) / columns);
    const cell = {
      width: (area.width - gap * (columns - 1)) / columns,
      height: (area.height - gap * (rows - 1)) / rows,
    };
    const tile = tileInside(cell);
    if (tile.width * tile.height > best.tile.width * best.tile.height) best = { columns, rows, tile };
  }
  return best;
}

/** The largest tile in a cell whose shape stays between portrait and 16:9. */
function tileInside(cell: Size): Size {
  if (cell.width <= 0 || cell.height <= 0) return { width: 0, height: 0 };
  const shape = Math.min(ASPECT, Math.max(TALLEST, cell.width / cell.height));
  const width = Math.min(cell.width, cell.height * shape);
  return { width: Math.floor(width), height: Math.floor(width / shape) };
}
