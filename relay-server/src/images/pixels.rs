//! Decoding, resizing, encoding.

use std::io::Cursor;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::codecs::png::{PngDecoder, PngEncoder};
use image::codecs::webp::{WebPDecoder, WebPEncoder};
use image::{DynamicImage, ImageDecoder, Limits, RgbImage, RgbaImage};
use parley_shared::limits::IMAGE_PIXELS;

use super::{Clean, Encoded, Format};

/// Four channels of a byte at the most pixels, and what a decoder needs besides.
const DECODED_BYTES: u64 = IMAGE_PIXELS * 4;
/// Of a picture that has to be turned, and so encoded anew.
const WHOLE_QUALITY: u8 = 90;
const SMALL_QUALITY: u8 = 82;
/// A ThumbHash is of at most this many pixels each way.
const PLACEHOLDER_PX: u32 = 100;

/// None for what does not decode, or decodes to another size than its container says.
pub(super) fn decode(format: Format, clean: &Clean) -> Option<DynamicImage> {
    let input = Cursor::new(&clean.bytes[..]);
    match format {
        Format::Jpeg => bounded(JpegDecoder::new(input).ok()?, clean),
        Format::Png => bounded(PngDecoder::with_limits(input, limits()).ok()?, clean),
        Format::WebP => bounded(WebPDecoder::new(input).ok()?, clean),
    }
}

fn bounded(mut decoder: impl ImageDecoder, clean: &Clean) -> Option<DynamicImage> {
    if decoder.dimensions() != (clean.width_px, clean.height_px) || decoder.total_bytes() > DECODED_BYTES {
        return None;
    }
    decoder.set_limits(limits()).ok()?;
    DynamicImage::from_decoder(decoder).ok()
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(2 * DECODED_BYTES);
    limits
}

/// The whole picture, small enough to fit a square of `side_px`; never enlarged.
pub(super) fn fit(picture: &DynamicImage, side_px: u32) -> Option<DynamicImage> {
    let (width, height) = (picture.width(), picture.height());
    let scale = f64::from(side_px) / f64::from(width.max(height));
    if scale >= 1.0 {
        return Some(plain(picture));
    }
    let side = |px: u32| ((f64::from(px) * scale).round() as u32).clamp(1, side_px);
    resize(picture, side(width), side(height))
}

/// The middle of the picture as a square of `side_px`.
pub(super) fn square(picture: &DynamicImage, side_px: u32) -> Option<DynamicImage> {
    resize(picture, side_px, side_px)
}

/// Fills the size from the middle of the picture.
fn resize(picture: &DynamicImage, width: u32, height: u32) -> Option<DynamicImage> {
    let converted;
    let (pixels, kind) = match picture {
        DynamicImage::ImageRgb8(rgb) => (rgb.as_raw(), PixelType::U8x3),
        DynamicImage::ImageRgba8(rgba) => (rgba.as_raw(), PixelType::U8x4),
        other if other.color().has_alpha() => {
            converted = other.to_rgba8().into_raw();
            (&converted, PixelType::U8x4)
        }
        other => {
            converted = other.to_rgb8().into_raw();
            (&converted, PixelType::U8x3)
        }
    };
    let source = ImageRef::new(picture.width(), picture.height(), pixels, kind).ok()?;
    let mut target = Image::new(width, height, kind);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom))
        .fit_into_destination(Some((0.5, 0.5)));
    Resizer::new().resize(&source, &mut target, Some(&options)).ok()?;
    let pixels = target.into_vec();
    if kind == PixelType::U8x4 {
        RgbaImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgba8)
    } else {
        RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8)
    }
}

/// With a byte for each channel.
fn plain(picture: &DynamicImage) -> DynamicImage {
    if picture.color().has_alpha() {
        DynamicImage::ImageRgba8(picture.to_rgba8())
    } else {
        DynamicImage::ImageRgb8(picture.to_rgb8())
    }
}

/// The ThumbHash.
pub(super) fn placeholder(picture: &DynamicImage) -> Option<Vec<u8>> {
    let tiny = fit(picture, PLACEHOLDER_PX)?.to_rgba8();
    Some(thumbhash::rgba_to_thumb_hash(tiny.width() as usize, tiny.height() as usize, tiny.as_raw()))
}

/// A JPEG, or a WebP when something shines through.
pub(super) fn encode(picture: &DynamicImage) -> Option<Encoded> {
    if is_opaque(picture) {
        return jpeg(picture, SMALL_QUALITY);
    }
    let mut bytes = Vec::new();
    picture.to_rgba8().write_with_encoder(WebPEncoder::new_lossless(&mut bytes)).ok()?;
    Some(Encoded { format: Format::WebP, bytes })
}

/// A picture in full size: a JPEG, or a PNG when something may shine through.
pub(super) fn encode_whole(picture: &DynamicImage) -> Option<Encoded> {
    if !picture.color().has_alpha() {
        return jpeg(picture, WHOLE_QUALITY);
    }
    let mut bytes = Vec::new();
    picture.write_with_encoder(PngEncoder::new(&mut bytes)).ok()?;
    Some(Encoded { format: Format::Png, bytes })
}

fn jpeg(picture: &DynamicImage, quality: u8) -> Option<Encoded> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, quality);
    match picture {
        DynamicImage::ImageRgb8(rgb) => rgb.write_with_encoder(encoder),
        other => other.to_rgb8().write_with_encoder(encoder),
    }
    .ok()?;
    Some(Encoded { format: Format::Jpeg, bytes })
}

fn is_opaque(picture: &DynamicImage) -> bool {
    match picture {
        DynamicImage::ImageRgba8(rgba) => rgba.pixels().all(|pixel| pixel.0[3] == u8::MAX),
        other => !other.color().has_alpha(),
    }
}
