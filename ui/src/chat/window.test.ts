import { describe, expect, it } from 'vitest';
import { RowWindow, towards } from './window';

function windowOf(count: number): RowWindow {
  const rows = new RowWindow(() => 50);
  rows.setRows(Array.from({ length: count }, (_, index) => `k${index}`));
  return rows;
}

/** Whole numbers below `most`, the same for the same seed. */
function dice(seed: number): (most: number) => number {
  return (most) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((seed / 2 ** 32) * most);
  };
}

const guessed = (key: string) => 20 + (Number(key.slice(1)) % 7) * 10;

describe('RowWindow', () => {
  it('finds the rows that touch the view', () => {
    const rows = windowOf(100);
    expect(rows.height).toBe(5_000);
    expect(rows.range(120, 100)).toEqual([2, 5]);
    expect(rows.range(-500, 100)).toEqual([0, 1]);
    expect(rows.range(4_990, 500)).toEqual([99, 100]);
  });

  it('answers for no rows', () => {
    expect(windowOf(0).range(0, 500)).toEqual([0, 0]);
    expect(windowOf(0).anchor(0)).toBeNull();
  });

  it('moves what is below a row that turns out taller', () => {
    const rows = windowOf(10);
    expect(rows.measure([['k2', 80]])).toBe(true);
    expect(rows.topOf('k2')).toBe(100);
    expect(rows.topOf('k3')).toBe(180);
    expect(rows.measure([['k2', 80]])).toBe(false);
  });

  it('keeps the anchor of what is in view when older rows come above', () => {
    const rows = windowOf(10);
    const anchor = rows.anchor(130);
    expect(anchor).toEqual({ key: 'k2', offset: -30 });
    rows.setRows(['old1', 'old2', ...Array.from({ length: 10 }, (_, index) => `k${index}`)]);
    expect(rows.topOf(anchor!.key)! - anchor!.offset).toBe(230);
  });

  it('remembers heights of rows that went and came back', () => {
    const rows = windowOf(3);
    rows.measure([['k1', 90]]);
    rows.setRows(['k0', 'k2']);
    rows.setRows(['k0', 'k1', 'k2']);
    expect(rows.height).toBe(190);
  });

  it('is the same after any changes as one made anew', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = dice(seed);
      const heights = new Map<string, number>();
      let keys: string[] = [];
      let made = 0;
      const some = (most: number) => Array.from({ length: random(most + 1) }, () => `k${made++}`);
      const changing = new RowWindow((index) => guessed(keys[index]!));
      for (let step = 0; step < 25; step++) {
        const at = random(keys.length + 1);
        const gone = keys.length === 0 ? [] : keys.slice(at, at + random(4));
        const changes = [
          () => [...keys, ...some(3)],
          () => [...some(3), ...keys],
          () => [...keys.slice(0, at), ...some(3), ...keys.slice(at)],
          () => keys.filter((key) => !gone.includes(key)),
          () => [...keys.slice(0, at), ...gone.toReversed(), ...keys.slice(at + gone.length)],
          () => [...keys.slice(at), ...keys.slice(0, at)],
          () => (random(4) === 0 ? some(6) : keys),
        ];
        const before = keys;
        keys = changes[random(changes.length)]!();
        changing.setRows(keys);
        const drawn = keys.filter(() => random(3) === 0).map((key) => [key, 10 + random(90)] as const);
        changing.measure(drawn);
        for (const [key, height] of drawn) heights.set(key, height);

        const anew = new RowWindow((index) => guessed(keys[index]!));
        anew.measure(heights);
        anew.setRows(keys);
        const where = `seed ${seed}, step ${step}`;
        expect(changing.tops, where).toEqual(anew.tops);
        for (const key of [...before, ...keys]) expect(changing.topOf(key), where).toBe(anew.topOf(key));
      }
    }
  });

  it('asks for the heights of what is new, and of nothing else', () => {
    let keys = Array.from({ length: 1_000 }, (_, index) => `k${index}`);
    const asked: string[] = [];
    const rows = new RowWindow((index) => {
      asked.push(keys[index]!);
      return 50;
    });
    rows.setRows(keys);
    for (const [more, change] of [
      [['new'], () => [...keys, 'new']],
      [['day', 'old'], () => ['day', 'old', ...keys]],
      [[], () => keys.slice(0, 500)],
    ] as const) {
      asked.length = 0;
      keys = change();
      rows.setRows(keys);
      expect(asked).toEqual(more);
      expect(rows.height).toBe(keys.length * 50);
    }
  });
});

describe('towards', () => {
  it('draws at once what is little', () => {
    expect(towards([10, 20], [8, 18], 6)).toEqual([10, 20]);
    expect(towards([10, 14], [50, 60], 6)).toEqual([10, 14]);
  });

  it('begins at the top of what is elsewhere and goes on downwards, then upwards', () => {
    expect(towards([100, 120], [5, 8], 6)).toEqual([100, 106]);
    expect(towards([100, 120], [100, 106], 6)).toEqual([100, 112]);
    expect(towards([100, 120], [110, 122], 6)).toEqual([104, 120]);
    expect(towards([100, 120], [108, 116], 6)).toEqual([106, 120]);
  });

  it('draws as many as leave, wherever that is', () => {
    expect(towards([100, 120], [5, 17], 6)).toEqual([100, 112]);
    expect(towards([100, 120], [5, 40], 6)).toEqual([100, 120]);
    expect(towards([100, 120], [92, 104], 6)).toEqual([100, 112]);
    expect(towards([100, 120], [116, 128], 6)).toEqual([108, 120]);
  });

  it('arrives', () => {
    let drawn: readonly [number, number] = [0, 3];
    for (let frame = 0; frame < 4; frame++) drawn = towards([100, 120], drawn, 6);
    expect(drawn).toEqual([100, 120]);
  });
});
