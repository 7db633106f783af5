import { hint } from '../state/session.svelte';

const IDLE_AFTER_MS = 5 * 60_000;
const SIGNS = ['pointermove', 'pointerdown', 'keydown', 'wheel', 'focus'] as const;

/** Tells the shell when the person has not touched the window for five minutes, and when they are back. */
export function followIdleness(): () => void {
  let idle = false;
  let timer: ReturnType<typeof setTimeout>;
  const rest = () => {
    idle = true;
    hint({ type: 'set_idle', idle });
  };
  const stir = () => {
    clearTimeout(timer);
    timer = setTimeout(rest, IDLE_AFTER_MS);
    if (!idle) return;
    idle = false;
    hint({ type: 'set_idle', idle });
  };
  stir();
  for (const sign of SIGNS) window.addEventListener(sign, stir, { passive: true });
  return () => {
    clearTimeout(timer);
    for (const sign of SIGNS) window.removeEventListener(sign, stir);
  };
}
