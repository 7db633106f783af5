//! What is in the archive, in order.

use std::io::Write;

use anyhow::{Context as _, Result, anyhow};
use futures_util::StreamExt as _;
use parley_shared::ids::{DeviceId, UserId};
use parley_shared::wire::{Person, Profile};
use serde::Serialize;
use serde_json::json;
use tokio::runtime::Handle;
use zip::write::{SimpleFileOptions, StreamWriter, ZipWriter};
use zip::{CompressionMethod, DateTime};

use super::names;
use super::pipe::Pipe;
use crate::app::App;
use crate::store::{Answer, Mark, StoredFile};

const README: &str = include_str!("README.txt");

/// Where everything comes from. Blocks: for threads only.
pub struct Source {
    pub app: App,
    pub runtime: Handle,
    pub user_id: UserId,
    pub device_id: DeviceId,
}

impl Source {
    fn answer<T>(&self, answer: Answer<T>) -> Result<T> {
        self.runtime.block_on(answer).context("the store did not answer")
    }
}

pub struct Archive {
    zip: ZipWriter<StreamWriter<Pipe>>,
}

impl Archive {
    pub fn new(pipe: Pipe) -> Self {
        Self { zip: ZipWriter::new_stream(pipe) }
    }

    /// # Errors
    /// Fails when the reader, the store or the disk does; what was written until then is no archive.
    pub fn write(mut self, source: &Source) -> Result<()> {
        self.text("README.txt", README)?;
        self.person(source)?;
        self.rooms(source)?;
        self.messages(source)?;
        self.reactions(source)?;
        self.files(source)?;
        self.zip.finish()?.into_inner().finish()?;
        Ok(())
    }

    fn person(&mut self, source: &Source) -> Result<()> {
        let (app, me) = (&source.app, source.user_id);
        let profile = source.answer(app.store.profile(me))?;
        self.json("profile.json", &Profile { storage_limit_bytes: app.config.storage_per_user_bytes, ..profile })?;
        let mut devices = source.answer(app.store.devices(me))?;
        for device in &mut devices {
            device.current = device.id == source.device_id;
        }
        self.json("devices.json", &devices)?;
        let favourites = source.answer(app.store.marked_people(me, Mark::Favourite))?;
        let blocked = source.answer(app.store.marked_people(me, Mark::Blocked))?;
        self.json("contacts.json", &json!({ "favourites": names_of(&favourites), "blocked": names_of(&blocked) }))
    }

    fn rooms(&mut self, source: &Source) -> Result<()> {
        let mut after = None;
        self.list("rooms.json", || {
            let page = source.answer(source.app.store.own_rooms(source.user_id, after))?;
            after = page.last().map(|room| room.id);
            Ok(page)
        })
    }

    fn messages(&mut self, source: &Source) -> Result<()> {
        let (mut after, mut is_over) = (None, false);
        self.list("messages.json", || {
            let mut messages = Vec::new();
            // A page of which all is deleted is not the end.
            while messages.is_empty() && !is_over {
                let page = source.answer(source.app.store.own_messages(source.user_id, after))?;
                (after, is_over, messages) = (page.next, page.next.is_none(), page.messages);
            }
            Ok(messages)
        })
    }

    fn reactions(&mut self, source: &Source) -> Result<()> {
        let mut after = (0, String::new());
        self.list("reactions.json", || {
            let (place, emoji) = after.clone();
            let page = source.answer(source.app.store.own_reactions(source.user_id, place, emoji))?;
            after = page.last().map_or_else(Default::default, |last| (last.place, last.emoji.clone()));
            Ok(page)
        })
    }

    fn files(&mut self, source: &Source) -> Result<()> {
        let mut after = None;
        loop {
            let page = source.answer(source.app.store.own_files(source.user_id, after))?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            for file in &page {
                self.file(source, file)?;
            }
        }
    }

    fn file(&mut self, source: &Source, file: &StoredFile) -> Result<()> {
        let content = &file.kept.content;
        let opened = source.runtime.block_on(source.app.files.content(content.hash, 0..content.size_bytes));
        let mut pieces = match opened {
            Ok(pieces) => pieces,
            // It was deleted while the ones before it were packed.
            Err(_) if source.answer(source.app.store.upload(source.user_id, file.id)).is_err() => return Ok(()),
            Err(error) => return Err(anyhow!("a file cannot be read: {error}")),
        };
        // Pictures, films and archives are compressed already, and for the rest the reader's time counts more than its bytes.
        self.begin(&names::file(file.id, &file.name), CompressionMethod::Stored)?;
        while let Some(piece) = source.runtime.block_on(pieces.next()) {
            self.zip.write_all(&piece.context("a file cannot be read")?)?;
        }
        Ok(())
    }

    fn text(&mut self, name: &str, text: &str) -> Result<()> {
        self.begin(name, CompressionMethod::Deflated)?;
        Ok(self.zip.write_all(text.as_bytes())?)
    }

    fn json(&mut self, name: &str, value: &impl Serialize) -> Result<()> {
        self.text(name, &format!("{}\n", serde_json::to_string_pretty(value)?))
    }

    /// A list of what comes page by page until a page is empty, one item a line.
    fn list<T: Serialize>(&mut self, name: &str, mut next: impl FnMut() -> Result<Vec<T>>) -> Result<()> {
        self.begin(name, CompressionMethod::Deflated)?;
        let mut separator = "[\n";
        loop {
            let page = next()?;
            if page.is_empty() {
                break;
            }
            for item in &page {
                self.zip.write_all(separator.as_bytes())?;
                self.zip.write_all(&serde_json::to_vec(item)?)?;
                separator = ",\n";
            }
        }
        let end = if separator == ",\n" { "\n]\n" } else { "[]\n" };
        Ok(self.zip.write_all(end.as_bytes())?)
    }

    fn begin(&mut self, name: &str, method: CompressionMethod) -> Result<()> {
        let options = SimpleFileOptions::default().compression_method(method).last_modified_time(DateTime::default());
        Ok(self.zip.start_file(name, options)?)
    }
}

/// Others as the person knows them: what they say about themselves is theirs.
fn names_of(people: &[Person]) -> Vec<serde_json::Value> {
    people.iter().map(|person| json!({ "id": person.user.id, "display_name": person.user.display_name })).collect()
}
