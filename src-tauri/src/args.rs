//! The command line.

use std::{path::PathBuf, str::FromStr};

use anyhow::Context;
use clap::{Parser, ValueEnum};
use directories::ProjectDirs;
use parley_client::{ClientConfig, MediaOverrides, SecretsChoice};
use parley_media::{AudioSourceConfig, SpeakerConfig, VideoSourceConfig};

/// Video calls and chat.
#[derive(Clone, Debug, Parser)]
#[command(name = "parley", version)]
pub struct Args {
    /// The relay that the sign-in screen proposes, such as https://parley.example
    #[arg(long, value_name = "URL")]
    relay: Option<String>,
    /// Where settings, local history and the log live, rather than in the user's own folders
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// What is logged, such as `debug` or `parley_client=trace`; RUST_LOG does the same
    #[arg(long, value_name = "FILTER")]
    pub log: Option<String>,
    /// `device` (the one chosen in the settings), `pattern` (a moving test picture) or `file:PATH` (y4m)
    #[arg(long, value_name = "SOURCE", default_value = "device")]
    camera: Camera,
    /// `device` (the one chosen in the settings), `clicks` (one a second), `silence` or `file:PATH` (wav)
    #[arg(long, value_name = "SOURCE", default_value = "device")]
    microphone: Microphone,
    /// Where sound goes
    #[arg(long, value_name = "SINK", default_value = "device")]
    speaker: Output,
    /// Where the session is kept
    #[arg(long, value_name = "PLACE", default_value = "keyring")]
    secrets: Secrets,
}

#[derive(Clone, Debug, PartialEq)]
enum Camera {
    Device,
    Pattern,
    File(PathBuf),
}

#[derive(Clone, Debug, PartialEq)]
enum Microphone {
    Device,
    Clicks,
    Silence,
    File(PathBuf),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    /// The speaker chosen in the settings
    Device,
    /// Nowhere
    Null,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Secrets {
    /// In the keyring of the operating system; without one, the person is asked
    Keyring,
    /// As on a machine without a keyring
    File,
    /// Nowhere: gone when the app ends
    Memory,
}

impl Args {
    /// The folder of everything that stays: the one asked for, or the user's own.
    ///
    /// # Errors
    /// When the user has no home.
    pub fn data_dir(&self) -> anyhow::Result<PathBuf> {
        if let Some(dir) = &self.data_dir {
            return std::path::absolute(dir).with_context(|| format!("find the data folder {}", dir.display()));
        }
        let dirs = ProjectDirs::from("app", "Parley", "Parley")
            .context("find a home folder; --data-dir names another place")?;
        Ok(dirs.data_dir().to_owned())
    }

    /// How the client in this window is set up.
    pub fn client_config(&self, data_dir: PathBuf) -> ClientConfig {
        let mut config = ClientConfig::new(data_dir);
        config.relay_url.clone_from(&self.relay);
        config.secrets = match self.secrets {
            Secrets::Keyring => SecretsChoice::Keyring,
            Secrets::File => SecretsChoice::File,
            Secrets::Memory => SecretsChoice::Memory,
        };
        config.media = MediaOverrides {
            camera: match &self.camera {
                Camera::Device => None,
                Camera::Pattern => Some(VideoSourceConfig::Pattern { width: 1280, height: 720, fps: 30 }),
                Camera::File(path) => Some(VideoSourceConfig::File { path: path.clone(), fps: 0 }),
            },
            microphone: match &self.microphone {
                Microphone::Device => None,
                Microphone::Clicks => Some(AudioSourceConfig::Clicks),
                Microphone::Silence => Some(AudioSourceConfig::Silence),
                Microphone::File(path) => Some(AudioSourceConfig::File { path: path.clone() }),
            },
            speaker: match self.speaker {
                Output::Device => None,
                Output::Null => Some(SpeakerConfig::Null),
            },
            ..MediaOverrides::default()
        };
        config.device_name = device_name();
        config
    }
}

/// The machine's name where it is known: it tells a person's devices apart.
fn device_name() -> String {
    let system = match std::env::consts::OS {
        "linux" => "Linux",
        "macos" => "macOS",
        "windows" => "Windows",
        other => other,
    };
    let machine = std::fs::read_to_string("/etc/hostname").ok().or_else(|| std::env::var("COMPUTERNAME").ok());
    match machine.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
        Some(machine) => format!("{system}, {machine}").chars().take(64).collect(),
        None => system.to_owned(),
    }
}

impl FromStr for Camera {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, file(text)) {
            ("device", _) => Ok(Self::Device),
            ("pattern", _) => Ok(Self::Pattern),
            (_, Some(path)) => Ok(Self::File(path)),
            (_, None) => Err("it is device, pattern or file:PATH".to_owned()),
        }
    }
}

impl FromStr for Microphone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, file(text)) {
            ("device", _) => Ok(Self::Device),
            ("clicks", _) => Ok(Self::Clicks),
            ("silence", _) => Ok(Self::Silence),
            (_, Some(path)) => Ok(Self::File(path)),
            (_, None) => Err("it is device, clicks, silence or file:PATH".to_owned()),
        }
    }
}

fn file(text: &str) -> Option<PathBuf> {
    text.strip_prefix("file:").filter(|path| !path.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(args: &[&str]) -> ClientConfig {
        Args::try_parse_from([&["parley"], args].concat()).unwrap().client_config(PathBuf::from("data"))
    }

    #[test]
    fn plain_start_takes_real_devices_and_the_keyring() {
        let config = config(&[]);
        assert!(config.media.camera.is_none() && config.media.microphone.is_none() && config.media.speaker.is_none());
        assert_eq!((config.secrets, config.relay_url), (SecretsChoice::Keyring, None));
        assert!((1..=64).contains(&config.device_name.chars().count()));
    }

    #[test]
    fn devices_are_replaced_by_what_the_flags_say() {
        let config = config(&[
            "--camera",
            "pattern",
            "--microphone",
            "file:a b.wav",
            "--speaker",
            "null",
            "--relay",
            "http://127.0.0.1:1",
        ]);
        assert_eq!(config.media.camera, Some(VideoSourceConfig::Pattern { width: 1280, height: 720, fps: 30 }));
        assert_eq!(config.media.microphone, Some(AudioSourceConfig::File { path: "a b.wav".into() }));
        assert!(matches!(config.media.speaker, Some(SpeakerConfig::Null)));
        assert_eq!(config.relay_url.as_deref(), Some("http://127.0.0.1:1"));
    }

    #[test]
    fn unknown_sources_are_refused() {
        for wrong in [["--camera", "webcam"], ["--camera", "file:"], ["--microphone", "pattern"], ["--speaker", "loud"]]
        {
            assert!(Args::try_parse_from([&["parley"], &wrong[..]].concat()).is_err(), "{wrong:?}");
        }
    }
}
