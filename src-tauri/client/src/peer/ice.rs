//! How a connection looks for a path, servers, timers, sockets, and who begins to talk on it.

use super::hello::{Cookie, CookieProvider};
use super::turn_stream::StreamRelays;
use super::{IceServer, PeerConfig, PeerError};
use rtc::ice::mdns::MulticastDnsMode;
use rtc::peer_connection::transport::RTCDtlsRole;
use std::sync::Arc;
use std::time::Duration;
use webrtc::peer_connection::{
    RTCConfiguration, RTCConfigurationBuilder, RTCIceServer, RTCIceTransportPolicy, SettingEngine, SettingEngineBuilder,
};

/// The stack checks candidates on this tick; its default of 200 ms is most of a call's set-up on a fast network.
const ICE_CHECK_INTERVAL: Duration = Duration::from_millis(20);
/// 30 s of checks: a restart that begins in a blackout goes on looking until the network is back.
const ICE_MAX_CHECKS: u16 = 1500;
const ICE_DISCONNECTED_AFTER: Duration = Duration::from_secs(3);
/// After the disconnection. A pair that has failed never comes back, one that is only silent goes on when the network does.
const ICE_FAILED_AFTER: Duration = Duration::from_secs(27);
const ICE_KEEPALIVE: Duration = Duration::from_secs(1);
/// A relayed path is taken only when no direct one has worked by then: the first that is taken is kept.
const RELAY_PATIENCE: Duration = Duration::from_millis(200);

/// The servers and what may be gathered. Relays over streams are put into `relays`.
pub(crate) fn configuration(config: &PeerConfig, relays: &mut StreamRelays) -> RTCConfiguration {
    let policy = if config.relay_only { RTCIceTransportPolicy::Relay } else { RTCIceTransportPolicy::All };
    RTCConfigurationBuilder::new()
        .with_ice_servers(config.ice_servers.iter().map(|server| ice_server(server, relays)).collect())
        .with_ice_transport_policy(policy)
        .build()
}

fn ice_server(server: &IceServer, relays: &mut StreamRelays) -> RTCIceServer {
    RTCIceServer {
        urls: server.urls.iter().filter_map(|url| relays.rewrite(url)).collect(),
        username: server.username.clone().unwrap_or_default(),
        credential: server.credential.as_ref().map(|secret| secret.reveal().to_owned()).unwrap_or_default(),
    }
}

/// How the stack looks for a path. `cookie` is for whoever begins the DTLS handshake with us.
///
/// # Errors
/// The stack was built without cryptography.
pub(crate) fn settings(
    mdns: MulticastDnsMode,
    config: &PeerConfig,
    cookie: Cookie,
) -> Result<SettingEngine, PeerError> {
    let at_once = Some(Duration::ZERO);
    let relayed = if config.relay_only { Duration::ZERO } else { RELAY_PATIENCE };
    // Of the two the answerer has a path half a round trip sooner. But the server sends the last flight, and a browser does
    // not repeat a lost one.
    let answerer = if config.cookie.is_some() { RTCDtlsRole::Client } else { RTCDtlsRole::Server };
    let stack = rtc::crypto::default_provider().map_err(|error| PeerError::Stack(error.to_string()))?;
    Ok(SettingEngineBuilder::new()
        .with_crypto_provider(Arc::new(CookieProvider::new(stack, cookie)))
        .with_ice_connection_attempts(Some(ICE_CHECK_INTERVAL), Some(ICE_MAX_CHECKS))
        .with_ice_timeouts(Some(ICE_DISCONNECTED_AFTER), Some(ICE_FAILED_AFTER), Some(ICE_KEEPALIVE))
        .with_srflx_acceptance_min_wait(at_once)
        .with_prflx_acceptance_min_wait(at_once)
        .with_relay_acceptance_min_wait(Some(relayed))
        .with_include_loopback_candidate(true)
        // A restart binds the addresses that the machine has by then.
        .with_discard_local_candidates_during_ice_restart(true)
        .with_answering_dtls_role(answerer)
        .with_multicast_dns_mode(mdns)
        .build())
}
