//! What a file's bytes are: a picture that can be shown, or anything else.

use std::io::Cursor;

use base64::Engine;
use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use parley_shared::limits::{IMAGE_BYTES, IMAGE_PIXELS, THUMBNAIL_PX};
use parley_shared::wire::AttachmentKind;

/// The types that are shown, by what their files begin with.
const TYPES: [(ImageFormat, &str); 3] =
    [(ImageFormat::Jpeg, "image/jpeg"), (ImageFormat::Png, "image/png"), (ImageFormat::WebP, "image/webp")];
/// A ThumbHash takes pictures up to this size.
const PLACEHOLDER_PX: u32 = 100;
/// Looks like the original at a fraction of its bytes.
const THUMBNAIL_QUALITY: u8 = 82;

/// A picture that was decoded whole.
#[derive(Debug)]
pub struct Picture {
    pub kind: AttachmentKind,
    /// JPEG, or PNG where there is transparency; fits [`THUMBNAIL_PX`].
    pub thumbnail: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    #[error("A picture has at most 5 MB.")]
    TooManyBytes,
    #[error("A picture has at most 40 million pixels.")]
    TooManyPixels,
}

/// The media type of a picture that may be shown, by the first bytes of its file.
pub fn shown_type(bytes: &[u8]) -> Option<&'static str> {
    let format = image::guess_format(bytes).ok()?;
    TYPES.iter().find(|(known, _)| *known == format).map(|(_, name)| *name)
}

/// Decodes a picture; `None` for a file that is none, or is one that does not decode. Takes up to a second and 200 MB.
///
/// # Errors
/// It is a picture over a limit; it was not decoded then.
pub fn look(bytes: &[u8]) -> Result<Option<Picture>, PictureError> {
    if shown_type(bytes).is_none() {
        return Ok(None);
    }
    let Some((mut decoder, orientation)) = decoder(bytes) else { return Ok(None) };
    let (width, height) = decoder.dimensions();
    if bytes.len() as u64 > IMAGE_BYTES {
        return Err(PictureError::TooManyBytes);
    }
    if u64::from(width) * u64::from(height) > IMAGE_PIXELS {
        return Err(PictureError::TooManyPixels);
    }
    let mut limits = Limits::no_limits();
    // Sixteen bits for each of four channels, and as much again for the decoder itself.
    limits.max_alloc = Some(2 * 8 * IMAGE_PIXELS);
    let decoded = decoder.set_limits(limits).and_then(|()| DynamicImage::from_decoder(decoder));
    Ok(decoded.ok().and_then(|picture| shrink(&picture, orientation)))
}

fn decoder(bytes: &[u8]) -> Option<(impl ImageDecoder + '_, Orientation)> {
    let mut decoder = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?.into_decoder().ok()?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    Some((decoder, orientation))
}

fn shrink(picture: &DynamicImage, orientation: Orientation) -> Option<Picture> {
    let (width, height) = (picture.width(), picture.height());
    let side = THUMBNAIL_PX.min(width.max(height));
    let mut thumbnail = picture.thumbnail(side, side);
    // The small one is turned: that is cheap.
    thumbnail.apply_orientation(orientation);
    let (width_px, height_px) = if turns(orientation) { (height, width) } else { (width, height) };
    let kind = AttachmentKind::Image { width_px, height_px, placeholder: placeholder(&thumbnail) };
    Some(Picture { kind, thumbnail: encode(&thumbnail)? })
}

fn turns(orientation: Orientation) -> bool {
    match orientation {
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH => {
            true
        }
        Orientation::NoTransforms
        | Orientation::Rotate180
        | Orientation::FlipHorizontal
        | Orientation::FlipVertical => false,
    }
}

fn encode(thumbnail: &DynamicImage) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    if thumbnail.color().has_alpha() {
        thumbnail.to_rgba8().write_to(&mut Cursor::new(&mut out), ImageFormat::Png).ok()?;
    } else {
        thumbnail.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut out, THUMBNAIL_QUALITY)).ok()?;
    }
    Some(out)
}

fn placeholder(thumbnail: &DynamicImage) -> String {
    let small = thumbnail.thumbnail(PLACEHOLDER_PX, PLACEHOLDER_PX).to_rgba8();
    let (width, height) = (small.width() as usize, small.height() as usize);
    base64::engine::general_purpose::STANDARD.encode(thumbhash::rgba_to_thumb_hash(width, height, small.as_raw()))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use image::RgbaImage;

    pub fn encoded(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let picture = RgbaImage::from_fn(width, height, |x, y| image::Rgba([x as u8, y as u8, 90, 255]));
        let mut out = Vec::new();
        let picture = DynamicImage::from(picture);
        match format {
            ImageFormat::Png => picture.write_to(&mut Cursor::new(&mut out), format).unwrap(),
            _ => DynamicImage::from(picture.to_rgb8()).write_to(&mut Cursor::new(&mut out), format).unwrap(),
        }
        out
    }

    /// A JPEG with an EXIF orientation.
    fn turned(width: u32, height: u32, orientation: u8) -> Vec<u8> {
        let jpeg = encoded(width, height, ImageFormat::Jpeg);
        let mut exif = b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
        [&jpeg[..2], &exif, &jpeg[2..]].concat()
    }

    fn size(picture: &Picture) -> (u32, u32) {
        match &picture.kind {
            AttachmentKind::Image { width_px, height_px, placeholder } => {
                assert!(placeholder.len() > 10);
                (*width_px, *height_px)
            }
            AttachmentKind::File { .. } => panic!("a file"),
        }
    }

    #[test]
    fn pictures_of_three_types_get_a_thumbnail_and_a_placeholder() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            let picture = look(&encoded(1_000, 500, format)).unwrap().unwrap();
            assert_eq!(size(&picture), (1_000, 500));
            let thumbnail = image::load_from_memory(&picture.thumbnail).unwrap();
            assert_eq!((thumbnail.width(), thumbnail.height()), (800, 400));
        }
        let small = look(&encoded(20, 10, ImageFormat::Png)).unwrap().unwrap();
        assert_eq!(image::load_from_memory(&small.thumbnail).unwrap().width(), 20);
    }

    #[test]
    fn a_turned_photo_is_upright() {
        assert_eq!(size(&look(&turned(40, 20, 1)).unwrap().unwrap()), (40, 20));
        let picture = look(&turned(40, 20, 6)).unwrap().unwrap();
        assert_eq!(size(&picture), (20, 40));
        let thumbnail = image::load_from_memory(&picture.thumbnail).unwrap();
        assert_eq!((thumbnail.width(), thumbnail.height()), (20, 40));
    }

    #[test]
    fn what_is_no_picture_is_a_file() {
        let jpeg = encoded(300, 300, ImageFormat::Jpeg);
        let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
        for bytes in [&b""[..], b"hello", b"PK\x03\x04zip", svg, b"\x89PNG\r\n\x1a\nnot really", &jpeg[..40], b"GIF89a"]
        {
            assert!(look(bytes).unwrap().is_none(), "{bytes:?}");
        }
    }

    #[test]
    fn a_picture_over_a_limit_is_refused_before_it_is_decoded() {
        // The head of a PNG of 65,500 by 65,500 pixels.
        let mut bomb = encoded(1, 1, ImageFormat::Png);
        bomb[16..24].copy_from_slice(&[0, 0, 0xff, 0xdc, 0, 0, 0xff, 0xdc]);
        let crc = crc32(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&crc.to_be_bytes());
        let start = std::time::Instant::now();
        assert_eq!(look(&bomb).unwrap_err(), PictureError::TooManyPixels);
        assert!(start.elapsed() < std::time::Duration::from_millis(100));

        let mut heavy = encoded(10, 10, ImageFormat::Jpeg);
        heavy.resize(IMAGE_BYTES as usize + 1, 0);
        assert_eq!(look(&heavy).unwrap_err(), PictureError::TooManyBytes);
    }

    fn crc32(bytes: &[u8]) -> u32 {
        let step = |crc: u32| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
        !bytes.iter().fold(!0_u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
    }
}
