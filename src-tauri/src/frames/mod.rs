//! Pictures for the webview over a WebSocket on the loopback: the wire is documented on [`FramesEndpoint`].
//!
//! Each tile has at most one frame under way; what waits is replaced by the newest. Frames are scaled down to the tile, never up.
//! Any program on this machine may try to connect: [`door`] admits only the webview.

mod connection;
mod door;
mod tile;

#[cfg(test)]
mod tests;

use std::{io, net::Ipv4Addr, sync::Arc, time::Duration};

use parley_client::engine::FrameHub;
use parley_shared::view::FramesEndpoint;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinHandle,
};
use tracing::{debug, warn};

use door::Door;

/// Sockets that have not shown their token yet. The webview needs one.
const MAX_WAITING: usize = 4;

/// The listener; dropping it closes the door and the connection.
#[derive(Debug)]
pub struct FramesServer {
    port: u16,
    door: Arc<Door>,
    listening: JoinHandle<()>,
}

impl FramesServer {
    /// Listens on a free port of 127.0.0.1 and serves what is published to `hub`.
    ///
    /// # Errors
    /// When no port can be had. Needs a tokio runtime.
    pub async fn start(hub: FrameHub) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let door = Arc::new(Door::default());
        let listening = tokio::spawn(listen(listener, door.clone(), hub));
        Ok(Self { port, door, listening })
    }

    /// What the page's content security policy has to allow.
    pub fn origin(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// Where the webview connects, with a fresh token that works once. Tokens given out before stop working.
    pub fn endpoint(&self) -> FramesEndpoint {
        FramesEndpoint { url: format!("{}/", self.origin()), token: self.door.issue() }
    }
}

impl Drop for FramesServer {
    fn drop(&mut self) {
        self.listening.abort();
        self.door.close();
    }
}

async fn listen(listener: TcpListener, door: Arc<Door>, hub: FrameHub) {
    let waiting = Arc::new(Semaphore::new(MAX_WAITING));
    loop {
        let socket = match listener.accept().await {
            Ok((socket, _)) => socket,
            Err(error) => {
                warn!(%error, "cannot accept a connection for pictures");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = waiting.clone().try_acquire_owned() else {
            debug!("too many strangers at the door of the pictures");
            continue;
        };
        let (door, hub) = (door.clone(), hub.clone());
        tokio::spawn(async move {
            admit(socket, &door, hub).await;
            drop(place);
        });
    }
}

/// Lets the webview in, in a task of its own which replaces the one of an earlier page.
async fn admit(socket: TcpStream, door: &Door, hub: FrameHub) {
    let _ = socket.set_nodelay(true);
    match door.greet(socket).await {
        Ok(socket) => door.replace(tokio::spawn(connection::serve(socket, hub)).abort_handle()),
        Err(refusal) => debug!(%refusal, "refused a connection for pictures"),
    }
}
