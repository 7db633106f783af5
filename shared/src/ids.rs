//! Ids and counters as types, so that a room is never mistaken for a message.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        #[ts(type = "string")]
        pub struct $name(Uuid);

        impl $name {
            /// Makes an id that sorts by the time of its making (UUIDv7, RFC 9562) from a clock and ten random bytes.
            pub fn from_parts(now: UnixMs, random: [u8; 10]) -> Self {
                Self(uuid::Builder::from_unix_timestamp_millis(now.0.max(0).unsigned_abs(), &random).into_uuid())
            }

            /// Takes an id from its sixteen bytes, as a store keeps it.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The sixteen bytes of the id.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::parse_str(text).map(Self).map_err(|_| InvalidId)
            }
        }
    };
}

id!(/** One person's account. */ UserId);
id!(/** One installation of the app that is signed in: the unit of sessions and revocation. */ DeviceId);
id!(/** A room: the place of a conversation and of its calls. */ RoomId);
id!(/** A message as the relay stored it. */ MessageId);
id!(/** The sender's own id of a message: the same id sent twice is stored once. */ ClientMessageId);
id!(/** One call, from ringing to its end. Made by the caller, so that a repeated start is the same call. */ CallId);
id!(/** One device in one call. */ ParticipantId);
id!(/** One source of media of a participant: a microphone, a camera, a screen. */ TrackId);
id!(/** One signaling session of a device: survives lost sockets, not a restarted relay. */ SessionId);
id!(/** An invitation into a room. */ InviteId);
id!(/** A file that was uploaded: an attachment of a message, or a picture of a person or room. */ FileId);

/// The text is not a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidId;

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a valid id")
    }
}

impl std::error::Error for InvalidId {}

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        #[ts(type = "number")]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter!(/** Milliseconds since 1970-01-01 UTC. */ UnixMs(i64));
counter!(/** Place of a message in its room: 1, 2, 3 ... without gaps, given by the relay inside the insert. 0 is before the first. */ Seq(u64));
counter!(/** A room's count of changes: every insert, edit and deletion of a message takes the next one. 0 is before the first. */ Change(u64));
counter!(/** Place of an event in a signaling session: 1, 2, 3 ... without gaps. */ EventSeq(u64));
counter!(/** Number of a request on a signaling session, chosen by the client, growing. */ RequestId(u64));

impl Seq {
    /// The place after this one.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time() {
        let early = RoomId::from_parts(UnixMs(1_000), [255; 10]);
        let late = RoomId::from_parts(UnixMs(1_001), [0; 10]);
        assert!(early < late);
    }

    #[test]
    fn id_survives_text_and_json() {
        let id = UserId::from_parts(UnixMs(1_700_000_000_000), [7; 10]);
        assert_eq!(id.to_string().parse::<UserId>(), Ok(id));
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{id}\""));
    }

    #[test]
    fn nonsense_is_not_an_id() {
        assert_eq!("room-1".parse::<RoomId>(), Err(InvalidId));
    }
}
