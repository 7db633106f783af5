import type {
  CallDetailsView,
  Command,
  CommandError,
  DraftFile,
  ExportFormat,
  FramesEndpoint,
  HistoryUsage,
  InviteInfoView,
  InviteView,
  MessageVersionView,
  MessageView,
  ProfileView,
  PublicRoomItem,
  Query,
  ReceiptsView,
  RelayView,
  SearchResults,
  SignedInDevice,
  Snapshot,
  ViewEvent,
} from '../generated/view';
import { TauriBackend } from './tauri';

/** What each query answers with. */
export interface Answers {
  snapshot: Snapshot;
  frames: FramesEndpoint;
  public_rooms: PublicRoomItem[];
  create_invite: InviteView;
  invites: InviteView[];
  invite_info: InviteInfoView;
  relay: RelayView;
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

/** A notification of the system in the person's language, as the shell takes it. */
export interface SystemNotification {
  room_id: string;
  thread_id: string | null;
  message_id: string | null;
  seq: number | null;
  title: string;
  body: string;
  /** None where there is nothing to reply to. */
  reply_label: string | null;
  reply_placeholder: string;
  open_label: string;
  sound: boolean;
}

/** What the person asked of a notification; the window stands in front already. */
export interface OpenRequest {
  room_id: string;
  message_id: string | null;
  seq: number | null;
  /** The system has no field for replies: they are written in the window. */
  reply: boolean;
}

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
  /** Shows a notification of the system; a later one of the same room takes its place. Without a service nothing happens. */
  notify(notification: SystemNotification): Promise<void>;
  /** False where the system has no notification service. */
  notificationsAvailable(): Promise<boolean>;
  /** Hears what is asked of notifications; call the result to stop. */
  onOpenRoom(listener: (request: OpenRequest) => void): Promise<() => void>;
  /** Asks where to, and writes a room's history there: false when the person thought better of it. Rejects with a [`CommandError`]. */
  exportRoom(roomId: string, format: ExportFormat): Promise<boolean>;
  /** The same for everything of mine. */
  exportData(): Promise<boolean>;
  /** Messages of before are on the screen: the shell notes how long that took. */
  messagesShown(): Promise<void>;
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
  return new TauriBackend();
}
