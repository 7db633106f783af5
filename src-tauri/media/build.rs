//! Refuses to build an openh264 without its assembler code.
//!
//! openh264-sys2 silently falls back to plain C when `nasm` is missing, which makes encoding about three times slower
//! on x86. A slow build that looks right is worse than one that fails.

use std::{env, process::Command};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=PATH");
    println!("cargo:rerun-if-env-changed=OPENH264_NO_ASM");

    let arch = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    if arch != "x86_64" && arch != "x86" {
        return;
    }
    assert!(
        env::var_os("OPENH264_NO_ASM").is_none(),
        "\n\nOPENH264_NO_ASM is set: the video encoder would be about three times slower. Unset it.\n"
    );
    let found = Command::new("nasm").arg("-v").output().is_ok_and(|output| output.status.success());
    assert!(
        found,
        "\n\n`nasm` is missing: without it the video encoder is about three times slower.\nInstall it with:  {}\n",
        install_command()
    );
}

/// The command that installs nasm on the machine that builds.
fn install_command() -> &'static str {
    match env::consts::OS {
        "macos" => "brew install nasm",
        "windows" => "winget install -e --id NASM.NASM   (then add its folder to PATH)",
        _ if on_path("apt-get") => "sudo apt-get install -y nasm",
        _ if on_path("dnf") => "sudo dnf install -y nasm",
        _ if on_path("pacman") => "sudo pacman -S --needed nasm",
        _ if on_path("zypper") => "sudo zypper install nasm",
        _ => "(your package manager) install nasm",
    }
}

fn on_path(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}
