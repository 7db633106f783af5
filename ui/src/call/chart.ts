import { WINDOW_MS, type Sample } from './history';

/** A second that is missing breaks the line; the engine's beat may be late by this much. */
const GAP_MS = 2_600;

export interface Series {
  of: (sample: Sample) => number | null;
}

/** The end of a scale: 1, 2, 4, 6 or 8 times a power of ten, so that its middle is a round number too, at or above every value and never below `least`. */
export function scaleEnd(values: readonly number[], least: number): number {
  const highest = Math.max(least, ...values.filter((value) => Number.isFinite(value)));
  const power = 10 ** Math.floor(Math.log10(highest));
  const step = [1, 2, 4, 6, 8, 10].find((factor) => factor * power >= highest * (1 - 1e-9)) ?? 10;
  return step * power;
}

/** The values that a chart draws, for its scale. */
export function valuesOf(samples: readonly Sample[], series: readonly Series[]): number[] {
  return series.flatMap(({ of }) => samples.map(of)).filter((value) => value !== null);
}

/** An SVG path of a line in a box: time from left (the window's beginning) to right (`now`), 0 at the foot. */
export function linePath(
  samples: readonly Sample[],
  { of }: Series,
  box: { width: number; height: number; end: number; now: number },
): string {
  let path = '';
  let before: number | null = null;
  for (const sample of samples) {
    const value = of(sample);
    if (value === null || sample.at < box.now - WINDOW_MS) {
      before = null;
      continue;
    }
    const x = box.width * (1 - (box.now - sample.at) / WINDOW_MS);
    const y = box.height * (1 - Math.min(1, Math.max(0, value / box.end)));
    const joined = before !== null && sample.at - before <= GAP_MS;
    path += `${joined ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
    // A point alone is drawn as a dot, by the round ends of the line.
    if (!joined) path += 'h0';
    before = sample.at;
  }
  return path;
}
