//! A camera made of software: `tests/tools/fakecam.c`, compiled and preloaded into the program under test.

use std::{fs, path::PathBuf, process::Command};

use crate::{Environment, TempFolder, TestbedError, process, variable};

const SOURCE: &str = include_str!("../../tools/fakecam.c");

/// How the camera presents itself.
#[derive(Clone, Debug)]
pub struct FakeCameraOptions {
    pub name: String,
    /// Width and height in pixels, even, at most eight.
    pub sizes: Vec<(u32, u32)>,
    /// Frames a second as (numerator, denominator); half of it is offered too.
    pub fps: (u32, u32),
    /// Plays this YUV4MPEG2 file (at its own size only) and not the pattern.
    pub y4m: Option<PathBuf>,
    /// Frame interval in which it stands before anyone sets it, as (numerator, denominator).
    pub interval: Option<(u32, u32)>,
}

impl Default for FakeCameraOptions {
    fn default() -> Self {
        Self {
            name: "Test Camera".to_owned(),
            sizes: vec![(1280, 720), (640, 360)],
            fps: (30, 1),
            y4m: None,
            interval: None,
        }
    }
}

/// A camera at /dev/video0 of every process that is started with [`FakeCamera::env`]. Only one of them may stream.
///
/// Its pattern: left half Y 80 U 100 V 180, right half Y 180 U 150 V 90, a white square that moves right.
#[derive(Debug)]
pub struct FakeCamera {
    folder: TempFolder,
    env: Environment,
}

impl FakeCamera {
    /// Compiles the camera.
    ///
    /// # Errors
    /// [`TestbedError`] when `gcc` is missing or does not compile it.
    pub fn build(options: &FakeCameraOptions) -> Result<Self, TestbedError> {
        process::require("gcc")?;
        let folder = TempFolder::new("cam")?;
        let source = folder.write("fakecam.c", SOURCE)?;
        let library = folder.join("libfakecam.so");
        let mut command = Command::new("gcc");
        command.args(["-O2", "-Wall", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).args(["-ldl", "-lpthread"]);
        let compiled = command.output()?;
        if !compiled.status.success() {
            let said = String::from_utf8_lossy(&compiled.stderr).into_owned();
            return Err(TestbedError::NotReady { what: "gcc".to_owned(), said });
        }
        let sizes: Vec<String> = options.sizes.iter().map(|(width, height)| format!("{width}x{height}")).collect();
        let mut env = vec![("FAKECAM".to_owned(), "1".to_owned()), ("FAKECAM_NAME".to_owned(), options.name.clone())];
        env.push(("FAKECAM_SIZES".to_owned(), sizes.join(",")));
        env.push(("FAKECAM_FPS".to_owned(), format!("{}/{}", options.fps.0, options.fps.1)));
        env.push(variable("FAKECAM_CONTROL", folder.write("control", "")?));
        env.push(variable("FAKECAM_LOCK", folder.join("lock")));
        env.push(variable("LD_PRELOAD", &library));
        env.extend(options.y4m.iter().map(|path| variable("FAKECAM_Y4M", path)));
        env.extend(options.interval.map(|(over, under)| ("FAKECAM_INTERVAL".to_owned(), format!("{over}/{under}"))));
        Ok(Self { folder, env })
    }

    /// What a program needs to see the camera.
    pub fn env(&self) -> Environment {
        self.env.clone()
    }

    /// Stops delivering frames, without an error, until [`FakeCamera::resume`].
    ///
    /// # Errors
    /// [`TestbedError::Io`] when the control file cannot be written.
    pub fn stall(&self) -> Result<(), TestbedError> {
        self.order("stall")
    }

    /// Makes the camera vanish from /dev and from those who use it, until [`FakeCamera::resume`].
    ///
    /// # Errors
    /// [`TestbedError::Io`] when the control file cannot be written.
    pub fn unplug(&self) -> Result<(), TestbedError> {
        self.order("unplug")
    }

    /// Makes the camera offer one other size to whoever opens it from here on, until [`FakeCamera::resume`].
    ///
    /// # Errors
    /// [`TestbedError::Io`] when the control file cannot be written.
    pub fn offer_only(&self, width: u32, height: u32) -> Result<(), TestbedError> {
        self.order(&format!("size {width}x{height}"))
    }

    /// Streams as another program would: until the handle is dropped, everybody else finds the camera busy.
    ///
    /// # Errors
    /// [`TestbedError::Io`] when someone streams already.
    pub fn occupy(&self) -> Result<fs::File, TestbedError> {
        let lock = fs::File::create(self.folder.join("lock"))?;
        lock.try_lock().map_err(std::io::Error::from)?;
        Ok(lock)
    }

    /// Makes everything as it was in the beginning. Who lost the camera has to open it again.
    ///
    /// # Errors
    /// [`TestbedError::Io`] when the control file cannot be written.
    pub fn resume(&self) -> Result<(), TestbedError> {
        self.order("")
    }

    fn order(&self, word: &str) -> Result<(), TestbedError> {
        // Replaced as a whole: the camera reads it at every frame.
        let new = self.folder.write("control.new", word)?;
        Ok(fs::rename(new, self.folder.join("control"))?)
    }
}
