//! What a session may ask, and the answers.

use std::sync::Arc;

use parley_shared::ids::{CallId, MessageId, ParticipantId, RequestId, RoomId, SessionId, UserId};
use parley_shared::limits::RECEIPT_MEMBERS;
use parley_shared::wire::{ErrorCode, Event, MediaState, Reply, Request, ServerMsg, WireError};

use crate::call::{Joined, Joiner};
use crate::rate::retry_after_s;
use crate::relay::Relay;
use crate::session::Begin;
use crate::text;
use crate::work::{Answered, Asker, Done, NewMessage, Roster, Waiting, Work};
use crate::{Now, SocketId};

impl Relay {
    pub(crate) fn on_request(
        &mut self,
        session_id: SessionId,
        socket: SocketId,
        id: RequestId,
        request: Request,
        now: Now,
    ) {
        let Some(session) = self.sessions.get_mut(&session_id) else { return };
        let asker = Asker { session_id, request_id: id, user: session.user.clone(), device_id: session.device_id };
        match session.begin(id) {
            Begin::New => {}
            Begin::UnderWay => return,
            Begin::Answered(msg) => return self.send(socket, msg),
            Begin::Forgotten => {
                let error = WireError::new(ErrorCode::Conflict, "This request is too old to be repeated.");
                return self.send(socket, ServerMsg::Error { id: Some(id), error, fatal: false });
            }
            Begin::Crowded => {
                let error = limited("Too many requests are under way.", 1);
                return self.send(socket, ServerMsg::Error { id: Some(id), error, fatal: false });
            }
        }
        if let Err(error) = self.check_rate(&asker, &request, now) {
            return self.fail(&asker, error);
        }
        self.perform(asker, request, now);
    }

    fn check_rate(&mut self, asker: &Asker, request: &Request, now: Now) -> Result<(), WireError> {
        let taken = match request {
            Request::SendMessage { .. }
            | Request::EditMessage { .. }
            | Request::DeleteMessage { .. }
            | Request::SetReaction { .. }
            | Request::SetPinned { .. } => self.messages.take(asker.user.id, now.at),
            Request::MarkDelivered { .. }
            | Request::MarkRead { .. }
            | Request::SetTyping { .. }
            | Request::StartCall { .. }
            | Request::RejoinCall { .. }
            | Request::AcceptCall { .. }
            | Request::DeclineCall { .. }
            | Request::LeaveCall { .. }
            | Request::SetMedia { .. }
            | Request::Signal { .. } => {
                let quota = self.settings.requests;
                match self.sessions.get_mut(&asker.session_id) {
                    Some(session) => session.spend(quota, now.at),
                    None => Ok(()),
                }
            }
        };
        taken.map_err(|wait| limited("That is too often.", retry_after_s(wait)))
    }

    fn perform(&mut self, asker: Asker, request: Request, now: Now) {
        let user_id = asker.user.id;
        match request {
            Request::SendMessage { room_id, client_id, text, reply_to, thread_id, attachments } => {
                match text::message(&text, &attachments) {
                    Ok(text) => {
                        let id = MessageId::from_parts(now.unix, self.random());
                        let (sender_id, at) = (user_id, now.unix);
                        let new = NewMessage {
                            id,
                            room_id,
                            sender_id,
                            client_id,
                            text,
                            reply_to,
                            thread_id,
                            attachments,
                            at,
                        };
                        self.ask(Work::SendMessage(new), Waiting::Message(asker));
                    }
                    Err(error) => self.fail(&asker, error),
                }
            }
            Request::EditMessage { room_id, message_id, text } => match text::edited(&text) {
                Ok(text) => self.ask(
                    Work::EditMessage { room_id, user_id, message_id, text, at: now.unix },
                    Waiting::Message(asker),
                ),
                Err(error) => self.fail(&asker, error),
            },
            Request::DeleteMessage { room_id, message_id } => {
                self.ask(Work::DeleteMessage { room_id, user_id, message_id, at: now.unix }, Waiting::Message(asker));
            }
            Request::SetReaction { room_id, message_id, emoji, on } => match text::emoji(&emoji) {
                Ok(emoji) => {
                    self.ask(Work::SetReaction { room_id, user_id, message_id, emoji, on }, Waiting::Message(asker))
                }
                Err(error) => self.fail(&asker, error),
            },
            Request::SetPinned { room_id, message_id, pinned } => self
                .ask(Work::SetPinned { room_id, user_id, message_id, pinned, at: now.unix }, Waiting::Message(asker)),
            Request::MarkDelivered { room_id, seq } => {
                self.ask(Work::Mark { room_id, user_id, delivered: seq, read: None }, Waiting::Mark { asker, room_id })
            }
            Request::MarkRead { room_id, seq } => self.ask(
                Work::Mark { room_id, user_id, delivered: seq, read: Some(seq) },
                Waiting::Mark { asker, room_id },
            ),
            Request::SetTyping { room_id, typing } => {
                self.ask(Work::Roster { room_id, user_id }, Waiting::Typing { asker, typing });
            }
            Request::StartCall { room_id, call_id, media } => {
                self.ask(Work::Roster { room_id, user_id }, Waiting::StartCall { asker, call_id, media });
            }
            Request::RejoinCall { room_id, call_id, participant_id, media } => self
                .ask(Work::Roster { room_id, user_id }, Waiting::RejoinCall { asker, call_id, participant_id, media }),
            Request::AcceptCall { call_id, media } => {
                let joiner = self.joiner(&asker, None, media, now);
                let joined = self.calls.accept(joiner, call_id, now);
                self.answer_joined(&asker, joined);
            }
            Request::DeclineCall { call_id, reason } => {
                let declined = self.calls.decline(call_id, user_id, asker.device_id, reason, now);
                self.answer_done(&asker, declined);
            }
            Request::LeaveCall { call_id } => {
                self.calls.leave(call_id, asker.device_id, now);
                self.answer_done(&asker, Ok(()));
            }
            Request::SetMedia { call_id, media } => {
                let set = self.calls.set_media(call_id, asker.device_id, media);
                self.answer_done(&asker, set);
            }
            Request::Signal { call_id, to, signal } => {
                let passed = self.calls.signal(call_id, asker.device_id, to, signal);
                self.answer_done(&asker, passed);
            }
        }
    }

    pub(crate) fn on_message_answered(&mut self, asker: &Asker, answered: Answered) {
        match answered {
            Ok(Done::Stored { message, root, members, fresh }) => {
                self.succeed(asker, Reply::Message { message: message.clone() });
                if fresh {
                    self.tell_stored(message, root, &members);
                }
            }
            Ok(Done::Changed { message, members, fresh }) => {
                self.succeed(asker, Reply::Message { message: message.clone() });
                if fresh {
                    self.tell(&members, Arc::new(Event::MessageChanged { message }));
                }
            }
            other => self.fail(asker, refusal(other)),
        }
    }

    pub(crate) fn on_mark_answered(&mut self, asker: &Asker, room_id: RoomId, answered: Answered) {
        match answered {
            Ok(Done::Marked { delivered, read, members, fresh }) => {
                self.succeed(asker, Reply::Done);
                if fresh {
                    let event = Event::ReceiptChanged {
                        room_id,
                        user_id: asker.user.id,
                        delivered_seq: delivered,
                        read_seq: read,
                    };
                    let own = [asker.user.id];
                    let told: &[UserId] = if members.len() > RECEIPT_MEMBERS { &own } else { &members };
                    self.tell(told, Arc::new(event));
                }
            }
            other => self.fail(asker, refusal(other)),
        }
    }

    pub(crate) fn on_typing_answered(&mut self, asker: &Asker, typing: bool, answered: Answered, now: Now) {
        let user_id = asker.user.id;
        match answered {
            Ok(Done::Roster(roster)) => {
                self.succeed(asker, Reply::Done);
                if typing {
                    let others =
                        roster.members.iter().filter(|m| m.user_id != user_id && !m.blocked).map(|m| m.user_id);
                    self.start_typing(roster.room_id, user_id, others.collect(), now);
                } else {
                    self.stop_typing(roster.room_id, user_id);
                }
            }
            other => self.fail(asker, refusal(other)),
        }
    }

    pub(crate) fn on_start_call_answered(
        &mut self,
        asker: Asker,
        call_id: CallId,
        media: MediaState,
        answered: Answered,
        now: Now,
    ) {
        let roster = match answered {
            Ok(Done::Roster(roster)) => roster,
            other => return self.fail(&asker, refusal(other)),
        };
        let joiner = self.joiner(&asker, None, media, now);
        let reachable: Vec<_> =
            roster.members.iter().map(|m| m.user_id).filter(|user_id| self.is_reachable(*user_id)).collect();
        let joined = match blocked_direct(&roster) {
            Some(error) => Err(error),
            None => self.calls.start(joiner, call_id, &roster, |user_id| reachable.contains(&user_id), now),
        };
        self.answer_joined(&asker, joined);
    }

    pub(crate) fn on_rejoin_call_answered(
        &mut self,
        asker: Asker,
        call_id: CallId,
        participant_id: ParticipantId,
        media: MediaState,
        answered: Answered,
        now: Now,
    ) {
        let joined = match answered {
            Ok(Done::Roster(roster)) => {
                let joiner = self.joiner(&asker, Some(participant_id), media, now);
                self.calls.rejoin(joiner, call_id, &roster, now)
            }
            other => Err(refusal(other)),
        };
        self.answer_joined(&asker, joined);
    }

    fn joiner(&mut self, asker: &Asker, participant_id: Option<ParticipantId>, media: MediaState, now: Now) -> Joiner {
        let participant_id = participant_id.unwrap_or_else(|| ParticipantId::from_parts(now.unix, self.random()));
        Joiner { user: asker.user.clone(), device_id: asker.device_id, participant_id, media }
    }

    fn answer_joined(&mut self, asker: &Asker, joined: Joined) {
        match joined {
            Ok((call, participant_id)) => self.succeed(asker, Reply::Call { call: Box::new(call), participant_id }),
            Err(error) => self.fail(asker, error),
        }
    }

    fn answer_done(&mut self, asker: &Asker, done: Result<(), WireError>) {
        match done {
            Ok(()) => self.succeed(asker, Reply::Done),
            Err(error) => self.fail(asker, error),
        }
    }

    fn succeed(&mut self, asker: &Asker, reply: Reply) {
        self.answer(asker, ServerMsg::Reply { id: asker.request_id, reply });
    }

    fn fail(&mut self, asker: &Asker, error: WireError) {
        self.answer(asker, ServerMsg::Error { id: Some(asker.request_id), error, fatal: false });
    }
}

/// In a direct room a block looks as if there were nobody.
fn blocked_direct(roster: &Roster) -> Option<WireError> {
    let direct = roster.kind == parley_shared::wire::RoomKind::Direct;
    (direct && roster.members.iter().any(|member| member.blocked))
        .then(|| WireError::new(ErrorCode::NotFound, "There is no such room."))
}

fn limited(sentence: &str, retry_after_s: u32) -> WireError {
    WireError { retry_after_s: Some(retry_after_s), ..WireError::new(ErrorCode::RateLimited, sentence) }
}

/// The store's refusal; an answer of the wrong kind is a store that does not work.
fn refusal(answered: Answered) -> WireError {
    answered.err().unwrap_or_else(|| WireError::new(ErrorCode::Unavailable, "The relay cannot do that at the moment."))
}
