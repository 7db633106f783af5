//! Devices that come and go, and which of them are used.

use super::*;
use crate::core::DeviceChoice;
use parley_media::{DeviceInfo, DeviceKind};

const MIC: DeviceKindView = DeviceKindView::Microphone;

fn device(kind: DeviceKind, name: &str, is_default: bool) -> DeviceInfo {
    DeviceInfo { id: format!("{name}-id"), name: name.to_owned(), kind, is_default }
}

/// Microphones by name, the first one as the system's default, and a camera.
fn list(microphones: &[&str]) -> Input {
    let camera = device(DeviceKind::Camera, "Cam", true);
    let devices = microphones.iter().enumerate().map(|(n, name)| device(DeviceKind::Microphone, name, n == 0));
    Input::Media(MediaEvent::Devices(devices.chain([camera]).collect()))
}

fn choose(desk: &mut Desk, name: Option<&str>) {
    desk.command(Command::ChooseDevice { kind: MIC, id: name.map(|name| format!("{name}-id")) });
}

/// The settings page tests the devices, of which this microphone was chosen.
fn previewing(microphones: &[&str], chosen: Option<&str>) -> Desk {
    let mut desk = Desk::online();
    desk.command(Command::WatchDevices { on: true });
    desk.feed(list(microphones));
    choose(&mut desk, chosen);
    desk.command(Command::StartPreview { camera: true });
    desk.feed(list(microphones));
    desk.effects.clear();
    desk
}

/// The microphone that was last asked for, if any was since the effects were cleared.
fn asked_for(desk: &Desk) -> Option<Option<String>> {
    desk.effects.iter().rev().find_map(|effect| match effect {
        Effect::Media(
            MediaCommand::UseDevices(devices)
            | MediaCommand::StartPreview { devices, .. }
            | MediaCommand::OpenLocal { devices, .. },
        ) => Some(devices.microphone.clone()),
        _ => None,
    })
}

/// What was said since the effects were cleared: code, subject, what takes its place.
fn said(desk: &mut Desk) -> Vec<(String, Option<String>, Option<String>)> {
    let said = desk.effects.iter().filter_map(|effect| match effect {
        Effect::Show(event) => {
            let ViewEvent::Notice(Notice { code, subject, instead, .. }) = event.as_ref() else { return None };
            Some((code.clone(), subject.clone(), instead.clone()))
        }
        _ => None,
    });
    let said = said.collect();
    desk.effects.clear();
    said
}

fn sentence(code: &str, subject: &str, instead: Option<&str>) -> (String, Option<String>, Option<String>) {
    (code.to_owned(), Some(subject.to_owned()), instead.map(str::to_owned))
}

#[test]
fn a_chosen_device_that_vanishes_is_replaced_by_the_default_and_taken_again_when_it_is_back() {
    let mut desk = previewing(&["Inside", "Headset"], Some("Headset"));
    desk.feed(list(&["Inside"]));
    assert_eq!(asked_for(&desk), Some(None));
    assert_eq!(said(&mut desk), [sentence("microphone_replaced", "Headset", Some("Inside"))]);
    desk.feed(list(&["Inside", "Headset"]));
    assert_eq!(asked_for(&desk), Some(Some("Headset-id".to_owned())));
    assert_eq!(said(&mut desk), [sentence("microphone_using", "Headset", None)]);
    desk.feed(list(&["Inside", "Headset"]));
    assert_eq!((asked_for(&desk), said(&mut desk)), (None, vec![]));
}

#[test]
fn the_last_device_of_a_kind_is_missed_and_kept_in_mind() {
    let mut desk = previewing(&["Headset"], Some("Headset"));
    desk.feed(list(&[]));
    assert_eq!(asked_for(&desk), None, "there is nothing better to go over to");
    assert_eq!(said(&mut desk), [sentence("microphone_gone", "Headset", None)]);
    desk.feed(list(&["Headset"]));
    assert_eq!(said(&mut desk), [sentence("microphone_using", "Headset", None)]);
}

/// A sound server with these microphones and a loudspeaker beside them.
fn server(microphones: &[&str]) -> Input {
    let microphones = microphones.iter().enumerate().map(|(n, name)| device(DeviceKind::Microphone, name, n == 0));
    let all = microphones.chain([device(DeviceKind::Speaker, "Box", true), device(DeviceKind::Camera, "Cam", true)]);
    Input::Media(MediaEvent::Devices(all.collect()))
}

#[test]
fn a_restarted_sound_server_is_told_once() {
    let mut desk = Desk::online();
    desk.command(Command::StartCall { room_id: ROOM, camera: false, muted: false });
    desk.feed(server(&["Inside"]));
    desk.effects.clear();
    desk.feed(list(&[]));
    assert_eq!(said(&mut desk), [("sound_gone".to_owned(), None, None)]);
    // It comes back bit by bit.
    desk.feed(list(&["Inside"]));
    desk.feed(server(&["Inside"]));
    assert_eq!(said(&mut desk), []);
    // It goes down bit by bit, too: first nothing is the default any more.
    let Input::Media(MediaEvent::Devices(mut devices)) = server(&["Inside"]) else { unreachable!() };
    devices.iter_mut().for_each(|device| device.is_default = false);
    desk.feed(Input::Media(MediaEvent::Devices(devices)));
    desk.feed(list(&[]));
    desk.feed(server(&["Inside"]));
    assert_eq!(said(&mut desk), [("sound_gone".to_owned(), None, None)]);
    desk.feed(list(&[]));
    desk.feed(server(&["Other"]));
    let replaced = sentence("microphone_replaced", "Inside", Some("Other"));
    assert_eq!(said(&mut desk), [("sound_gone".to_owned(), None, None), replaced]);
}

#[test]
fn another_default_is_told_to_whoever_follows_it() {
    let mut desk = previewing(&["Inside", "Dock"], None);
    desk.feed(list(&["Dock", "Inside"]));
    assert_eq!(asked_for(&desk), None, "what is open follows by itself");
    assert_eq!(said(&mut desk), [sentence("microphone_using", "Dock", None)]);
    desk.feed(list(&["Inside"]));
    assert_eq!(said(&mut desk), [sentence("microphone_replaced", "Dock", Some("Inside"))]);
}

#[test]
fn a_choice_that_is_not_there_at_the_beginning_of_a_call_is_replaced_with_its_name() {
    let mut desk = Desk::online();
    desk.command(Command::WatchDevices { on: true });
    desk.feed(list(&["Inside", "Headset"]));
    choose(&mut desk, Some("Headset"));
    desk.command(Command::WatchDevices { on: false });
    desk.effects.clear();
    desk.command(Command::StartCall { room_id: ROOM, camera: false, muted: false });
    assert_eq!(asked_for(&desk), Some(Some("Headset-id".to_owned())), "the list may be old: the choice is tried");
    desk.feed(list(&["Inside"]));
    assert_eq!(asked_for(&desk), Some(None));
    assert_eq!(said(&mut desk), [sentence("microphone_replaced", "Headset", Some("Inside"))]);
}

#[test]
fn each_set_of_devices_gets_its_own_choice_back() {
    let mut desk = previewing(&["Inside", "Headset"], Some("Headset"));
    // On the road, where something else is chosen.
    desk.feed(list(&["Inside"]));
    choose(&mut desk, Some("Inside"));
    desk.feed(list(&["Inside", "Headset"]));
    assert_eq!(asked_for(&desk), Some(Some("Headset-id".to_owned())));
    desk.feed(list(&["Inside"]));
    assert_eq!(asked_for(&desk), Some(Some("Inside-id".to_owned())));
    // An unknown set keeps the choice that is there.
    desk.effects.clear();
    desk.feed(list(&["Dock", "Inside"]));
    assert_eq!(asked_for(&desk), None);
    let chosen: Vec<bool> = desk.core.snapshot().devices.microphones.iter().map(|item| item.chosen).collect();
    assert_eq!(chosen, [false, true]);
}

#[test]
fn a_remembered_choice_survives_a_restart() {
    let mut desk = previewing(&["Inside", "Headset"], Some("Headset"));
    desk.feed(list(&["Inside"]));
    choose(&mut desk, Some("Inside"));
    let saved = desk.effects.iter().rev().find_map(|effect| match effect {
        Effect::SavePreferences(preferences) => Some(preferences.clone()),
        _ => None,
    });
    let json = serde_json::to_string(&saved.expect("a choice is saved")).unwrap();
    let mut desk = Desk::new();
    desk.feed(Input::Started(serde_json::from_str(&json).unwrap()));
    desk.command(Command::WatchDevices { on: true });
    desk.feed(list(&["Inside", "Headset"]));
    let chosen: Vec<bool> = desk.core.snapshot().devices.microphones.iter().map(|item| item.chosen).collect();
    assert_eq!(chosen, [false, true]);
}

#[test]
fn a_camera_that_works_is_not_left_for_another_default() {
    let mut desk = previewing(&["Inside"], None);
    let cameras = |names: &[&str]| {
        let devices = names.iter().enumerate().map(|(n, name)| device(DeviceKind::Camera, name, n == 0));
        Input::Media(MediaEvent::Devices(devices.chain([device(DeviceKind::Microphone, "Inside", true)]).collect()))
    };
    desk.feed(cameras(&["New", "Cam"]));
    assert_eq!((asked_for(&desk), said(&mut desk)), (None, vec![]));
}

#[test]
fn problems_name_the_device_as_far_as_it_is_known() {
    let mut desk = Desk::online();
    desk.command(Command::StartPreview { camera: true });
    let problem = |desk: &mut Desk, code| {
        desk.feed(Input::Media(MediaEvent::DeviceFailed { kind: MIC, code }));
        desk.core.snapshot().devices.problems[0].clone()
    };
    let named = |code, name: Option<&str>| DeviceProblem { device: MIC, code, name: name.map(str::to_owned) };
    assert_eq!(problem(&mut desk, DeviceProblemCode::Busy), named(DeviceProblemCode::Busy, None));
    desk.feed(list(&["Inside"]));
    assert_eq!(problem(&mut desk, DeviceProblemCode::Busy), named(DeviceProblemCode::Busy, Some("Inside")));
    desk.feed(Input::Media(MediaEvent::DeviceStarted { kind: MIC, name: "Inside (at last)".to_owned() }));
    assert_eq!(desk.core.snapshot().devices.problems, []);
    let silent = problem(&mut desk, DeviceProblemCode::Silent);
    assert_eq!(silent, named(DeviceProblemCode::Silent, Some("Inside (at last)")));
    desk.feed(Input::Media(MediaEvent::DeviceHealed(MIC)));
    assert_eq!(desk.core.snapshot().devices.problems, []);
}

#[test]
fn a_preview_that_lost_its_camera_shows_no_picture() {
    let mut desk = Desk::online();
    desk.command(Command::StartPreview { camera: true });
    let camera = DeviceKindView::Camera;
    desk.feed(Input::Media(MediaEvent::DeviceStarted { kind: camera, name: "Cam".to_owned() }));
    assert_eq!(desk.core.snapshot().devices.preview_stream, Some(1));
    desk.feed(Input::Media(MediaEvent::DeviceFailed { kind: camera, code: DeviceProblemCode::Gone }));
    assert_eq!(desk.core.snapshot().devices.preview_stream, None);
}

#[test]
fn a_test_sound_goes_to_what_is_there() {
    let mut desk = Desk::online();
    desk.command(Command::ChooseDevice { kind: DeviceKindView::Speaker, id: Some("away".to_owned()) });
    desk.command(Command::WatchDevices { on: true });
    desk.feed(Input::Media(MediaEvent::Devices(vec![device(DeviceKind::Speaker, "Box", true)])));
    desk.effects.clear();
    desk.command(Command::PlayTestSound);
    let played = desk.effects.iter().find_map(|effect| match effect {
        Effect::Media(MediaCommand::PlayTestSound(devices)) => Some(devices.clone()),
        _ => None,
    });
    assert_eq!(played, Some(DeviceChoice::default()));
}
