use super::super::dtls::testing::{handshake, record};
use super::*;

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const HELLO_VERIFY: u8 = 3;
const CLIENT_KEY_EXCHANGE: u8 = 16;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Steps a repeater on a virtual clock and collects when it repeats.
struct Bench {
    repeater: FlightRepeater<&'static str>,
    start: Instant,
    now: Instant,
    repeats: Vec<(u128, usize)>,
}

impl Bench {
    fn new() -> Self {
        let start = Instant::now();
        Self { repeater: FlightRepeater::new(), start, now: start, repeats: Vec::new() }
    }

    fn send(&mut self, wire: &[u8]) {
        self.repeater.on_sent(&"route", wire, self.now);
    }

    fn receive(&mut self, wire: &[u8]) -> Verdict {
        let verdict = self.repeater.on_received(wire, self.now);
        self.tick();
        verdict
    }

    fn advance(&mut self, by: Duration) {
        let until = self.now + by;
        while let Some(at) = self.repeater.poll_timeout().filter(|at| *at <= until) {
            self.now = at;
            self.tick();
        }
        self.now = until;
    }

    fn tick(&mut self) {
        let due = self.repeater.handle_timeout(self.now);
        if !due.is_empty() {
            self.repeats.push(((self.now - self.start).as_millis(), due.len()));
        }
    }

    fn repeat_times(&self) -> Vec<u128> {
        self.repeats.iter().map(|(at, _)| *at).collect()
    }
}

/// A client that has sent its second flight after a complete server flight.
fn client_after_server_flight() -> Bench {
    let mut bench = Bench::new();
    bench.send(&handshake(CLIENT_HELLO, 0, 0));
    bench.advance(ms(10));
    bench.receive(&handshake(SERVER_HELLO, 0, 0));
    bench.send(&handshake(CLIENT_KEY_EXCHANGE, 1, 1));
    bench.send(&record(20, 0, 2, &[1]));
    bench.send(&record(22, 1, 0, &[9; 40]));
    bench
}

#[test]
fn an_unanswered_flight_is_repeated_on_schedule() {
    let mut bench = Bench::new();
    bench.send(&handshake(CLIENT_HELLO, 0, 0));
    bench.advance(ms(3600));
    assert_eq!(bench.repeat_times(), [50, 150, 350, 750, 1550, 2550, 3550]);
}

#[test]
fn repeats_stop_after_half_a_minute() {
    let mut bench = Bench::new();
    bench.send(&handshake(CLIENT_HELLO, 0, 0));
    bench.advance(ms(60_000));
    assert!(bench.repeat_times().into_iter().all(|at| at <= 30_050));
    assert_eq!(bench.repeater.poll_timeout(), None);
}

#[test]
fn a_new_flight_replaces_the_answered_one() {
    let mut bench = client_after_server_flight();
    bench.advance(ms(50));
    assert_eq!(bench.repeats, [(60, 3)]);
}

#[test]
fn the_stacks_own_retransmission_replaces_the_copy() {
    let mut bench = Bench::new();
    bench.send(&handshake(CLIENT_HELLO, 0, 0));
    bench.advance(ms(1000));
    bench.repeats.clear();
    bench.send(&handshake(CLIENT_HELLO, 0, 1));
    bench.advance(ms(50));
    assert_eq!(bench.repeats, [(1050, 1)]);
}

#[test]
fn an_answered_peer_flight_is_hidden_and_hints_a_repeat() {
    let mut bench = client_after_server_flight();
    bench.advance(ms(45));
    assert_eq!(bench.receive(&handshake(SERVER_HELLO, 0, 5)), Verdict::Hide);
    assert_eq!(bench.repeats, [(55, 3)]);
    assert_eq!(bench.receive(&handshake(SERVER_HELLO, 0, 6)), Verdict::Hide);
    assert_eq!(bench.repeats.len(), 1, "hinted repeats are 40 ms apart");
}

#[test]
fn a_hello_that_was_not_answered_is_never_hidden() {
    let mut bench = Bench::new();
    assert_eq!(bench.receive(&handshake(CLIENT_HELLO, 0, 0)), Verdict::Deliver);
    assert_eq!(bench.receive(&handshake(CLIENT_HELLO, 0, 1)), Verdict::Deliver);
    bench.send(&handshake(HELLO_VERIFY, 0, 0));
    assert_eq!(bench.receive(&handshake(CLIENT_HELLO, 0, 2)), Verdict::Hide);
}

#[test]
fn a_repeat_of_our_own_flight_answers_nothing_new() {
    let mut bench = Bench::new();
    bench.send(&handshake(CLIENT_HELLO, 0, 0));
    bench.receive(&handshake(SERVER_HELLO, 0, 0));
    bench.advance(ms(1000));
    bench.send(&handshake(CLIENT_HELLO, 0, 1));
    assert_eq!(bench.receive(&handshake(SERVER_HELLO, 0, 1)), Verdict::Deliver);
}

#[test]
fn a_server_stops_when_media_arrives() {
    let mut bench = Bench::new();
    bench.receive(&handshake(CLIENT_HELLO, 0, 0));
    bench.send(&handshake(SERVER_HELLO, 0, 0));
    bench.receive(&[128, 111, 0, 1]);
    bench.advance(ms(5000));
    assert!(bench.repeats.is_empty());
}

#[test]
fn a_client_needs_the_servers_finished_and_not_only_media() {
    let mut bench = client_after_server_flight();
    bench.receive(&[128, 111, 0, 1]);
    bench.advance(ms(50));
    assert_eq!(bench.repeats.len(), 1, "media alone does not stop a client");
    bench.receive(&record(20, 0, 9, &[1]));
    bench.receive(&record(22, 1, 0, &[7; 40]));
    bench.repeats.clear();
    bench.advance(ms(5000));
    assert!(bench.repeats.is_empty());
}

#[test]
fn application_data_and_alerts_are_not_flights() {
    let mut bench = Bench::new();
    bench.send(&record(23, 1, 0, &[1; 30]));
    bench.send(&record(21, 1, 0, &[1; 30]));
    bench.send(&[0, 1, 0, 0]);
    assert_eq!(bench.repeater.poll_timeout(), None);
}

#[test]
fn a_flight_is_bounded() {
    let mut bench = Bench::new();
    for sequence in 0..200u8 {
        bench.send(&handshake(CLIENT_HELLO, 0, sequence));
    }
    assert!(bench.repeater.flight.len() <= MAX_FLIGHT_DATAGRAMS);
}
