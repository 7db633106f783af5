import { closeSearch, openSearch } from '../search/search.svelte';
import { app } from '../state/app.svelte';
import { closeRoom, closeThread, toggleCamera, toggleMute } from '../state/navigate';
import { act } from '../state/session.svelte';
import { ui } from '../state/ui.svelte';

/** True where letters are text and Space presses. */
function takesText(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

function takesSpace(target: EventTarget | null): boolean {
  return (
    takesText(target) ||
    (target instanceof HTMLElement && target.closest('button, a, [role=menuitem], [tabindex="0"]') !== null)
  );
}

/** The shortcuts that work anywhere in the window. Dialogs and menus answer their own Escape before it comes here. */
export function onShortcut(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.repeat || event.isComposing) return;
  const command = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  if (command && key === 'f' && !event.altKey && app.me !== null) {
    ui.dialog = null;
    openSearch(event.shiftKey ? null : (app.timeline?.room.id ?? null));
    event.preventDefault();
    return;
  }
  if (command && !event.shiftKey && !event.altKey) {
    if (key === 'k') ui.dialog = ui.dialog === 'switcher' ? null : 'switcher';
    else if (key === ',') ui.page = 'settings';
    else return;
    event.preventDefault();
    return;
  }
  if (event.altKey || command) return;
  if (key === 'escape') {
    if (closeTopmost()) event.preventDefault();
    return;
  }
  if (takesText(event.target) || ui.dialog !== null) return;
  const inCall = app.call !== null && app.call.phase.type !== 'incoming' && app.call.phase.type !== 'ended';
  if (event.key === '?') ui.dialog = 'shortcuts';
  else if (event.key === '/') document.querySelector<HTMLElement>('[data-testid=search]')?.focus();
  else if (inCall && key === 'm') toggleMute();
  else if (inCall && key === 'v') toggleCamera();
  else if (inCall && key === 'f') ui.callFills = !ui.callFills;
  else if (inCall && key === 'h' && event.shiftKey) void act({ type: 'hang_up' });
  else if (inCall && key === ' ' && app.call?.muted && !takesSpace(event.target)) talkWhileHeld();
  else return;
  event.preventDefault();
}

/** Escape closes one thing: the filled screen, the details, the search, settings, then on narrow windows the room. */
function closeTopmost(): boolean {
  if (ui.callFills) ui.callFills = false;
  else if (ui.page === 'settings') ui.page = 'home';
  else if (app.thread !== null && ui.page === 'home') void closeThread();
  else if (ui.pins) ui.pins = false;
  else if (ui.details) ui.details = false;
  else if (ui.search !== '') ui.search = '';
  else if (ui.finding !== null && (!ui.finding.away || innerWidth >= 760)) closeSearch();
  else if (app.timeline !== null && innerWidth < 760) void closeRoom();
  else return false;
  return true;
}

function talkWhileHeld(): void {
  void act({ type: 'set_muted', muted: false });
  const stop = (event: Event) => {
    if (event instanceof KeyboardEvent && event.key !== ' ') return;
    window.removeEventListener('keyup', stop);
    window.removeEventListener('blur', stop);
    void act({ type: 'set_muted', muted: true });
  };
  window.addEventListener('keyup', stop);
  window.addEventListener('blur', stop);
}
