// Time: the wall clock in fractions of a millisecond, and beats that do not drift.

export function wallMs() {
  return performance.timeOrigin + performance.now();
}

/** Calls `beat(at)` at the end of every period of so many milliseconds, with the time at which the period began. */
export class Pace {
  #stopped = false;

  constructor(period, beat) {
    const began = wallMs();
    let count = 0;
    const run = () => {
      while (!this.#stopped && wallMs() >= began + (count + 1) * period) {
        beat(began + count * period);
        count += 1;
      }
      // Rounded down, because a timer is late rather than early.
      if (!this.#stopped) setTimeout(run, Math.floor(began + (count + 1) * period - wallMs()));
    };
    run();
  }

  stop() {
    this.#stopped = true;
  }
}
