//! A TURN server of its own, over UDP, TCP and TLS.

use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::{TempFolder, TestbedError, process::Process};

/// A running coturn on free ports of 127.0.0.1, for one user.
#[derive(Debug)]
pub struct Coturn {
    /// Of UDP and of TCP.
    pub port: u16,
    pub tls_port: u16,
    server: Process,
    folder: TempFolder,
}

impl Coturn {
    pub const USER: &str = "parley";
    pub const PASSWORD: &str = "a password of a test";

    /// Starts it with a certificate and its key, as PEM text.
    ///
    /// # Errors
    /// [`TestbedError`] when `turnserver` is missing or does not start.
    pub fn start(certificate: &str, key: &str) -> Result<Self, TestbedError> {
        let folder = TempFolder::new("coturn")?;
        folder.write("cert.pem", certificate)?;
        folder.write("key.pem", key)?;
        let (port, tls_port) = (free_port()?, free_port()?);
        let server = run(&folder, port, tls_port)?;
        Ok(Self { port, tls_port, server, folder })
    }

    /// Ends it, with every allocation, and starts it again on the same ports.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn restart(&mut self) -> Result<(), TestbedError> {
        self.server.kill();
        self.server = run(&self.folder, self.port, self.tls_port)?;
        Ok(())
    }
}

fn run(folder: &TempFolder, port: u16, tls_port: u16) -> Result<Process, TestbedError> {
    let file = |name: &str| folder.join(name).display().to_string();
    let mut command = Command::new("turnserver");
    command
        .args(["-n", "--no-cli", "--no-dtls", "--fingerprint", "--lt-cred-mech", "--realm", "parley.test"])
        // Both ends of a test's call are on this machine.
        .args(["--allow-loopback-peers", "--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1"])
        .args(["--listening-port", &port.to_string(), "--tls-listening-port", &tls_port.to_string()])
        .args(["--user", &format!("{}:{}", Coturn::USER, Coturn::PASSWORD)])
        .args(["--cert", &file("cert.pem"), "--pkey", &file("key.pem")])
        .args(["--pidfile", &file("pid"), "--db", &file("db"), "--log-file", "stdout", "--simple-log"])
        .current_dir(folder.path())
        .stdin(Stdio::null());
    let mut server = Process::start(&mut command, "turnserver", folder.path())?;
    let listens = |port: u16| TcpStream::connect(("127.0.0.1", port)).is_ok();
    server.wait_until(Duration::from_secs(20), || (listens(port) && listens(tls_port)).then_some(()))?;
    Ok(server)
}

/// One that nobody listens on at this moment.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
