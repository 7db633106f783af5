/** What is this window's own: where one is, and what stands open. Nothing here is known to the shell. */
export type Page = 'home' | 'settings';
export type SettingsTab =
  | 'devices'
  | 'profile'
  | 'notifications'
  | 'privacy'
  | 'appearance'
  | 'sessions'
  | 'account'
  | 'invites'
  | 'shortcuts'
  | 'about';
export type DialogName = 'create_group' | 'join' | 'switcher' | 'shortcuts' | 'sign_out';

/** What is entered after a look at camera and sound. */
export type Check = { kind: 'start'; roomId: string } | { kind: 'accept' };

class UiState {
  page = $state<Page>('home');
  tab = $state<SettingsTab>('devices');
  dialog = $state<DialogName | null>(null);
  /** The invite that the dialog for joining begins with. */
  invite = $state('');
  details = $state(false);
  /** The pinned messages stand beside the room. */
  pins = $state(false);
  /** What was written in threads and not sent, by the thread. */
  readonly threadDrafts = new Map<string, string>();
  /** A look at camera and sound before a call. */
  check = $state<Check | null>(null);
  /** The room that was asked for and whose timeline has not come yet. */
  opening = $state<string | null>(null);
  search = $state('');
  /** The search over messages stands in the place of the list; away while a hit is looked at where one zone is shown at a time. */
  finding = $state.raw<{ away: boolean; asked: number } | null>(null);
  /** The picture that fills the window: the file's key. */
  viewing = $state<string | null>(null);
  /** The call fills the window. */
  callFills = $state(false);
  listWidth = $state(remembered('parley.list-width', 320));
  /** Messages hidden while their deletion can still be taken back. */
  hidden = $state.raw<ReadonlySet<string>>(new Set());
  /** Rooms hidden while leaving them can still be taken back. */
  leaving = $state.raw<ReadonlySet<string>>(new Set());

  setListWidth(width: number): void {
    this.listWidth = Math.round(Math.min(480, Math.max(240, width)));
    store('parley.list-width', String(this.listWidth));
  }

  hide(id: string): void {
    this.hidden = new Set(this.hidden).add(id);
  }

  show(id: string): void {
    this.hidden = new Set([...this.hidden].filter((other) => other !== id));
  }

  leave(id: string): void {
    this.leaving = new Set(this.leaving).add(id);
  }

  stay(id: string): void {
    this.leaving = new Set([...this.leaving].filter((other) => other !== id));
  }

  settings(tab: SettingsTab): void {
    this.tab = tab;
    this.page = 'settings';
  }
}

function remembered(key: string, fallback: number): number {
  const value = Number(globalThis.localStorage?.getItem(key));
  return Number.isFinite(value) && value > 0 ? value : fallback;
}

function store(key: string, value: string): void {
  globalThis.localStorage?.setItem(key, value);
}

export const ui = new UiState();
