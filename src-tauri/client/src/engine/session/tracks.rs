//! Names the media sections of our own descriptions.

use parley_shared::ids::{TrackId, UnixMs};
use parley_shared::wire::{TrackInfo, TrackSource};
use std::time::{SystemTime, UNIX_EPOCH};

/// The ids of what we send; they stay the same when a connection is built anew.
#[derive(Debug)]
pub(crate) struct LocalTracks {
    microphone: TrackId,
    camera: TrackId,
}

impl LocalTracks {
    pub(crate) fn new() -> Self {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = UnixMs(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX));
        Self { microphone: TrackId::from_parts(now, rand::random()), camera: TrackId::from_parts(now, rand::random()) }
    }

    /// What the sections of `sdp` carry, by their `a=mid`.
    pub(crate) fn describe(&self, sdp: &str) -> Vec<TrackInfo> {
        let mut tracks = Vec::new();
        let mut section = None;
        for line in sdp.lines() {
            if let Some(media) = line.strip_prefix("m=") {
                section = self.section(media);
            } else if let Some(mid) = line.strip_prefix("a=mid:")
                && let Some((id, source)) = section.take()
            {
                tracks.push(TrackInfo { id, mid: mid.trim().to_owned(), source });
            }
        }
        tracks
    }

    fn section(&self, media: &str) -> Option<(TrackId, TrackSource)> {
        match media.split_whitespace().next() {
            Some("audio") => Some((self.microphone, TrackSource::Microphone)),
            Some("video") => Some((self.camera, TrackSource::Camera)),
            Some(_) | None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_named_by_their_mid() {
        let tracks = LocalTracks::new();
        let sdp =
            "v=0\r\nm=audio 9 X 111\r\na=mid:0\r\nm=video 9 X 102\r\na=mid:v1\r\nm=application 9 X\r\na=mid:2\r\n";
        let described = tracks.describe(sdp);
        assert_eq!(described.len(), 2);
        assert_eq!((described[0].mid.as_str(), described[0].source), ("0", TrackSource::Microphone));
        assert_eq!((described[1].mid.as_str(), described[1].source), ("v1", TrackSource::Camera));
        assert_ne!(described[0].id, described[1].id);
    }
}
