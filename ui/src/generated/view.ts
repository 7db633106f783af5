// Rendered from the crate parley-shared (shared/src/view). Never edited by hand.

/**
 * One person's account. 
 */
export type UserId = string;

/**
 * A room: the place of a conversation and of its calls. 
 */
export type RoomId = string;

/**
 * A message as the relay stored it. 
 */
export type MessageId = string;

/**
 * The sender's own id of a message: the same id sent twice is stored once. 
 */
export type ClientMessageId = string;

/**
 * One call, from ringing to its end. Made by the caller, so that a repeated start is the same call. 
 */
export type CallId = string;

/**
 * One device in one call. 
 */
export type ParticipantId = string;

/**
 * A file that was uploaded: an attachment of a message, or a picture of a person or room. 
 */
export type FileId = string;

/**
 * One installation of the app that is signed in: the unit of sessions and revocation. 
 */
export type DeviceId = string;

/**
 * An invitation into a room. 
 */
export type InviteId = string;

/**
 * Milliseconds since 1970-01-01 UTC. 
 */
export type UnixMs = number;

/**
 * Place of a message in its room: 1, 2, 3 ... without gaps, given by the relay inside the insert. 0 is before the first. 
 */
export type Seq = number;

/**
 * What an account may do on the relay. The first account of a fresh relay is its admin.
 */
export type Role = "admin" | "member" | "guest";

/**
 * Whether a person can be reached. Several devices count as the most present of them.
 */
export type Presence = "online" | "away" | "busy" | "offline";

export type RoomKind = "direct" | "group";

export type Visibility = "private" | "public";

/**
 * What a member may do in a room. Ordered: each may do all that the ones before it may.
 */
export type MemberRole = "member" | "moderator" | "owner";

/**
 * Which messages of a room an app notifies its person of, on all their devices.
 */
export type NotifyLevel = "all" | "mentions" | "none";

/**
 * Who may make an account.
 */
export type Registration = "open" | "invite" | "closed";

export type CallOutcome = "completed" | "missed" | "declined" | "busy" | "unreachable";

/**
 * Why a call ended, or ended for one participant.
 */
export type CallEndReason = "hung_up" | "declined" | "busy" | "no_answer" | "cancelled" | "unreachable" | "answered_elsewhere" | "lost";

export type DeclineReason = "declined" | "busy";

/**
 * What makes a call with somebody bad.
 */
export type QualityCause = "reconnecting" | "your_microphone" | "their_microphone" | "video_paused" | "your_upload" | "their_upload" | "loss" | "delay";

/**
 * Everything the window shows, as it is now.
 */
export type Snapshot = { session: SessionView, connection: ConnectionView, rooms: RoomsView, people: PeopleView, 
/**
 * The open room.
 */
timeline: TimelineView | null, 
/**
 * The thread beside it.
 */
thread: ThreadView | null, call: CallView | null, devices: DevicesView, settings: SettingsView, 
/**
 * What is being written to a file.
 */
export: ExportView | null, };

/**
 * One slice of the [`Snapshot`] in its new state, or something that passes.
 */
export type ViewEvent = { "type": "session", "value": SessionView } | { "type": "connection", "value": ConnectionView } | { "type": "rooms", "value": RoomsView } | { "type": "people", "value": PeopleView } | { "type": "timeline", "value": TimelineView | null } | { "type": "thread", "value": ThreadView | null } | { "type": "call", "value": CallView | null } | { "type": "devices", "value": DevicesView } | { "type": "settings", "value": SettingsView } | { "type": "export", "value": ExportView | null } | { "type": "notification", "value": NotificationView } | { "type": "notifications_gone", "value": { room_id: RoomId, } } | { "type": "levels", "value": LevelsView } | { "type": "call_stats", "value": CallStatsView } | { "type": "notice", "value": Notice };

export type Notice = { kind: NoticeKind, 
/**
 * Stable word for the i18n library, such as `camera_gone`.
 */
code: string, 
/**
 * What the sentence names: a person, a room, a device.
 */
subject: string | null, 
/**
 * What takes its place, where the sentence names that too.
 */
instead: string | null, };

export type NoticeKind = "info" | "warning" | "error";

/**
 * ```text
 * Starting --> Locked --Unlock--> SignedOut | SignedIn
 *     `------------------------> SignedOut <--> SignedIn
 * ```
 */
export type SessionView = { "type": "starting" } | { "type": "locked", 
/**
 * True after a wrong passphrase.
 */
wrong: boolean, } | { "type": "signed_out", relay_url: string, 
/**
 * Where a session would be kept.
 */
keeping: SecretKeeping, 
/**
 * Why the person is signed out, when they did not just sign out: `revoked`, `expired`, `deleted` (the account, by their own hand).
 */
reason: string | null, } | { "type": "signed_in", relay_url: string, me: Me, };

export type Me = { user_id: UserId, display_name: string, role: Role, 
/**
 * The key of my picture.
 */
avatar: FileId | null, status_text: string, };

/**
 * Where tokens are kept.
 */
export type SecretKeeping = "keyring" | "undecided" | "encrypted_file" | "ask_each_time";

export type ConnectionView = { "type": "idle" } | { "type": "connecting" } | { "type": "online" } | { "type": "offline", 
/**
 * Seconds until the next try.
 */
retry_in_s: number, };

/**
 * What others see of me, and what only I see.
 */
export type ProfileView = { display_name: string, status_text: string, bio: string, email: string, avatar: FileId | null, 
/**
 * What my files take on the relay, and how much they may.
 */
storage_bytes: number, storage_limit_bytes: number, };

/**
 * A device that is signed in to my account.
 */
export type SignedInDevice = { id: DeviceId, name: string, created_at_ms: UnixMs, last_used_at_ms: UnixMs, 
/**
 * This one.
 */
current: boolean, };

/**
 * What this device keeps of the history.
 */
export type HistoryUsage = { bytes: number, messages: number, oldest_at_ms: UnixMs | null, };

/**
 * How the history on this device is protected.
 */
export type HistoryProtection = "keyring" | "passphrase" | "session" | "none";

export type RoomsView = { 
/**
 * True until the list is known, from disk or from the relay.
 */
loading: boolean, 
/**
 * Unread first, then by the time of the last message.
 */
rooms: Array<RoomItem>, 
/**
 * Unread messages that count on the app's icon: those that I want to be notified of.
 */
badge: number, };

export type RoomItem = { id: RoomId, kind: RoomKind, 
/**
 * The room's name; for a direct room the other person's.
 */
title: string, 
/**
 * The other person of a direct room.
 */
peer: PersonItem | null, unread: number, 
/**
 * Those of them that mention me.
 */
mentions: number, 
/**
 * The key of its picture; a direct room has the other person's.
 */
avatar: FileId | null, 
/**
 * The last message in one line, empty when there is none.
 */
preview: Preview, last_at_ms: UnixMs | null, 
/**
 * Names of those who type, without me.
 */
typing: Array<string>, 
/**
 * A call goes on in the room.
 */
in_call: boolean, archived: boolean, notify: NotifyLevel, };

/**
 * The last message of a room in one line.
 */
export type Preview = { "type": "empty" } | { "type": "text", sender: string, mine: boolean, 
/**
 * With names in the place of mentions.
 */
text: string, 
/**
 * Files that come with it: images, and others.
 */
images: number, files: number, } | { "type": "deleted" } | { "type": "call", missed: boolean, };

export type PeopleView = { query: string, loading: boolean, 
/**
 * Favourites first, then by name. Without me.
 */
people: Array<PersonItem>, 
/**
 * Set when the search could not be made.
 */
failed: boolean, };

export type PersonItem = { id: UserId, display_name: string, presence: Presence, last_seen_at_ms: UnixMs | null, favourite: boolean, blocked: boolean, bot: boolean, 
/**
 * The key of their picture.
 */
avatar: FileId | null, status_text: string, bio: string, };

/**
 * A member of the open room.
 */
export type MemberItem = { person: PersonItem, role: MemberRole, me: boolean, };

/**
 * What the open room's header and its details show.
 */
export type RoomDetails = { id: RoomId, kind: RoomKind, title: string, topic: string, visibility: Visibility, archived: boolean, 
/**
 * Who has an invite may join without an account.
 */
guests: boolean, notify: NotifyLevel, avatar: FileId | null, 
/**
 * The other person of a direct room.
 */
peer: PersonItem | null, my_role: MemberRole, members: Array<MemberItem>, member_count: number, 
/**
 * A call goes on that I am not in and could join.
 */
joinable_call: boolean, 
/**
 * Names of those who are in that call.
 */
call_people: Array<string>, };

/**
 * A public room that could be joined, as [`super::Query::PublicRooms`] finds it.
 */
export type PublicRoomItem = { id: RoomId, name: string, topic: string, member_count: number, };

/**
 * An invite that I may hand on or revoke.
 */
export type InviteView = { id: InviteId, 
/**
 * An address that ends in the code: every field that takes a code takes it.
 */
link: string, created_at_ms: UnixMs, expires_at_ms: UnixMs | null, max_uses: number | null, uses: number, };

/**
 * What an invite is for.
 */
export type InviteInfoView = { "type": "room", 
/**
 * The relay that the link leads to.
 */
relay_url: string, name: string, member_count: number, 
/**
 * It may be used without an account.
 */
guests: boolean, } | { "type": "registration", relay_url: string, code: string, };

/**
 * What a relay says of itself to somebody who is not signed in.
 */
export type RelayView = { registration: Registration, };

/**
 * One notification of the system. A later one of the same room takes the place of the earlier one.
 */
export type NotificationView = { room_id: RoomId, room_title: string, 
/**
 * In a group the sender stands beside the room's title.
 */
group: boolean, sender: string, 
/**
 * The key of the sender's picture.
 */
avatar: FileId | null, about: NotificationAbout, 
/**
 * Messages of the room that I was notified of and have not read, this one among them.
 */
count: number, 
/**
 * With a sound.
 */
sound: boolean, };

export type NotificationAbout = { "type": "message", message_id: MessageId, seq: Seq, 
/**
 * A reply of the notification goes to this thread.
 */
thread_id: MessageId | null, 
/**
 * With names in the place of mentions and without marks of Markdown; none where the person wants no text shown.
 */
text: string | null, images: number, files: number, mention: boolean, } | { "type": "missed_call" };

/**
 * What the person wants to be told on this device.
 */
export type NotificationSettings = { enabled: boolean, 
/**
 * What a message says, on a screen that others may see.
 */
show_text: boolean, sound: boolean, do_not_disturb: DoNotDisturb, };

/**
 * While it is on, nothing but the badge tells of messages, and calls show without ringing.
 */
export type DoNotDisturb = { "type": "off" } | { "type": "on" } | { "type": "until", at_ms: UnixMs, };

/**
 * One at a time; it is gone when the file is whole, or was given up.
 */
export type ExportView = { 
/**
 * The room's title; none: my own data.
 */
room: string | null, 
/**
 * Messages of a room, bytes of my data.
 */
done: number, 
/**
 * None while it is not known.
 */
total: number | null, };

/**
 * A room's history as a file.
 */
export type ExportFormat = "json" | "html";

export type TimelineView = { room: RoomDetails, 
/**
 * Ascending; what waits to be sent comes last.
 */
messages: Array<MessageView>, loading: boolean, 
/**
 * There are older messages; `LoadOlder` brings them.
 */
has_older: boolean, loading_older: boolean, 
/**
 * Older messages could not be had: the relay is away and they are not on disk.
 */
older_failed: boolean, 
/**
 * The window ends before the newest message: after a jump. `LoadNewer` brings more, `JumpTo` the newest.
 */
has_newer: boolean, loading_newer: boolean, 
/**
 * Where the last jump went.
 */
focus: FocusView | null, 
/**
 * The first message that was unread when the room was opened.
 */
unread_from: Seq | null, 
/**
 * Names of those who type, without me.
 */
typing: Array<string>, 
/**
 * What was written and not sent, kept across rooms and restarts.
 */
draft: string, };

export type MessageView = { 
/**
 * Stable from the first optimistic drawing on.
 */
client_id: ClientMessageId, 
/**
 * Absent until stored.
 */
id: MessageId | null, seq: Seq | null, sender_id: UserId, sender_name: string, mine: boolean, sent_at_ms: UnixMs, edited: boolean, 
/**
 * What it answers.
 */
reply: ReplyView | null, 
/**
 * What follows it, when it begins a thread.
 */
thread: ThreadSummaryView | null, reactions: Array<ReactionView>, pinned: boolean, 
/**
 * It names me, or everyone.
 */
mentions_me: boolean, body: BodyView, state: MessageState, 
/**
 * I may edit it, or delete it.
 */
can_edit: boolean, can_delete: boolean, 
/**
 * I may pin it, or take the pin off.
 */
can_pin: boolean, 
/**
 * I may answer it and react to it: it is stored, and the room is open.
 */
can_answer: boolean, };

export type BodyView = { "type": "text", text: string, mentions: Array<MentionView>, attachments: Array<AttachmentView>, } | { "type": "deleted" } | { "type": "call", call_id: CallId, outcome: CallOutcome, duration_s: number, };

export type AttachmentView = { 
/**
 * What the address of its bytes calls it: the relay's id of the file, or a [`DraftFile`]'s key until it is sent.
 */
key: string, name: string, size_bytes: number, kind: AttachmentKind, 
/**
 * While it is on its way to the relay.
 */
upload: UploadView | null, };

/**
 * What the relay found in the bytes, whatever the name says.
 */
export type AttachmentKind = { "type": "image", width_px: number, height_px: number, 
/**
 * A ThumbHash in base64: what is drawn until the picture is here.
 */
placeholder: string, } | { "type": "file", 
/**
 * By the content where it is known, `application/octet-stream` else.
 */
media_type: string, };

export type UploadView = { sent_bytes: number, };

/**
 * A file that the shell keeps for a message that is being written.
 */
export type DraftFile = { 
/**
 * What commands and the address of its bytes call it.
 */
key: string, name: string, size_bytes: number, kind: AttachmentKind, };

/**
 * ```text
 * Sending --> Stored --> Delivered --> Read
 *    `--> Failed --retry--> Sending
 * ```
 * Delivered and read when every other member has it. Other people's messages are `Stored`.
 */
export type MessageState = { "type": "sending" } | { "type": "stored" } | { "type": "delivered" } | { "type": "read" } | { "type": "failed", 
/**
 * Stable word, such as `rate_limited`.
 */
code: string, };

/**
 * The name behind a mention in a text.
 */
export type MentionView = { user_id: UserId, name: string, me: boolean, };

/**
 * A message that another one answers, in one line.
 */
export type ReplyView = { message_id: MessageId, 
/**
 * Absent while it is not known on this device.
 */
seq: Seq | null, sender_name: string, mine: boolean, 
/**
 * With names in the place of mentions; empty for a deleted message, one that is not known, and one that is only files.
 */
text: string, state: ReplyState, };

export type ReplyState = "known" | "deleted" | "unknown";

export type ReactionView = { emoji: string, count: number, mine: boolean, 
/**
 * Of the first who set it, without me.
 */
names: Array<string>, };

export type ThreadSummaryView = { replies: number, last_at_ms: UnixMs, };

/**
 * A message to bring into view and to mark for a moment.
 */
export type FocusView = { seq: Seq, 
/**
 * Grows with every jump, so that the same place can be gone to twice.
 */
jump: number, };

/**
 * A thread beside the room that is open.
 */
export type ThreadView = { room_id: RoomId, thread_id: MessageId, 
/**
 * Absent until it came.
 */
root: MessageView | null, 
/**
 * Ascending; what waits to be sent comes last.
 */
messages: Array<MessageView>, loading: boolean, 
/**
 * It could not be had whole: the relay is away.
 */
failed: boolean, };

/**
 * One text of an edited message.
 */
export type MessageVersionView = { text: string, mentions: Array<MentionView>, at_ms: UnixMs, };

/**
 * Who has a message of mine.
 */
export type ReceiptsView = { read: Array<PersonItem>, 
/**
 * Have it on a device and have not seen it.
 */
delivered: Array<PersonItem>, waiting: Array<PersonItem>, };

/**
 * What a search found, newest first.
 */
export type SearchResults = { hits: Array<SearchHit>, 
/**
 * There is more: pass it as `before`.
 */
next: string | null, 
/**
 * What is to be marked in the texts: words by their beginning, then phrases.
 */
words: Array<string>, phrases: Array<string>, };

export type SearchHit = { room_id: RoomId, room_title: string, message: MessageView, };

export type CallView = { call_id: CallId, room_id: RoomId, 
/**
 * The other person, or the room.
 */
title: string, 
/**
 * For the colour of the avatar.
 */
peer_id: UserId | null, phase: CallPhaseView, muted: boolean, 
/**
 * I talk and nobody hears it.
 */
speaking_while_muted: boolean, camera_on: boolean, 
/**
 * Where [`super::Query::Frames`] shows my own picture; absent while the camera is closed.
 */
self_stream: number | null, 
/**
 * Without me, in the order of joining.
 */
participants: Array<ParticipantView>, 
/**
 * What is wrong with my own devices, as stable words: `camera_busy`, `microphone_gone` ...
 */
problems: Array<DeviceProblem>, };

/**
 * ```text
 * Outgoing --accepted--> Connecting --> Active <--> Reconnecting
 * Incoming --accept----> Connecting        `--> Ended
 * ```
 */
export type CallPhaseView = { "type": "outgoing" } | { "type": "incoming" } | { "type": "connecting" } | { "type": "active", since_ms: UnixMs, } | { "type": "reconnecting", since_ms: UnixMs, } | { "type": "ended", reason: CallEndReason, };

export type ParticipantView = { id: ParticipantId, user_id: UserId, display_name: string, 
/**
 * Where [`super::Query::Frames`] shows the picture; absent until one came.
 */
stream: number | null, microphone_on: boolean, camera_on: boolean, 
/**
 * How loud I hear this person: 0 to 200, 100 is as it comes.
 */
volume_pct: number, connection: ParticipantConnection, };

export type ParticipantConnection = "connecting" | "connected" | "reconnecting";

export type DeviceProblem = { device: DeviceKindView, code: DeviceProblemCode, 
/**
 * The device's name, when it is known.
 */
name: string | null, };

export type DeviceProblemCode = "not_found" | "busy" | "denied" | "gone" | "stalled" | "silent" | "failed";

/**
 * Sound levels, 0 to 1.
 */
export type LevelsView = { microphone: number, 
/**
 * What is heard while nobody talks, in dB below full scale; absent until it was measured.
 */
noise_floor_db: number | null, participants: Array<ParticipantLevel>, };

export type ParticipantLevel = { id: ParticipantId, level: number, };

/**
 * What was measured in a call that is over, by those who reported.
 */
export type CallDetailsView = { call_id: CallId, 
/**
 * Mine first.
 */
reports: Array<CallReportView>, };

export type CallReportView = { 
/**
 * Whose app measured it.
 */
measured_by: string, mine: boolean, duration_s: number, 
/**
 * From the agreement of both sides to the first connection.
 */
setup_ms: number | null, people: Array<PersonReportView>, };

export type PersonReportView = { display_name: string, figures: PersonReport, };

/**
 * The connection with one other participant.
 */
export type PersonReport = { user_id: UserId, 
/**
 * How long it was measured.
 */
seconds: number, route: RouteClass, rtt_ms: Figure, 
/**
 * Of the sound that came.
 */
jitter_ms: Figure, loss_in_pct: Figure, loss_out_pct: Figure, 
/**
 * Sound and picture.
 */
kbps_in: Figure, kbps_out: Figure, 
/**
 * Pictures that were shown; without the time in which there was no picture to show.
 */
fps_in: Figure, 
/**
 * Share of the sound that was invented to fill gaps.
 */
concealed_pct: number, 
/**
 * How often the picture stood still, and for how long altogether.
 */
freezes: number, freeze_ms: number, 
/**
 * What made it worst, for the longest time; absent when it was good throughout.
 */
cause?: QualityCause, };

/**
 * The mean and the highest of the values of each second.
 */
export type Figure = { mean: number, max: number, };

/**
 * How media travelled, without an address.
 */
export type RouteClass = "unknown" | "direct" | "relayed";

/**
 * The statistics panel, per remote participant.
 */
export type CallStatsView = { participants: Array<ParticipantStats>, };

export type ParticipantStats = { id: ParticipantId, display_name: string, sent: MediaStats, received: MediaStats, rtt_ms: number | null, 
/**
 * What the path to this person is thought to carry.
 */
estimate_kbps: number, 
/**
 * What waits to be sent.
 */
pacer_queue_ms: number, 
/**
 * My pictures are held back: the path carries sound alone.
 */
video_paused: boolean, 
/**
 * How far the picture is behind the sound; negative when it is ahead.
 */
av_skew_ms: number | null, 
/**
 * How the media travels, such as `direct, UDP`.
 */
route: string, quality: Quality, 
/**
 * What is to blame when the quality is not good.
 */
cause: QualityCause | null, };

/**
 * What is measured on the other side only is 0 for what is sent.
 */
export type MediaStats = { width: number, height: number, fps: number, video_kbps: number, audio_kbps: number, loss_pct: number, 
/**
 * How irregularly packets of sound come.
 */
jitter_ms: number, 
/**
 * Of the playout buffers.
 */
audio_delay_ms: number, video_delay_ms: number, 
/**
 * Share of the sound that was invented to fill gaps.
 */
concealed_pct: number, 
/**
 * Since the beginning of the call: how often the picture stood still, and for how long altogether.
 */
freezes: number, freeze_ms: number, video_codec: string, audio_codec: string, };

export type Quality = "good" | "fair" | "poor" | "unknown";

export type DevicesView = { cameras: Array<DeviceItem>, microphones: Array<DeviceItem>, speakers: Array<DeviceItem>, 
/**
 * True while the list is being made.
 */
loading: boolean, 
/**
 * Set while settings preview the camera and the microphone: the stream of the picture.
 */
preview_stream: number | null, previewing: boolean, problems: Array<DeviceProblem>, };

export type DeviceItem = { id: string, name: string, 
/**
 * What the system would take.
 */
is_default: boolean, 
/**
 * What the person chose; none chosen means the default.
 */
chosen: boolean, };

export type DeviceKindView = "camera" | "microphone" | "speaker";

export type SettingsView = { theme: Theme, accent: Accent, density: Density, 
/**
 * A BCP 47 tag, or `system`.
 */
language: string, keeping: SecretKeeping, voice: VoiceView, 
/**
 * Calls go through the relay, so that others do not learn my address.
 */
relay_only: boolean, join: JoinChoice, notifications: NotificationSettings, 
/**
 * How many days of history this device keeps; none is for ever.
 */
retention_days: number | null, history_protection: HistoryProtection, 
/**
 * Version of the app.
 */
version: string, };

/**
 * What is done with the sound of my microphone.
 */
export type VoiceView = { 
/**
 * Takes out what my own speaker plays.
 */
echo_cancellation: boolean, 
/**
 * Takes out fans, keyboards and traffic.
 */
noise_suppression: boolean, 
/**
 * Brings a quiet voice up and a loud one down.
 */
automatic_gain: boolean, 
/**
 * Takes out rumble below the voice.
 */
high_pass: boolean, };

/**
 * How I entered my last call from its preview: the next preview begins with it.
 */
export type JoinChoice = { camera: boolean, muted: boolean, };

export type Theme = "system" | "dark" | "light";

export type Accent = "teal" | "synthwave" | "high_contrast";

export type Density = "comfortable" | "compact";

/**
 * Something to do. It answers when it is done or refused ([`CommandError`]); what changed comes as events.
 */
export type Command = { "type": "sign_up", relay_url: string, display_name: string, email: string, password: string, 
/**
 * For a relay that takes new people by invite: a code, or a link that ends in one.
 */
registration_code: string | null, } | { "type": "join_as_guest", link: string, display_name: string, } | { "type": "sign_in", relay_url: string, email: string, password: string, } | { "type": "sign_out" } | { "type": "unlock", passphrase: string, } | { "type": "keep_secrets", passphrase: string | null, } | { "type": "reconnect" } | { "type": "search_people", query: string, } | { "type": "set_favourite", user_id: UserId, favourite: boolean, } | { "type": "set_blocked", user_id: UserId, blocked: boolean, } | { "type": "open_direct", user_id: UserId, } | { "type": "create_group", name: string, topic: string, visibility: Visibility, members: Array<UserId>, } | { "type": "join_room", room_id: RoomId, } | { "type": "join_by_invite", code: string, } | { "type": "open_room", room_id: RoomId, } | { "type": "close_room" } | { "type": "rename_room", room_id: RoomId, name: string, topic: string, } | { "type": "archive_room", room_id: RoomId, archived: boolean, } | { "type": "add_members", room_id: RoomId, members: Array<UserId>, } | { "type": "remove_member", room_id: RoomId, user_id: UserId, } | { "type": "change_member", room_id: RoomId, user_id: UserId, role: MemberRole, } | { "type": "leave_room", room_id: RoomId, } | { "type": "delete_room", room_id: RoomId, } | { "type": "set_guests", room_id: RoomId, guests: boolean, } | { "type": "set_notify", room_id: RoomId, level: NotifyLevel, } | { "type": "revoke_invite", room_id: RoomId | null, invite_id: InviteId, } | { "type": "send_message", room_id: RoomId, text: string, reply_to: MessageId | null, thread_id: MessageId | null, 
/**
 * Keys that the shell gave for files ([`super::DraftFile`]).
 */
attachments: Array<string>, } | { "type": "retry_message", room_id: RoomId, client_id: ClientMessageId, } | { "type": "discard_message", room_id: RoomId, client_id: ClientMessageId, } | { "type": "edit_message", room_id: RoomId, message_id: MessageId, text: string, } | { "type": "delete_message", room_id: RoomId, message_id: MessageId, } | { "type": "discard_file", key: string, } | { "type": "set_reaction", room_id: RoomId, message_id: MessageId, emoji: string, on: boolean, } | { "type": "set_pinned", room_id: RoomId, message_id: MessageId, pinned: boolean, } | { "type": "load_older", room_id: RoomId, } | { "type": "load_newer", room_id: RoomId, } | { "type": "jump_to", room_id: RoomId, to: JumpTarget, } | { "type": "open_thread", room_id: RoomId, message_id: MessageId, } | { "type": "close_thread" } | { "type": "mark_read", room_id: RoomId, seq: Seq, } | { "type": "set_typing", room_id: RoomId, typing: boolean, } | { "type": "set_draft", room_id: RoomId, text: string, } | { "type": "start_call", room_id: RoomId, camera: boolean, muted: boolean, } | { "type": "accept_call", camera: boolean, muted: boolean, } | { "type": "decline_call", reason: DeclineReason, } | { "type": "hang_up" } | { "type": "set_muted", muted: boolean, } | { "type": "set_camera", on: boolean, } | { "type": "set_volume", participant_id: ParticipantId, volume_pct: number, } | { "type": "watch_devices", on: boolean, } | { "type": "choose_device", kind: DeviceKindView, id: string | null, } | { "type": "start_preview", camera: boolean, } | { "type": "stop_preview" } | { "type": "play_test_sound" } | { "type": "set_join_choice", join: JoinChoice, } | { "type": "set_voice", voice: VoiceView, } | { "type": "set_relay_only", relay_only: boolean, } | { "type": "set_appearance", theme: Theme, accent: Accent, density: Density, } | { "type": "set_language", language: string, } | { "type": "set_retention", days: number | null, } | { "type": "wipe_history" } | { "type": "change_profile", display_name: string, status_text: string, bio: string, } | { "type": "set_avatar", key: string | null, } | { "type": "set_room_avatar", room_id: RoomId, key: string | null, } | { "type": "revoke_device", device_id: DeviceId, } | { "type": "revoke_other_devices" } | { "type": "change_password", old_password: string, new_password: string, } | { "type": "delete_account", password: string, } | { "type": "set_notifications", enabled: boolean, show_text: boolean, sound: boolean, } | { "type": "set_do_not_disturb", do_not_disturb: DoNotDisturb, } | { "type": "set_in_front", in_front: boolean, } | { "type": "cancel_export" } | { "type": "set_idle", idle: boolean, };

/**
 * A place in a room's history.
 */
export type JumpTarget = { "type": "newest" } | { "type": "place", seq: Seq, } | { "type": "message", message_id: MessageId, } | { "type": "moment", at_ms: UnixMs, };

/**
 * Something to be told once.
 */
export type Query = { "type": "snapshot" } | { "type": "frames" } | { "type": "public_rooms", query: string, } | { "type": "create_invite", room_id: RoomId | null, expires_in_s: number | null, max_uses: number | null, } | { "type": "invites", room_id: RoomId | null, } | { "type": "invite_info", link: string, } | { "type": "relay", relay_url: string, } | { "type": "call_details", call_id: CallId, } | { "type": "search", query: string, source: SearchSource, 
/**
 * Only in this room.
 */
room_id: RoomId | null, 
/**
 * [`super::SearchResults::next`] of the page before.
 */
before: string | null, 
/**
 * Minutes that the clock on the wall is ahead of UTC.
 */
utc_offset_min: number, } | { "type": "message_versions", room_id: RoomId, message_id: MessageId, } | { "type": "receipts", room_id: RoomId, message_id: MessageId, } | { "type": "pins", room_id: RoomId, } | { "type": "history_usage" } | { "type": "profile" } | { "type": "signed_in_devices" };

export type SearchSource = "device" | "relay";

/**
 * Where pictures come from: a WebSocket on the loopback.
 *
 * The webview sends the token as its first text frame, then `{"tile":{"stream":2,"width":640,"height":360}}` for each tile that shows a stream
 * (width 0 when none does) and `{"ack":2}` after each frame it has drawn; at most one frame of a stream is under way.
 * A frame is binary, little-endian: u32 stream, u32 sequence, u16 width, u16 height, then I420 planes with tight strides.
 */
export type FramesEndpoint = { url: string, token: string, };

/**
 * Why a command was refused.
 */
export type CommandError = { code: CommandErrorCode, 
/**
 * One plain sentence in English, for codes that the webview does not know.
 */
message: string, 
/**
 * The field of the command that is wrong.
 */
field: string | null, retry_after_s: number | null, };

export type CommandErrorCode = "invalid_argument" | "unauthenticated" | "forbidden" | "not_found" | "conflict" | "too_large" | "storage_full" | "rate_limited" | "unavailable" | "offline" | "unsupported_version" | "storage" | "not_now";
