//! Requests of a signaling session: numbered, sent in order, sent again after a resume until they are answered.

use std::collections::{BTreeMap, VecDeque};

use parley_shared::ids::RequestId;
use parley_shared::wire::Request;

use crate::core::OpId;

/// Under way at once: half of what a relay takes.
const WINDOW: usize = 32;
/// Waiting for a place in the window, or for a connection.
const QUEUE: usize = 512;

#[derive(Debug, Default)]
pub struct Requests {
    last_id: u64,
    waiting: VecDeque<(OpId, Request)>,
    /// Sent and not answered, in the order of sending; `true` when it must be sent again.
    under_way: BTreeMap<RequestId, UnderWay>,
}

#[derive(Debug)]
struct UnderWay {
    op: OpId,
    request: Request,
    again: bool,
}

impl Requests {
    /// False when too many wait already.
    pub fn push(&mut self, op: OpId, request: Request) -> bool {
        if self.waiting.len() >= QUEUE {
            return false;
        }
        self.waiting.push_back((op, request));
        true
    }

    /// The next request to send on this socket.
    pub fn poll(&mut self) -> Option<(RequestId, Request)> {
        if let Some((id, under_way)) = self.under_way.iter_mut().find(|(_, under_way)| under_way.again) {
            under_way.again = false;
            return Some((*id, under_way.request.clone()));
        }
        if self.under_way.len() >= WINDOW {
            return None;
        }
        let (op, request) = self.waiting.pop_front()?;
        self.last_id += 1;
        let id = RequestId(self.last_id);
        self.under_way.insert(id, UnderWay { op, request: request.clone(), again: false });
        Some((id, request))
    }

    /// Whose answer this is.
    pub fn answered(&mut self, id: RequestId) -> Option<OpId> {
        self.under_way.remove(&id).map(|under_way| under_way.op)
    }

    /// The session goes on over a new socket: what was not answered is sent again.
    pub fn on_resumed(&mut self) {
        for under_way in self.under_way.values_mut() {
            under_way.again = true;
        }
    }

    /// The session is over: whether these were done is not known.
    pub fn on_new_session(&mut self) -> Vec<OpId> {
        std::mem::take(&mut self.under_way).into_values().map(|under_way| under_way.op).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_shared::ids::{RoomId, Seq};

    fn read(seq: u64) -> Request {
        Request::MarkRead { room_id: RoomId::from_bytes([1; 16]), seq: Seq(seq) }
    }

    fn sent(requests: &mut Requests) -> Vec<u64> {
        std::iter::from_fn(|| requests.poll()).map(|(id, _)| id.0).collect()
    }

    #[test]
    fn unanswered_requests_are_sent_again_in_order_with_their_numbers() {
        let mut requests = Requests::default();
        for n in 1..=3 {
            assert!(requests.push(OpId(n), read(n)));
        }
        assert_eq!(sent(&mut requests), [1, 2, 3]);
        assert_eq!(requests.answered(RequestId(2)), Some(OpId(2)));
        requests.push(OpId(4), read(4));
        requests.on_resumed();
        assert_eq!(sent(&mut requests), [1, 3, 4]);
        assert_eq!(sent(&mut requests), Vec::<u64>::new());
    }

    #[test]
    fn a_new_session_gives_up_what_was_sent_and_keeps_what_was_not() {
        let mut requests = Requests::default();
        for n in 1..=WINDOW as u64 + 2 {
            requests.push(OpId(n), read(n));
        }
        assert_eq!(sent(&mut requests).len(), WINDOW);
        let lost = requests.on_new_session();
        assert_eq!(lost.len(), WINDOW);
        assert_eq!(sent(&mut requests), [WINDOW as u64 + 1, WINDOW as u64 + 2]);
    }

    #[test]
    fn an_answer_counts_once() {
        let mut requests = Requests::default();
        requests.push(OpId(1), read(1));
        sent(&mut requests);
        assert_eq!(requests.answered(RequestId(1)), Some(OpId(1)));
        assert_eq!(requests.answered(RequestId(1)), None);
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut requests = Requests::default();
        let taken = (0..QUEUE as u64 + 5).filter(|n| requests.push(OpId(*n), read(*n))).count();
        assert_eq!(taken, QUEUE);
    }
}
