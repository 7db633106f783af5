//! One connection of a session: a generation of it, with the tasks that feed it.

use super::PeerSessionConfig;
use super::picture_receiver::{PictureEvent, PictureReceiver};
use super::protection::Protection;
use crate::engine::local::{AudioSubscription, LocalMedia, PathHandle, RemoteSound};
use crate::peer::{Cookie, MediaKind, Peer, PeerConfig, PeerError, PeerEvent, PeerSink, VideoUnit, WebrtcPeer};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub(super) enum LinkEvent {
    Peer { generation: u32, event: PeerEvent },
    Picture(PictureEvent),
    FirstSound,
}

/// Dropping a link stops its tasks and closes its connection in the background.
pub(super) struct Link {
    generation: u32,
    peer: Arc<dyn Peer>,
    feeders: JoinSet<()>,
    is_sending: bool,
    sound_path: Option<PathHandle>,
    protection: Protection,
    /// Packets of an abandoned connection are not for the receivers of the next.
    is_current: Arc<AtomicBool>,
}

impl Link {
    pub(super) async fn open(
        generation: u32,
        config: &PeerSessionConfig,
        cookie: Option<Cookie>,
        events: mpsc::Sender<LinkEvent>,
        pictures: PictureReceiver,
        sound: Arc<RemoteSound>,
    ) -> Result<Self, PeerError> {
        let is_current = Arc::new(AtomicBool::new(true));
        let sink = sink(generation, events, pictures, sound, Arc::clone(&is_current));
        let peer_config = PeerConfig {
            ice_servers: config.ice_servers.clone(),
            relay_only: config.relay_only,
            cookie,
            loopback: config.loopback,
            bandwidth: config.bandwidth,
            extra_roots: config.extra_roots.clone(),
            network: config.network.clone(),
        };
        let peer = Arc::new(WebrtcPeer::open(peer_config, sink).await?);
        Ok(Self {
            generation,
            peer,
            feeders: JoinSet::new(),
            is_sending: false,
            sound_path: None,
            protection: Protection::new(),
            is_current,
        })
    }

    pub(super) fn generation(&self) -> u32 {
        self.generation
    }

    pub(super) fn peer(&self) -> Arc<dyn Peer> {
        Arc::clone(&self.peer)
    }

    /// Begins with a key frame. Does nothing when it has begun already.
    pub(super) fn start_sending(&mut self, local: &LocalMedia) {
        if std::mem::replace(&mut self.is_sending, true) {
            return;
        }
        let video = local.subscribe_video(self.peer.budget());
        self.feeders.spawn(feed_video(Arc::clone(&self.peer), video));
        let sound = local.subscribe_audio();
        self.sound_path = Some(sound.path());
        self.peer.set_audio_copies(self.protection.plan().copies);
        self.feeders.spawn(feed_audio(Arc::clone(&self.peer), sound));
    }

    /// Protects our sound against the loss of it that the other side reports, 0 to 1. To be called about once a second.
    pub(super) fn protect_sound(&mut self, loss: f64) {
        let Some(path) = &self.sound_path else { return };
        let plan = self.protection.on_report(loss, self.peer.budget().target_bps());
        self.peer.set_audio_copies(plan.copies);
        path.set(plan.path);
    }

    pub(super) async fn close(mut self) {
        self.is_current.store(false, Ordering::Relaxed);
        self.feeders.shutdown().await;
        self.peer.close().await;
    }
}

fn sink(
    generation: u32,
    events: mpsc::Sender<LinkEvent>,
    pictures: PictureReceiver,
    sound: Arc<RemoteSound>,
    is_current: Arc<AtomicBool>,
) -> PeerSink {
    let (peer_events, sound_events) = (events.clone(), events);
    let has_sound = AtomicBool::new(false);
    PeerSink {
        on_event: Arc::new(move |event| {
            if peer_events.try_send(LinkEvent::Peer { generation, event }).is_err() {
                tracing::debug!("an event of a connection was not taken");
            }
        }),
        on_packet: Arc::new(move |kind, packet| {
            if !is_current.load(Ordering::Relaxed) {
                return;
            }
            match kind {
                MediaKind::Video => pictures.push(packet),
                MediaKind::Audio => {
                    sound.push(&packet);
                    if !has_sound.swap(true, Ordering::Relaxed) {
                        let _ = sound_events.try_send(LinkEvent::FirstSound);
                    }
                }
            }
        }),
    }
}

async fn feed_video(peer: Arc<dyn Peer>, mut video: mpsc::Receiver<Arc<VideoUnit>>) {
    while let Some(unit) = video.recv().await {
        if let Err(error) = peer.send_video(&unit).await {
            tracing::debug!(%error, "a picture was not sent");
        }
    }
}

async fn feed_audio(peer: Arc<dyn Peer>, mut audio: AudioSubscription) {
    while let Some(unit) = audio.units.recv().await {
        if let Err(error) = peer.send_audio(&unit).await {
            tracing::debug!(%error, "sound was not sent");
        }
    }
}
