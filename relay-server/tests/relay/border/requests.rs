//! Every request of a socket, with ids put in.

use parley_shared::ids::{CallId, ClientMessageId, Seq, UnixMs};
use parley_shared::wire::*;

use super::world::Ids;
use crate::harness::{MEDIA, random};

/// How many kinds there are.
pub const KINDS: usize = 15;

/// The kind of a request. One that is new is given a number here, and tried in [`all`].
pub fn kind(request: &Request) -> usize {
    match request {
        Request::SendMessage { .. } => 0,
        Request::EditMessage { .. } => 1,
        Request::DeleteMessage { .. } => 2,
        Request::SetReaction { .. } => 3,
        Request::SetPinned { .. } => 4,
        Request::MarkDelivered { .. } => 5,
        Request::MarkRead { .. } => 6,
        Request::SetTyping { .. } => 7,
        Request::StartCall { .. } => 8,
        Request::RejoinCall { .. } => 9,
        Request::AcceptCall { .. } => 10,
        Request::DeclineCall { .. } => 11,
        Request::LeaveCall { .. } => 12,
        Request::SetMedia { .. } => 13,
        Request::Signal { .. } => 14,
    }
}

pub fn all(ids: &Ids) -> Vec<Request> {
    let Ids { room: room_id, call: call_id, participant: participant_id, own, .. } = ids.clone();
    let message = |change: &dyn Fn(&mut Request)| {
        let mut request = crate::harness::send(own, "mine");
        change(&mut request);
        request
    };
    let mut all = vec![
        crate::harness::send(room_id, "x"),
        Request::MarkDelivered { room_id, seq: Seq(1) },
        Request::MarkRead { room_id, seq: Seq(1) },
        Request::SetTyping { room_id, typing: true },
        Request::StartCall { room_id, call_id: CallId::from_parts(UnixMs(1), random()), media: MEDIA },
        Request::StartCall { room_id: own, call_id, media: MEDIA },
        Request::AcceptCall { call_id, media: MEDIA },
        Request::DeclineCall { call_id, reason: DeclineReason::Declined },
        Request::SetMedia { call_id, media: MEDIA },
        Request::Signal { call_id, to: participant_id, signal: Signal::CandidatesDone { generation: 1 } },
        Request::LeaveCall { call_id },
        message(&|request| {
            if let Request::SendMessage { reply_to, .. } = request {
                *reply_to = Some(ids.message);
            }
        }),
        message(&|request| {
            if let Request::SendMessage { thread_id, .. } = request {
                *thread_id = Some(ids.thread);
            }
        }),
        message(&|request| {
            if let Request::SendMessage { attachments, .. } = request {
                *attachments = vec![ids.file];
            }
        }),
        message(&|request| {
            if let Request::SendMessage { client_id, text, .. } = request {
                *client_id = ClientMessageId::from_bytes(*ids.message.as_bytes());
                *text = format!("<@{}>", ids.user);
            }
        }),
    ];
    for room_id in [room_id, own] {
        for message_id in [ids.message, ids.thread] {
            all.extend([
                Request::EditMessage { room_id, message_id, text: "x".into() },
                Request::DeleteMessage { room_id, message_id },
                Request::SetReaction { room_id, message_id, emoji: "👍".into(), on: true },
                Request::SetPinned { room_id, message_id, pinned: true },
            ]);
        }
        all.push(Request::RejoinCall { room_id, call_id, participant_id, media: MEDIA });
    }
    if ids.at_home {
        all.retain(|request| !matches!(request, Request::StartCall { room_id, .. } if *room_id == ids.own));
        all.push(Request::StartCall { room_id: own, call_id, media: MEDIA });
    }
    all
}

/// Whether it is about a room of the one who asks, so that it may succeed, or be refused for a wrong field.
pub fn is_own(request: &Request, own: parley_shared::ids::RoomId) -> bool {
    match request {
        Request::SendMessage { room_id, .. }
        | Request::MarkDelivered { room_id, .. }
        | Request::MarkRead { room_id, .. }
        | Request::SetTyping { room_id, .. }
        | Request::StartCall { room_id, .. } => *room_id == own,
        Request::EditMessage { .. }
        | Request::DeleteMessage { .. }
        | Request::SetReaction { .. }
        | Request::SetPinned { .. }
        | Request::RejoinCall { .. }
        | Request::AcceptCall { .. }
        | Request::DeclineCall { .. }
        | Request::LeaveCall { .. }
        | Request::SetMedia { .. }
        | Request::Signal { .. } => false,
    }
}
