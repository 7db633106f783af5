//! When the window draws attention to itself: from an incoming call until it is answered or over. While the person does not want to
//! be disturbed a call shows and is silent.

use parley_shared::{
    ids::CallId,
    view::{CallPhaseView, CallView},
};

#[derive(Debug, Default)]
pub struct Bell {
    ringing: Option<CallId>,
    /// The window drew attention to it.
    loud: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ring {
    Start,
    Stop,
}

impl Bell {
    /// Takes in the call as it is now; each incoming call rings once, unless it came while it was to be `quiet`.
    pub fn on_call(&mut self, call: Option<&CallView>, quiet: bool) -> Option<Ring> {
        let incoming = call.filter(|call| is_incoming(&call.phase)).map(|call| call.call_id);
        if incoming == self.ringing {
            return None;
        }
        self.ringing = incoming;
        let was_loud = std::mem::replace(&mut self.loud, incoming.is_some() && !quiet);
        match (was_loud, self.loud) {
            (_, true) => Some(Ring::Start),
            (true, false) => Some(Ring::Stop),
            (false, false) => None,
        }
    }
}

fn is_incoming(phase: &CallPhaseView) -> bool {
    match phase {
        CallPhaseView::Incoming => true,
        CallPhaseView::Outgoing
        | CallPhaseView::Connecting
        | CallPhaseView::Active { .. }
        | CallPhaseView::Reconnecting { .. }
        | CallPhaseView::Ended { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_shared::ids::RoomId;

    fn call(id: CallId, phase: CallPhaseView) -> CallView {
        CallView {
            call_id: id,
            room_id: RoomId::from_bytes([7; 16]),
            title: "Ana".to_owned(),
            peer_id: None,
            phase,
            muted: false,
            camera_on: false,
            speaking_while_muted: false,
            self_stream: None,
            participants: Vec::new(),
            problems: Vec::new(),
        }
    }

    fn id(last: u8) -> CallId {
        CallId::from_bytes([last; 16])
    }

    #[test]
    fn each_incoming_call_rings_once_and_stops_when_answered() {
        let mut bell = Bell::default();
        assert_eq!(bell.on_call(None, false), None);
        assert_eq!(bell.on_call(Some(&call(id(1), CallPhaseView::Incoming)), false), Some(Ring::Start));
        assert_eq!(bell.on_call(Some(&call(id(1), CallPhaseView::Incoming)), false), None);
        assert_eq!(bell.on_call(Some(&call(id(1), CallPhaseView::Connecting)), false), Some(Ring::Stop));
        assert_eq!(bell.on_call(Some(&call(id(2), CallPhaseView::Incoming)), false), Some(Ring::Start));
        assert_eq!(bell.on_call(None, false), Some(Ring::Stop));
    }

    #[test]
    fn call_is_silent_while_the_person_is_not_to_be_disturbed() {
        let mut bell = Bell::default();
        assert_eq!(bell.on_call(Some(&call(id(1), CallPhaseView::Incoming)), true), None);
        assert_eq!(bell.on_call(Some(&call(id(1), CallPhaseView::Incoming)), false), None, "it came in silence");
        assert_eq!(bell.on_call(None, false), None, "nothing rang that could stop");
        assert_eq!(bell.on_call(Some(&call(id(2), CallPhaseView::Incoming)), false), Some(Ring::Start));
    }

    #[test]
    fn outgoing_call_is_silent() {
        assert_eq!(Bell::default().on_call(Some(&call(id(1), CallPhaseView::Outgoing)), false), None);
    }
}
