//! Devices, their preview, and the settings page.

use std::collections::BTreeMap;

use parley_media::{DeviceInfo, DeviceKind};
use parley_shared::view::{
    DeviceItem, DeviceKindView, DeviceProblem, DeviceProblemCode, DevicesView, NoticeKind, SettingsView,
};

use super::call::CallState;
use super::failure::not_now;
use super::input::*;
use super::{Core, Slice};

/// The stream of my own picture on the settings page.
const PREVIEW_STREAM: u32 = 1;

#[derive(Debug, Default)]
pub(super) struct Devices {
    list: Vec<DeviceInfo>,
    pub(super) loading: bool,
    pub(super) previewing: bool,
    /// The preview wants a picture.
    preview_camera: bool,
    /// The preview's camera gives pictures.
    pub(super) preview_runs: bool,
    problems: BTreeMap<DeviceKindView, DeviceProblemCode>,
}

impl Core {
    pub(super) fn refresh_devices(&mut self, reply: ReplyId) {
        self.devices.loading = true;
        self.emit(Effect::Media(MediaCommand::ListDevices));
        self.touch(Slice::Devices);
        self.done(reply);
    }

    pub(super) fn on_device_list(&mut self, list: Vec<DeviceInfo>) {
        self.devices.list = list;
        self.devices.loading = false;
        self.touch(Slice::Devices);
    }

    pub(super) fn start_preview(&mut self, reply: ReplyId, camera: bool) {
        let in_call = self.call.as_ref().is_some_and(CallState::is_joined);
        if in_call {
            return self.refuse(reply, not_now("Your devices are in a call."));
        }
        if !std::mem::replace(&mut self.devices.previewing, true) {
            self.devices.problems.clear();
        }
        if !camera {
            self.devices.preview_runs = false;
            self.devices.problems.remove(&DeviceKindView::Camera);
        }
        self.devices.preview_camera = camera;
        let (devices, voice) = (self.preferences.devices.clone(), self.preferences.voice);
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

    pub(super) fn on_device_started(&mut self, kind: DeviceKindView) {
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
        let problems = if self.devices.previewing {
            self.touch(Slice::Devices);
            &mut self.devices.problems
        } else if let Some(call) = self.call.as_mut().filter(|call| call.is_joined()) {
            if kind == DeviceKindView::Camera && code != DeviceProblemCode::Stalled {
                call.camera_runs = false;
            }
            self.changed.insert(Slice::Call);
            &mut call.problems
        } else {
            return;
        };
        let is_new = problems.insert(kind, code) != Some(code);
        if is_new && code == DeviceProblemCode::Gone {
            let word = match kind {
                DeviceKindView::Camera => "camera_gone",
                DeviceKindView::Microphone => "microphone_gone",
                DeviceKindView::Speaker => "speaker_gone",
            };
            self.emit(Effect::notice(NoticeKind::Warning, word, None));
        }
    }

    pub(super) fn devices_view(&self) -> DevicesView {
        let problems = self.devices.problems.iter();
        DevicesView {
            cameras: self.items(DeviceKind::Camera, DeviceKindView::Camera),
            microphones: self.items(DeviceKind::Microphone, DeviceKindView::Microphone),
            speakers: self.items(DeviceKind::Speaker, DeviceKindView::Speaker),
            loading: self.devices.loading,
            preview_stream: self.devices.preview_runs.then_some(PREVIEW_STREAM),
            previewing: self.devices.previewing,
            problems: problems
                .map(|(device, code)| DeviceProblem { device: *device, code: *code, name: None })
                .collect(),
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
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}
