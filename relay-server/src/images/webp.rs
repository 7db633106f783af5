//! WebP (RFC 9649): a RIFF container of chunks.

use image::metadata::Orientation;

use super::Clean;

const CHUNK_HEAD: usize = 8;
/// Of `VP8X`: whether there is an alpha channel.
const ALPHA: u8 = 0x10;
/// Before the chunks of a frame: its place, size, duration and flags.
const FRAME_HEAD: usize = 16;

/// One picture: of an animation the first.
#[derive(Default)]
struct Still<'a> {
    alpha: Option<&'a [u8]>,
    /// The chunk's name and content.
    image: Option<(&'a [u8; 4], &'a [u8])>,
}

/// Keeps the picture itself. None for what has none.
pub(super) fn clean(bytes: &[u8]) -> Option<Clean> {
    let size = usize::try_from(u32::from_le_bytes(*bytes.get(4..)?.first_chunk()?)).ok()?;
    let body = bytes.get(CHUNK_HEAD..size.checked_add(CHUNK_HEAD)?)?.strip_prefix(b"WEBP")?;
    let mut still = Still::default();
    let mut orientation = Orientation::NoTransforms;
    for (kind, content) in Chunks(body) {
        match kind {
            b"ANMF" if still.image.is_none() => still = first_frame(content.get(FRAME_HEAD..)?),
            b"EXIF" => {
                let tiff = content.strip_prefix(b"Exif\0\0").unwrap_or(content);
                orientation = Orientation::from_exif_chunk(tiff).unwrap_or(orientation);
            }
            _ => still.take(kind, content),
        }
    }
    let (kind, image) = still.image?;
    let (width_px, height_px) = if kind == b"VP8L" { lossless_size(image)? } else { lossy_size(image)? };
    if width_px == 0 || height_px == 0 {
        return None;
    }
    Some(Clean { bytes: riff(&still, width_px, height_px)?, width_px, height_px, orientation })
}

impl<'a> Still<'a> {
    fn take(&mut self, kind: &'a [u8; 4], content: &'a [u8]) {
        match kind {
            b"ALPH" if self.image.is_none() => self.alpha = Some(content),
            b"VP8 " | b"VP8L" if self.image.is_none() => self.image = Some((kind, content)),
            _ => {}
        }
    }
}

fn first_frame(chunks: &[u8]) -> Still<'_> {
    let mut still = Still::default();
    for (kind, content) in Chunks(chunks) {
        still.take(kind, content);
    }
    still
}

/// Chunk by chunk, as far as they are whole.
struct Chunks<'a>(&'a [u8]);

impl<'a> Iterator for Chunks<'a> {
    type Item = (&'a [u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let kind = self.0.first_chunk()?;
        let length = usize::try_from(u32::from_le_bytes(*self.0.get(4..)?.first_chunk()?)).ok()?;
        let end = length.checked_add(CHUNK_HEAD)?;
        let content = self.0.get(CHUNK_HEAD..end)?;
        // A chunk of odd length is followed by a byte of padding, which the last may lack.
        self.0 = self.0.get(end + length % 2..).unwrap_or_default();
        Some((kind, content))
    }
}

/// RFC 9649, 3.4: fourteen bits each, less one.
fn lossless_size(image: &[u8]) -> Option<(u32, u32)> {
    let bits = u32::from_le_bytes(*image.strip_prefix(&[0x2f])?.first_chunk()?);
    Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
}

/// RFC 6386, 9.1: a key frame's start code, then fourteen bits each.
fn lossy_size(image: &[u8]) -> Option<(u32, u32)> {
    let sizes: &[u8; 4] = image.get(3..)?.strip_prefix(&[0x9d, 0x01, 0x2a])?.first_chunk()?;
    let [w0, w1, h0, h1] = *sizes;
    Some((u32::from(u16::from_le_bytes([w0, w1]) & 0x3fff), u32::from(u16::from_le_bytes([h0, h1]) & 0x3fff)))
}

fn riff(still: &Still<'_>, width_px: u32, height_px: u32) -> Option<Vec<u8>> {
    let (kind, image) = still.image?;
    let mut body = b"WEBP".to_vec();
    if let Some(alpha) = still.alpha.filter(|_| kind == b"VP8 ") {
        let mut head = [0; 10];
        head[0] = ALPHA;
        head[4..7].copy_from_slice(&(width_px - 1).to_le_bytes()[..3]);
        head[7..10].copy_from_slice(&(height_px - 1).to_le_bytes()[..3]);
        push(&mut body, b"VP8X", &head)?;
        push(&mut body, b"ALPH", alpha)?;
    }
    push(&mut body, kind, image)?;
    let mut riff = b"RIFF".to_vec();
    riff.extend(u32::try_from(body.len()).ok()?.to_le_bytes());
    riff.extend(body);
    Some(riff)
}

fn push(out: &mut Vec<u8>, kind: &[u8; 4], content: &[u8]) -> Option<()> {
    out.extend(kind);
    out.extend(u32::try_from(content.len()).ok()?.to_le_bytes());
    out.extend(content);
    out.extend(std::iter::repeat_n(0, content.len() % 2));
    Some(())
}
