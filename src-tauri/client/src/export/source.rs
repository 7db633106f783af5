//! Where a room's history comes from.

use std::time::Duration;

use parley_shared::ids::{MessageId, RoomId, Seq, UserId};
use parley_shared::limits::PAGE_ITEMS;
use parley_shared::wire::{ErrorCode, Member, Message};

use crate::api::Api;
use crate::core::{CallFailure, ExportFailure};
use crate::store::Pages;

/// Tries of one question; a line that is away for a moment ends no export of an hour.
const TRIES: u32 = 5;
/// No relay asks for more patience than this.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) enum Source {
    Relay(Api),
    /// What was seen on this device.
    Device(Pages),
}

impl Source {
    /// The next messages after a place, ascending, and whether these are the last.
    ///
    /// # Errors
    /// `Relay` or `Disk`.
    pub async fn after(&self, room_id: RoomId, after: Seq) -> Result<(Vec<Message>, bool), ExportFailure> {
        match self {
            Self::Relay(api) => {
                let page = patiently(|| api.history_after(room_id, after)).await?;
                let mut last = after;
                for message in &page.messages {
                    if message.room_id != room_id || message.seq <= last {
                        return Err(ExportFailure::Relay(CallFailure::Garbled));
                    }
                    last = message.seq;
                }
                let over = !page.has_after || page.messages.is_empty();
                Ok((page.messages, over))
            }
            Self::Device(pages) => {
                let messages = pages.after(room_id, after, PAGE_ITEMS).await.ok_or(ExportFailure::Disk)?;
                let over = messages.is_empty();
                Ok((messages, over))
            }
        }
    }

    /// A message that another one answers; none when it cannot be had.
    pub async fn message(&self, room_id: RoomId, id: MessageId) -> Option<Message> {
        let found = match self {
            Self::Relay(api) => patiently(|| api.message(room_id, id)).await.ok()?,
            Self::Device(pages) => pages.message(id).await?,
        };
        (found.room_id == room_id).then_some(found)
    }

    /// A page of the members after one of them; none from a device, which knows them already.
    ///
    /// # Errors
    /// `Relay`.
    pub async fn members(&self, room_id: RoomId, after: Option<UserId>) -> Result<Vec<Member>, ExportFailure> {
        match self {
            Self::Relay(api) => patiently(|| api.members(room_id, after)).await,
            Self::Device(_) => Ok(Vec::new()),
        }
    }

    /// What somebody is called who is in the room no longer.
    pub async fn name(&self, id: UserId) -> Option<String> {
        match self {
            Self::Relay(api) => Some(patiently(|| api.person(id)).await.ok()?.user.display_name),
            Self::Device(_) => None,
        }
    }
}

/// Asks again what was not answered, and waits when the relay asks for it.
async fn patiently<T, F: Future<Output = Result<T, CallFailure>>>(ask: impl Fn() -> F) -> Result<T, ExportFailure> {
    let mut tries = 0;
    loop {
        let failure = match ask().await {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        tries += 1;
        let wait = match &failure {
            CallFailure::Refused(error) if error.code == ErrorCode::RateLimited => {
                Duration::from_secs(u64::from(error.retry_after_s.unwrap_or(1).max(1)))
            }
            CallFailure::Refused(error) if error.code == ErrorCode::Unavailable => pause(tries),
            CallFailure::Offline | CallFailure::Lost => pause(tries),
            CallFailure::Refused(_) | CallFailure::Garbled => return Err(ExportFailure::Relay(failure)),
        };
        if tries >= TRIES {
            return Err(ExportFailure::Relay(failure));
        }
        tokio::time::sleep(wait.min(LONGEST_WAIT)).await;
    }
}

fn pause(tries: u32) -> Duration {
    Duration::from_millis(500) * 2_u32.saturating_pow(tries.min(6))
}
