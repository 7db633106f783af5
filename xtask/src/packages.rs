//! The system's package manager.

use std::io::{IsTerminal, Write, stdin, stdout};
use std::process::Command;

use anyhow::{Result, bail};

use crate::process;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    Apt,
    Dnf,
    Pacman,
    Brew,
    Winget,
}

impl Manager {
    /// The one of this system, if it is known here.
    pub fn find() -> Option<Self> {
        let all: &[Self] = if cfg!(windows) {
            &[Self::Winget]
        } else if cfg!(target_os = "macos") {
            &[Self::Brew]
        } else {
            &[Self::Apt, Self::Dnf, Self::Pacman]
        };
        all.iter().copied().find(|manager| process::ask(manager.program(), &["--version"]).is_some())
    }

    /// Installs packages, asking first unless `yes`, root, or `CI=true` says that there is nobody to ask.
    pub fn install(self, packages: &[&str], yes: bool) -> Result<()> {
        let root = self.is_root();
        let steps: Vec<Vec<&str>> = self.steps(packages, self.needs_root() && !root);
        let shown = steps.iter().map(|step| step.join(" ")).collect::<Vec<_>>().join(" && ");
        if !yes && !root && !in_ci() && !agreed(&shown)? {
            bail!("type this and start again: {shown}");
        }
        for step in steps {
            process::run(Command::new(step[0]).args(&step[1..]).env("DEBIAN_FRONTEND", "noninteractive"))?;
        }
        Ok(())
    }

    /// What a person can do where no package is known.
    pub fn by_hand(self, what: &[&str]) -> String {
        let how = match self {
            Self::Apt | Self::Dnf | Self::Pacman => "install it with your package manager",
            Self::Brew => "install Xcode's tools with `xcode-select --install`, and the rest with Homebrew",
            Self::Winget => {
                "install Visual Studio's C++ build tools; open a new terminal after winget changed the path"
            }
        };
        format!("{}: {how}", what.join(", "))
    }

    fn program(self) -> &'static str {
        match self {
            Self::Apt => "apt-get",
            Self::Dnf => "dnf",
            Self::Pacman => "pacman",
            Self::Brew => "brew",
            Self::Winget => "winget",
        }
    }

    fn needs_root(self) -> bool {
        match self {
            Self::Apt | Self::Dnf | Self::Pacman => true,
            Self::Brew | Self::Winget => false,
        }
    }

    fn is_root(self) -> bool {
        self.needs_root() && process::ask("id", &["-u"]).as_deref() == Some("0")
    }

    fn steps<'a>(self, packages: &[&'a str], sudo: bool) -> Vec<Vec<&'a str>> {
        let heads: &[&[&str]] = match self {
            Self::Apt => &[&["apt-get", "update"], &["apt-get", "install", "-y", "--no-install-recommends"]],
            Self::Dnf => &[&["dnf", "install", "-y"]],
            Self::Pacman => &[&["pacman", "-S", "--needed", "--noconfirm"]],
            Self::Brew => &[&["brew", "install"]],
            // winget takes one package at a time.
            Self::Winget => {
                return packages.iter().map(|package| vec!["winget", "install", "--exact", "--id", package]).collect();
            }
        };
        let mut steps: Vec<Vec<&str>> = heads
            .iter()
            .map(
                |head| if sudo { std::iter::once("sudo").chain(head.iter().copied()).collect() } else { head.to_vec() },
            )
            .collect();
        if let Some(install) = steps.last_mut() {
            install.extend(packages);
        }
        steps
    }
}

fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

fn agreed(command: &str) -> Result<bool> {
    if !stdin().is_terminal() {
        return Ok(false);
    }
    print!("Run this? {command} [Y/n] ");
    stdout().flush()?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apt_reads_its_lists_first() {
        let steps = Manager::Apt.steps(&["nasm", "cmake"], true);
        assert_eq!(steps[0], ["sudo", "apt-get", "update"]);
        assert_eq!(steps[1], ["sudo", "apt-get", "install", "-y", "--no-install-recommends", "nasm", "cmake"]);
    }

    #[test]
    fn winget_installs_one_by_one() {
        let steps = Manager::Winget.steps(&["A.A", "B.B"], false);
        assert_eq!(steps.len(), 2);
        assert_eq!(steps[1].last(), Some(&"B.B"));
    }
}
