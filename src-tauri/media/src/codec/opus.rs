//! Opus for speech: 48 kHz mono, 10 or 20 ms a packet, in-band error correction always on. (RFC 6716, RFC 7587)

use opus::{Application, Bitrate, Channels, Signal};

use super::CodecError;
use crate::audio::SAMPLE_RATE;

/// Samples of a usual packet: 20 ms, two chunks.
pub const FRAME_SAMPLES: usize = 960;

/// Samples of a short packet, which saves 10 ms of latency and costs 23 kbit/s more of headers: 10 ms, one chunk.
pub const SHORT_FRAME_SAMPLES: usize = 480;

/// Samples of the longest packet that Opus allows: 120 ms.
pub const MAX_FRAME_SAMPLES: usize = 5_760;

/// Longest packet in bytes that is decoded: one datagram.
pub const MAX_PACKET_BYTES: usize = 1_500;

/// Samples of 2.5 ms, the grain of Opus.
const GRAIN_SAMPLES: usize = 120;

/// Speech at 32 kbit/s has a PESQ of 4.04 with it; 7 has 3.90, 5 has 3.64 for half of the processor time, and 10 gains nothing.
const COMPLEXITY: i32 = 9;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpusConfig {
    /// Target in bits a second, 6000..=510000. Speech is good from 24000 on.
    pub bitrate_bps: u32,
    /// Share of packets expected to be lost, 0..=100: steers how much error correction is sent.
    pub expected_loss_pct: u8,
    /// Sends next to nothing during silence.
    pub dtx: bool,
}

impl Default for OpusConfig {
    fn default() -> Self {
        Self { bitrate_bps: 32_000, expected_loss_pct: 5, dtx: false }
    }
}

/// Turns 10 or 20 ms of sound into one packet.
pub struct Encoder {
    inner: opus::Encoder,
}

impl Encoder {
    /// # Errors
    /// [`CodecError::Setup`] when a value is out of range.
    pub fn new(config: OpusConfig) -> Result<Self, CodecError> {
        let mut inner = opus::Encoder::new(SAMPLE_RATE, Channels::Mono, Application::Voip).map_err(setup)?;
        inner.set_signal(Signal::Voice).map_err(setup)?;
        inner.set_complexity(COMPLEXITY).map_err(setup)?;
        inner.set_bitrate(bits(config.bitrate_bps)).map_err(setup)?;
        inner.set_inband_fec(true).map_err(setup)?;
        inner.set_dtx(config.dtx).map_err(setup)?;
        let mut encoder = Self { inner };
        encoder.set_expected_loss(config.expected_loss_pct)?;
        Ok(encoder)
    }

    /// Encodes 480 or 960 samples (48 kHz mono, -1..=1); the length may change from packet to packet. Under DTX silence
    /// becomes a packet that [`is_pause`].
    ///
    /// # Errors
    /// [`CodecError::Encode`], also for another number of samples; the encoder stays usable.
    pub fn encode(&mut self, samples: &[f32]) -> Result<Vec<u8>, CodecError> {
        if !matches!(samples.len(), FRAME_SAMPLES | SHORT_FRAME_SAMPLES) {
            return Err(CodecError::Encode(format!("{} samples are no packet", samples.len())));
        }
        self.inner.encode_vec_float(samples, MAX_PACKET_BYTES).map_err(|error| CodecError::Encode(error.to_string()))
    }

    /// Says how many packets in a hundred get lost; more than 100 counts as 100.
    ///
    /// # Errors
    /// [`CodecError::Setup`] when libopus refuses.
    pub fn set_expected_loss(&mut self, pct: u8) -> Result<(), CodecError> {
        self.inner.set_packet_loss_perc(i32::from(pct.min(100))).map_err(setup)
    }

    /// Changes the target in bits a second.
    ///
    /// # Errors
    /// [`CodecError::Setup`] when it is out of range.
    pub fn set_bitrate(&mut self, bps: u32) -> Result<(), CodecError> {
        self.inner.set_bitrate(bits(bps)).map_err(setup)
    }
}

/// Turns packets into sound, and invents sound where packets are missing.
pub struct Decoder {
    inner: opus::Decoder,
}

impl Decoder {
    /// # Errors
    /// [`CodecError::Setup`] when memory runs out.
    pub fn new() -> Result<Self, CodecError> {
        opus::Decoder::new(SAMPLE_RATE, Channels::Mono).map(|inner| Self { inner }).map_err(setup)
    }

    /// Decodes one packet into up to 5760 samples (48 kHz mono).
    ///
    /// # Errors
    /// [`CodecError::Decode`] for an empty, over-long or damaged packet; the decoder stays usable.
    pub fn decode(&mut self, packet: &[u8]) -> Result<Vec<f32>, CodecError> {
        let samples = packet_samples(packet)?;
        self.run(packet, samples, false)
    }

    /// Rebuilds the packet before `next_packet` from the spare copy inside it; as long as that packet is.
    /// Where it carries none, the gap is concealed.
    ///
    /// # Errors
    /// As [`Decoder::decode`].
    pub fn decode_fec(&mut self, next_packet: &[u8]) -> Result<Vec<f32>, CodecError> {
        let samples = packet_samples(next_packet)?;
        self.run(next_packet, samples, true)
    }

    /// Invents sound that goes on from what was heard last and fades with every call. The length is rounded down to
    /// 2.5 ms and bounded by 120 ms.
    pub fn conceal(&mut self, samples: usize) -> Vec<f32> {
        let samples = (samples / GRAIN_SAMPLES * GRAIN_SAMPLES).clamp(GRAIN_SAMPLES, MAX_FRAME_SAMPLES);
        self.run(&[], samples, false).unwrap_or_else(|_| vec![0.0; samples])
    }

    fn run(&mut self, packet: &[u8], samples: usize, fec: bool) -> Result<Vec<f32>, CodecError> {
        let mut output = vec![0.0; samples];
        let decoded =
            self.inner.decode_float(packet, &mut output, fec).map_err(|error| CodecError::Decode(error.to_string()))?;
        output.truncate(decoded);
        Ok(output)
    }
}

/// The length of a packet in samples at 48 kHz, read from its header.
///
/// # Errors
/// [`CodecError::Decode`] for an empty, over-long or damaged packet.
pub fn packet_samples(packet: &[u8]) -> Result<usize, CodecError> {
    if packet.is_empty() || packet.len() > MAX_PACKET_BYTES {
        return Err(CodecError::Decode(format!("a packet of {} bytes", packet.len())));
    }
    match opus::packet::get_nb_samples(packet, SAMPLE_RATE) {
        Ok(samples) if (GRAIN_SAMPLES..=MAX_FRAME_SAMPLES).contains(&samples) => Ok(samples),
        Ok(samples) => Err(CodecError::Decode(format!("a packet of {samples} samples"))),
        Err(error) => Err(CodecError::Decode(error.to_string())),
    }
}

/// Whether a packet says that silence begins: it holds a header and no sound. Nothing need follow until there is sound.
pub fn is_pause(packet: &[u8]) -> bool {
    packet.len() <= 2
}

/// A packet that [`is_pause`] and continues the stream of `packet`. `None` after an empty one.
pub fn pause_after(packet: &[u8]) -> Option<Vec<u8>> {
    // The low two bits of the header say how many frames there are: 0 is one, here of no bytes (RFC 6716, 3.1).
    packet.first().map(|header| vec![header & !0b11])
}

/// Whether a packet carries a spare copy of the one before it, so that [`Decoder::decode_fec`] rebuilds and does not
/// invent. (LBRR, RFC 6716, 4.2.3.) Packets of several frames count as without.
pub fn has_spare_copy(packet: &[u8]) -> bool {
    let &[header, first, ..] = packet else { return false };
    let (config, is_one_frame) = (header >> 3, header & 0b11 == 0);
    // SILK begins with a voice flag for each of its frames of up to 20 ms, then comes the flag of the copy.
    let voice_flags = match config {
        0..=11 => [1, 1, 2, 3][usize::from(config % 4)],
        12..=15 => 1,
        // No SILK, no copy.
        16.. => return false,
    };
    is_one_frame && first >> (7 - voice_flags) & 1 == 1
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("opus::Encoder")
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("opus::Decoder")
    }
}

fn bits(bps: u32) -> Bitrate {
    Bitrate::Bits(i32::try_from(bps).unwrap_or(i32::MAX))
}

fn setup(error: opus::Error) -> CodecError {
    CodecError::Setup(error.to_string())
}

#[cfg(test)]
#[path = "opus_tests.rs"]
mod tests;
