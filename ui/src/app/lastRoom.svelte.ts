import { untrack } from 'svelte';
import { app } from '../state/app.svelte';
import { LastRoom, accountOf } from '../state/lastRoom';
import { openRoom } from '../state/navigate';
import { ui } from '../state/ui.svelte';

/**
 * Opens the room in which one left the account that is signed in, before the empty place for a room is drawn, and forgets it when
 * the session ends. In a narrow window too, where a room covers the list: who went back to the list has closed the room.
 */
export function followLastRoom(): void {
  const account = $derived(accountOf(app.session));
  const shown = $derived(ui.opening ?? app.timeline?.room.id ?? null);
  const busy = $derived(ui.page !== 'home' || ui.search !== '' || ui.finding !== null || ui.dialog !== null);
  $effect.pre(() => {
    if (account === null) return;
    const last = new LastRoom(account);
    $effect.pre(() => {
      const room = last.see({ rooms: app.rooms, shown, busy });
      if (room !== null) untrack(() => void openRoom(room));
    });
    return () => last.forget();
  });
}
