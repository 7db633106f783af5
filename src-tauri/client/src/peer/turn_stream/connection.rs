//! One stream to a relay: frames out, datagrams in.

use super::framing::Deframer;
use super::url::{Security, StreamRelay};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufWriter};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const READ_BYTES: usize = 16 * 1024;

/// Carries frames and datagrams until either side ends.
///
/// # Errors
/// No connection, a certificate that is not the relay's, or a stream that breaks.
pub(super) async fn run(
    relay: &StreamRelay,
    from: IpAddr,
    extra_roots: &[Vec<u8>],
    frames: mpsc::Receiver<Vec<u8>>,
    on_datagram: impl Fn(&[u8]),
) -> io::Result<()> {
    let connecting = async {
        let stream = connect(relay, from).await?;
        stream.set_nodelay(true)?;
        match relay.security {
            Security::Plain => Ok(Box::new(stream) as Box<dyn Stream>),
            Security::Tls => secure(stream, &relay.host, extra_roots).await,
        }
    };
    let stream = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await.map_err(|_| io::ErrorKind::TimedOut)??;
    let (reader, writer) = tokio::io::split(stream);
    tokio::select! {
        written = write_frames(BufWriter::new(writer), frames) => written,
        read = read_datagrams(reader, on_datagram) => read,
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// From the address whose candidates this stream serves.
async fn connect(relay: &StreamRelay, from: IpAddr) -> io::Result<TcpStream> {
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    let addresses = tokio::net::lookup_host((relay.host.as_str(), relay.port)).await?;
    for to in addresses.filter(|to| to.is_ipv4() == from.is_ipv4()) {
        let socket = if from.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.bind(SocketAddr::new(from, 0))?;
        match socket.connect(to).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn secure(stream: TcpStream, host: &str, extra_roots: &[Vec<u8>]) -> io::Result<Box<dyn Stream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let connector = TlsConnector::from(tls_config(extra_roots).await?);
    Ok(Box::new(connector.connect(name, stream).await?))
}

async fn tls_config(extra_roots: &[Vec<u8>]) -> io::Result<Arc<ClientConfig>> {
    let mut roots = system_roots().await?;
    for root in extra_roots {
        roots.add(CertificateDer::from(root.clone())).map_err(io::Error::other)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Reading them takes tens of milliseconds of disk and parsing, so it is done once and beside the runtime.
async fn system_roots() -> io::Result<RootCertStore> {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    let read = || {
        ROOTS
            .get_or_init(|| {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                roots
            })
            .clone()
    };
    tokio::task::spawn_blocking(read).await.map_err(io::Error::other)
}

async fn write_frames(
    mut writer: BufWriter<impl AsyncWrite + Unpin>,
    mut frames: mpsc::Receiver<Vec<u8>>,
) -> io::Result<()> {
    while let Some(frame) = frames.recv().await {
        writer.write_all(&frame).await?;
        while let Ok(frame) = frames.try_recv() {
            writer.write_all(&frame).await?;
        }
        writer.flush().await?;
    }
    writer.shutdown().await
}

async fn read_datagrams(mut reader: impl AsyncRead + Unpin, on_datagram: impl Fn(&[u8])) -> io::Result<()> {
    let (mut deframer, mut buffer) = (Deframer::default(), vec![0; READ_BYTES]);
    loop {
        let len = reader.read(&mut buffer).await?;
        if len == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        deframer.push(&buffer[..len]);
        while let Some(datagram) = deframer.poll().map_err(io::Error::other)? {
            on_datagram(datagram);
        }
    }
}
