//! Listeners and connections.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower_service::Service as _;

use super::router;
use crate::app::App;

/// A connection whose next request head takes longer than this is closed: idle ones, and those that dribble.
const HEAD_TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes of a request's head.
const HEAD_BYTES: usize = 16 * 1024;
/// Connections at once; more wait in the listener's queue.
const CONNECTIONS: usize = 20_000;
/// After a failed accept (too many open files), before the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves REST and sockets until `stopped`, then until the last request was answered.
pub async fn serve(app: App, listener: TcpListener, mut stopped: watch::Receiver<bool>) {
    let router = router(app);
    let mut connections = JoinSet::new();
    let for_connections = stopped.clone();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection(router.clone(), stream, peer, for_connections.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = stop(&mut stopped) => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(router: Router, stream: TcpStream, peer: SocketAddr, mut stopped: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |mut request| {
        request.extensions_mut().insert(ConnectInfo(peer));
        answer(router.clone(), request)
    });
    let mut served = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
    );
    tokio::select! {
        // What goes wrong on one connection concerns nobody else.
        _ = served.as_mut() => return,
        () = stop(&mut stopped) => {}
    }
    served.as_mut().graceful_shutdown();
    let _ = served.await;
}

/// What only reads ends with its caller. A change is brought to its end even when the caller hangs up: it would be in the store, and
/// nobody who must hear of it would.
async fn answer(mut router: Router, request: Request<Incoming>) -> Result<Response, Infallible> {
    let reads = request.method().is_safe();
    let answer = router.call(request);
    if reads {
        return answer.await;
    }
    match tokio::spawn(answer).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!(%error, "a request could not be answered");
            Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response())
        }
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
    let shutdown = async move { stop(&mut stopped).await };
    let _ = axum::serve(listener, service).with_graceful_shutdown(shutdown).await;
}

/// Resolves when the relay is to stop.
async fn stop(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn metrics(State(app): State<App>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics.text())
}
