//! Pictures that people upload: told by content, bounded before they are decoded, freed of metadata, made small.
//!
//! ```text
//! bytes --Format::of--> container read, only what draws is kept --> pixels bounded --> decoded once --> upright, thumbnail, placeholder
//! ```
//! What begins like an image and is none is a file like others: [`Unreadable::NoImage`]. Everything here blocks, and holds one decoded picture of
//! at most [`IMAGE_PIXELS`] pixels: up to 400 MB with the buffers of a progressive JPEG.
//! Of an animation only the first picture is kept. Colour profiles go with the rest of the metadata.

mod jpeg;
mod pixels;
mod png;
mod webp;

use image::metadata::Orientation;
use parley_shared::limits::{AVATAR_PX, IMAGE_BYTES, IMAGE_PIXELS, THUMBNAIL_PX};

/// The formats that are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Jpeg,
    Png,
    WebP,
}

/// Bytes that tell a format.
pub const MAGIC_BYTES: usize = 16;

impl Format {
    /// By the first [`MAGIC_BYTES`] bytes.
    pub fn of(head: &[u8]) -> Option<Self> {
        if head.starts_with(&[0xff, 0xd8, 0xff]) {
            Some(Self::Jpeg)
        } else if head.starts_with(png::SIGNATURE) {
            Some(Self::Png)
        } else if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
            Some(Self::WebP)
        } else {
            None
        }
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
        }
    }
}

/// An encoded picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    pub format: Format,
    pub bytes: Vec<u8>,
}

/// A picture as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub encoded: Encoded,
    pub width_px: u32,
    pub height_px: u32,
    /// A ThumbHash.
    pub placeholder: Vec<u8>,
    /// None when the picture is its own thumbnail.
    pub thumbnail: Option<Encoded>,
}

/// Why bytes are not shown as a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// More than [`IMAGE_BYTES`], or more than [`IMAGE_PIXELS`].
    TooLarge,
    NoImage,
}

/// A picture whose container was read and whose pixels were not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readable {
    format: Format,
    clean: Clean,
}

/// A container's content without metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Clean {
    bytes: Vec<u8>,
    width_px: u32,
    height_px: u32,
    orientation: Orientation,
}

/// A JPEG or WebP of at most this many bytes that fits [`THUMBNAIL_PX`] is its own thumbnail.
const OWN_THUMBNAIL_BYTES: usize = 128 * 1024;

/// Reads the container. Costs no more than its bytes.
///
/// # Errors
/// See [`Unreadable`].
pub fn read(bytes: &[u8]) -> Result<Readable, Unreadable> {
    let format = Format::of(bytes).ok_or(Unreadable::NoImage)?;
    if bytes.len() as u64 > IMAGE_BYTES {
        return Err(Unreadable::TooLarge);
    }
    let clean = match format {
        Format::Jpeg => jpeg::clean(bytes),
        Format::Png => png::clean(bytes),
        Format::WebP => webp::clean(bytes),
    };
    let readable = Readable { format, clean: clean.ok_or(Unreadable::NoImage)? };
    if readable.pixels() > IMAGE_PIXELS { Err(Unreadable::TooLarge) } else { Ok(readable) }
}

impl Readable {
    pub fn pixels(&self) -> u64 {
        u64::from(self.clean.width_px) * u64::from(self.clean.height_px)
    }

    /// A picture for a message: the very bytes without metadata, or encoded anew when it has to be turned upright. None when it does not
    /// decode.
    pub fn into_attachment(self) -> Option<Picture> {
        let Self { format, clean } = self;
        let decoded = pixels::decode(format, &clean)?;
        let mut small = pixels::fit(&decoded, THUMBNAIL_PX)?;
        small.apply_orientation(clean.orientation);
        let mut picture = Picture {
            encoded: Encoded { format, bytes: Vec::new() },
            width_px: clean.width_px,
            height_px: clean.height_px,
            placeholder: pixels::placeholder(&small)?,
            thumbnail: None,
        };
        if clean.orientation == Orientation::NoTransforms {
            picture.encoded.bytes = clean.bytes;
        } else {
            let mut upright = decoded;
            upright.apply_orientation(clean.orientation);
            (picture.width_px, picture.height_px) = (upright.width(), upright.height());
            picture.encoded = pixels::encode_whole(&upright)?;
        }
        if !picture.is_own_thumbnail() {
            picture.thumbnail = Some(pixels::encode(&small)?);
        }
        Some(picture)
    }

    /// A picture of a person or a room: the middle of it, [`AVATAR_PX`] square. None when it does not decode.
    pub fn into_avatar(self) -> Option<Picture> {
        let decoded = pixels::decode(self.format, &self.clean)?;
        let mut square = pixels::square(&decoded, AVATAR_PX)?;
        square.apply_orientation(self.clean.orientation);
        Some(Picture {
            encoded: pixels::encode(&square)?,
            width_px: AVATAR_PX,
            height_px: AVATAR_PX,
            placeholder: pixels::placeholder(&square)?,
            thumbnail: None,
        })
    }
}

impl Picture {
    fn is_own_thumbnail(&self) -> bool {
        let of_a_thumbnail = match self.encoded.format {
            Format::Jpeg | Format::WebP => true,
            Format::Png => false,
        };
        of_a_thumbnail
            && self.encoded.bytes.len() <= OWN_THUMBNAIL_BYTES
            && self.width_px.max(self.height_px) <= THUMBNAIL_PX
    }
}

#[cfg(test)]
mod tests;
