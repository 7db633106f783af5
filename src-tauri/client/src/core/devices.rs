//! Devices, their preview, and the settings page.

use std::collections::BTreeMap;

use parley_media::{DeviceInfo, DeviceKind};
use parley_shared::view::{DeviceItem, DeviceKindView, DeviceProblem, DeviceProblemCode, DevicesView, SettingsView};

use super::call::CallState;
use super::devices_in_use::InUse;
use super::failure::not_now;
use super::input::*;
use super::{Core, Slice};

/// The stream of my own picture on the settings page.
const PREVIEW_STREAM: u32 = 1;

#[derive(Debug, Default)]
pub(super) struct Devices {
    pub(super) list: Vec<DeviceInfo>,
    pub(super) loading: bool,
    pub(super) previewing: bool,
    /// The preview wants a picture.
    pub(super) preview_camera: bool,
    /// The preview's camera gives pictures.
    pub(super) preview_runs: bool,
    pub(super) in_use: InUse,
    problems: BTreeMap<DeviceKindView, DeviceProblemCode>,
}

impl Core {
    pub(super) fn watch_devices(&mut self, reply: ReplyId, on: bool) {
        // While devices are open the list is true already.
        self.devices.loading = on && !self.holds_devices();
        self.emit(Effect::Media(MediaCommand::WatchDevices(on)));
        self.touch(Slice::Devices);
        self.done(reply);
    }

    pub(super) fn choose_device(&mut self, reply: ReplyId, kind: DeviceKindView, id: Option<String>) {
        self.preferences.devices.set(kind, id);
        self.remember_choice(kind);
        self.save_preferences();
        if self.holds_devices() {
            self.use_devices();
        }
        self.touch(Slice::Devices);
        self.done(reply);
    }

    pub(super) fn start_preview(&mut self, reply: ReplyId, camera: bool) {
        let in_call = self.call.as_ref().is_some_and(CallState::is_joined);
        if in_call {
            return self.refuse(reply, not_now("Your devices are in a call."));
        }
        if !std::mem::replace(&mut self.devices.previewing, true) {
            self.devices.problems.clear();
            self.begin_using_devices();
        }
        if !camera {
            self.devices.preview_runs = false;
            self.devices.problems.remove(&DeviceKindView::Camera);
        }
        self.devices.preview_camera = camera;
        let (devices, voice) = (self.devices_in_use(), self.preferences.voice);
        self.emit(Effect::Media(MediaCommand::StartPreview { devices, voice, camera }));
        self.touch(Slice::Devices);
        self.done(reply);
    }

    pub(super) fn stop_preview(&mut self, reply: ReplyId) {
        if std::mem::take(&mut self.devices.previewing) {
            self.devices.preview_runs = false;
            self.devices.problems.clear();
            self.emit(Effect::Media(MediaCommand::StopPreview));
            self.touch(Slice::Devices);
        }
        self.done(reply);
    }

    pub(super) fn on_device_started(&mut self, kind: DeviceKindView, name: String) {
        self.devices.in_use.on_started(kind, name);
        self.on_device_healed(kind);
    }

    pub(super) fn on_device_healed(&mut self, kind: DeviceKindView) {
        if self.devices.previewing {
            self.devices.problems.remove(&kind);
            self.devices.preview_runs |= kind == DeviceKindView::Camera && self.devices.preview_camera;
            self.touch(Slice::Devices);
        } else if let Some(call) = &mut self.call {
            call.problems.remove(&kind);
            call.camera_runs |= kind == DeviceKindView::Camera && call.camera_on;
            self.touch(Slice::Call);
        }
    }

    pub(super) fn on_device_failed(&mut self, kind: DeviceKindView, code: DeviceProblemCode) {
        let stands_still = code == DeviceProblemCode::Stalled;
        if self.devices.previewing {
            note_problem(&mut self.devices.problems, kind, code);
            self.devices.preview_runs &= kind != DeviceKindView::Camera || stands_still;
            self.touch(Slice::Devices);
        } else if let Some(call) = self.call.as_mut().filter(|call| call.is_joined()) {
            note_problem(&mut call.problems, kind, code);
            call.camera_runs &= kind != DeviceKindView::Camera || stands_still;
            self.touch(Slice::Call);
        }
    }

    /// With the names of the devices, as far as they are known.
    pub(super) fn problems_view(&self, problems: &BTreeMap<DeviceKindView, DeviceProblemCode>) -> Vec<DeviceProblem> {
        let named = problems.iter().map(|(&device, &code)| {
            // A kind of which there is none has no name either.
            let name = self.device_in_use(device).filter(|_| code != DeviceProblemCode::NotFound);
            DeviceProblem { device, code, name }
        });
        named.collect()
    }

    pub(super) fn devices_view(&self) -> DevicesView {
        DevicesView {
            cameras: self.items(DeviceKind::Camera, DeviceKindView::Camera),
            microphones: self.items(DeviceKind::Microphone, DeviceKindView::Microphone),
            speakers: self.items(DeviceKind::Speaker, DeviceKindView::Speaker),
            loading: self.devices.loading,
            preview_stream: self.devices.preview_runs.then_some(PREVIEW_STREAM),
            previewing: self.devices.previewing,
            problems: self.problems_view(&self.devices.problems),
        }
    }

    fn items(&self, kind: DeviceKind, view: DeviceKindView) -> Vec<DeviceItem> {
        let chosen = self.preferences.devices.of(view);
        let of_kind = self.devices.list.iter().filter(|device| device.kind == kind);
        of_kind
            .map(|device| DeviceItem {
                id: device.id.clone(),
                name: device.name.clone(),
                is_default: device.is_default,
                chosen: chosen == Some(device.id.as_str()),
            })
            .collect()
    }

    pub(super) fn settings_view(&self) -> SettingsView {
        SettingsView {
            theme: self.preferences.theme,
            accent: self.preferences.accent,
            density: self.preferences.density,
            language: self.preferences.language.clone(),
            keeping: self.session.keeping,
            voice: self.preferences.voice,
            relay_only: self.preferences.relay_only,
            join: self.preferences.join,
            notifications: self.preferences.notifications,
            retention_days: self.preferences.retention_days,
            history_protection: self.history_protection,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}
/// The next attempt to open a device that went away finds none; that it went away says more.
fn note_problem(
    problems: &mut BTreeMap<DeviceKindView, DeviceProblemCode>,
    kind: DeviceKindView,
    code: DeviceProblemCode,
) {
    let says_less = code == DeviceProblemCode::NotFound && problems.get(&kind) == Some(&DeviceProblemCode::Gone);
    if !says_less {
        problems.insert(kind, code);
    }
}
