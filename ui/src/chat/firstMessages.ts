import { connected } from '../state/session.svelte';

let told = false;

/** Tells the shell, once, that messages are on the screen. To be called when they are in the document. */
export function firstMessages(): void {
  if (told) return;
  told = true;
  // The task after the next frame's callbacks: by then the frame is drawn.
  requestAnimationFrame(() => setTimeout(() => void connected().messagesShown()));
}
