//! H.264 constrained baseline by openh264: real time, one thread, Annex B in and out. (ITU-T H.264, Annex B)

use openh264::{
    OpenH264API,
    decoder::{self, DecoderConfig, Flush},
    encoder::{
        self, BitRate, Complexity, FrameRate, FrameType, IntraFramePeriod, Profile, QpRange, RateControlMode, UsageType,
    },
    formats::YUVSource,
};
use openh264_sys2::{
    ENCODER_OPTION_BITRATE, ENCODER_OPTION_MAX_BITRATE, SBitrateInfo, SPATIAL_LAYER_0, SPATIAL_LAYER_ALL,
};

use super::{CodecError, sps};
use crate::frame::I420;

/// Largest width and height that is decoded, in pixels.
pub const MAX_DECODED_SIDE: u64 = 4_096;

/// Largest encoded picture that is decoded, in bytes.
pub const MAX_ENCODED_BYTES: usize = 8 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncoderConfig {
    /// Even, at most 3840 (2160 on the shorter side).
    pub width: usize,
    /// Even, at most 3840 (2160 on the shorter side).
    pub height: usize,
    /// Pictures a second that will be offered, 1..=120.
    pub fps: u32,
    /// Target in bits a second.
    pub bitrate_bps: u32,
}

/// One encoded picture.
#[derive(Clone, Debug)]
pub struct EncodedFrame {
    /// NAL units with start codes. A key frame carries its parameter sets.
    pub annex_b: Vec<u8>,
    /// The picture needs no earlier one (IDR).
    pub is_key_frame: bool,
}

/// Turns pictures into H.264. The first picture is a key frame, later ones only on request.
pub struct Encoder {
    config: EncoderConfig,
    inner: encoder::Encoder,
    /// Pictures given to `inner`: its clock, and whether it is set up (it sets itself up at the first one).
    pictures: u64,
    key_frame_wanted: bool,
}

impl Encoder {
    /// # Errors
    /// [`CodecError::Setup`] when a value is out of range.
    pub fn new(config: EncoderConfig) -> Result<Self, CodecError> {
        Ok(Self { config, inner: open(config)?, pictures: 0, key_frame_wanted: false })
    }

    /// Encodes one picture. A picture of another size than before starts a new stream with a key frame.
    /// `None` means that the rate control skipped the picture to keep the bit rate; a wanted key frame stays wanted.
    ///
    /// # Errors
    /// [`CodecError::Setup`] or [`CodecError::Encode`]; the encoder may be tried again with the next picture.
    pub fn encode(&mut self, picture: &I420) -> Result<Option<EncodedFrame>, CodecError> {
        self.follow_size(picture)?;
        if self.key_frame_wanted && self.pictures > 0 {
            self.inner.force_intra_frame();
        }
        let at = openh264::Timestamp::from_millis(self.pictures * 1_000 / u64::from(self.config.fps));
        self.pictures += 1;
        let encoded = self.inner.encode_at(picture, at).map_err(|error| CodecError::Encode(error.to_string()))?;
        let is_key_frame = match encoded.frame_type() {
            FrameType::Skip | FrameType::Invalid => return Ok(None),
            FrameType::IDR => true,
            FrameType::I | FrameType::P | FrameType::IPMixed => false,
        };
        let annex_b = encoded.to_vec();
        if is_key_frame {
            self.key_frame_wanted = false;
        }
        Ok((!annex_b.is_empty()).then_some(EncodedFrame { annex_b, is_key_frame }))
    }

    /// Changes the target, in bits a second, from the next picture on and without a key frame.
    ///
    /// # Errors
    /// [`CodecError::Setup`] when the codec refuses.
    pub fn set_bitrate(&mut self, bps: u32) -> Result<(), CodecError> {
        let bps = bps.max(MIN_BITRATE_BPS);
        if bps == self.config.bitrate_bps {
            return Ok(());
        }
        let earlier = std::mem::replace(&mut self.config.bitrate_bps, bps);
        if self.pictures == 0 {
            self.inner = open(self.config)?;
            return Ok(());
        }
        // The target may never be above a maximum, not even between two calls; the one layer has a maximum of its own.
        let target = [(ENCODER_OPTION_BITRATE, SPATIAL_LAYER_ALL)];
        let maxima = [(ENCODER_OPTION_MAX_BITRATE, SPATIAL_LAYER_0), (ENCODER_OPTION_MAX_BITRATE, SPATIAL_LAYER_ALL)];
        let steps = if bps > earlier { [&maxima[..], &target] } else { [&target[..], &maxima] };
        steps.into_iter().flatten().try_for_each(|&(option, layer)| self.set_rate_option(option, layer))
    }

    /// Makes the next picture that is not skipped a key frame.
    pub fn request_key_frame(&mut self) {
        self.key_frame_wanted = true;
    }

    /// The values in force.
    pub fn config(&self) -> EncoderConfig {
        self.config
    }

    fn follow_size(&mut self, picture: &I420) -> Result<(), CodecError> {
        let size = (picture.width(), picture.height());
        if size != (self.config.width, self.config.height) {
            // A fresh codec, because openh264 falls back to its first bit rate when it changes size by itself.
            (self.config.width, self.config.height) = size;
            self.inner = open(self.config)?;
            self.pictures = 0;
        }
        Ok(())
    }

    fn set_rate_option(
        &mut self,
        option: openh264_sys2::ENCODER_OPTION,
        layer: openh264_sys2::LAYER_NUM,
    ) -> Result<(), CodecError> {
        let bps = i32::try_from(self.config.bitrate_bps).unwrap_or(i32::MAX);
        let mut rate = SBitrateInfo { iLayer: layer, iBitrate: bps };
        // SAFETY: the codec is set up (a picture went through it), and both options read one SBitrateInfo and keep no pointer.
        let code = unsafe { self.inner.raw_api().set_option(option, (&raw mut rate).cast()) };
        if code == 0 { Ok(()) } else { Err(CodecError::Setup(format!("openh264 refuses {bps} bit/s (code {code})"))) }
    }
}

/// Nobody sees a finer picture than the first of these; with its own range openh264 makes one wherever the rate allows it, and
/// leaves pictures out where the last is not coarse enough.
const QP: QpRange = QpRange::new(20, 48);
/// openh264 refuses a target of zero.
const MIN_BITRATE_BPS: u32 = 10_000;

fn open(config: EncoderConfig) -> Result<encoder::Encoder, CodecError> {
    let fps = config.fps;
    if !(1..=120).contains(&fps) {
        return Err(CodecError::Setup(format!("{fps} pictures a second")));
    }
    let settings = encoder::EncoderConfig::new()
        .bitrate(BitRate::from_bps(config.bitrate_bps.max(MIN_BITRATE_BPS)))
        .max_frame_rate(FrameRate::from_hz(fps as f32))
        .rate_control_mode(RateControlMode::Bitrate)
        .skip_frames(true)
        .usage_type(UsageType::CameraVideoRealTime)
        .profile(Profile::Baseline)
        .complexity(Complexity::Low)
        .qp(QP)
        .scene_change_detect(false)
        // It takes thin remains of what moved for background and leaves them standing.
        .background_detection(false)
        .intra_frame_period(IntraFramePeriod::auto())
        .num_threads(1);
    encoder::Encoder::with_api_config(OpenH264API::from_source(), settings).map_err(setup)
}

/// Turns H.264 into pictures.
pub struct Decoder {
    inner: decoder::Decoder,
}

impl Decoder {
    /// # Errors
    /// [`CodecError::Setup`] when memory runs out.
    pub fn new() -> Result<Self, CodecError> {
        let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
        decoder::Decoder::with_api_config(OpenH264API::from_source(), config).map(|inner| Self { inner }).map_err(setup)
    }

    /// Decodes the NAL units of one picture. `None` means that no picture came of it yet.
    /// Survives any bytes; sizes above 4096x4096 are refused before the codec sees them.
    ///
    /// # Errors
    /// [`CodecError::Decode`] for damaged data or a lost reference: ask the sender for a key frame and go on.
    /// [`CodecError::TooLarge`] for a stream whose pictures are too large.
    pub fn decode(&mut self, annex_b: &[u8]) -> Result<Option<I420>, CodecError> {
        if annex_b.len() > MAX_ENCODED_BYTES {
            return Err(CodecError::Decode(format!("a picture of {} bytes", annex_b.len())));
        }
        if let Some((width, height)) =
            sps::picture_sizes(annex_b).find(|&(width, height)| width > MAX_DECODED_SIDE || height > MAX_DECODED_SIDE)
        {
            return Err(CodecError::TooLarge { width, height });
        }
        let Some(decoded) = self.inner.decode(annex_b).map_err(decode)? else { return Ok(None) };
        let ((width, height), (y_stride, u_stride, v_stride)) = (decoded.dimensions(), decoded.strides());
        I420::from_planes(width, height, decoded.y(), y_stride, decoded.u(), u_stride, decoded.v(), v_stride)
            .map(Some)
            .map_err(decode)
    }
}

impl YUVSource for I420 {
    fn dimensions(&self) -> (usize, usize) {
        (self.width(), self.height())
    }

    fn strides(&self) -> (usize, usize, usize) {
        (self.width(), self.width() / 2, self.width() / 2)
    }

    fn y(&self) -> &[u8] {
        self.y()
    }

    fn u(&self) -> &[u8] {
        self.u()
    }

    fn v(&self) -> &[u8] {
        self.v()
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "h264::Encoder({:?})", self.config)
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("h264::Decoder")
    }
}

fn setup(error: openh264::Error) -> CodecError {
    CodecError::Setup(error.to_string())
}

fn decode(error: impl std::fmt::Display) -> CodecError {
    CodecError::Decode(error.to_string())
}

#[cfg(test)]
#[path = "h264_tests.rs"]
mod tests;
