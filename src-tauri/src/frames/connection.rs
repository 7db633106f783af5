//! One page that shows pictures: its tiles, and the socket they share.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, stream::SplitSink};
use parley_client::engine::{FrameHub, StreamId};
use serde::Deserialize;
use tokio::{net::TcpStream, sync::mpsc};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Error, Message},
};
use tracing::{debug, info};

use super::tile::{Tile, TileSize};

/// Streams shown at once. A grid of this many tiles would be unreadable.
const MAX_TILES: usize = 64;

/// Serves until the page goes away or says something that makes no sense. Aborting the task ends everything in it.
pub async fn serve(socket: WebSocketStream<TcpStream>, hub: FrameHub) {
    info!("the webview takes pictures");
    let (sink, mut stream) = socket.split();
    // Each tile has one frame under way, so this never holds more than one packet a tile.
    let (outbox, packets) = mpsc::channel(1);
    let mut tiles = Tiles { hub, outbox, shown: BTreeMap::new() };
    let read = async {
        while let Some(message) = stream.next().await {
            let text = match message {
                Ok(Message::Text(text)) => text,
                Ok(Message::Ping(_) | Message::Pong(_)) => continue,
                Ok(Message::Binary(_) | Message::Close(_) | Message::Frame(_)) => break,
                Err(error) => {
                    debug!(%error, "the socket of the pictures broke");
                    break;
                }
            };
            if let Err(mistake) = tiles.on_message(&text) {
                debug!(%mistake, "the webview said something that makes no sense");
                break;
            }
        }
    };
    tokio::select! {
        () = read => {}
        result = write(sink, packets) => {
            if let Err(error) = result {
                debug!(%error, "cannot send a picture");
            }
        }
    }
    info!("the webview takes no more pictures");
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PageMessage {
    Tile { stream: u32, width: u32, height: u32 },
    Ack(u32),
}

#[derive(Debug, thiserror::Error)]
enum Mistake {
    #[error("not a message of ours: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("more than {MAX_TILES} tiles")]
    TooManyTiles,
}

struct Tiles {
    hub: FrameHub,
    outbox: mpsc::Sender<Bytes>,
    shown: BTreeMap<u32, Tile>,
}

impl Tiles {
    fn on_message(&mut self, text: &str) -> Result<(), Mistake> {
        match serde_json::from_str(text)? {
            PageMessage::Tile { stream, width, height } => self.on_tile(stream, TileSize::new(width, height))?,
            PageMessage::Ack(stream) => {
                if let Some(tile) = self.shown.get(&stream) {
                    tile.on_ack();
                }
            }
        }
        Ok(())
    }

    fn on_tile(&mut self, stream: u32, size: Option<TileSize>) -> Result<(), Mistake> {
        let Some(size) = size else {
            self.shown.remove(&stream);
            return Ok(());
        };
        self.shown.retain(|_, tile| !tile.has_ended());
        if let Some(tile) = self.shown.get(&stream) {
            tile.resize(size);
            return Ok(());
        }
        if self.shown.len() == MAX_TILES {
            return Err(Mistake::TooManyTiles);
        }
        let tile = Tile::show(stream, size, self.hub.subscribe(StreamId(stream)), self.outbox.clone());
        self.shown.insert(stream, tile);
        Ok(())
    }
}

async fn write(
    mut sink: SplitSink<WebSocketStream<TcpStream>, Message>,
    mut packets: mpsc::Receiver<Bytes>,
) -> Result<(), Error> {
    while let Some(packet) = packets.recv().await {
        sink.send(Message::Binary(packet)).await?;
    }
    Ok(())
}
