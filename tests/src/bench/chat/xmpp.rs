//! As much XMPP (RFC 6120, XEP-0045) as it takes to sit in a room of prosody's and to speak there.

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ROOM: &str = "bench@rooms.localhost";
const OPEN: &str = "<?xml version='1.0'?><stream:stream to='localhost' xmlns='jabber:client' \
                    xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
/// What a stream may hold before the end of a stanza: the presences of a full room come in one go.
const BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// A signed-in stream whose owner is in the room.
#[derive(Debug)]
pub struct XmlStream {
    stream: TcpStream,
    /// What came and was not looked at.
    buffer: Vec<u8>,
}

impl XmlStream {
    /// Signs in as nobody in particular and enters the room.
    ///
    /// # Errors
    /// The server refuses, or is none of XMPP.
    pub async fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let nick = stream.local_addr()?.port();
        let mut this = Self { stream, buffer: Vec::new() };
        this.ask(OPEN, "</stream:features>").await?;
        let sign_in = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>";
        this.ask(sign_in, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'").await?;
        this.ask(OPEN, "</stream:features>").await?;
        let bind = "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
        this.ask(bind, "</iq>").await?;
        let enter = format!(
            "<presence to='{ROOM}/{nick}'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>"
        );
        // One's own presence, which has this code, comes last (XEP-0045, 7.2.2).
        this.ask(&enter, "code='110'").await?;
        Ok(this)
    }

    /// # Errors
    /// The connection is lost.
    pub async fn send(&mut self, text: &str) -> Result<()> {
        Ok(self.stream.write_all(text.as_bytes()).await?)
    }

    /// Waits for this text; gives all that came up to its end.
    ///
    /// # Errors
    /// The connection is lost, or too much came without it.
    pub async fn until(&mut self, text: &str) -> Result<String> {
        let mut searched = 0_usize;
        loop {
            let from = searched.saturating_sub(text.len());
            let found = self.buffer[from..].windows(text.len()).position(|window| window == text.as_bytes());
            if let Some(at) = found {
                let taken: Vec<u8> = self.buffer.drain(..from + at + text.len()).collect();
                return String::from_utf8(taken).context("XML is UTF-8");
            }
            searched = self.buffer.len();
            ensure!(searched < BUFFER_BYTES, "the server said too much");
            let read = self.stream.read_buf(&mut self.buffer).await?;
            ensure!(read > 0, "the server hung up");
        }
    }

    async fn ask(&mut self, text: &str, answer: &str) -> Result<()> {
        self.send(text).await?;
        self.until(answer).await?;
        Ok(())
    }
}

/// `text` holds nothing that XML gives a meaning.
pub fn group_message(text: &str) -> String {
    format!("<message type='groupchat' to='{ROOM}'><body>{text}</body></message>")
}

/// A prosody that lets everybody in and keeps what is said in rooms (XEP-0313), as its own files.
pub fn prosody_config(folder: &str, port: u16) -> String {
    format!(
        r#"
daemonize = false
run_as_root = true
data_path = "{folder}"
pidfile = "{folder}/prosody.pid"
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
s2s_ports = {{ }}
modules_enabled = {{ "saslauth"; "disco" }}
modules_disabled = {{ "s2s"; "tls" }}
allow_unencrypted_plain_auth = true
c2s_require_encryption = false
log = {{ info = "*stdout" }}
VirtualHost "localhost"
  authentication = "anonymous"
Component "rooms.localhost" "muc"
  modules_enabled = {{ "muc_mam" }}
  muc_log_by_default = true
  muc_room_locking = false
"#
    )
}
