//! The media of a call: the person's own devices, one session per remote participant, and the newest picture of all.
//!
//! ```text
//! LocalMedia ──encoded──▶ PeerSession ◀──Signal──▶ (the other participant's session)
//!     ▲                        │
//!     └──── sound to mix ──────┤
//!                              └──pictures──▶ FrameHub ──▶ whoever draws
//! ```
//!
//! No device is opened before [`LocalMedia::open`], which is called when the person has accepted a call. Codecs and
//! devices run on threads of their own; the async side only moves packets.

mod echo;
mod frame_hub;
#[cfg(any(test, feature = "hostile"))]
pub(crate) mod hostile;
mod local;
mod marks;
mod session;

pub use echo::{Echo, EchoConfig};
pub use frame_hub::{FrameHub, FrameWatch, StreamId};
pub use local::{DeviceChoice, LocalMedia, LocalMediaEvent, LocalOptions, MediaConfig};
pub use marks::LatencyMs;
pub use session::{
    AudioStats, MarkStats, PeerSession, PeerSessionConfig, PeerSessionEvent, PeerSessionHandle, PeerState, PeerStats,
    Role, SessionClosed, VideoStats,
};
