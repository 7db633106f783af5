import { forgetDrafts } from '../files/drafts.svelte';
import { closeSearch } from '../search/search.svelte';
import { toasts } from '../state/toasts.svelte';
import { ui } from '../state/ui.svelte';

/** Before a session ends: what can still be taken back is done, and nothing of it is left for the next person. */
export function finishWork(): void {
  toasts.flush();
  forgetDrafts();
  closeSearch();
}

/** After a session ended: the next one begins at home. */
export function beginAtHome(): void {
  ui.page = 'home';
  ui.tab = 'devices';
  ui.details = false;
  ui.pins = false;
}
