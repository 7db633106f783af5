//! Uploads and downloads.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use parley_shared::ids::FileId;
use parley_shared::wire::{CreateUpload, Upload};
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode};

use super::{Api, http, no_token};
use crate::core::CallFailure;
use crate::files::Variant;

/// One piece of an upload on a line of 70 kbit/s.
const PIECE_TIMEOUT: Duration = Duration::from_secs(120);
/// A whole file on a line of 350 kbit/s.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(600);
/// What is given to the connection at once: the grain of the progress.
const GRAIN: usize = 32 * 1024;

impl Api {
    /// # Errors
    /// See [`CallFailure`].
    pub async fn create_upload(&self, body: &CreateUpload) -> Result<Upload, CallFailure> {
        self.ask(self.post("uploads").json(body)).await
    }

    /// Where an upload stands.
    ///
    /// # Errors
    /// See [`CallFailure`].
    pub async fn upload(&self, id: FileId) -> Result<Upload, CallFailure> {
        self.ask(self.get(&format!("uploads/{id}"))).await
    }

    /// Sends the next bytes; `sent` hears how many of them have left.
    ///
    /// # Errors
    /// See [`CallFailure`].
    pub async fn send_piece(
        &self,
        id: FileId,
        offset: u64,
        piece: Bytes,
        sent: impl Fn(u64) + Clone + Send + Sync + 'static,
    ) -> Result<Upload, CallFailure> {
        let request = || {
            self.http
                .request(Method::PATCH, &format!("uploads/{id}"))
                .query(&[("offset", offset)])
                .timeout(PIECE_TIMEOUT)
                .header("content-type", "application/octet-stream")
                .header("content-length", piece.len())
                .body(in_grains(piece.clone(), sent.clone()))
        };
        http::read(self.respond(request).await?).await
    }

    /// Gives an upload up.
    ///
    /// # Errors
    /// See [`CallFailure`].
    pub async fn give_up_upload(&self, id: FileId) -> Result<(), CallFailure> {
        self.done(self.http.request(Method::DELETE, &format!("uploads/{id}"))).await?;
        Ok(())
    }

    /// The answer that brings a file's bytes.
    ///
    /// # Errors
    /// See [`CallFailure`].
    pub async fn download(&self, id: FileId, variant: Variant) -> Result<Response, CallFailure> {
        let path = match variant {
            Variant::Full => format!("files/{id}"),
            Variant::Thumbnail => format!("files/{id}/thumbnail"),
        };
        let response = self.respond(|| self.get(&path).timeout(DOWNLOAD_TIMEOUT)).await?;
        if response.status() == StatusCode::OK {
            return Ok(response);
        }
        // What is no success is an error in the relay's words.
        Err(http::read::<serde::de::IgnoredAny>(response).await.err().unwrap_or(CallFailure::Garbled))
    }

    /// Sends with a token, and once more with another when the first is refused: a body that streams is made anew.
    pub(super) async fn respond(&self, request: impl Fn() -> RequestBuilder) -> Result<Response, CallFailure> {
        let token = self.tokens.access().await.map_err(no_token)?;
        let response = http::send(request(), Some(&token)).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let token = self.tokens.after_refusal(token).await.map_err(no_token)?;
        http::send(request(), Some(&token)).await
    }
}

fn in_grains(piece: Bytes, sent: impl Fn(u64) + Send + Sync + 'static) -> Body {
    let grains = stream::unfold(0, move |at| {
        let grain = piece.slice(at..piece.len().min(at + GRAIN));
        if at > 0 {
            // The connection asks for more when it has taken what came before.
            sent(at as u64);
        }
        let next = at + grain.len();
        std::future::ready((!grain.is_empty()).then_some((Ok::<_, std::io::Error>(grain), next)))
    });
    Body::wrap_stream(grains)
}
