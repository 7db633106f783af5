//! Calls between people, and what flows in them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use parley_client::engine::{PeerStats, StreamId};
use parley_media::I420;
use parley_shared::view::{CallPhaseView, Command};

use crate::person::{Person, SOON};

/// A call from `caller` to `callee` with picture and sound flowing both ways.
///
/// # Errors
/// It did not come about.
pub async fn call(caller: &Person, callee: &Person) -> Result<()> {
    start(caller, callee).await?;
    accept(callee).await?;
    for person in [caller, callee] {
        decodes_until(person, 10).await?;
        stats_until(person, "heard the other", |stats| stats.audio.received > 20).await?;
    }
    Ok(())
}

/// Rings the other in their direct room.
///
/// # Errors
/// It cannot be started.
pub async fn start(caller: &Person, callee: &Person) -> Result<()> {
    let room_id = caller.open_direct(&callee.name).await?;
    caller.command(Command::StartCall { room_id, camera: true, muted: false }).await
}

/// Waits for a call to ring and accepts it with the camera on.
///
/// # Errors
/// None rang.
pub async fn accept(callee: &Person) -> Result<()> {
    callee.see_call("a ringing call", |call| (call.phase == CallPhaseView::Incoming).then_some(())).await?;
    callee.command(Command::AcceptCall { camera: true, muted: false }).await
}

/// Ends the call on one side, and waits until it is over on both.
///
/// # Errors
/// It goes on.
pub async fn hang_up(person: &Person, other: &Person) -> Result<()> {
    person.command(Command::HangUp).await?;
    person.see_no_call().await?;
    other.see_no_call().await
}

/// Pictures of the other that were shown so far.
pub async fn decoded(person: &Person) -> u64 {
    person.client.call_stats().await.first().map_or(0, |stats| stats.video.decoded)
}

/// Waits until this many pictures of the other were shown.
///
/// # Errors
/// They were not in time.
pub async fn decodes_until(person: &Person, pictures: u64) -> Result<()> {
    decodes_within(person, pictures, SOON).await
}

/// As [`decodes_until`], with a time of its own.
///
/// # Errors
/// They were not in time.
pub async fn decodes_within(person: &Person, pictures: u64, within: Duration) -> Result<()> {
    let what = format!("shown {pictures} pictures");
    stats_within(person, &what, within, |stats| stats.video.decoded >= pictures).await.map(drop)
}

/// Waits until the statistics of the other participant satisfy `enough`; gives them.
///
/// # Errors
/// They did not in time; the message holds the last ones.
pub async fn stats_until(person: &Person, what: &str, enough: impl Fn(&PeerStats) -> bool) -> Result<PeerStats> {
    stats_within(person, what, SOON, enough).await
}

async fn stats_within(
    person: &Person,
    what: &str,
    within: Duration,
    enough: impl Fn(&PeerStats) -> bool,
) -> Result<PeerStats> {
    let deadline = tokio::time::Instant::now() + within;
    loop {
        let all = person.client.call_stats().await;
        if let Some(stats) = all.iter().find(|stats| enough(stats)) {
            return Ok(stats.clone());
        }
        if tokio::time::Instant::now() >= deadline {
            let call = person.view().call;
            return Err(anyhow!("{} has not {what} within {within:?}: {all:?}; {call:?}", person.name));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The newest picture of the other, once there is one.
pub async fn remote_picture(person: &Person) -> Option<Arc<I420>> {
    let stream = person.view().call?.participants.iter().find_map(|participant| participant.stream)?;
    let mut frames = person.client.frames().subscribe(StreamId(stream));
    let frame = tokio::time::timeout(SOON, frames.changed()).await.ok()??;
    Some(frame.picture)
}

/// How much the luma of a picture varies (standard deviation): 0 for a flat one.
pub fn deviation(picture: &I420) -> f64 {
    let values = picture.y();
    let count = values.len().max(1) as f64;
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
    (values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count).sqrt()
}
