import type { CommandError, ExportView } from '../../generated/view';

const STEP_MS = 120;
const STEPS = 30;

/** Writes files that are nowhere, slowly enough to be seen. */
export class MockExports {
  #timer: ReturnType<typeof setInterval> | undefined;
  #end: ((whole: boolean) => void) | null = null;

  constructor(
    private readonly scene: string,
    private readonly show: (view: ExportView | null) => void,
  ) {}

  room(title: string): Promise<boolean> {
    return this.#write({ room: title, done: 0, total: 41_872 });
  }

  data(): Promise<boolean> {
    return this.#write({ room: null, done: 0, total: 148_300_000 });
  }

  cancel(): void {
    this.#finish(false);
  }

  async #write(view: ExportView & { total: number }): Promise<boolean> {
    if (this.scene === 'export-failed')
      throw {
        code: 'storage',
        message: 'The file could not be written.',
        field: null,
        retry_after_s: null,
      } satisfies CommandError;
    let step = 0;
    this.show(view);
    this.#timer = setInterval(() => {
      step += 1;
      if (step > STEPS) this.#finish(true);
      else this.show({ ...view, done: Math.round((view.total * step) / STEPS) });
    }, STEP_MS);
    return new Promise((resolve) => (this.#end = resolve));
  }

  #finish(whole: boolean): void {
    clearInterval(this.#timer);
    this.show(null);
    this.#end?.(whole);
    this.#end = null;
  }
}
