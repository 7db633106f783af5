//! Frames, codecs and devices of Parley: captures, encodes, decodes and plays. It knows no network and no window.
//!
//! Every source and sink runs on threads of its own and talks through callbacks; nothing here needs an async runtime.
//! A device may block, vanish or storm with errors: its thread is then abandoned and the owner is told by one event.
//!
//! ```text
//! camera | pattern | file ──VideoFrame──> H.264 encoder ──> (network) ──> H.264 decoder ──> I420
//! microphone ──> voice chain ──┐
//!            file | clicks ────┴──AudioChunk──> Opus encoder ──> (network) ──> jitter buffer ──> mixer ──> speaker
//! ```
//!
//! The crate must never: use tokio or tauri, open a device before it is asked to, panic on bytes of a peer, or lock,
//! allocate, log or panic in an audio callback.

pub mod audio;
pub mod codec;
pub mod device;
pub mod frame;
pub mod jitter;
pub mod level;
pub mod mark;
pub mod mixer;
pub mod resample;
pub mod sink;
pub mod source;
pub mod timing;
pub mod voice;

mod audio_host;
mod dead_silence;
mod device_watch;
mod stream_health;

pub use audio::{AudioChunk, CHUNK_DURATION, CHUNK_SAMPLES, SAMPLE_RATE};
pub use dead_silence::{DeadSilence, Silence};
pub use device::{DeviceError, DeviceInfo, DeviceKind, list_devices};
pub use device_watch::DeviceWatch;
pub use frame::{FrameError, I420, VideoFrame};
pub use jitter::{AudioJitterBuffer, JitterStats, SpareCopy};
pub use level::LevelMeter;
pub use mixer::{Fader, Mixer};
pub use sink::speaker::{Speaker, SpeakerConfig, SpeakerEvent};
pub use source::{AudioCapture, AudioEvent, AudioSourceConfig, VideoCapture, VideoEvent, VideoSourceConfig};
pub use voice::{VoiceChain, VoiceConfig};
