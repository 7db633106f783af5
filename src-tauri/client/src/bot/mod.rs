//! `parley-bot`: the client without a window, as a partner to call and as one end of a measured call.

mod call;
mod devices;
mod echo;
mod echo_call;
mod process;
mod report;
mod sources;
mod watching;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use parley_media::{AudioSourceConfig, SpeakerConfig, VideoSourceConfig};

pub use call::CallArgs;
pub use devices::DevicesArgs;
pub use echo::{EchoArgs, EchoCredentials};

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "parley-bot", version, about = "Parley without a window")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Accepts every call and sends back what it hears and sees.
    Echo(EchoArgs),
    /// Makes or answers one call, measures it, and prints what it measured.
    Call(CallArgs),
    /// Tests camera and microphone, and says what happens to them.
    Devices(DevicesArgs),
}

/// Does what the command line says. Logs go to stderr, results to stdout.
///
/// # Errors
/// With a sentence for whoever started it.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Echo(args) => echo::run(args).await,
        Command::Call(args) => call::run(args).await,
        Command::Devices(args) => devices::run(args).await,
    }
}

/// Says on stdout that the bot is signed in and online: scripts wait for it.
#[expect(clippy::print_stdout, reason = "a line for the script that started the bot")]
fn say_ready() {
    println!("parley-bot ready");
}

fn refused(error: parley_shared::view::CommandError) -> anyhow::Error {
    anyhow::anyhow!("{} ({:?})", error.message, error.code)
}

/// `none`, `pattern`, `device`, `device:ID` or `file:PATH`; the camera none is `Ok(None)`.
fn camera(text: &str) -> Result<Option<VideoSourceConfig>, String> {
    let (width, height, fps) = (1280, 720, 30);
    Ok(match text.split_once(':').unwrap_or((text, "")) {
        ("none", "") => None,
        ("pattern", "") => Some(VideoSourceConfig::Pattern { width, height, fps }),
        ("device", id) => Some(VideoSourceConfig::Camera { id: some(id), width, height, fps }),
        ("file", path) if !path.is_empty() => Some(VideoSourceConfig::File { path: PathBuf::from(path), fps: 0 }),
        _ => return Err("use pattern, none, device, device:ID or file:PATH".to_owned()),
    })
}

fn microphone(text: &str) -> Result<AudioSourceConfig, String> {
    Ok(match text.split_once(':').unwrap_or((text, "")) {
        ("clicks", "") => AudioSourceConfig::Clicks,
        ("silence", "") => AudioSourceConfig::Silence,
        ("device", id) => AudioSourceConfig::Device { id: some(id) },
        ("file", path) if !path.is_empty() => AudioSourceConfig::File { path: PathBuf::from(path) },
        _ => return Err("use clicks, silence, device, device:ID or file:PATH".to_owned()),
    })
}

fn speaker(text: &str) -> Result<SpeakerConfig, String> {
    Ok(match text.split_once(':').unwrap_or((text, "")) {
        ("null", "") => SpeakerConfig::Null,
        ("device", id) => SpeakerConfig::Device { id: some(id) },
        _ => return Err("use null, device or device:ID".to_owned()),
    })
}

fn some(id: &str) -> Option<String> {
    (!id.is_empty()).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_named_on_the_command_line() {
        assert_eq!(camera("none"), Ok(None));
        assert_eq!(camera("pattern"), Ok(Some(VideoSourceConfig::Pattern { width: 1280, height: 720, fps: 30 })));
        assert!(
            matches!(camera("device:/dev/video1"), Ok(Some(VideoSourceConfig::Camera { id: Some(id), .. })) if id == "/dev/video1")
        );
        assert!(
            matches!(microphone("file:/a:b.wav"), Ok(AudioSourceConfig::File { path }) if path.as_os_str() == "/a:b.wav")
        );
        assert!(camera("file:").is_err() && microphone("loud").is_err() && speaker("nul").is_err());
    }

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
