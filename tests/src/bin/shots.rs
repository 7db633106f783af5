//! `shots --out DIR`: the real window on each main screen, with real data, dark and light, narrow and wide, as PNG files and a page.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use e2e::person::{PASSWORD, Person, email};
use e2e::window::{Desk, Echo, Window, id, row};
use parley_shared::view::Command;
use parley_shared::wire::Visibility;
use serde_json::json;

const THEMES: [&str; 2] = ["dark", "light"];
/// A phone's width, and a laptop's; 800 CSS pixels high.
const WIDTHS: [u32; 2] = [380, 1280];
const HEIGHT: u32 = 800;

#[tokio::main]
async fn main() -> Result<()> {
    let out = out_dir()?;
    fs::create_dir_all(&out)?;
    let (relay, _echo) = Echo::with_relay()?;
    let desk = Desk::start().await?;
    let others = neighbours(&relay.url).await?;
    let window =
        Window::open(&desk, &["--relay", &relay.url, "--data-dir", &desk.path().join("parley").display().to_string()])
            .await?;
    let mut album = Album { window, desk, out, pages: Vec::new() };

    album.window.see(&id("auth-form")).await?;
    album.take("sign-up").await?;
    sign_up(&album.window).await?;
    talk(&others).await?;
    album.window.see(&row("room-item", "Harbour festival")).await?;
    album.take("home").await?;
    album.window.click(&row("room-item", "Harbour festival")).await?;
    album.window.read(&id("message-text"), "I will bring").await?;
    album.take("room").await?;

    album.window.resize(WIDTHS[1], HEIGHT).await?;
    album.window.replace(&id("search"), "Echo").await?;
    album.window.click(&row("person-item", "Echo")).await?;
    album.window.read(&id("room-title"), "Echo").await?;
    album.window.replace(&id("search"), "").await?;
    album.window.click(&id("call-video")).await?;
    album.window.see_picture(&id("remote-video")).await?;
    album.take("call").await?;
    album.window.click(&id("call-stats")).await?;
    album.window.read(&id("stats"), "H.264").await?;
    album.take("statistics").await?;
    album.window.click(&id("hang-up")).await?;
    album.window.see_no(&id("remote-video")).await?;

    album.window.resize(WIDTHS[1], HEIGHT).await?;
    album.window.click(&id("nav-settings")).await?;
    for tab in ["devices", "appearance"] {
        album.window.click(&id(&format!("tab-{tab}"))).await?;
        album.take(&format!("settings-{tab}")).await?;
    }
    album.finish().await
}

/// The window, and what was taken of it.
struct Album {
    window: Window,
    desk: Desk,
    out: PathBuf,
    pages: Vec<String>,
}

impl Album {
    /// Takes the screen that is shown in every theme and width.
    async fn take(&mut self, screen: &str) -> Result<()> {
        for theme in THEMES {
            let look = json!({ "type": "set_appearance", "theme": theme, "accent": "teal", "density": "comfortable" });
            self.window.command(look).await?;
            self.window.see(&format!(":root[data-theme=\"{theme}\"]")).await?;
            for width in WIDTHS {
                self.window.resize(width, HEIGHT).await?;
                self.window.settle().await?;
                let name = format!("{:02}-{screen}-{theme}-{width}.png", self.pages.len() + 1);
                self.window.shot(&self.desk, &self.out.join(&name)).await.with_context(|| format!("take {name}"))?;
                self.pages.push(name);
            }
        }
        let whole = format!("screen-{screen}.png");
        self.desk.shot(&self.out.join(&whole))?;
        self.pages.push(whole);
        Ok(())
    }

    /// Writes the page that shows all, and closes the window.
    async fn finish(self) -> Result<()> {
        let figures: String = self
            .pages
            .iter()
            .map(|name| {
                format!(
                    "<figure><img src=\"{name}\" alt=\"\" loading=\"lazy\"><figcaption>{name}</figcaption></figure>\n"
                )
            })
            .collect();
        let page = format!(
            "<!doctype html>\n<meta charset=\"utf-8\">\n<title>Parley in its window</title>\n\
             <style>body{{font:14px sans-serif;display:flex;flex-wrap:wrap;gap:24px;background:#888}}img{{max-width:640px;display:block}}</style>\n{figures}"
        );
        fs::write(self.out.join("index.html"), page)?;
        self.window.close().await
    }
}

async fn sign_up(window: &Window) -> Result<()> {
    window.write(&id("auth-name"), "Nora Lindqvist").await?;
    window.write(&id("auth-email"), &email("Nora Lindqvist")).await?;
    window.write(&id("auth-password"), PASSWORD).await?;
    window.click(&id("auth-submit")).await?;
    window.see(&id("shell")).await?;
    Ok(())
}

async fn neighbours(relay_url: &str) -> Result<Vec<Person>> {
    let mut people = Vec::new();
    for name in ["Amara Okafor", "Tomás Herrera", "Mei Tanaka"] {
        people.push(Person::sign_up(relay_url, name).await?);
    }
    Ok(people)
}

/// A group and a direct room, with talk that a new member finds.
async fn talk(people: &[Person]) -> Result<()> {
    let [amara, tomas, mei] = people else { unreachable!("there are three neighbours") };
    let mut members = Vec::new();
    for name in ["Nora Lindqvist", "Tomás Herrera", "Mei Tanaka"] {
        members.push(amara.find(name).await?.id);
    }
    let (name, topic) = ("Harbour festival".to_owned(), "Saturday 12 June, pier 4".to_owned());
    amara.command(Command::CreateGroup { name: name.clone(), topic, visibility: Visibility::Private, members }).await?;
    let lines = [
        (amara, "Good morning. The stage is confirmed, we have pier 4 from noon."),
        (tomas, "That is great news"),
        (mei, "I talked to the bakery: they give us forty loaves if we put their name on the poster."),
        (amara, "Deal. Tomás, can you still do the sound?"),
        (tomas, "Yes. I need two long extension cables and someone who carries boxes with me at ten."),
        (mei, "I will bring the cables and my brother"),
    ];
    for (person, text) in lines {
        let room_id =
            person.see("the group", |view| Some(view.rooms.rooms.iter().find(|room| room.title == name)?.id)).await?;
        person.open_room(room_id).await?;
        person.say(room_id, text).await?;
        amara.open_room(room_id).await?;
        amara.see_message(text).await?;
    }
    let room_id = mei.open_direct("Nora Lindqvist").await?;
    let text = "Can you look at the poster when you have a minute?".to_owned();
    mei.say(room_id, &text).await?;
    mei.see_message(&text).await?;
    Ok(())
}

fn out_dir() -> Result<PathBuf> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [flag, dir] = args.as_slice() else { anyhow::bail!("usage: shots --out DIR") };
    anyhow::ensure!(flag == "--out", "usage: shots --out DIR");
    std::path::absolute(Path::new(dir)).context("find the folder")
}
