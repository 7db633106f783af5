import { ask, connected } from '../state/session.svelte';
import { Frames } from './frames';

/** The one connection for pictures of this window. */
export const frames = new Frames({
  endpoint: () => ask({ type: 'frames' }),
  open: (url) => connected().openFrames(url),
});
