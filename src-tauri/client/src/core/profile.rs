//! What others see of me, and the devices that are signed in to my account.

use parley_shared::limits::{BIO_CHARS, DISPLAY_NAME_CHARS, STATUS_CHARS};
use parley_shared::view::{ProfileView, SignedInDevice};
use parley_shared::wire::{ChangeProfile, Device, Profile, User};

use super::failure::invalid;
use super::input::*;
use super::ops::Op;
use super::{Core, Slice};

impl Core {
    pub(super) fn change_profile(&mut self, reply: ReplyId, display_name: &str, status_text: &str, bio: &str) {
        let (display_name, status_text, bio) = (display_name.trim(), status_text.trim(), bio.trim());
        if !DISPLAY_NAME_CHARS.contains(&display_name.chars().count()) {
            return self.refuse(reply, invalid("display_name", "A name has 2 to 64 characters."));
        }
        if status_text.chars().count() > STATUS_CHARS || status_text.chars().any(char::is_control) {
            return self.refuse(reply, invalid("status_text", "A status is one line of at most 80 characters."));
        }
        if bio.chars().count() > BIO_CHARS {
            return self.refuse(reply, invalid("bio", "This text has at most 500 characters."));
        }
        let body = ChangeProfile {
            display_name: Some(display_name.to_owned()),
            status_text: Some(status_text.to_owned()),
            bio: Some(bio.to_owned()),
            ..ChangeProfile::default()
        };
        self.ask_relay(reply, Op::ChangeProfile { reply }, ApiCall::ChangeProfile(body));
    }

    /// A person changed their name, their picture or what they say of themselves; so that it is right at the next start too, the
    /// rooms on the disk learn of it.
    pub(super) fn on_user_changed(&mut self, user: &User) {
        self.people.upsert_user(user);
        self.set_my_user(user);
        let mut changed = Vec::new();
        for (room_id, room) in &mut self.rooms.map {
            let members = &mut room.record.room.members;
            if let Some(member) = members.iter_mut().find(|member| member.user.id == user.id) {
                member.user.clone_from(user);
                changed.push(*room_id);
            }
        }
        for room_id in changed {
            self.save_room(room_id);
        }
        if let Some(person) = self.people.person_mut(user.id) {
            let person = person.clone();
            self.emit(Effect::Store(StoreJob::SavePeople(vec![person])));
        }
        self.changed.extend([Slice::People, Slice::Rooms, Slice::Timeline, Slice::Thread, Slice::Call]);
    }

    /// What the relay says of me: the answer to a question of mine or to a change.
    pub(super) fn on_profile(&mut self, profile: &Profile) {
        self.on_user_changed(&profile.user);
        if let Some(me) = self.people.person_mut(profile.user.id) {
            me.bio.clone_from(&profile.bio);
        }
    }
}

pub(super) fn profile_view(profile: Profile) -> ProfileView {
    let Profile { user, email, bio, storage_bytes, storage_limit_bytes } = profile;
    ProfileView {
        display_name: user.display_name,
        status_text: user.status_text,
        bio,
        email,
        avatar: user.avatar,
        storage_bytes,
        storage_limit_bytes,
    }
}

/// The present one first, then by last use.
pub(super) fn device_views(devices: Vec<Device>) -> Vec<SignedInDevice> {
    let mut views: Vec<SignedInDevice> = devices
        .into_iter()
        .map(|device| SignedInDevice {
            id: device.id,
            name: device.name,
            created_at_ms: device.created_at_ms,
            last_used_at_ms: device.last_used_at_ms,
            current: device.current,
        })
        .collect();
    views.sort_by_key(|device| (!device.current, std::cmp::Reverse(device.last_used_at_ms), device.id));
    views
}
