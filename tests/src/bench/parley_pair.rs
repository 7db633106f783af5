//! A call between two of ours, each a process without a window.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::bot::{Bot, BotOptions};

/// What one call gave. Latencies and memory are means of both sides.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    pub setup_ms: Option<f64>,
    pub video_latency_p50_ms: Option<f64>,
    pub audio_latency_p50_ms: Option<f64>,
    pub cpu_cores: Option<f64>,
    pub client_rss_mb: Option<f64>,
}

/// Calls for some seconds.
///
/// # Errors
/// The call failed.
pub async fn call(relay_url: &str, run: u32, seconds: u32) -> Result<Figures> {
    let (ada, bea) = (format!("Ada {run}"), format!("Bea {run}"));
    let callee = Bot::start(relay_url, BotOptions::new(&bea, seconds))?;
    let caller = Bot::start(relay_url, BotOptions::new(&ada, seconds).dialling(&bea))?;
    let reports = tokio::task::spawn_blocking(move || (caller.finish(), callee.finish())).await?;
    let (a, b) = (reports.0?.figures, reports.1?.figures);
    let both = |pointer: &str| Some(f64::midpoint(number(&a, pointer)?, number(&b, pointer)?));
    let setup = || {
        Some(number(&a, "/first_video_at_ms")?.max(number(&b, "/first_video_at_ms")?) - number(&b, "/accepted_at_ms")?)
    };
    let cpu = |side: &Value| Some(number(side, "/cpu_s")? / number(side, "/seconds")?);
    Ok(Figures {
        setup_ms: setup(),
        video_latency_p50_ms: both("/video/latency_ms/p50"),
        audio_latency_p50_ms: both("/audio/latency_ms/p50"),
        cpu_cores: Some(cpu(&a).context("no processor time")? + cpu(&b).context("no processor time")?),
        client_rss_mb: both("/rss_mb"),
    })
}

fn number(report: &Value, pointer: &str) -> Option<f64> {
    report.pointer(pointer)?.as_f64()
}
