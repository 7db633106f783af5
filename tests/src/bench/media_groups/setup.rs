//! From the accept to the first sound and the first picture.

use std::time::Duration;

use anyhow::Result;
use parley_client::peer::NetworkProfile;

use super::{Clips, Figures, MEDIA, RTT, has_both};
use crate::bench::end::{Kind, Picture, Setup, Sound};
use crate::bench::media_call::{Firsts, MediaCall};
use crate::link::Road;

const CALLS: u32 = 5;
const CALLS_UNDER_LOSS: u32 = 8;

/// Between two calls, until the sockets of the one before are closed.
const PAUSE: Duration = Duration::from_millis(300);

pub(super) async fn calls(kind: Kind, seed: u64, clips: &Clips) -> Result<Figures> {
    let road = Road::new(seed, NetworkProfile::default().with_rtt(RTT));
    let mut call = MediaCall::start(kind, &road).await?;
    let mut figures = Figures::new();
    for _ in 0..CALLS {
        let firsts = both_ways(&mut call, clips).await?;
        figures.extend(later(firsts, |first| first.sound).map(|ms| ("setup_rtt50_audio_ms", ms)));
        figures.extend(later(firsts, |first| first.picture).map(|ms| ("setup_rtt50_video_ms", ms)));
    }
    Ok(figures)
}

pub(super) async fn calls_under_loss(kind: Kind, seed: u64, clips: &Clips) -> Result<Figures> {
    let road = Road::new(seed, NetworkProfile::lossy(0.2).with_rtt(RTT));
    let mut call = MediaCall::start(kind, &road).await?;
    let mut figures = Figures::new();
    for _ in 0..CALLS_UNDER_LOSS {
        // A call that never comes about took at least as long as one waits for it.
        let took = match both_ways(&mut call, clips).await {
            Ok(firsts) => later(firsts, |first| first.sound.zip(first.picture).map(|(a, b)| a.max(b))),
            Err(error) => {
                eprintln!("{kind:?}: {error:#}");
                Some(MEDIA.as_secs_f64() * 1e3)
            }
        };
        figures.extend(took.map(|ms| ("setup_loss20_p95_ms", ms)));
    }
    Ok(figures)
}

async fn both_ways(call: &mut MediaCall, clips: &Clips) -> Result<[Firsts; 2]> {
    let sound = Sound::File { path: clips.voice.clone() };
    let picture = Some(Picture::of(clips.picture.clone(), true));
    let setup = |offers| Setup { offers, picture: picture.clone(), sound: sound.clone(), reads_marks: false };
    call.open([setup(true), setup(false)]).await?;
    let firsts = call.until(MEDIA, |firsts| firsts.iter().all(has_both)).await?;
    call.go_on(PAUSE).await?;
    Ok(firsts)
}

/// Of both ends the one that waited longer.
fn later(firsts: [Firsts; 2], pick: impl Fn(&Firsts) -> Option<f64>) -> Option<f64> {
    Some(pick(&firsts[0])?.max(pick(&firsts[1])?))
}
