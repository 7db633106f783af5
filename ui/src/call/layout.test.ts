import { describe, expect, it } from 'vitest';
import { fitInside } from './fit';
import { gridLayout } from './layout';

describe('gridLayout', () => {
  it('fills a wide room with two side by side and a tall one with two above each other', () => {
    expect(gridLayout(2, { width: 1200, height: 500 }, 8)).toMatchObject({ columns: 2, rows: 1 });
    expect(gridLayout(2, { width: 400, height: 900 }, 8)).toMatchObject({ columns: 1, rows: 2 });
  });

  it('holds everybody inside the room, from one to forty-nine', () => {
    for (const area of [
      { width: 320, height: 240 },
      { width: 880, height: 500 },
      { width: 2560, height: 700 },
    ]) {
      for (let count = 1; count <= 49; count++) {
        const { columns, rows, tile } = gridLayout(count, area, 8);
        expect(columns * rows).toBeGreaterThanOrEqual(count);
        expect(columns * tile.width + 8 * (columns - 1)).toBeLessThanOrEqual(area.width);
        expect(rows * tile.height + 8 * (rows - 1)).toBeLessThanOrEqual(area.height);
        expect(tile.width).toBeGreaterThan(0);
      }
    }
  });

  it('answers for a room that has no size yet', () => {
    expect(gridLayout(3, { width: 0, height: 0 }, 8).tile).toEqual({ width: 0, height: 0 });
  });
});

describe('fitInside', () => {
  const wide = { width: 1280, height: 720 };
  it('shows all of a picture with bars', () => {
    expect(fitInside(wide, { width: 100, height: 100 }, 'contain')).toEqual([1, 0.5625]);
  });
  it('fills a tile and cuts', () => {
    const [x, y] = fitInside(wide, { width: 100, height: 100 }, 'cover');
    expect(x).toBeCloseTo(16 / 9);
    expect(y).toBe(1);
  });
});
