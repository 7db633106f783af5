//! Whole histories, page by page, for whoever writes them to a file.

use parley_shared::ids::{MessageId, RoomId, Seq};
use parley_shared::wire::Message;
use tokio::sync::{mpsc, oneshot};

use super::{History, StoreError};
use crate::core::{ReadJob, ReplyId};

/// To the thread that reads.
#[derive(Debug)]
pub(super) enum Question {
    Core(ReplyId, ReadJob),
    Page(PageWanted),
}

#[derive(Debug)]
pub(super) struct PageWanted {
    which: Which,
    answer: oneshot::Sender<Option<Vec<Message>>>,
}

#[derive(Debug)]
enum Which {
    After { room_id: RoomId, after: Seq, count: u32 },
    One(MessageId),
}

impl PageWanted {
    pub fn answer(self, history: &History) {
        let read: Result<Vec<Message>, StoreError> = match self.which {
            Which::After { room_id, after, count } => history.all_after(room_id, after, count),
            Which::One(id) => history.find(&[id]),
        };
        if let Err(error) = &read {
            tracing::error!(%error, "the local history cannot be read");
        }
        // Whoever asked may have given up.
        let _ = self.answer.send(read.ok());
    }
}

/// Asks the store while it is open, and does not keep it open.
#[derive(Clone, Debug)]
pub struct Pages(pub(super) mpsc::WeakSender<Question>);

impl Pages {
    /// At most `count` messages of a room and its threads after a place, ascending; none when the store is closed or the disk
    /// refuses.
    pub async fn after(&self, room_id: RoomId, after: Seq, count: u32) -> Option<Vec<Message>> {
        self.ask(Which::After { room_id, after, count }).await
    }

    /// A message by its id.
    pub async fn message(&self, id: MessageId) -> Option<Message> {
        self.ask(Which::One(id)).await?.pop()
    }

    async fn ask(&self, which: Which) -> Option<Vec<Message>> {
        let (answer, answered) = oneshot::channel();
        let questions = self.0.upgrade()?;
        questions.send(Question::Page(PageWanted { which, answer })).await.ok()?;
        drop(questions);
        answered.await.ok()?
    }
}
