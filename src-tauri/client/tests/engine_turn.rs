//! Calls through a TURN relay, over UDP, TCP and TLS.

mod engine_support;

use engine_support::{Call, CallSetup, eventually};
use parley_client::peer::{IceServer, NetworkProfile, TestNetwork};
use parley_shared::wire::{Secret, Signal};
use std::net::IpAddr;
use std::time::Duration;
use testbed::Coturn;

const LIMIT: Duration = Duration::from_secs(30);

struct Relay {
    server: Coturn,
    certificate: Vec<u8>,
}

impl Relay {
    fn start() -> Self {
        let signed = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a key pair");
        let server = Coturn::start(&signed.cert.pem(), &signed.signing_key.serialize_pem())
            .unwrap_or_else(|error| panic!("{error}"));
        Self { server, certificate: signed.cert.der().to_vec() }
    }

    fn udp(&self) -> String {
        format!("turn:127.0.0.1:{}?transport=udp", self.server.port)
    }

    fn tcp(&self) -> String {
        format!("turn:127.0.0.1:{}?transport=tcp", self.server.port)
    }

    fn tls(&self) -> String {
        format!("turns:127.0.0.1:{}?transport=tcp", self.server.tls_port)
    }

    fn setup(&self, urls: &[String]) -> CallSetup {
        CallSetup {
            ice_servers: vec![IceServer {
                urls: urls.to_vec(),
                username: Some(Coturn::USER.to_owned()),
                credential: Some(Secret::new(Coturn::PASSWORD)),
            }],
            extra_roots: vec![self.certificate.clone()],
            ..CallSetup::default()
        }
    }

    fn relay_only(&self, urls: &[String]) -> CallSetup {
        CallSetup { relay_only: true, ..self.setup(urls) }
    }
}

/// Two networks whose machines have an address each.
fn networks(seed: u64, profile: NetworkProfile) -> [Option<TestNetwork>; 2] {
    [2, 3].map(|last| {
        let network = TestNetwork::new(seed + u64::from(last), profile);
        network.set_addresses(&[IpAddr::from([127, 0, 0, last])]);
        Some(network)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_call_through_a_relay_over_udp_tcp_and_tls() {
    let relay = Relay::start();
    for (url, route) in [(relay.udp(), "relayed udp"), (relay.tcp(), "relayed tcp"), (relay.tls(), "relayed tls")] {
        let call = Call::start(&relay.relay_only(&[url]));
        let connected = call.until_connected(LIMIT).await.unwrap();
        let media = call.until_media(LIMIT).await.unwrap();
        println!("{route}: connected after {connected:?}, media after {media:?}");
        for side in call.sides() {
            assert_eq!(side.handle.stats().await.route, route);
        }
        assert!(connected < Duration::from_secs(5), "{route}: {connected:?}");
        call.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relayed_call_tells_the_other_side_no_address_of_ours() {
    let relay = Relay::start();
    let urls = [relay.udp(), relay.tcp(), relay.tls()];
    let setup = CallSetup { networks: networks(50, NetworkProfile::default()), ..relay.relay_only(&urls) };
    let call = Call::start(&setup);
    call.until_media(LIMIT).await.unwrap();
    // A restart describes a connection that knows its candidates already.
    setup.networks[0].as_ref().unwrap().set_addresses(&[IpAddr::from([127, 0, 0, 4])]);
    call.offerer.handle.network_changed();
    eventually("the restart is answered", LIMIT, async || descriptions(&call.answerer.signals()) == 2).await;
    for side in call.sides() {
        let signals = side.signals();
        assert!(signals.iter().any(|signal| matches!(signal, Signal::Candidate { .. })));
        for signal in signals {
            let text = match signal {
                Signal::Description { sdp, .. } => sdp,
                Signal::Candidate { candidate, .. } => candidate,
                Signal::CandidatesDone { .. } => continue,
            };
            for ours in ["127.0.0.2", "127.0.0.3", "127.0.0.4", "typ host", "typ srflx"] {
                assert!(!text.contains(ours), "{ours} in {text}");
            }
        }
    }
    call.close().await;
}

fn descriptions(signals: &[Signal]) -> usize {
    signals.iter().filter(|signal| matches!(signal, Signal::Description { .. })).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_without_any_udp_goes_over_a_stream() {
    let relay = Relay::start();
    for urls in [[relay.udp(), relay.tcp()], [relay.udp(), relay.tls()]] {
        // Datagrams of our own sockets vanish; streams do not go through the test network.
        let setup = CallSetup { networks: networks(60, NetworkProfile::blackout()), ..relay.setup(&urls) };
        let call = Call::start(&setup);
        let connected = call.until_connected(LIMIT).await.unwrap();
        call.until_media(LIMIT).await.unwrap();
        println!("seed 60: without UDP connected after {connected:?}");
        for side in call.sides() {
            let route = side.handle.stats().await.route;
            assert!(["relayed tcp", "relayed tls"].contains(&route.as_str()), "{route}");
        }
        assert!(connected < Duration::from_secs(5), "{connected:?}");
        call.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_direct_path_is_preferred_to_a_relayed_one() {
    let relay = Relay::start();
    let call = Call::start(&relay.setup(&[relay.udp(), relay.tcp(), relay.tls()]));
    let connected = call.until_connected(LIMIT).await.unwrap();
    println!("direct: connected after {connected:?}");
    call.until_media(LIMIT).await.unwrap();
    for side in call.sides() {
        assert_eq!(side.handle.stats().await.route, "direct udp");
    }
    call.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_with_a_certificate_of_nobody_we_trust_is_not_used() {
    let relay = Relay::start();
    let setup = CallSetup { extra_roots: Vec::new(), ..relay.relay_only(&[relay.tls()]) };
    let call = Call::start(&setup);
    tokio::time::sleep(Duration::from_secs(3)).await;
    for side in call.sides() {
        assert!(!side.signals().iter().any(|signal| matches!(signal, Signal::Candidate { .. })));
    }
    call.close().await;
}

/// The streams of a connection end with the relay; the silence makes new ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_comes_back_after_its_relay_was_away() {
    let mut relay = Relay::start();
    let call = Call::start(&relay.relay_only(&[relay.tcp()]));
    call.until_media(LIMIT).await.unwrap();
    relay.server.restart().unwrap();
    for side in call.sides() {
        let before = side.handle.stats().await.video.decoded;
        eventually("pictures flow again", LIMIT, async || side.handle.stats().await.video.decoded > before + 5).await;
        assert_eq!(side.handle.stats().await.generation, 1, "the connection was built anew");
    }
    call.close().await;
}
