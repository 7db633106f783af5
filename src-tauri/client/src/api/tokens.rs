//! The access token, refreshed before it runs out and when the relay refuses it: one refresh at a time, whoever asks.

use std::time::Duration;

use parley_shared::wire::{ErrorCode, Refresh, Secret, Session};
use rand::Rng;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::http::{Http, refresh};
use crate::core::CallFailure;

/// A token with less life than this is refreshed before it is used.
const SPARE: Duration = Duration::from_secs(60);

/// Hands out access tokens. Clones share one keeper.
#[derive(Clone, Debug)]
pub struct Tokens {
    asks: mpsc::Sender<Ask>,
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// The relay does not answer.
    Offline,
    /// The session is over: revoked, or not used for too long. Signing in again is the way on.
    Gone,
}

#[derive(Debug)]
struct Ask {
    /// The token that was refused, when there was one.
    refused: Option<Secret>,
    answer: oneshot::Sender<Result<Secret, TokenError>>,
}

impl Tokens {
    /// Keeps a session's tokens until every clone is gone. Each renewed session goes into `renewed`, to be kept.
    pub fn spawn(http: Http, session: Session, renewed: mpsc::Sender<Session>) -> Self {
        let (asks, inbox) = mpsc::channel(64);
        let life = Duration::from_secs(session.access_expires_in_s);
        let expires_at = Instant::now() + life;
        let keeper = Keeper { http, session, expires_at, attempt: new_attempt(), gone: false, renewed };
        tokio::spawn(keeper.run(inbox));
        Self { asks }
    }

    /// A token that lives for a while.
    ///
    /// # Errors
    /// There is none; see [`TokenError`].
    pub async fn access(&self) -> Result<Secret, TokenError> {
        self.ask(None).await
    }

    /// Another token than the one that the relay refused.
    ///
    /// # Errors
    /// There is none; see [`TokenError`].
    pub async fn after_refusal(&self, refused: Secret) -> Result<Secret, TokenError> {
        self.ask(Some(refused)).await
    }

    async fn ask(&self, refused: Option<Secret>) -> Result<Secret, TokenError> {
        let (answer, answered) = oneshot::channel();
        self.asks.send(Ask { refused, answer }).await.map_err(|_| TokenError::Gone)?;
        answered.await.map_err(|_| TokenError::Gone)?
    }
}

struct Keeper {
    http: Http,
    session: Session,
    expires_at: Instant,
    /// Names the attempt to spend this refresh token: when its answer is lost, the same attempt is made again.
    attempt: String,
    gone: bool,
    renewed: mpsc::Sender<Session>,
}

impl Keeper {
    async fn run(mut self, mut inbox: mpsc::Receiver<Ask>) {
        while let Some(ask) = inbox.recv().await {
            let token = self.token(ask.refused).await;
            // Whoever asked may have given up.
            let _ = ask.answer.send(token);
        }
    }

    async fn token(&mut self, refused: Option<Secret>) -> Result<Secret, TokenError> {
        let is_refused = refused.is_some_and(|refused| refused == self.session.access_token);
        let runs_out = self.expires_at <= Instant::now() + SPARE;
        if self.gone {
            return Err(TokenError::Gone);
        }
        if is_refused || runs_out {
            self.refresh().await?;
        }
        Ok(self.session.access_token.clone())
    }

    async fn refresh(&mut self) -> Result<(), TokenError> {
        let body = Refresh { refresh_token: self.session.refresh_token.clone() };
        match refresh(&self.http, &body, &self.attempt).await {
            Ok(session) => {
                self.expires_at = Instant::now() + Duration::from_secs(session.access_expires_in_s);
                self.session = session.clone();
                self.attempt = new_attempt();
                // The driver is gone only when the client ends.
                let _ = self.renewed.send(session).await;
                Ok(())
            }
            Err(CallFailure::Refused(error)) if is_final(error.code) => {
                self.gone = true;
                Err(TokenError::Gone)
            }
            Err(CallFailure::Refused(_) | CallFailure::Offline | CallFailure::Lost | CallFailure::Garbled) => {
                Err(TokenError::Offline)
            }
        }
    }
}

fn new_attempt() -> String {
    let random: [u8; 16] = rand::rng().random();
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_final(code: ErrorCode) -> bool {
    match code {
        ErrorCode::Unauthenticated | ErrorCode::Forbidden | ErrorCode::NotFound | ErrorCode::InvalidArgument => true,
        ErrorCode::Conflict
        | ErrorCode::TooLarge
        | ErrorCode::StorageFull
        | ErrorCode::UnsupportedMediaType
        | ErrorCode::RateLimited
        | ErrorCode::Unavailable
        | ErrorCode::UnsupportedVersion => false,
    }
}
