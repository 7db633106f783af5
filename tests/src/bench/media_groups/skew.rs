//! Sound and picture over minutes, while the clocks of the microphones run apart from those of the loudspeakers.

use std::time::Duration;

use anyhow::{Context, Result};
use parley_client::peer::NetworkProfile;

use super::{Clips, Figures, MEDIA, RTT, SMALL, WARM_UP, has_both};
use crate::bench::clip;
use crate::bench::end::{Kind, Picture, Setup, Sound};
use crate::bench::media_call::MediaCall;
use crate::bench::seen::percentile;
use crate::link::Road;

/// One microphone is fast by this and the other slow: 18 ms a minute.
const DRIFT_PPM: i32 = 300;

pub(super) async fn drifting_clocks(kind: Kind, seed: u64, clips: &Clips, span: Duration) -> Result<Figures> {
    let road = Road::new(seed, NetworkProfile::default().with_rtt(RTT));
    let picture =
        Picture { clip: clips.small.clone(), width: SMALL.0, height: SMALL.1, fps: clip::FPS, with_clock: true };
    let setup = |offers, drift_ppm| Setup {
        offers,
        picture: Some(picture.clone()),
        sound: Sound::Clicks { drift_ppm },
        reads_marks: true,
    };
    let mut call = MediaCall::start(kind, &road).await?;
    call.open([setup(true, DRIFT_PPM), setup(false, -DRIFT_PPM)]).await?;
    call.until(MEDIA, |firsts| firsts.iter().all(has_both)).await.context("no media")?;
    call.go_on(WARM_UP).await?;
    let stretch = call.measure(span).await?;
    let skews = [0, 1].map(|end| stretch.av_skews(end).into_iter().map(f64::abs).collect::<Vec<_>>());
    let clicks_lost = [0, 1].map(|end| 1.0 - stretch.reports[end].clicks.len() as f64 / span.as_secs_f64());
    eprintln!("{kind:?}: clicks lost {clicks_lost:.3?}, concealed {:.3?} %", stretch.concealed_pct);
    let worst = skews.iter().filter_map(|skews| percentile(skews, 0.95)).reduce(f64::max);
    let concealed = stretch.concealed_pct[0].max(stretch.concealed_pct[1]);
    Ok(worst.map(|ms| ("av_skew_ms", ms)).into_iter().chain([("av_skew_concealed_pct", concealed)]).collect())
}
