//! Speaking to a WebDriver server of this machine.

use fantoccini::error::NewSessionError;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value};

/// Opens a session on the server at this port. It never leaves the machine, so it needs no TLS.
///
/// # Errors
/// The browser does not start, or refuses the capabilities.
pub async fn connect(port: u16, capabilities: Map<String, Value>) -> Result<Client, NewSessionError> {
    let server = format!("http://127.0.0.1:{port}");
    ClientBuilder::new(HttpConnector::new()).capabilities(capabilities).connect(&server).await
}
