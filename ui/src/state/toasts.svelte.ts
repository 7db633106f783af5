/** A short sentence at the edge of the window, with at most one way to act on it. */
export interface Toast {
  id: number;
  kind: 'info' | 'warning' | 'error';
  text: string;
  action: { label: string; run: () => void } | null;
  /** Milliseconds it stays. */
  life: number;
}

const SHORT_MS = 5_000;
/** How long a deletion or leaving can be taken back. */
export const UNDO_MS = 8_000;
const AT_MOST = 4;

export class Toasts {
  list = $state.raw<Toast[]>([]);
  #next = 1;
  #timers = new Map<number, ReturnType<typeof setTimeout>>();
  #onGone = new Map<number, () => void>();

  info(text: string): number {
    return this.#add({ kind: 'info', text, action: null, life: SHORT_MS });
  }

  warning(text: string): number {
    return this.#add({ kind: 'warning', text, action: null, life: SHORT_MS * 1.5 });
  }

  error(text: string): number {
    return this.#add({ kind: 'error', text, action: null, life: SHORT_MS * 2 });
  }

  /** Runs `commit` when the time to take it back is over, `revert` when it is taken back. Exactly one of them runs. */
  undoable(text: string, label: string, commit: () => void, revert: () => void): number {
    const id = this.#add({
      kind: 'info',
      text,
      life: UNDO_MS,
      action: {
        label,
        run: () => {
          this.#onGone.delete(id);
          this.dismiss(id);
          revert();
        },
      },
    });
    this.#onGone.set(id, commit);
    return id;
  }

  /** Does at once what still could be taken back: before the window closes, or someone signs out. */
  flush(): void {
    for (const id of [...this.#onGone.keys()]) this.dismiss(id);
  }

  dismiss(id: number): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.list = this.list.filter((toast) => toast.id !== id);
    const gone = this.#onGone.get(id);
    this.#onGone.delete(id);
    gone?.();
  }

  /** Stays while the pointer or the keyboard is on it. */
  hold(id: number): void {
    clearTimeout(this.#timers.get(id));
  }

  release(toast: Toast): void {
    if (this.#timers.has(toast.id))
      this.#timers.set(
        toast.id,
        setTimeout(() => this.dismiss(toast.id), toast.life),
      );
  }

  #add(toast: Omit<Toast, 'id'>): number {
    const same = this.list.find((other) => other.text === toast.text && other.action === null && toast.action === null);
    if (same) this.dismiss(same.id);
    const id = this.#next++;
    this.list = [...this.list, { ...toast, id }];
    while (this.list.length > AT_MOST) this.dismiss(this.list[0]!.id);
    this.#timers.set(
      id,
      setTimeout(() => this.dismiss(id), toast.life),
    );
    return id;
  }
}

export const toasts = new Toasts();
