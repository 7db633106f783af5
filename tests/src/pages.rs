//! Serves the browser's pages on the loopback, and the door to a bad link.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use parley_client::peer::NetworkProfile;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::link::Road;

/// A web server for `tests/pages`. Dropping it stops it.
#[derive(Debug)]
pub struct Pages {
    /// The origin that a relay must allow.
    pub url: String,
    served: JoinHandle<()>,
}

impl Pages {
    /// # Errors
    /// There is no free port.
    pub async fn start() -> Result<Self> {
        Self::start_with(NetworkProfile::default()).await
    }

    /// As [`Self::start`]; connections whose page asks for the link go over a road of this kind.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start_with(profile: NetworkProfile) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let state = Arc::new(Roads { profile, open: Mutex::default() });
        let routes = Router::new()
            .route("/peer.html", get(|| page("text/html", include_str!("../pages/peer.html"))))
            .route("/peer.js", get(|| page("text/javascript", include_str!("../pages/peer.js"))))
            .route("/connection.js", get(|| page("text/javascript", include_str!("../pages/connection.js"))))
            .route("/meter.js", get(|| page("text/javascript", include_str!("../pages/meter.js"))))
            .route("/mark.js", get(|| page("text/javascript", include_str!("../pages/mark.js"))))
            .route("/link", post(open_link))
            .with_state(state);
        let served = tokio::spawn(async move {
            // It ends when it is aborted; a failure shows as a page that does not load.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { url, served })
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.served.abort();
    }
}

async fn page(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, kind)], text)
}

#[derive(serde::Deserialize)]
struct LinkTo {
    to: SocketAddr,
}

/// One road for each connection: they do not share its bandwidth.
struct Roads {
    profile: NetworkProfile,
    open: Mutex<Vec<Road>>,
}

const SEED: u64 = 1;

/// Opens a road to an address of this machine; answers with the port of the loopback to send to.
async fn open_link(State(roads): State<Arc<Roads>>, Query(link): Query<LinkTo>) -> Result<Json<u16>, StatusCode> {
    let road = Road::new(SEED, roads.profile);
    let port = road.lead_to(link.to).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    roads.open.lock().unwrap_or_else(PoisonError::into_inner).push(road);
    Ok(Json(port))
}
