//! Embeds the built UI. Without it there is nothing to show, so the build stops with the command that makes it.

use std::path::Path;

fn main() {
    let page = Path::new("../ui/dist/index.html");
    println!("cargo:rerun-if-changed={}", page.display());
    if !page.exists() {
        println!(
            "cargo:warning=ui/dist is missing: the UI is not built. `cargo xtask run` builds it and starts the app; by hand: `npm ci && npm run build` in ui/"
        );
        eprintln!(
            "ui/dist is missing: the UI is not built. `cargo xtask run` builds it and starts the app; by hand: `npm ci && npm run build` in ui/"
        );
        std::process::exit(1);
    }
    tauri_build::build();
}
