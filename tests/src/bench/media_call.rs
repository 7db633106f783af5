//! A call between two ends of one kind over a road of the bench: it carries their signals, and nothing else connects them.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use parley_client::peer::InFlight;
use parley_media::mark;
use parley_shared::wire::Signal;

use super::end::{EndProcess, Kind, Order, Report, Setup, Told};
use crate::link::Road;
use crate::usage;

/// When an end saw and heard something first, in ms since the call began.
#[derive(Clone, Copy, Debug, Default)]
pub struct Firsts {
    pub picture: Option<f64>,
    pub sound: Option<f64>,
}

/// The processes and the road. The first end is where the road begins.
#[derive(Debug)]
pub struct MediaCall {
    ends: [EndProcess; 2],
    road: Road,
    signals: InFlight<(usize, Signal)>,
    began: Instant,
    firsts: [Firsts; 2],
    reports: [Option<Report>; 2],
}

/// What both ends reported about a stretch of a call.
#[derive(Debug)]
pub struct Stretch {
    /// Milliseconds of the wall clock.
    pub began_ms: f64,
    pub ended_ms: f64,
    pub reports: [Report; 2],
    /// Share of the samples that were played in this stretch and were invented, at each end, in percent.
    pub concealed_pct: [f64; 2],
    /// Processor time of both ends.
    pub cpu_cores: f64,
}

const REPORT: Duration = Duration::from_secs(10);

impl MediaCall {
    /// Starts the processes of both ends; no call yet.
    ///
    /// # Errors
    /// They do not start.
    pub async fn start(kind: Kind, road: &Road) -> Result<Self> {
        let (a, b) = tokio::try_join!(EndProcess::start(kind), EndProcess::start(kind))?;
        Ok(Self {
            ends: [a, b],
            road: road.clone(),
            signals: InFlight::new(),
            began: Instant::now(),
            firsts: Default::default(),
            reports: Default::default(),
        })
    }

    /// Begins a call; one before is ended.
    ///
    /// # Errors
    /// An end has died.
    pub async fn open(&mut self, setups: [Setup; 2]) -> Result<()> {
        (self.signals, self.firsts, self.began) = (InFlight::new(), Default::default(), Instant::now());
        for (end, setup) in self.ends.iter_mut().zip(setups) {
            end.order(&Order::Open(setup)).await?;
        }
        Ok(())
    }

    /// Lets the call go on for this time.
    ///
    /// # Errors
    /// An end has died.
    pub async fn go_on(&mut self, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        self.run_until(until, |_| false).await.map(|_| ())
    }

    /// Waits until `enough` of the first pictures and sounds have come; gives them.
    ///
    /// # Errors
    /// They did not come in time, or an end has died.
    pub async fn until(&mut self, within: Duration, enough: impl Fn(&[Firsts; 2]) -> bool) -> Result<[Firsts; 2]> {
        let until = Instant::now() + within;
        let came = self.run_until(until, |call| enough(&call.firsts)).await?;
        anyhow::ensure!(came, "after {within:?} there was only {:?}", self.firsts);
        Ok(self.firsts)
    }

    /// Measures for this time.
    ///
    /// # Errors
    /// An end has died.
    pub async fn measure(&mut self, time: Duration) -> Result<Stretch> {
        let before = self.report().await?;
        let (began, began_ms, cpu_before) = (Instant::now(), wall_ms(), self.cpu_s());
        self.go_on(time).await?;
        let (cpu_after, seconds) = (self.cpu_s(), began.elapsed().as_secs_f64());
        let (ended_ms, reports) = (wall_ms(), self.report().await?);
        let concealed_pct = std::array::from_fn(|end| {
            let played = reports[end].played_samples - before[end].played_samples;
            let concealed = reports[end].concealed_samples - before[end].concealed_samples;
            concealed as f64 * 100.0 / played.max(1) as f64
        });
        Ok(Stretch { began_ms, ended_ms, reports, concealed_pct, cpu_cores: (cpu_after - cpu_before) / seconds })
    }

    async fn report(&mut self) -> Result<[Report; 2]> {
        self.reports = Default::default();
        for end in &mut self.ends {
            end.order(&Order::Report).await?;
        }
        self.run_until(Instant::now() + REPORT, |call| call.reports.iter().all(Option::is_some)).await?;
        match std::mem::take(&mut self.reports) {
            [Some(a), Some(b)] => Ok([a, b]),
            _ => anyhow::bail!("an end gave no report within {REPORT:?}"),
        }
    }

    fn cpu_s(&self) -> f64 {
        self.ends.iter().filter_map(EndProcess::id).map(usage::tree_cpu_s).sum()
    }

    /// Returns whether it was `done` before `until`.
    async fn run_until(&mut self, until: Instant, done: impl Fn(&Self) -> bool) -> Result<bool> {
        while !done(self) {
            if Instant::now() >= until {
                return Ok(false);
            }
            let wake = self.signals.next_arrival().map_or(until, |at| at.min(until));
            let [a, b] = &mut self.ends;
            tokio::select! {
                told = a.next() => self.on_told(0, told?).await?,
                told = b.next() => self.on_told(1, told?).await?,
                () = tokio::time::sleep_until(wake.into()) => self.deliver_signals().await?,
            }
        }
        Ok(true)
    }

    async fn on_told(&mut self, from: usize, told: Told) -> Result<()> {
        match told {
            Told::Ready => {}
            Told::Signal(signal) => self.on_signal(from, signal).await?,
            Told::FirstPicture(at) => self.firsts[from].picture = Some(self.since_began(at)),
            Told::FirstSound(at) => self.firsts[from].sound = Some(self.since_began(at)),
            Told::Report(report) => self.reports[from] = Some(report),
        }
        Ok(())
    }

    fn since_began(&self, at_ms: f64) -> f64 {
        at_ms - mark::wall_us(self.began) as f64 / 1e3
    }

    /// Signals take as long as datagrams, and are never lost.
    async fn on_signal(&mut self, from: usize, signal: Signal) -> Result<()> {
        if let Some(signal) = self.reroute(from, signal).await? {
            let arrives_at = Instant::now() + self.road.network().delay();
            self.signals.push(arrives_at, (1 - from, signal));
        }
        Ok(())
    }

    async fn deliver_signals(&mut self) -> Result<()> {
        while let Some((to, signal)) = self.signals.pop(Instant::now()) {
            self.ends[to].order(&Order::Signal(signal)).await?;
        }
        Ok(())
    }

    /// Leads a candidate over the road. Those that the road does not lead to are left out.
    async fn reroute(&self, from: usize, signal: Signal) -> Result<Option<Signal>> {
        Ok(match signal {
            Signal::Candidate { candidate, sdp_mid, sdp_m_line_index, generation } => {
                let Some(target) = target(&candidate) else { return Ok(None) };
                let road = if from == 1 { self.road.clone() } else { self.road.reversed() };
                let candidate = readdress(&candidate, road.lead_to(target).await.context("open a gate")?);
                Some(Signal::Candidate { candidate, sdp_mid, sdp_m_line_index, generation })
            }
            Signal::Description { kind, sdp, generation, tracks } => {
                Some(Signal::Description { kind, sdp: without_candidates(&sdp), generation, tracks })
            }
            Signal::CandidatesDone { generation: _ } => Some(signal),
        })
    }
}

fn wall_ms() -> f64 {
    mark::wall_us(Instant::now()) as f64 / 1e3
}

/// Where a host candidate of UDP over IPv4 is.
fn target(candidate: &str) -> Option<SocketAddr> {
    let mut fields = candidate.split(' ');
    let is_udp = fields.nth(2)?.eq_ignore_ascii_case("udp");
    let (ip, port): (Ipv4Addr, u16) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
    is_udp.then_some(SocketAddr::from((ip, port)))
}

fn readdress(candidate: &str, port: u16) -> String {
    let mut fields: Vec<String> = candidate.split(' ').map(str::to_owned).collect();
    fields[4] = Ipv4Addr::LOCALHOST.to_string();
    fields[5] = port.to_string();
    fields.join(" ")
}

fn without_candidates(sdp: &str) -> String {
    sdp.split_inclusive("\r\n").filter(|line| !line.starts_with("a=candidate:")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_led_to_the_gate() {
        let candidate = "candidate:1 1 udp 2130706431 10.0.0.7 41000 typ host generation 0";
        assert_eq!(target(candidate), Some(SocketAddr::from(([10, 0, 0, 7], 41_000))));
        assert_eq!(readdress(candidate, 9), "candidate:1 1 udp 2130706431 127.0.0.1 9 typ host generation 0");
        for other in ["candidate:1 1 tcp 1 10.0.0.7 9 typ host", "candidate:1 1 udp 1 fe80::1 9 typ host", "nonsense"] {
            assert_eq!(target(other), None);
        }
    }

    #[test]
    fn descriptions_show_no_way_around_the_road() {
        let sdp = "v=0\r\na=candidate:1 1 udp 1 10.0.0.7 9 typ host\r\na=mid:0\r\n";
        assert_eq!(without_candidates(sdp), "v=0\r\na=mid:0\r\n");
    }
}
