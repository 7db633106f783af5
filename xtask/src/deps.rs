//! What each command needs from the system, how to see that it is there, and what to install when it is not.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::packages::Manager;
use crate::{paths, process};

/// What the system is needed for. Each holds all before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Building the relay and the engine.
    Engine,
    /// Building the app and opening its window.
    App,
    /// Tests and benches with real sound servers, windows and browsers.
    Tests,
    /// Benches beside servers that no test needs.
    Benches,
}

/// Installs what is missing, after asking. Says nothing when nothing is.
///
/// Fails with the command to type when it may not ask, when the answer is no, or when this system's packages are not known here.
pub fn ensure(purpose: Purpose, yes: bool) -> Result<()> {
    let missing = missing(purpose);
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = missing.iter().map(|need| need.what).collect();
    println!("Missing on this machine: {}.", names.join(", "));
    let Some(manager) = Manager::find() else {
        bail!("no package manager that is known here was found: install them by hand and start again");
    };
    let packages: Vec<_> = missing.iter().flat_map(|need| need.packages(manager)).copied().collect();
    if packages.is_empty() {
        bail!("{}", manager.by_hand(&names));
    }
    manager.install(&packages, yes)?;
    let left: Vec<_> = self::missing(purpose).iter().map(|need| need.what).collect();
    if !left.is_empty() {
        bail!("still missing after the installation: {}. {}", left.join(", "), manager.by_hand(&left));
    }
    Ok(())
}

fn missing(purpose: Purpose) -> Vec<&'static Need> {
    NEEDS.iter().filter(|need| need.purpose <= purpose && need.probe.applies() && !need.probe.found()).collect()
}

/// One thing and its packages. An empty list: that system has it, or does not need it.
struct Need {
    what: &'static str,
    purpose: Purpose,
    probe: Probe,
    apt: &'static [&'static str],
    dnf: &'static [&'static str],
    pacman: &'static [&'static str],
    brew: &'static [&'static str],
    winget: &'static [&'static str],
}

impl Need {
    fn packages(&self, manager: Manager) -> &'static [&'static str] {
        match manager {
            Manager::Apt => self.apt,
            Manager::Dnf => self.dnf,
            Manager::Pacman => self.pacman,
            Manager::Brew => self.brew,
            Manager::Winget => self.winget,
        }
    }
}

enum Probe {
    /// One of these programs can be started, on every system.
    Program(&'static [&'static str]),
    /// As above, needed on Linux only.
    LinuxProgram(&'static [&'static str]),
    /// pkg-config knows the library. Linux only.
    Library(&'static str),
    /// The shared library of this name, of any version, is in a folder for libraries. Linux only.
    SharedLibrary(&'static str),
    /// Lua, of any version, opens SQLite's databases. Linux only.
    LuaSqlite,
    /// Python makes environments; Debian keeps the part that puts pip into them in a package of its own. Linux only.
    PythonVenv,
}

impl Probe {
    fn applies(&self) -> bool {
        match self {
            Self::Program(_) => true,
            Self::LinuxProgram(_) | Self::Library(_) | Self::SharedLibrary(_) | Self::LuaSqlite | Self::PythonVenv => {
                cfg!(target_os = "linux")
            }
        }
    }

    fn found(&self) -> bool {
        match self {
            Self::Program(names) | Self::LinuxProgram(names) => names.iter().any(|name| program(name).is_some()),
            Self::Library(name) => process::ask("pkg-config", &["--exists", name]).is_some(),
            Self::SharedLibrary(name) => library_folders().iter().any(|dir| has_library(dir, name)),
            Self::LuaSqlite => library_folders().iter().any(|dir| has_lua_sqlite(&dir.join("lua"))),
            Self::PythonVenv => process::ask("python3", &["-c", "import ensurepip, venv"]).is_some(),
        }
    }
}

/// The path of a program, as a shell would find it, or in a folder where browsers put their drivers.
fn program(name: &str) -> Option<PathBuf> {
    let file = crate::cargo::program(name);
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain([paths::tools().join("bin"), PathBuf::from("/usr/lib/chromium"), PathBuf::from("/usr/sbin")])
        .map(|dir| dir.join(&file))
        .find(|path| path.is_file())
}

fn library_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = ["/usr/lib64", "/usr/lib", "/usr/local/lib"].map(PathBuf::from).to_vec();
    folders.push(format!("/usr/lib/{}-linux-gnu", env::consts::ARCH).into());
    // Debian keeps every LLVM in a folder of its own.
    for entry in std::fs::read_dir("/usr/lib").into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("llvm-") {
            folders.push(entry.path().join("lib"));
        }
    }
    folders
}

/// Each version of Lua keeps its modules in a folder of its own.
fn has_lua_sqlite(lua: &Path) -> bool {
    let versions = std::fs::read_dir(lua).into_iter().flatten().flatten();
    versions.into_iter().any(|version| version.path().join("dbd/sqlite3.so").is_file())
}

fn has_library(dir: &Path, name: &str) -> bool {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| is_library(&entry.file_name().to_string_lossy(), name))
}

/// `libx.so`, `libx.so.1` and `libx-14.so` are versions of `libx`; `libx-cpp.so.14` is another library.
fn is_library(file: &str, name: &str) -> bool {
    let Some(rest) = file.strip_prefix(name) else { return false };
    let version = rest.strip_prefix('-').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    rest.starts_with(".so") || (version && rest.contains(".so"))
}

const fn need(what: &'static str, purpose: Purpose, probe: Probe) -> Need {
    Need { what, purpose, probe, apt: &[], dnf: &[], pacman: &[], brew: &[], winget: &[] }
}

/// In the order in which a build would fail.
const NEEDS: &[Need] = &[
    Need {
        apt: &["build-essential"],
        dnf: &["gcc", "gcc-c++", "make"],
        pacman: &["base-devel"],
        ..need("a C and C++ compiler", Purpose::Engine, Probe::LinuxProgram(&["c++"]))
    },
    Need {
        apt: &["cmake"],
        dnf: &["cmake"],
        pacman: &["cmake"],
        brew: &["cmake"],
        winget: &["Kitware.CMake"],
        ..need("CMake", Purpose::Engine, Probe::Program(&["cmake"]))
    },
    Need {
        apt: &["nasm"],
        dnf: &["nasm"],
        pacman: &["nasm"],
        brew: &["nasm"],
        winget: &["NASM.NASM"],
        ..need("the assembler nasm", Purpose::Engine, Probe::Program(&["nasm"]))
    },
    Need {
        apt: &["pkg-config"],
        dnf: &["pkgconf-pkg-config"],
        pacman: &["pkgconf"],
        ..need("pkg-config", Purpose::Engine, Probe::LinuxProgram(&["pkg-config"]))
    },
    Need {
        apt: &["libclang-dev"],
        dnf: &["clang-devel"],
        pacman: &["clang"],
        ..need("libclang", Purpose::Engine, Probe::SharedLibrary("libclang"))
    },
    Need {
        apt: &["libasound2-dev"],
        dnf: &["alsa-lib-devel"],
        pacman: &["alsa-lib"],
        ..need("the headers of ALSA", Purpose::Engine, Probe::Library("alsa"))
    },
    Need {
        apt: &["libpipewire-0.3-dev"],
        dnf: &["pipewire-devel"],
        pacman: &["libpipewire"],
        ..need("the headers of PipeWire", Purpose::Engine, Probe::Library("libpipewire-0.3"))
    },
    Need {
        apt: &["libssl-dev"],
        dnf: &["openssl-devel"],
        pacman: &["openssl"],
        ..need("the headers of OpenSSL", Purpose::Engine, Probe::Library("libcrypto"))
    },
    Need {
        apt: &["libwebkit2gtk-4.1-dev"],
        dnf: &["webkit2gtk4.1-devel"],
        pacman: &["webkit2gtk-4.1"],
        ..need("the headers of WebKitGTK 4.1", Purpose::App, Probe::Library("webkit2gtk-4.1"))
    },
    Need {
        apt: &["libdbus-1-dev"],
        dnf: &["dbus-devel"],
        pacman: &["dbus"],
        ..need("the headers of D-Bus", Purpose::App, Probe::Library("dbus-1"))
    },
    Need {
        apt: &["pipewire", "pipewire-bin", "libspa-0.2-modules"],
        dnf: &["pipewire", "pipewire-utils"],
        pacman: &["pipewire", "pipewire-audio"],
        ..need("PipeWire", Purpose::Tests, Probe::LinuxProgram(&["pw-cat"]))
    },
    Need {
        apt: &["wireplumber"],
        dnf: &["wireplumber"],
        pacman: &["wireplumber"],
        ..need("WirePlumber", Purpose::Tests, Probe::LinuxProgram(&["wireplumber"]))
    },
    Need {
        apt: &["pulseaudio", "pulseaudio-utils"],
        dnf: &["pulseaudio", "pulseaudio-utils"],
        pacman: &["pulseaudio"],
        ..need("PulseAudio", Purpose::Tests, Probe::LinuxProgram(&["pulseaudio"]))
    },
    Need {
        apt: &["dbus"],
        dnf: &["dbus-daemon"],
        pacman: &["dbus"],
        ..need("D-Bus", Purpose::Tests, Probe::LinuxProgram(&["dbus-daemon"]))
    },
    Need {
        apt: &["gnome-keyring"],
        dnf: &["gnome-keyring"],
        pacman: &["gnome-keyring"],
        ..need("GNOME Keyring", Purpose::Tests, Probe::LinuxProgram(&["gnome-keyring-daemon"]))
    },
    Need {
        apt: &["coturn"],
        dnf: &["coturn"],
        pacman: &["coturn"],
        ..need("the TURN server coturn", Purpose::Tests, Probe::LinuxProgram(&["turnserver"]))
    },
    Need {
        apt: &["xvfb", "xauth"],
        dnf: &["xorg-x11-server-Xvfb"],
        pacman: &["xorg-server-xvfb"],
        ..need("Xvfb", Purpose::Tests, Probe::LinuxProgram(&["Xvfb"]))
    },
    Need {
        apt: &["imagemagick"],
        dnf: &["ImageMagick"],
        pacman: &["imagemagick"],
        ..need("ImageMagick", Purpose::Tests, Probe::LinuxProgram(&["import"]))
    },
    Need {
        apt: &["webkit2gtk-driver"],
        dnf: &["webkit2gtk-driver"],
        pacman: &["webkit2gtk-4.1"],
        ..need("WebKitWebDriver", Purpose::Tests, Probe::LinuxProgram(&["WebKitWebDriver"]))
    },
    Need {
        apt: &["chromium"],
        dnf: &["chromium"],
        pacman: &["chromium"],
        ..need("Chromium", Purpose::Tests, Probe::LinuxProgram(&["chromium", "chromium-browser", "google-chrome"]))
    },
    Need {
        apt: &["chromium-driver"],
        dnf: &["chromedriver"],
        pacman: &["chromium"],
        ..need("chromedriver", Purpose::Tests, Probe::LinuxProgram(&["chromedriver"]))
    },
    Need {
        apt: &["python3-venv"],
        dnf: &["python3"],
        pacman: &["python"],
        ..need("Python with venv", Purpose::Tests, Probe::PythonVenv)
    },
    Need {
        apt: &["prosody"],
        dnf: &["prosody"],
        pacman: &["prosody"],
        ..need("the chat server Prosody", Purpose::Benches, Probe::LinuxProgram(&["prosody"]))
    },
    Need {
        apt: &["lua-dbi-sqlite3"],
        dnf: &["lua-dbi"],
        pacman: &["lua-dbi"],
        ..need("SQLite for Lua", Purpose::Benches, Probe::LuaSqlite)
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_linux_system_has_a_package_for_every_need() {
        for need in NEEDS {
            for packages in [need.apt, need.dnf, need.pacman] {
                assert!(!packages.is_empty(), "{} has no package somewhere", need.what);
            }
        }
    }

    #[test]
    fn purposes_grow() {
        let all = [Purpose::Engine, Purpose::App, Purpose::Tests, Purpose::Benches];
        assert!(all.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn a_library_is_not_taken_for_another_that_begins_alike() {
        for file in ["libclang.so", "libclang.so.14", "libclang-14.so", "libclang-14.so.1"] {
            assert!(is_library(file, "libclang"), "{file}");
        }
        for file in ["libclang-cpp.so.14", "libclang-cpp14.so", "libclang-14", "libclangBasic.a", "clang.so"] {
            assert!(!is_library(file, "libclang"), "{file}");
        }
    }

    #[test]
    fn a_driver_of_lua_is_found_in_the_folder_of_any_version() {
        let lua = std::env::temp_dir().join(format!("parley-lua-{}", std::process::id()));
        std::fs::create_dir_all(lua.join("5.4/dbd")).unwrap();
        let without = has_lua_sqlite(&lua);
        std::fs::write(lua.join("5.4/dbd/sqlite3.so"), "").unwrap();
        let with = has_lua_sqlite(&lua);
        std::fs::remove_dir_all(&lua).unwrap();
        assert!(!without && with);
    }

    #[test]
    fn nonsense_is_not_found() {
        assert!(!Probe::Program(&["no-such-program-here"]).found());
        assert!(Probe::Program(&["no-such-program-here", "cargo"]).found());
    }
}
