import type {
  CallDetailsView,
  Command,
  CommandError,
  DraftFile,
  FramesEndpoint,
  HistoryUsage,
  MessageVersionView,
  MessageView,
  ProfileView,
  PublicRoomItem,
  Query,
  ReceiptsView,
  SearchResults,
  SignedInDevice,
  Snapshot,
  ViewEvent,
} from '../generated/view';

/** What each query answers with. */
export interface Answers {
  snapshot: Snapshot;
  frames: FramesEndpoint;
  public_rooms: PublicRoomItem[];
  create_invite: string;
  call_details: CallDetailsView;
  search: SearchResults;
  message_versions: MessageVersionView[];
  receipts: ReceiptsView;
  pins: MessageView[];
  history_usage: HistoryUsage;
  profile: ProfileView;
  signed_in_devices: SignedInDevice[];
}

/** The picture as it was sent, or made small by the relay. */
export type FileVariant = 'full' | 'thumbnail';

/** The part of a WebSocket that pictures need, so that a fake can speak the same protocol. */
export interface FrameSocket {
  binaryType: BinaryType;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: (() => void) | null;
  send(text: string): void;
  close(): void;
}

/** The app behind the window. Commands answer when they are done; what changed comes to the listeners. */
export interface Backend {
  /** Rejects with a [`CommandError`]. */
  send(command: Command): Promise<void>;
  /** Rejects with a [`CommandError`]. */
  ask<Q extends Query>(query: Q): Promise<Answers[Q['type']]>;
  /** Resolves once events flow; call the result to stop. */
  subscribe(listener: (event: ViewEvent) => void): Promise<() => void>;
  openFrames(url: string): FrameSocket;
  /** Hands a file over to be kept for a message or a picture of someone. Rejects with a [`CommandError`]. */
  attach(file: File): Promise<DraftFile>;
  /** Asks where to, and writes the file there: false when the person thought better of it. Rejects with a [`CommandError`]. */
  saveFile(key: string, name: string): Promise<boolean>;
  /** The address of an image's bytes, for `img` alone. A file that cannot be had does not load. */
  fileUrl(key: string, variant: FileVariant): string;
  /** Opens a web address in the person's own browser. */
  openLink(url: string): void;
}

/** Whatever was thrown, as a refusal that can be shown. */
export function asCommandError(thrown: unknown): CommandError {
  if (typeof thrown === 'object' && thrown !== null && 'code' in thrown && 'message' in thrown) {
    return thrown as CommandError;
  }
  return { code: 'unavailable', message: String(thrown), field: null, retry_after_s: null };
}

/** The one backend of this window: the Tauri shell, or the invented world of `?mock=` in builds that contain it. */
export async function connectBackend(): Promise<Backend> {
  if (__MOCK__) {
    const scene = new URLSearchParams(location.search).get('mock');
    if (scene !== null || !('__TAURI_INTERNALS__' in window)) {
      const { MockBackend } = await import('./mock');
      return new MockBackend(scene ?? 'home');
    }
  }
  const { TauriBackend } = await import('./tauri');
  return new TauriBackend();
}
