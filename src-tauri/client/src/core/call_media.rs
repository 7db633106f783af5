//! The media side of a call: my devices, the connections, and what is shown of them.

use parley_shared::ids::{ParticipantId, RoomId};
use parley_shared::view::{CallStatsView, CallView, DeviceKindView, ParticipantStats, ViewEvent};
use parley_shared::wire::Request;

use super::call::{CallState, Entry};
use super::failure::{invalid, not_now};
use super::input::*;
use super::ops::Op;
use super::quality::Second;
use super::{Core, MAX_VOLUME_PCT, Slice};

/// The stream of my own picture in a call.
const SELF_STREAM: u32 = 0;
/// The stream of the first other picture.
pub(super) const FIRST_REMOTE_STREAM: u32 = 2;

impl Core {
    pub(super) fn set_muted(&mut self, reply: ReplyId, muted: bool) {
        let Some(call) = self.call.as_mut().filter(|call| call.is_joined()) else {
            return self.refuse(reply, not_now("You are in no call."));
        };
        call.muted = muted;
        call.speaking_while_muted &= muted;
        self.emit(Effect::Media(MediaCommand::SetMuted(muted)));
        self.tell_media();
        self.done(reply);
    }

    pub(super) fn set_camera(&mut self, reply: ReplyId, on: bool) {
        let Some(call) = self.call.as_mut().filter(|call| call.is_joined()) else {
            return self.refuse(reply, not_now("You are in no call."));
        };
        call.camera_on = on;
        if !on {
            call.camera_runs = false;
            call.problems.remove(&DeviceKindView::Camera);
        }
        self.emit(Effect::Media(MediaCommand::SetCamera(on)));
        self.tell_media();
        self.done(reply);
    }

    pub(super) fn set_volume(&mut self, reply: ReplyId, participant: ParticipantId, volume_pct: u16) {
        if volume_pct > MAX_VOLUME_PCT {
            return self.refuse(reply, invalid("volume_pct", "A volume is at most 200 percent."));
        }
        let Some(peer) = self.call.as_mut().and_then(|call| call.peer_mut(participant)) else {
            return self.refuse(reply, not_now("This person is not in your call."));
        };
        peer.volume_pct = volume_pct;
        let user_id = peer.participant.user.id;
        self.preferences.set_volume(user_id, volume_pct);
        self.save_preferences();
        self.emit(Effect::Media(MediaCommand::SetVolume { participant, volume_pct }));
        self.touch(Slice::Call);
        self.done(reply);
    }

    fn tell_media(&mut self) {
        self.touch(Slice::Call);
        let Some(call) = &self.call else { return };
        // Before I have a place, starting or accepting tells it; what changes in between is told with the place.
        let (call_id, media) = (call.call_id, call.media());
        self.request(Op::Quiet, Request::SetMedia { call_id, media });
    }

    /// Opens my devices for a call that I agreed to; a preview gives them up.
    pub(super) fn open_devices(&mut self, entry: Entry) {
        if std::mem::take(&mut self.devices.previewing) {
            self.emit(Effect::Media(MediaCommand::StopPreview));
            self.devices.preview_runs = false;
            self.touch(Slice::Devices);
        }
        self.begin_using_devices();
        let (devices, voice) = (self.devices_in_use(), self.preferences.voice);
        let Entry { camera, muted } = entry;
        self.emit(Effect::Media(MediaCommand::OpenLocal { devices, voice, camera, muted }));
    }

    pub(super) fn on_media(&mut self, event: MediaEvent, now: Now) {
        match event {
            MediaEvent::Signal { participant, signal } => {
                let Some(call) = self.call.as_ref().filter(|call| call.peer(participant).is_some()) else { return };
                let call_id = call.call_id;
                self.request(Op::Quiet, Request::Signal { call_id, to: participant, signal });
            }
            MediaEvent::Peer { participant, state } => {
                let Some(call) = &mut self.call else { return };
                let Some(peer) = call.peer_mut(participant) else { return };
                peer.on_phase(state);
                call.follow_peers(now);
                self.touch(Slice::Call);
            }
            MediaEvent::FirstVideo { participant } => {
                let Some(peer) = self.call.as_mut().and_then(|call| call.peer_mut(participant)) else { return };
                peer.has_video = true;
                self.touch(Slice::Call);
            }
            MediaEvent::DeviceStarted { kind, name } => self.on_device_started(kind, name),
            MediaEvent::DeviceHealed(kind) => self.on_device_healed(kind),
            MediaEvent::DeviceFailed { kind, code } => self.on_device_failed(kind, code),
            MediaEvent::SpeakingWhileMuted(speaking) => {
                let Some(call) = self.call.as_mut().filter(|call| call.is_joined()) else { return };
                call.speaking_while_muted = speaking && call.muted;
                self.touch(Slice::Call);
            }
            MediaEvent::Levels(levels) => self.emit(Effect::Show(Box::new(ViewEvent::Levels(levels)))),
            MediaEvent::Stats(stats) => self.on_stats(stats),
            MediaEvent::Devices(list) => self.on_device_list(list),
        }
    }

    fn on_stats(&mut self, mut participants: Vec<ParticipantStats>) {
        let Some(call) = &mut self.call else { return };
        let my_camera = call.camera_on && call.camera_runs;
        let my_microphone_fails = !call.muted && call.problems.contains_key(&DeviceKindView::Microphone);
        for stats in &mut participants {
            let Some(peer) = call.peers.iter_mut().find(|peer| peer.participant.id == stats.id) else { continue };
            let media = peer.participant.media;
            let their_picture = media.camera && peer.has_video;
            let verdict = peer.judge.watch(Second {
                stats,
                phase: peer.phase,
                my_camera,
                my_microphone_fails,
                their_microphone: media.microphone,
                their_picture,
            });
            stats.display_name = peer.participant.user.display_name.clone();
            (stats.quality, stats.cause) = (verdict.quality, verdict.cause);
            call.tally.take(peer.participant.user.id, stats, their_picture);
        }
        self.emit(Effect::Show(Box::new(ViewEvent::CallStats(CallStatsView { participants }))));
    }

    pub(super) fn is_in_call_of(&self, room_id: RoomId) -> bool {
        self.call.as_ref().is_some_and(|call| call.is_live() && call.room_id == room_id)
    }

    /// A call or a preview has my devices open.
    pub(super) fn holds_devices(&self) -> bool {
        self.devices.previewing || self.call.as_ref().is_some_and(CallState::is_joined)
    }

    pub(super) fn call_view(&self) -> Option<CallView> {
        let call = self.call.as_ref()?;
        let room = self.rooms.map.get(&call.room_id);
        let me = self.me();
        let peer_id = match room {
            Some(room) => room.peer(me),
            None => Some(call.caller_id).filter(|caller| *caller != me),
        };
        Some(CallView {
            call_id: call.call_id,
            room_id: call.room_id,
            title: match (room, peer_id) {
                (Some(room), _) => room.title(me, &self.people),
                (None, Some(peer)) => self.people.name(peer),
                (None, None) => String::new(),
            },
            peer_id,
            phase: call.phase_view(),
            muted: call.muted,
            speaking_while_muted: call.speaking_while_muted,
            camera_on: call.camera_on,
            self_stream: (call.camera_on && call.camera_runs).then_some(SELF_STREAM),
            participants: call.participants_view(),
            problems: self.problems_view(&call.problems),
        })
    }
}
