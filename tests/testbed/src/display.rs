//! A display without a screen.

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use crate::{Environment, TempFolder, TestbedError, process::Process};

/// An X server that draws into memory, on a display number that nobody else uses.
#[derive(Debug)]
pub struct Xvfb {
    display: String,
    _server: Process,
    _folder: TempFolder,
}

impl Xvfb {
    /// Starts with a screen of this size, 24 bits deep.
    ///
    /// # Errors
    /// [`TestbedError`] when `Xvfb` is missing or does not start.
    pub fn start(width: u32, height: u32) -> Result<Self, TestbedError> {
        let folder = TempFolder::new("xvfb")?;
        let mut command = Command::new("Xvfb");
        // The server picks a free number and writes it to this descriptor.
        command.args(["-displayfd", "1", "-nolisten", "tcp", "-noreset", "-screen", "0"]);
        command.arg(format!("{width}x{height}x24")).stdin(Stdio::null());
        let mut server = Process::start(&mut command, "xvfb", folder.path())?;
        let said = folder.join("xvfb.log");
        let display = server.wait_until(Duration::from_secs(20), || {
            let said = fs::read_to_string(&said).ok()?;
            said.lines().find_map(|line| line.trim().parse::<u32>().ok()).filter(|_| said.ends_with('\n'))
        })?;
        Ok(Self { display: format!(":{display}"), _server: server, _folder: folder })
    }

    /// `:7`, say.
    pub fn display(&self) -> &str {
        &self.display
    }

    /// `DISPLAY`, and what keeps toolkits away from other displays.
    pub fn env(&self) -> Environment {
        vec![("DISPLAY".to_owned(), self.display.clone()), ("GDK_BACKEND".to_owned(), "x11".to_owned())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_displays_stand_side_by_side() {
        let (first, second) = (Xvfb::start(640, 480).unwrap(), Xvfb::start(640, 480).unwrap());
        assert_ne!(first.display(), second.display());
        let socket = format!("/tmp/.X11-unix/X{}", &first.display()[1..]);
        assert!(std::path::Path::new(&socket).exists());
    }
}
