//! A light client: it connects, says numbered messages and sees when they arrive. The same for every server, so that only servers differ.

use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use parley_relay::clock::unix_now;
use parley_shared::ids::ClientMessageId;
use parley_shared::wire::{ClientMsg, PROTOCOL_VERSION};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::crowd::{Guest, random};
use super::xmpp;

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Parley,
    Ws,
    SocketIo,
    Prosody,
}

impl Dialect {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parley => "Parley",
            Self::Ws => "ws",
            Self::SocketIo => "Socket.IO 4",
            Self::Prosody => "Prosody",
        }
    }
}

/// Length of what is said, in bytes.
pub const SAID_BYTES: usize = 140;
/// Events between two acknowledgements.
const ACK_EVERY: u32 = 32;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// One connected guest.
#[derive(Debug)]
pub struct Client {
    socket: Socket,
    dialect: Dialect,
    /// Id or address, where there are several.
    room: Option<String>,
    next_request: u64,
    unacknowledged: u32,
}

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The message with this number, said by anybody.
    Said(u64),
    /// The server has kept a message of this client's.
    Stored,
    Other,
}

impl Client {
    /// Connects and is let in.
    ///
    /// # Errors
    /// The server is away or refuses.
    pub async fn connect(address: &str, dialect: Dialect, guest: Option<&Guest>) -> Result<Self> {
        let config = WebSocketConfig::default().read_buffer_size(4 * 1024).write_buffer_size(0);
        let mut request = address.into_client_request()?;
        if dialect == Dialect::Prosody {
            request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(xmpp::PROTOCOL));
        }
        let (socket, _) = tokio_tungstenite::connect_async_with_config(request, Some(config), true).await?;
        let room = guest.map(|guest| guest.room_id.to_string());
        let mut client = Self { socket, dialect, room, next_request: 0, unacknowledged: 0 };
        match dialect {
            Dialect::Parley => {
                let access_token = guest.context("a guest of ours has a token")?.token.clone();
                let hello = ClientMsg::Hello { version: PROTOCOL_VERSION, access_token, resume: None };
                client.send(serde_json::to_string(&hello)?).await?;
                client.expect(r#""type":"welcome""#).await?;
            }
            Dialect::Ws => {
                client.send("hello".to_owned()).await?;
                client.expect("welcome").await?;
            }
            Dialect::SocketIo => {
                client.expect("0{").await?;
                client.send("40".to_owned()).await?;
                client.expect("40{").await?;
            }
            Dialect::Prosody => {
                client.ask(xmpp::OPEN, xmpp::FEATURES).await?;
                client.ask(xmpp::AUTHENTICATE, xmpp::SUCCESS).await?;
                client.ask(xmpp::OPEN, xmpp::FEATURES).await?;
                client.ask(xmpp::BIND, xmpp::BOUND).await?;
            }
        }
        Ok(client)
    }

    /// Enters a room of Prosody's under a name.
    ///
    /// # Errors
    /// The connection is lost, or the server refuses.
    pub async fn join(&mut self, room: String, name: &str) -> Result<()> {
        self.ask(&xmpp::join(&room, name), xmpp::JOINED).await?;
        self.room = Some(room);
        Ok(())
    }

    /// Says a message of [`SAID_BYTES`] that carries a number.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn say(&mut self, number: u64) -> Result<()> {
        match self.dialect {
            Dialect::Parley => self.say_as(ClientMessageId::from_parts(unix_now(), random()), number).await,
            Dialect::Ws => self.send(said(number)).await,
            Dialect::SocketIo => self.send(format!(r#"42["say","{}"]"#, said(number))).await,
            Dialect::Prosody => {
                let room = self.room.as_deref().context("a client of Prosody's is in a room")?;
                self.send(xmpp::message(room, &said(number))).await
            }
        }
    }

    /// The same to a relay of ours, under an id of the caller's.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn say_as(&mut self, client_id: ClientMessageId, number: u64) -> Result<()> {
        self.next_request += 1;
        let (id, room_id) = (self.next_request, self.room.as_deref().context("a guest of ours has a room")?);
        let text = said(number);
        let request = json!({ "type": "send_message", "room_id": room_id, "client_id": client_id, "text": text });
        self.send(json!({ "type": "request", "id": id, "request": request }).to_string()).await
    }

    /// Waits for the next thing that comes.
    ///
    /// # Errors
    /// The connection is lost, or the server refuses something.
    pub async fn hear(&mut self) -> Result<Heard> {
        let text = self.receive().await?;
        match self.dialect {
            Dialect::Parley => self.hear_parley(&text).await,
            Dialect::Ws => Ok(number(&text).map_or(Heard::Other, Heard::Said)),
            Dialect::SocketIo => {
                if text == "2" {
                    self.send("3".to_owned()).await?;
                }
                Ok(number(&text).map_or(Heard::Other, Heard::Said))
            }
            Dialect::Prosody => {
                ensure!(!xmpp::is_refusal(&text), "Prosody refused: {text}");
                Ok(number(&text).map_or(Heard::Other, Heard::Said))
            }
        }
    }

    /// Waits until the server has kept the message of this number, which nobody else says.
    ///
    /// # Errors
    /// As of [`Self::hear`]; the server keeps nothing.
    pub async fn hear_kept(&mut self, number: u64) -> Result<()> {
        let kept = match self.dialect {
            Dialect::Parley => Heard::Stored,
            // Whoever said something hears it as all others do, once it is in the archive.
            Dialect::Prosody => Heard::Said(number),
            Dialect::Ws | Dialect::SocketIo => bail!("{} keeps nothing", self.dialect.name()),
        };
        while self.hear().await? != kept {}
        Ok(())
    }

    async fn hear_parley(&mut self, text: &str) -> Result<Heard> {
        if text.starts_with(r#"{"type":"reply""#) {
            return Ok(Heard::Stored);
        }
        ensure!(!text.starts_with(r#"{"type":"error""#), "the relay refused: {text}");
        let Some(rest) = text.strip_prefix(r#"{"type":"event","seq":"#) else { return Ok(Heard::Other) };
        self.unacknowledged += 1;
        if self.unacknowledged >= ACK_EVERY {
            self.unacknowledged = 0;
            let seq = rest.split_once(',').context("an event has a number")?.0;
            self.send(format!(r#"{{"type":"ack","seq":{seq}}}"#)).await?;
        }
        Ok(number(text).map_or(Heard::Other, Heard::Said))
    }

    async fn expect(&mut self, beginning: &str) -> Result<()> {
        let text = self.receive().await?;
        let begins = text.starts_with(beginning) || text.starts_with(&format!("{{{beginning}"));
        ensure!(begins, "the server said {text} in the place of {beginning}");
        Ok(())
    }

    /// Sends a stanza and waits for one that holds `mark`.
    async fn ask(&mut self, stanza: &str, mark: &str) -> Result<()> {
        self.send(stanza.to_owned()).await?;
        loop {
            let text = self.receive().await?;
            ensure!(!xmpp::is_refusal(&text), "Prosody refused {stanza}: {text}");
            if text.contains(mark) {
                return Ok(());
            }
        }
    }

    /// Waits for the next frame as it is.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn receive(&mut self) -> Result<String> {
        loop {
            match self.socket.next().await.context("the server hung up")?? {
                Message::Text(text) => return Ok(text.as_str().to_owned()),
                Message::Close(frame) => bail!("the server closed: {frame:?}"),
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    async fn send(&mut self, text: String) -> Result<()> {
        Ok(self.socket.send(Message::text(text)).await?)
    }
}

fn said(number: u64) -> String {
    let mut text = format!("n={number} The quick brown fox jumps over the lazy dog. ");
    while text.len() < SAID_BYTES {
        text.push_str(if text.len() % 8 == 7 { " " } else { "o" });
    }
    text.truncate(SAID_BYTES);
    text
}

fn number(text: &str) -> Option<u64> {
    text.match_indices("n=").find_map(|(at, mark)| {
        let rest = &text[at + mark.len()..];
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse().ok()
    })
}

/// When each message of a steady stream is due, whatever became of those before it.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    pub start: Instant,
    pub per_second: f64,
}

impl Schedule {
    pub fn due(&self, number: u64) -> Instant {
        #[expect(clippy::cast_precision_loss, reason = "a bench sends far fewer than 2^52 messages")]
        let seconds = number as f64 / self.per_second;
        self.start + std::time::Duration::from_secs_f64(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_in_every_dialect() {
        assert_eq!(number("n=12 hello"), Some(12));
        assert_eq!(number(r#"42["said","n=7 x"]"#), Some(7));
        assert_eq!(number(r#"{"type":"event","seq":3,"event":{"text":"n=99 y"}}"#), Some(99));
        let archived =
            "<message id='3' from='room0@rooms.localhost/s5'><body>n=5 z</body><stanza-id id='aqn=='/></message>";
        assert_eq!(number(archived), Some(5));
        assert_eq!(number("welcome"), None);
    }
}
