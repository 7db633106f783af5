//! Sizes, rates and times that both sides hold. One file, so that the relay refuses what the app never sends.

use std::time::Duration;

/// Display names, in characters after trimming.
pub const DISPLAY_NAME_CHARS: std::ops::RangeInclusive<usize> = 2..=64;
/// Passwords, in characters. The upper bound keeps hashing cheap for the relay.
pub const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=128;
/// E-mail addresses, in bytes (RFC 5321 path limit).
pub const EMAIL_BYTES: usize = 254;
/// Device names, in characters.
pub const DEVICE_NAME_CHARS: usize = 64;
/// Message text, in characters after trimming.
pub const MESSAGE_CHARS: usize = 4_000;
/// Room names, in characters.
pub const ROOM_NAME_CHARS: usize = 80;
/// Room topics, in characters.
pub const ROOM_TOPIC_CHARS: usize = 250;
/// Members of one room unless the room says less.
pub const ROOM_MEMBERS: u32 = 1_000;
/// Rooms that one person may be a member of.
pub const ROOMS_PER_USER: u32 = 1_000;
/// Search text, in characters.
pub const QUERY_CHARS: usize = 100;
/// Items on one page, at most and by default.
pub const PAGE_ITEMS: u32 = 200;
pub const PAGE_ITEMS_DEFAULT: u32 = 50;

/// Different emoji that one message gathers.
pub const REACTIONS_PER_MESSAGE: usize = 20;
/// People of one reaction that a message names; the rest is a number.
pub const REACTION_PEOPLE: usize = 200;
/// An emoji with its joiners and modifiers, in bytes: the longest of Unicode 16 takes 35.
pub const EMOJI_BYTES: usize = 64;
/// Pinned messages of one room.
pub const PINS_PER_ROOM: usize = 100;
/// People that one message mentions.
pub const MENTIONS_PER_MESSAGE: usize = 50;
/// Rooms with more members tell receipts to the reader's own devices only: everybody telling everybody grows with the square.
pub const RECEIPT_MEMBERS: usize = 64;
/// Earlier texts that an edited message keeps.
pub const VERSIONS_PER_MESSAGE: usize = 50;

/// Files of one message.
pub const ATTACHMENTS_PER_MESSAGE: usize = 10;
/// One file, in bytes.
pub const FILE_BYTES: u64 = 25 * 1024 * 1024;
/// One image, in bytes.
pub const IMAGE_BYTES: u64 = 5 * 1024 * 1024;
/// One image, in pixels: what is larger is refused before it is decoded.
pub const IMAGE_PIXELS: u64 = 40_000_000;
/// The longer side of a thumbnail, in pixels.
pub const THUMBNAIL_PX: u32 = 800;
/// The side of a square avatar, in pixels.
pub const AVATAR_PX: u32 = 256;
/// A file's name, in bytes as most file systems count.
pub const FILE_NAME_BYTES: usize = 255;
/// Everything that one person has uploaded, in bytes.
pub const STORAGE_PER_USER_BYTES: u64 = 1024 * 1024 * 1024;
/// Uploads of one person that are under way or not yet in a message.
pub const UPLOADS_PER_USER: u32 = 50;
/// An upload that went on for none of this time, or was used in no message, is removed.
pub const UPLOAD_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// One piece of an upload, in bytes: what is lost at most when a connection breaks.
pub const UPLOAD_CHUNK_BYTES: usize = 1024 * 1024;

/// A guest who was not seen for so many days is forgotten.
pub const GUEST_DAYS: u32 = 7;
/// Invites of one room, or of one relay, that can be used.
pub const INVITES_PER_ROOM: usize = 100;
/// Exports of one person: burst, and the time it refills in.
pub const EXPORTS: u32 = 5;
pub const EXPORT_WINDOW: Duration = Duration::from_secs(60 * 60);

/// What a person says of themselves, in characters: one line, and some lines.
pub const STATUS_CHARS: usize = 80;
pub const BIO_CHARS: usize = 500;

/// One message on the socket, either way, in bytes.
pub const SOCKET_FRAME_BYTES: usize = 256 * 1024;
/// One body of a REST request, in bytes.
pub const REST_BODY_BYTES: usize = 64 * 1024;
/// An SDP, in bytes.
pub const SDP_BYTES: usize = 64 * 1024;
/// One ICE candidate line, in bytes.
pub const CANDIDATE_BYTES: usize = 1_024;
/// ICE candidates of one connection and generation.
pub const CANDIDATES_PER_CONNECTION: usize = 64;
/// Tracks that one description may name.
pub const TRACKS_PER_PARTICIPANT: usize = 8;

/// The first message on a socket must come within this time.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// The client sends a ping when it has sent nothing for this long.
pub const HEARTBEAT: Duration = Duration::from_secs(20);
/// A socket that was silent for this long is dead.
pub const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(50);
/// A session without a socket is kept this long for the client to resume it.
pub const RESUME_WINDOW: Duration = Duration::from_secs(60);
/// Unacknowledged events kept for a resume; a client further behind starts a new session and fetches what it lacks.
pub const RESUME_EVENTS: usize = 1_024;
/// Sockets of one account at once.
pub const SOCKETS_PER_USER: usize = 16;

/// A call nobody answers ends after this time.
pub const RING_TIMEOUT: Duration = Duration::from_secs(45);
/// A participant whose session is gone leaves the call after this time: the media may well go on meanwhile.
pub const CALL_ABSENCE: Duration = Duration::from_secs(60);
/// Typing that is not renewed ends after this time; clients renew at half of it.
pub const TYPING_TIMEOUT: Duration = Duration::from_secs(6);

/// Other participants in one report of a call.
pub const CALL_REPORT_PEOPLE: usize = 100;
/// A call that is reported lasts at most a week, in seconds.
pub const CALL_REPORT_DURATION_S: u32 = 7 * 24 * 60 * 60;
/// Delays in a report, in milliseconds: whatever takes longer is no call.
pub const CALL_REPORT_MS: u32 = 10 * 60 * 1_000;
/// Bit rates in a report, in kbit/s.
pub const CALL_REPORT_KBPS: f32 = 1_000_000.0;
/// Frame rates in a report, in pictures a second.
pub const CALL_REPORT_FPS: f32 = 240.0;

/// Messages (sends, edits, deletions) of one user: burst, and the time it refills in.
pub const MESSAGE_BURST: u32 = 20;
pub const MESSAGE_WINDOW: Duration = Duration::from_secs(10);
/// Requests of any other kind on one socket: burst, and the time it refills in.
pub const REQUEST_BURST: u32 = 200;
pub const REQUEST_WINDOW: Duration = Duration::from_secs(10);
/// Failed sign-ins of one account: burst, and the time it refills in.
pub const SIGN_IN_TRIES: u32 = 10;
pub const SIGN_IN_WINDOW: Duration = Duration::from_secs(15 * 60);
/// Sign-ups and sign-ins from one address: burst, and the time it refills in.
pub const AUTH_PER_ADDRESS: u32 = 60;
pub const AUTH_PER_ADDRESS_WINDOW: Duration = Duration::from_secs(60);

/// Life of an access token.
pub const ACCESS_TOKEN_LIFE: Duration = Duration::from_secs(15 * 60);
/// Life of a refresh token, renewed by each use.
pub const REFRESH_TOKEN_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
