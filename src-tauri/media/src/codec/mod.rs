//! Encoders and decoders. Each belongs to one thread at a time; none of them waits for anything.

pub mod h264;
pub mod opus;
pub mod red;
mod sps;

/// Why a codec could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The codec could not be made or set up. Not a matter of one packet.
    #[error("the codec cannot be set up: {0}")]
    Setup(String),
    /// A picture or sound could not be encoded.
    #[error("cannot encode: {0}")]
    Encode(String),
    /// The packet is damaged, cut off, or refers to something that was lost. For video: ask for a key frame.
    #[error("cannot decode: {0}")]
    Decode(String),
    /// The packet claims a size that Parley does not accept.
    #[error("the picture would be {width}x{height}, which is too large")]
    TooLarge { width: u64, height: u64 },
}
