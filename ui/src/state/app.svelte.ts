import { NO_HISTORY, remember, type History } from '../call/history';
import type {
  CallStatsView,
  CallView,
  ConnectionView,
  DevicesView,
  ExportView,
  LevelsView,
  Notice,
  NotificationView,
  PeopleView,
  RoomItem,
  RoomsView,
  SessionView,
  SettingsView,
  Snapshot,
  ThreadView,
  TimelineView,
  ViewEvent,
} from '../generated/view';

const SILENCE: LevelsView = { microphone: 0, noise_floor_db: null, participants: [] };

/** Everything the window shows. Only [`AppState.apply`] and [`AppState.load`] write it. */
export class AppState {
  session = $state.raw<SessionView>({ type: 'starting' });
  connection = $state.raw<ConnectionView>({ type: 'idle' });
  rooms = $state.raw<RoomsView>({ loading: true, rooms: [], badge: 0 });
  people = $state.raw<PeopleView>({ query: '', loading: true, people: [], failed: false });
  timeline = $state.raw<TimelineView | null>(null);
  thread = $state.raw<ThreadView | null>(null);
  call = $state.raw<CallView | null>(null);
  devices = $state.raw<DevicesView>({
    cameras: [],
    microphones: [],
    speakers: [],
    loading: true,
    preview_stream: null,
    previewing: false,
    problems: [],
  });
  settings = $state.raw<SettingsView>({
    theme: 'system',
    accent: 'teal',
    density: 'comfortable',
    language: 'system',
    keeping: 'keyring',
    voice: { echo_cancellation: true, noise_suppression: true, automatic_gain: true, high_pass: true },
    relay_only: false,
    join: { camera: true, muted: false },
    notifications: { enabled: true, show_text: true, sound: true, do_not_disturb: { type: 'off' } },
    retention_days: null,
    history_protection: 'keyring',
    version: '',
  });
  /** What is being written to a file. */
  export = $state.raw<ExportView | null>(null);
  levels = $state.raw<LevelsView>(SILENCE);
  stats = $state.raw<CallStatsView>({ participants: [] });
  /** The seconds before, for graphs. */
  history = $state.raw<History>(NO_HISTORY);

  readonly me = $derived(this.session.type === 'signed_in' ? this.session.me : null);
  /** Without an account: in the rooms it was invited to, and nowhere else. */
  readonly isGuest = $derived(this.me?.role === 'guest');
  readonly roomsById = $derived(new Map<string, RoomItem>(this.rooms.rooms.map((room) => [room.id, room])));

  /** Files that are pictures of people and rooms, by their ids. */
  readonly pictures = $derived.by(() => {
    const found = new Map<string, string>();
    const put = (id: string, key: string | null) => key !== null && found.set(id, key);
    for (const { person } of this.timeline?.room.members ?? []) put(person.id, person.avatar);
    for (const person of this.people.people) put(person.id, person.avatar);
    for (const room of this.rooms.rooms) {
      put(room.id, room.avatar);
      if (room.peer) put(room.peer.id, room.peer.avatar);
    }
    if (this.timeline) put(this.timeline.room.id, this.timeline.room.avatar);
    if (this.me) put(this.me.user_id, this.me.avatar);
    return found;
  });

  #notices = new Set<(notice: Notice) => void>();
  #notifications = new Set<(notification: NotificationView) => void>();

  load(snapshot: Snapshot): void {
    this.session = snapshot.session;
    this.connection = snapshot.connection;
    this.rooms = snapshot.rooms;
    this.people = snapshot.people;
    this.timeline = snapshot.timeline;
    this.thread = snapshot.thread;
    this.call = snapshot.call;
    this.devices = snapshot.devices;
    this.settings = snapshot.settings;
    this.export = snapshot.export;
  }

  apply(event: ViewEvent): void {
    switch (event.type) {
      case 'session':
        this.session = event.value;
        break;
      case 'connection':
        this.connection = event.value;
        break;
      case 'rooms':
        this.rooms = event.value;
        break;
      case 'people':
        this.people = event.value;
        break;
      case 'timeline':
        this.timeline = event.value;
        break;
      case 'thread':
        this.thread = event.value;
        break;
      case 'call':
        this.#onCall(event.value);
        break;
      case 'devices':
        this.devices = event.value;
        break;
      case 'settings':
        this.settings = event.value;
        break;
      case 'export':
        this.export = event.value;
        break;
      case 'notification':
        this.#notifications.forEach((listener) => listener(event.value));
        break;
      case 'notifications_gone':
        // The shell takes them away by itself.
        break;
      case 'levels':
        this.levels = event.value;
        break;
      case 'call_stats':
        this.stats = event.value;
        this.history = remember(this.history, event.value, Date.now());
        break;
      case 'notice':
        this.#notices.forEach((listener) => listener(event.value));
        break;
    }
  }

  /** Hears notices until the returned function is called. */
  onNotice(listener: (notice: Notice) => void): () => void {
    this.#notices.add(listener);
    return () => this.#notices.delete(listener);
  }

  /** Hears what is to be told outside of the window, until the returned function is called. */
  onNotification(listener: (notification: NotificationView) => void): () => void {
    this.#notifications.add(listener);
    return () => this.#notifications.delete(listener);
  }

  #onCall(call: CallView | null): void {
    if (call === null || call.call_id !== this.call?.call_id) {
      this.stats = { participants: [] };
      this.history = NO_HISTORY;
      this.levels = SILENCE;
    }
    this.call = call;
  }
}

export const app = new AppState();
