//! Listeners.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::router;
use crate::app::App;

/// Serves REST and sockets until `stopped`, then until the last connection ended.
pub async fn serve(app: App, listener: TcpListener, mut stopped: watch::Receiver<bool>) {
    let service = router(app).into_make_service_with_connect_info::<SocketAddr>();
    let shutdown = async move {
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(shutdown).await {
        tracing::error!(%error, "serving failed");
    }
}

/// Serves `/metrics` on its own listener, if there is to be one.
pub async fn serve_metrics(app: App, mut stopped: watch::Receiver<bool>) {
    let Some(address) = app.config.metrics_listen else { return };
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "the listener of /metrics cannot be opened");
            return;
        }
    };
    let service = Router::new().route("/metrics", get(metrics)).with_state(app);
    let shutdown = async move {
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    let _ = axum::serve(listener, service).with_graceful_shutdown(shutdown).await;
}

async fn metrics(State(app): State<App>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics.text())
}
