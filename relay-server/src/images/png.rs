//! PNG (ISO 15948): a signature and a row of chunks.

use image::metadata::Orientation;

use super::Clean;

pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// What draws. The chunks of an animation (acTL, fcTL, fdAT) are not among them: its default picture stays.
const DRAWING: [&[u8; 4]; 7] = [b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"IDAT"];

/// Keeps the chunks that draw, up to the end. None for what has no header or no end; the decoder checks the rest.
pub(super) fn clean(bytes: &[u8]) -> Option<Clean> {
    let mut rest = bytes.strip_prefix(SIGNATURE)?;
    let header = rest.get(4..).filter(|header| header.starts_with(b"IHDR"))?;
    let mut clean = Clean {
        bytes: Vec::with_capacity(bytes.len()),
        width_px: u32::from_be_bytes(*header.get(4..)?.first_chunk()?),
        height_px: u32::from_be_bytes(*header.get(8..)?.first_chunk()?),
        orientation: Orientation::NoTransforms,
    };
    clean.bytes.extend(SIGNATURE);
    loop {
        let length = usize::try_from(u32::from_be_bytes(*rest.first_chunk()?)).ok()?;
        let chunk = rest.get(..length.checked_add(12)?)?;
        let kind: &[u8; 4] = chunk[4..].first_chunk()?;
        rest = &rest[chunk.len()..];
        match kind {
            b"IEND" => {
                clean.bytes.extend(END);
                return (clean.width_px > 0 && clean.height_px > 0).then_some(clean);
            }
            b"eXIf" => {
                let exif = &chunk[8..8 + length];
                clean.orientation = Orientation::from_exif_chunk(exif).unwrap_or(clean.orientation);
            }
            kind if DRAWING.contains(&kind) => clean.bytes.extend(chunk),
            _ => {}
        }
    }
}

/// IEND has no content: whatever an odd one carries goes.
const END: &[u8] = b"\0\0\0\0IEND\xae\x42\x60\x82";
