//! One stream on the page: the newest picture, at the tile's size, and not before the last one was drawn.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::{BufMut, Bytes, BytesMut};
use parley_client::engine::FrameWatch;
use parley_media::frame::{I420, VideoFrame};
use tokio::{
    sync::{Notify, mpsc, watch},
    task::AbortHandle,
};

/// Stream, sequence, width and height in front of the planes.
const HEADER_BYTES: usize = 12;

/// A tile that is shown. Dropping it ends the stream of pictures.
///
/// ```text
/// Waiting for a picture --sent--> Under way --ack--> Waiting
/// ```
#[derive(Debug)]
pub struct Tile {
    size: watch::Sender<TileSize>,
    way: Arc<Way>,
    task: AbortHandle,
}

/// In pixels of the screen, both at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileSize {
    width: usize,
    height: usize,
}

/// Whether a picture is between here and the screen.
#[derive(Debug, Default)]
struct Way {
    taken: AtomicBool,
    free: Notify,
}

impl TileSize {
    /// None when nothing is shown.
    pub fn new(width: u32, height: u32) -> Option<Self> {
        let side = |pixels: u32| pixels.min(u16::MAX.into()) as usize;
        (width > 0 && height > 0).then(|| Self { width: side(width), height: side(height) })
    }

    /// The size to send a picture in: its own shape, just large enough to cover the tile, and never larger than it is.
    pub fn covered_by(self, width: usize, height: usize) -> (usize, usize) {
        if self.width >= width || self.height >= height {
            return (width, height);
        }
        let even = |side: usize| (side.max(2) + 1) & !1;
        if self.width * height >= self.height * width {
            (even(self.width), even((self.width * height).div_ceil(width)).min(height))
        } else {
            (even((self.height * width).div_ceil(height)).min(width), even(self.height))
        }
    }
}

impl Tile {
    /// Starts to send the pictures of `frames` to `outbox`, each as one packet. Needs a tokio runtime.
    pub fn show(stream: u32, size: TileSize, frames: FrameWatch, outbox: mpsc::Sender<Bytes>) -> Self {
        let (size, sizes) = watch::channel(size);
        let way = Arc::new(Way::default());
        let task = tokio::spawn(run(stream, sizes, frames, outbox, way.clone())).abort_handle();
        Self { size, way, task }
    }

    pub fn resize(&self, size: TileSize) {
        self.size.send_if_modified(|before| std::mem::replace(before, size) != size);
    }

    /// Whether the stream has ended. One of the same number may begin later.
    pub fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// The picture under way was drawn.
    pub fn on_ack(&self) {
        if self.way.taken.swap(false, Ordering::AcqRel) {
            self.way.free.notify_one();
        }
    }
}

impl Drop for Tile {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(
    stream: u32,
    mut sizes: watch::Receiver<TileSize>,
    mut frames: FrameWatch,
    outbox: mpsc::Sender<Bytes>,
    way: Arc<Way>,
) {
    let mut last: Option<VideoFrame> = None;
    let mut sequence = 0_u32;
    loop {
        let frame = tokio::select! {
            frame = frames.changed() => match frame {
                Some(frame) => frame,
                None => return,
            },
            changed = sizes.changed() => match (changed, &last) {
                (Ok(()), Some(last)) => last.clone(),
                (Ok(()), None) => continue,
                (Err(_), _) => return,
            },
        };
        let size = *sizes.borrow_and_update();
        let picture = frame.picture.clone();
        last = Some(frame);
        // Scaling takes milliseconds: not on the threads that move packets.
        let Ok(packet) = tokio::task::spawn_blocking(move || packet(stream, sequence, &picture, size)).await else {
            return;
        };
        sequence = sequence.wrapping_add(1);
        way.taken.store(true, Ordering::Release);
        if outbox.send(packet).await.is_err() {
            return;
        }
        way.free.notified().await;
    }
}

fn packet(stream: u32, sequence: u32, picture: &I420, tile: TileSize) -> Bytes {
    let (width, height) = tile.covered_by(picture.width(), picture.height());
    if (width, height) == (picture.width(), picture.height()) {
        return encode(stream, sequence, picture);
    }
    encode(stream, sequence, &picture.scaled(width, height))
}

fn encode(stream: u32, sequence: u32, picture: &I420) -> Bytes {
    let side = |pixels: usize| u16::try_from(pixels).expect("a picture has at most 8192 pixels a side");
    let mut packet = BytesMut::with_capacity(HEADER_BYTES + picture.bytes().len());
    packet.put_u32_le(stream);
    packet.put_u32_le(sequence);
    packet.put_u16_le(side(picture.width()));
    packet.put_u16_le(side(picture.height()));
    packet.put_slice(picture.bytes());
    packet.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(tile: (u32, u32), picture: (usize, usize)) -> (usize, usize) {
        TileSize::new(tile.0, tile.1).unwrap().covered_by(picture.0, picture.1)
    }

    #[test]
    fn small_tile_gets_a_picture_of_its_size() {
        assert_eq!(covered((320, 180), (1280, 720)), (320, 180));
        assert_eq!(covered((319, 179), (1280, 720)), (320, 180));
    }

    #[test]
    fn shape_is_kept_and_the_tile_covered() {
        assert_eq!(covered((200, 200), (1280, 720)), (356, 200));
        assert_eq!(covered((640, 100), (1280, 720)), (640, 360));
    }

    #[test]
    fn large_tile_never_enlarges() {
        assert_eq!(covered((2000, 2000), (1280, 720)), (1280, 720));
        assert_eq!(covered((100, 2000), (1280, 720)), (1280, 720));
        assert_eq!(covered((1, 1), (2, 2)), (2, 2));
    }

    #[test]
    fn tile_without_a_side_is_not_shown() {
        assert_eq!(TileSize::new(0, 100), None);
        assert_eq!(TileSize::new(100, 0), None);
    }

    #[test]
    fn any_cover_is_a_possible_picture() {
        for tile in [(1, 1), (3, 7), (65_535, 1), (1279, 719), (u32::MAX, 2)] {
            for picture in [(2, 2), (4, 8192), (8192, 2), (1280, 720), (640, 480)] {
                let (width, height) = covered(tile, picture);
                assert!(
                    width % 2 == 0 && height % 2 == 0 && width >= 2 && height >= 2,
                    "{tile:?} of {picture:?}: {width}x{height}"
                );
                assert!(width <= picture.0 && height <= picture.1, "{tile:?} of {picture:?}: {width}x{height}");
            }
        }
    }

    #[test]
    fn packet_has_its_header_and_tight_planes() {
        let bytes = packet(7, 258, &I420::new(4, 2), TileSize::new(4, 2).unwrap());
        assert_eq!(&bytes[..HEADER_BYTES], [7, 0, 0, 0, 2, 1, 0, 0, 4, 0, 2, 0]);
        assert_eq!(&bytes[HEADER_BYTES..], I420::new(4, 2).bytes());
    }
}
