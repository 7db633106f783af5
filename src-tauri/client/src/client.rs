//! The face of the client: start it, tell it, ask it, watch it.

use std::path::PathBuf;

use parley_shared::ids::{CallId, RoomId};
use parley_shared::view::{
    CallDetailsView, Command, CommandError, CommandErrorCode, DraftFile, ExportFormat, InviteView, PublicRoomItem,
    Query, Snapshot, ViewEvent,
};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::config::ClientConfig;
use crate::core::{Answer, ExportWish};
use crate::engine::{FrameHub, PeerStats};
use crate::files::{FileRef, ShownFile, Variant};

/// Starts clients.
#[derive(Debug)]
pub struct Client;

impl Client {
    /// Starts the client's actor on the current tokio runtime and returns at once; the first state arrives as events.
    ///
    /// # Errors
    /// The data directory cannot be made or written.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn spawn(config: ClientConfig) -> anyhow::Result<ClientHandle> {
        crate::driver::spawn(config)
    }
}

/// What the handle sends to the actor.
#[derive(Debug)]
pub(crate) enum Ask {
    Command(Command, oneshot::Sender<Result<(), CommandError>>),
    Snapshot(oneshot::Sender<Snapshot>),
    Query(Query, oneshot::Sender<Result<Answer, CommandError>>),
    Attach(String, Vec<u8>, oneshot::Sender<Result<Answer, CommandError>>),
    ShowFile(FileRef, Variant, oneshot::Sender<Result<ShownFile, CommandError>>),
    SaveFile(FileRef, PathBuf, oneshot::Sender<Result<(), CommandError>>),
    Export(ExportWish, PathBuf, oneshot::Sender<Result<Answer, CommandError>>),
    CallStats(oneshot::Sender<Vec<PeerStats>>),
    Shutdown,
}

/// Talks to a running client; clones talk to the same one. The client runs until [`Self::shutdown`], even without handles.
#[derive(Clone, Debug)]
pub struct ClientHandle {
    pub(crate) asks: mpsc::Sender<Ask>,
    pub(crate) events: broadcast::Sender<ViewEvent>,
    pub(crate) frames: FrameHub,
    pub(crate) ended: watch::Receiver<bool>,
}

impl ClientHandle {
    /// Carries out one command; it answers when it is done or refused. What it changed comes as events, at most a few
    /// hundredths of a second later.
    ///
    /// # Errors
    /// Why it was refused; `NotNow` after a shutdown.
    pub async fn command(&self, command: Command) -> Result<(), CommandError> {
        self.ask(|answer| Ask::Command(command, answer)).await?
    }

    /// The whole state as it is at this moment, for a window that opens or reloads.
    ///
    /// # Errors
    /// `NotNow` after a shutdown.
    pub async fn snapshot(&self) -> Result<Snapshot, CommandError> {
        self.ask(Ask::Snapshot).await
    }

    /// Answers a question; [`Query`] says with what.
    ///
    /// # Errors
    /// As [`Self::command`].
    pub async fn query(&self, query: Query) -> Result<Answer, CommandError> {
        self.ask(|answer| Ask::Query(query, answer)).await?
    }

    /// Public rooms whose name contains the text.
    ///
    /// # Errors
    /// As [`Self::command`].
    pub async fn public_rooms(&self, query: &str) -> Result<Vec<PublicRoomItem>, CommandError> {
        match self.query(Query::PublicRooms { query: query.to_owned() }).await? {
            Answer::PublicRooms(rooms) => Ok(rooms),
            answer => Err(another(&answer)),
        }
    }

    /// A new invite into a room, for ever and for everyone who has it.
    ///
    /// # Errors
    /// As [`Self::command`].
    pub async fn create_invite(&self, room_id: RoomId) -> Result<InviteView, CommandError> {
        let query = Query::CreateInvite { room_id: Some(room_id), expires_in_s: None, max_uses: None };
        match self.query(query).await? {
            Answer::Invite(invite) => Ok(*invite),
            answer => Err(another(&answer)),
        }
    }

    /// What was measured in a call that is over.
    ///
    /// # Errors
    /// As [`Self::command`]; `NotFound` when I was not in it.
    pub async fn call_details(&self, call_id: CallId) -> Result<CallDetailsView, CommandError> {
        match self.query(Query::CallDetails { call_id }).await? {
            Answer::CallDetails(details) => Ok(*details),
            answer => Err(another(&answer)),
        }
    }

    /// Keeps a file for a message that is being written, or as a picture of a person or room. It stays until it is sent, discarded
    /// ([`Command::DiscardFile`]) or the client ends.
    ///
    /// # Errors
    /// `TooLarge` with the field `file` over a limit; `Storage`; `NotNow` when nobody is signed in.
    pub async fn attach(&self, name: &str, bytes: Vec<u8>) -> Result<DraftFile, CommandError> {
        match self.ask(|answer| Ask::Attach(name.to_owned(), bytes, answer)).await?? {
            Answer::Draft(file) => Ok(*file),
            answer => Err(another(&answer)),
        }
    }

    /// A picture by its key, from this device or from the relay; nothing but pictures is given.
    ///
    /// # Errors
    /// `NotFound`, `Offline`, `Storage`; `InvalidArgument` when it is no picture.
    pub async fn show_file(&self, key: &str, variant: Variant) -> Result<ShownFile, CommandError> {
        let file = key.parse().map_err(|_| no_key())?;
        self.ask(|answer| Ask::ShowFile(file, variant, answer)).await?
    }

    /// Writes a file by its key to `path`, which it replaces, whole or not at all.
    ///
    /// # Errors
    /// `NotFound`, `Offline`, `Storage`.
    pub async fn save_file(&self, key: &str, path: PathBuf) -> Result<(), CommandError> {
        let file = key.parse().map_err(|_| no_key())?;
        self.ask(|answer| Ask::SaveFile(file, path, answer)).await?
    }

    /// Writes a room's whole history to `path`, which it replaces, whole or not at all: from the relay, or, while that is away, what
    /// this device has. `language` (BCP 47) of the words between the messages. True when the file is whole, false when it was
    /// cancelled ([`Command::CancelExport`]). One export at a time.
    ///
    /// # Errors
    /// `Conflict` while another is under way; `NotFound`, `Offline`, `Storage`; `NotNow` when nobody is signed in.
    pub async fn export_room(
        &self,
        room_id: RoomId,
        format: ExportFormat,
        language: &str,
        path: PathBuf,
    ) -> Result<bool, CommandError> {
        self.export(ExportWish::Room { room_id, format, language: language.to_owned() }, path).await
    }

    /// Writes everything of mine that the relay has to `path` (a zip), as [`Self::export_room`] does.
    ///
    /// # Errors
    /// As [`Self::export_room`]; `RateLimited` after a few in an hour.
    pub async fn export_data(&self, path: PathBuf) -> Result<bool, CommandError> {
        self.export(ExportWish::Mine, path).await
    }

    async fn export(&self, wish: ExportWish, path: PathBuf) -> Result<bool, CommandError> {
        match self.ask(|answer| Ask::Export(wish, path, answer)).await?? {
            Answer::Exported(whole) => Ok(whole),
            answer => Err(another(&answer)),
        }
    }

    /// Changes from this moment on. A receiver that lags more than a thousand events behind loses the oldest: it then asks
    /// for a snapshot.
    pub fn events(&self) -> broadcast::Receiver<ViewEvent> {
        self.events.subscribe()
    }

    /// The newest pictures: my own and those of others, by the streams that the views name.
    pub fn frames(&self) -> FrameHub {
        self.frames.clone()
    }

    /// What the engine measures of every connection of the call, with latencies when marks are read. Empty without a call.
    pub async fn call_stats(&self) -> Vec<PeerStats> {
        self.ask(Ask::CallStats).await.unwrap_or_default()
    }

    /// Ends the call, closes devices and files, and returns when all of it is done. Further calls return at once.
    pub async fn shutdown(&self) {
        // A closed channel means that the actor is ending or has ended.
        let _ = self.asks.send(Ask::Shutdown).await;
        let mut ended = self.ended.clone();
        // An error means that the actor is gone, which is what is waited for.
        let _ = ended.wait_for(|ended| *ended).await;
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Result<T, CommandError> {
        let (answer, answered) = oneshot::channel();
        self.asks.send(ask(answer)).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())
    }
}

fn no_key() -> CommandError {
    let message = "This is no key of a file.".to_owned();
    CommandError { code: CommandErrorCode::NotFound, message, field: None, retry_after_s: None }
}

/// A mistake of this crate.
fn another(answer: &Answer) -> CommandError {
    tracing::error!(kind = ?std::mem::discriminant(answer), "an answer of the wrong kind");
    gone()
}

fn gone() -> CommandError {
    CommandError {
        code: CommandErrorCode::NotNow,
        message: "Parley is closing.".to_owned(),
        field: None,
        retry_after_s: None,
    }
}
