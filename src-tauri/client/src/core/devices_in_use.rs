//! Which devices are used: what the person chose where it is there, the system's default where it is not.

use std::collections::BTreeMap;

use parley_media::{DeviceInfo, DeviceKind};
use parley_shared::view::{DeviceKindView, Notice, NoticeKind, ViewEvent};

use super::device_memory::Present;
use super::input::*;
use super::preferences::DeviceChoice;
use super::{Core, Slice};

/// What was last opened.
#[derive(Debug, Default)]
pub(super) struct InUse {
    choice: DeviceChoice,
    /// How the devices that started call themselves.
    started: BTreeMap<DeviceKindView, String>,
    /// A list has come since they were opened.
    is_compared: bool,
    /// Microphones and speakers that went away all at once, until their kind is back.
    lost_sound: Vec<DeviceInfo>,
}

impl InUse {
    pub(super) fn on_started(&mut self, kind: DeviceKindView, name: String) {
        self.started.insert(kind, name);
    }
}

impl Core {
    /// To be opened at the beginning of a call or a preview: the choice as it is. The list comes in a moment and corrects it.
    pub(super) fn begin_using_devices(&mut self) {
        self.devices.in_use = InUse { choice: self.preferences.devices.clone(), ..InUse::default() };
    }

    /// What is open, or was last.
    pub(super) fn devices_in_use(&self) -> DeviceChoice {
        self.devices.in_use.choice.clone()
    }

    /// What is chosen and there. A choice of which no other of its kind is there either is kept: there is no better one.
    pub(super) fn usable_devices(&self) -> DeviceChoice {
        let mut usable = DeviceChoice::default();
        for kind in DeviceKindView::ALL {
            let chosen = self.preferences.devices.of(kind);
            let mut present = of_kind(&self.devices.list, kind).peekable();
            let takes_default = present.peek().is_some() && !present.any(|device| Some(device.id.as_str()) == chosen);
            usable.set(kind, chosen.filter(|_| !takes_default).map(str::to_owned));
        }
        usable
    }

    /// Goes over to what is usable.
    pub(super) fn use_devices(&mut self) {
        let usable = self.usable_devices();
        for kind in DeviceKindView::ALL {
            if usable.of(kind) != self.devices.in_use.choice.of(kind) {
                self.devices.in_use.started.remove(&kind);
            }
        }
        self.devices.in_use.choice = usable.clone();
        self.emit(Effect::Media(MediaCommand::UseDevices(usable)));
    }

    pub(super) fn on_device_list(&mut self, list: Vec<DeviceInfo>) {
        let mut before = std::mem::replace(&mut self.devices.list, list);
        self.devices.loading = false;
        self.recall_choices(&before);
        self.touch(Slice::Devices);
        if !self.holds_devices() {
            return;
        }
        // Problems name devices.
        self.touch(Slice::Call);
        if !std::mem::replace(&mut self.devices.in_use.is_compared, true) {
            before.clear();
        }
        let notices = self.changes_since(&before);
        self.effects.extend(notices.into_iter().map(|notice| Effect::Show(Box::new(ViewEvent::Notice(notice)))));
        if self.usable_devices() != self.devices.in_use.choice {
            self.use_devices();
        }
    }

    /// Where other devices are there than before, chooses what was chosen beside them.
    fn recall_choices(&mut self, before: &[DeviceInfo]) {
        let saved = self.preferences.clone();
        for kind in DeviceKindView::ALL {
            let Some(present) = present(&self.devices.list, kind) else { continue };
            if self.devices.in_use.is_compared && self::present(before, kind).as_ref() == Some(&present) {
                continue;
            }
            let chosen = self.preferences.devices.of(kind);
            match self.preferences.device_memory.recall(kind, &present).map(|id| id.map(str::to_owned)) {
                Some(remembered) => self.preferences.devices.set(kind, remembered),
                None if chosen.is_none_or(|id| present.has(id)) => self.remember_choice(kind),
                // What is chosen is elsewhere: nobody has chosen for this place.
                None => {}
            }
        }
        if self.preferences != saved {
            self.save_preferences();
        }
    }

    /// Remembers the choice for the devices that are there.
    pub(super) fn remember_choice(&mut self, kind: DeviceKindView) {
        let Some(present) = present(&self.devices.list, kind) else { return };
        let chosen = self.preferences.devices.of(kind).map(str::to_owned);
        let device = of_kind(&self.devices.list, kind).find(|device| Some(&device.id) == chosen.as_ref());
        let name = device.map(|device| device.name.clone());
        self.preferences.device_memory.remember(kind, present, chosen, name);
    }

    /// A sound server that is restarted takes all its devices with it: one sentence tells that, and none that they are back.
    fn changes_since(&mut self, before: &[DeviceInfo]) -> Vec<Notice> {
        let mut notices = Vec::new();
        if has_sound(before) && !SOUND.into_iter().any(|kind| has(&self.devices.list, kind)) {
            self.devices.in_use.lost_sound =
                SOUND.into_iter().flat_map(|kind| of_kind(before, kind)).cloned().collect();
            let code = "sound_gone".to_owned();
            notices.push(Notice { kind: NoticeKind::Warning, code, subject: None, instead: None });
        }
        let (usable, lost) = (self.usable_devices(), std::mem::take(&mut self.devices.in_use.lost_sound));
        for kind in DeviceKindView::ALL {
            let is_back = pick(&self.devices.list, kind, usable.of(kind)).is_some();
            if has(&lost, kind) && !is_back {
                self.devices.in_use.lost_sound.extend(of_kind(&lost, kind).cloned());
            } else if self.wants_device(kind) {
                notices.extend(self.change_of(kind, if has(&lost, kind) { &lost } else { before }));
            }
        }
        notices
    }

    fn wants_device(&self, kind: DeviceKindView) -> bool {
        match kind {
            DeviceKindView::Camera if self.devices.previewing => self.devices.preview_camera,
            DeviceKindView::Camera => self.call.as_ref().is_some_and(|call| call.camera_on),
            DeviceKindView::Microphone => true,
            DeviceKindView::Speaker => !self.devices.previewing,
        }
    }

    /// What to say of a list that came after `before`; the first one after opening comes after nothing.
    fn change_of(&self, kind: DeviceKindView, before: &[DeviceInfo]) -> Option<Notice> {
        let used = self.devices.in_use.choice.of(kind);
        let now = self.usable_devices().of(kind).map(str::to_owned);
        let (was, is) = (pick(before, kind, used), pick(&self.devices.list, kind, now.as_deref()));
        let notice = |level, word: &str, subject: Option<&str>, instead: Option<&DeviceInfo>| {
            let (subject, instead) = (subject.map(str::to_owned), instead.map(|device| device.name.clone()));
            Some(Notice { kind: level, code: format!("{}_{word}", kind_word(kind)), subject, instead })
        };
        match (was, is) {
            (Some(was), Some(is)) if was.id == is.id => None,
            (Some(was), is) if !self.devices.list.iter().any(|device| device.id == was.id) => {
                let word = if is.is_some() { "replaced" } else { "gone" };
                notice(NoticeKind::Warning, word, Some(&was.name), is)
            }
            // A camera that works is not left for another default.
            (Some(_), Some(_)) if kind == DeviceKindView::Camera && used.is_none() && now.is_none() => None,
            (Some(_), Some(is)) => notice(NoticeKind::Info, "using", Some(&is.name), None),
            // Chosen, and not there from the beginning.
            (None, Some(is)) if used.is_some() && now.is_none() => {
                let name = used.and_then(|id| self.preferences.device_memory.name(id));
                notice(NoticeKind::Warning, "replaced", name, Some(is))
            }
            // It was there, and nobody could say which was the default, as of a server that is going down.
            (None, Some(is)) if before.iter().any(|device| device.id == is.id) => None,
            (None, Some(is)) if !before.is_empty() => notice(NoticeKind::Info, "using", Some(&is.name), None),
            (Some(_) | None, None) | (None, Some(_)) => None,
        }
    }

    /// The name of the device of this kind that is open, or should be.
    pub(super) fn device_in_use(&self, kind: DeviceKindView) -> Option<String> {
        let in_use = &self.devices.in_use;
        let listed = || pick(&self.devices.list, kind, in_use.choice.of(kind)).map(|device| device.name.clone());
        in_use.started.get(&kind).cloned().or_else(listed)
    }
}

/// The device that this choice means, if it is there.
fn pick<'a>(list: &'a [DeviceInfo], kind: DeviceKindView, choice: Option<&str>) -> Option<&'a DeviceInfo> {
    of_kind(list, kind).find(|device| choice.map_or(device.is_default, |id| device.id == id))
}

const SOUND: [DeviceKindView; 2] = [DeviceKindView::Microphone, DeviceKindView::Speaker];

fn has_sound(list: &[DeviceInfo]) -> bool {
    SOUND.into_iter().all(|kind| has(list, kind))
}

fn has(list: &[DeviceInfo], kind: DeviceKindView) -> bool {
    of_kind(list, kind).next().is_some()
}

fn present(list: &[DeviceInfo], kind: DeviceKindView) -> Option<Present> {
    Present::new(of_kind(list, kind).map(|device| device.id.as_str()))
}

fn of_kind(list: &[DeviceInfo], kind: DeviceKindView) -> impl Iterator<Item = &DeviceInfo> {
    let wanted = match kind {
        DeviceKindView::Camera => DeviceKind::Camera,
        DeviceKindView::Microphone => DeviceKind::Microphone,
        DeviceKindView::Speaker => DeviceKind::Speaker,
    };
    list.iter().filter(move |device| device.kind == wanted)
}

fn kind_word(kind: DeviceKindView) -> &'static str {
    match kind {
        DeviceKindView::Camera => "camera",
        DeviceKindView::Microphone => "microphone",
        DeviceKindView::Speaker => "speaker",
    }
}
