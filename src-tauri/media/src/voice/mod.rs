//! What happens to a voice between the microphone and the encoder.
//!
//! ```text
//! microphone ─▶ high-pass ─▶ echo canceller ─▶ noise suppression ─▶ automatic gain ─▶ encoder
//!                   │              ▲                   └─▶ is it speech? (speaking while muted)
//!                   └─▶ noise floor│
//! loudspeaker ─▶ RenderTap ═ring═▶ Reference (to the microphone's clock)
//! ```
//!
//! The chain runs on the thread that delivers the microphone's chunks. The loudspeaker's thread only pushes copies of what
//! it plays into a ring. Both devices have clocks of their own; [`Reference`](reference) brings what was played onto the
//! clock of the microphone, so that the way from one to the other stays equally long: the echo canceller needs seconds to
//! find it again after a jump.

mod activity;
mod chain;
mod drift;
mod high_pass;
pub mod measure;
mod noise_floor;
mod reference;
mod stage;
mod timeline;

pub use activity::MutedSpeech;
pub use chain::{Heard, VoiceChain};
pub use reference::{RenderLine, RenderTap, render_line};

/// Which parts of the [`VoiceChain`] work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoiceConfig {
    /// Removes what the loudspeaker plays.
    pub echo_cancellation: bool,
    /// Removes steady noise: fans, traffic, hiss.
    pub noise_suppression: bool,
    /// Makes quiet people louder and loud ones quieter.
    pub automatic_gain: bool,
    /// Removes rumble below speech. The echo canceller needs it, so it works whenever that one does.
    pub high_pass: bool,
}

impl VoiceConfig {
    pub const ALL: Self =
        Self { echo_cancellation: true, noise_suppression: true, automatic_gain: true, high_pass: true };

    /// Leaves the sound as the microphone gives it.
    pub const OFF: Self =
        Self { echo_cancellation: false, noise_suppression: false, automatic_gain: false, high_pass: false };
}

impl Default for VoiceConfig {
    fn default() -> Self {
        Self::ALL
    }
}
