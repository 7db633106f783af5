//! `cargo xtask shots`: pictures of every screen in one folder, with a page that shows them all.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use crate::{cargo, paths, process, test, ui};

#[derive(Args)]
pub struct ShotsArgs {
    /// The folder; without it, `out/shots` in the checkout, which git ignores
    #[arg(long)]
    out: Option<PathBuf>,
    /// Installs missing system packages without asking
    #[arg(long)]
    yes: bool,
}

pub fn shots(args: ShotsArgs) -> Result<()> {
    let out = std::path::absolute(args.out.unwrap_or_else(|| paths::workspace().join("out/shots")))?;
    fs::create_dir_all(&out)?;
    test::prepare(args.yes)?;
    // Every state of every screen, with made-up people.
    process::run(ui::npm(&["run", "--silent", "shots", "--"]).arg("--out").arg(out.join("scenes")))?;
    // The real window on a real relay.
    let programs = cargo::build(&["parley-relay", "parley-client", "parley-desktop", "e2e"], false)?;
    process::run(
        Command::new(programs.join(cargo::program("shots")))
            .arg("--out")
            .arg(out.join("window"))
            .env("PARLEY_PROGRAMS_BUILT", "1")
            .env("PARLEY_TOOLS", paths::tools()),
    )?;
    let index = write_index(&out)?;
    println!("Look at {}", index.display());
    Ok(())
}

fn write_index(out: &Path) -> Result<PathBuf> {
    let mut pictures = Vec::new();
    collect(out, &mut pictures)?;
    pictures.sort();
    let mut page = String::from(
        "<!doctype html><meta charset=\"utf-8\"><title>Parley: every screen</title>\n\
         <style>body{font:14px system-ui;margin:24px;background:#888}figure{display:inline-block;margin:8px;vertical-align:top}\
         img{max-width:640px;display:block;box-shadow:0 1px 6px #0008}figcaption{margin:4px 0}</style>\n",
    );
    for picture in &pictures {
        let name = picture.strip_prefix(out).unwrap_or(picture).to_string_lossy().replace('\\', "/");
        page.push_str(&format!("<figure><a href=\"{name}\"><img src=\"{name}\" alt=\"{name}\"></a><figcaption>{name}</figcaption></figure>\n"));
    }
    let index = out.join("index.html");
    fs::write(&index, page).with_context(|| format!("write {}", index.display()))?;
    Ok(index)
}

fn collect(dir: &Path, pictures: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("read {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, pictures)?;
        } else if path.extension().is_some_and(|extension| extension == "png") {
            pictures.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_shows_pictures_of_all_folders() {
        let out = paths::scratch("index-test").unwrap();
        fs::create_dir_all(out.join("window")).unwrap();
        fs::write(out.join("a.png"), "").unwrap();
        fs::write(out.join("window/b.png"), "").unwrap();
        fs::write(out.join("c.txt"), "").unwrap();
        let page = fs::read_to_string(write_index(&out).unwrap()).unwrap();
        assert!(page.contains("src=\"a.png\"") && page.contains("src=\"window/b.png\"") && !page.contains("c.txt"));
        fs::remove_dir_all(out).unwrap();
    }
}
