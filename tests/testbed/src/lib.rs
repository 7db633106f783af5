//! Starts what tests of devices and windows need, privately, and stops it when dropped: PipeWire, PulseAudio, a camera, a
//! display, a session bus with a keyring and a notification service, a TURN server.
//!
//! Everything lives in a folder of its own and is reached only through environment variables, which [`Environment`]
//! lists: set them on the child process that runs the test's subject (`Command::envs`), never on the test itself. A
//! missing program is an error that names the command which installs it; waiting always has a deadline.

mod camera;
mod coturn;
mod dbus;
mod display;
mod folder;
mod notifications;
mod pipewire;
mod process;
mod pulse;

pub use camera::{FakeCamera, FakeCameraOptions};
pub use coturn::Coturn;
pub use dbus::{Keyring, PrivateDbus};
pub use display::Xvfb;
pub use folder::TempFolder;
pub use notifications::{GNOME, KDE, NotificationService, ShownNotification};
pub use pipewire::PrivatePipeWire;
pub use process::{Process, require};
pub use pulse::{PluggedIn, PrivatePulse};

/// Environment variables as `Command::envs` takes them.
pub type Environment = Vec<(String, String)>;

/// Why something could not be started.
#[derive(Debug)]
pub enum TestbedError {
    /// The program is not installed; says what installs it.
    Missing {
        program: String,
        install: String,
    },
    /// It started and did not become ready in time, or ended; holds the end of what it said.
    NotReady {
        what: String,
        said: String,
    },
    Io(std::io::Error),
}

impl std::fmt::Display for TestbedError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing { program, install } => write!(f, "`{program}` is missing. Install it with: {install}"),
            Self::NotReady { what, said } => write!(f, "{what} did not become ready. It said: {said}"),
            Self::Io(error) => write!(f, "cannot set up the test bed: {error}"),
        }
    }
}

impl std::error::Error for TestbedError {}

impl From<std::io::Error> for TestbedError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

fn variable(name: &str, value: impl AsRef<std::path::Path>) -> (String, String) {
    (name.to_owned(), value.as_ref().to_string_lossy().into_owned())
}
