//! JPEG (ITU T.81): a row of marker segments, entropy-coded data after each start of scan.

use image::metadata::Orientation;

use super::Clean;

const START: u8 = 0xd8;
const END: u8 = 0xd9;
const START_OF_SCAN: u8 = 0xda;
const COMMENT: u8 = 0xfe;
/// JFIF: the density. It draws nothing, but old readers want it.
const JFIF: u8 = 0xe0;
const EXIF: u8 = 0xe1;
/// Adobe's segment says how colours are coded: without it a CMYK picture is inverted.
const ADOBE: u8 = 0xee;

/// Keeps the segments that draw and what stands between start and end. None for what has no end, no frame or no scan.
pub(super) fn clean(bytes: &[u8]) -> Option<Clean> {
    let mut clean = Clean {
        bytes: Vec::with_capacity(bytes.len()),
        width_px: 0,
        height_px: 0,
        orientation: Orientation::NoTransforms,
    };
    let mut rest = bytes.strip_prefix(&[0xff, START])?;
    clean.bytes.extend([0xff, START]);
    let mut scans = 0;
    loop {
        let (marker, after) = next_marker(rest)?;
        if marker == END {
            clean.bytes.extend([0xff, END]);
            return (scans > 0 && clean.width_px > 0 && clean.height_px > 0).then_some(clean);
        }
        let length = usize::from(u16::from_be_bytes(*after.first_chunk()?));
        let segment = after.get(..length)?;
        let body = segment.get(2..)?;
        rest = &after[length..];
        match marker {
            EXIF => {
                if let Some(tiff) = body.strip_prefix(b"Exif\0\0") {
                    clean.orientation = Orientation::from_exif_chunk(tiff).unwrap_or(clean.orientation);
                }
            }
            JFIF if body.starts_with(b"JFIF\0") => keep(&mut clean.bytes, marker, &without_preview(body)?),
            ADOBE if body.starts_with(b"Adobe") => keep(&mut clean.bytes, marker, body.get(..ADOBE_BYTES)?),
            0xe0..=0xef | COMMENT => {}
            // Start of frame, but for the tables among these numbers.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                if clean.width_px > 0 {
                    return None;
                }
                clean.height_px = u32::from(u16::from_be_bytes(*body.get(1..)?.first_chunk()?));
                clean.width_px = u32::from(u16::from_be_bytes(*body.get(3..)?.first_chunk()?));
                keep(&mut clean.bytes, marker, body);
            }
            START_OF_SCAN => {
                scans += 1;
                keep(&mut clean.bytes, marker, body);
                let coded = coded_bytes(rest)?;
                clean.bytes.extend(&rest[..coded]);
                rest = &rest[coded..];
            }
            0xc4 | 0xcc | 0xdb..=0xdf => keep(&mut clean.bytes, marker, body),
            _ => return None,
        }
    }
}

/// "Adobe", version, flags, transform.
const ADOBE_BYTES: usize = 12;
/// "JFIF", version, unit, density, and a preview of no pixels.
const JFIF_BYTES: usize = 14;

fn without_preview(jfif: &[u8]) -> Option<[u8; JFIF_BYTES]> {
    let mut plain: [u8; JFIF_BYTES] = *jfif.first_chunk()?;
    plain[12..].fill(0);
    Some(plain)
}

fn keep(out: &mut Vec<u8>, marker: u8, body: &[u8]) {
    let length = u16::try_from(body.len() + 2).expect("a segment that was read has at most 65,535 bytes");
    out.extend([0xff, marker]);
    out.extend(length.to_be_bytes());
    out.extend(body);
}

/// A marker may be preceded by any number of fill bytes.
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let fill = bytes.iter().take_while(|byte| **byte == 0xff).count();
    if fill == 0 {
        return None;
    }
    let marker = *bytes.get(fill)?;
    Some((marker, &bytes[fill + 1..]))
}

/// How many bytes of entropy-coded data come before the next marker; stuffed zeros and restarts belong to them.
fn coded_bytes(bytes: &[u8]) -> Option<usize> {
    bytes.windows(2).position(|pair| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xd0..=0xd7 | 0xff))
}
