//! What is asked at each address, with ids put in.

use reqwest::Method;
use serde_json::{Value, json};

use super::world::Ids;

/// How an address answers for what is another tenant's, besides answering the same for what never was.
#[derive(Clone, Copy, Debug)]
pub enum Expected {
    NotFound,
    /// With the status that it has for everything of the kind.
    Alike(u16),
    /// With one's own, or nothing.
    Own,
}

#[derive(Clone, Debug)]
pub struct Try {
    pub path: String,
    pub body: Value,
    pub bytes: Option<Vec<u8>>,
    pub signed_in: bool,
    pub expected: Expected,
}

impl Try {
    /// What the one who asks has said themselves may come back.
    pub fn mentions(&self, text: &str) -> bool {
        self.path.contains(text) || self.body.to_string().contains(text)
    }
}

/// How many different things are asked at an address.
pub fn variants(method: &Method, path: &str) -> usize {
    match (method.as_str(), path.trim_start_matches("/api/v1")) {
        ("POST", "/rooms") => 3,
        ("GET", "/invites/{code}") => 2,
        ("GET", "/rooms" | "/rooms/public" | "/users" | "/rooms/{room_id}/members" | "/rooms/{room_id}/messages") => 2,
        ("GET", "/search") => 4,
        ("PATCH", "/rooms/{room_id}") => 2,
        _ => 1,
    }
}

/// Fails for an address that is not known here.
pub fn of(method: &Method, path: &str, number: usize, ids: &Ids) -> Try {
    let address = path.trim_start_matches("/api/v1");
    let json = |body: Value, expected: Expected| (body, expected);
    let nothing = |expected: Expected| (Value::Null, expected);
    let report = json!({ "duration_s": 1, "people": [{ "user_id": ids.user, "seconds": 1, "route": "direct",
        "rtt_ms": { "mean": 1.0, "max": 1.0 }, "jitter_ms": { "mean": 1.0, "max": 1.0 },
        "loss_in_pct": { "mean": 1.0, "max": 1.0 }, "loss_out_pct": { "mean": 1.0, "max": 1.0 },
        "kbps_in": { "mean": 1.0, "max": 1.0 }, "kbps_out": { "mean": 1.0, "max": 1.0 },
        "fps_in": { "mean": 1.0, "max": 1.0 }, "concealed_pct": 0.0, "freezes": 0, "freeze_ms": 0 }] });
    let unless_home = |at_home: Expected| if ids.at_home { at_home } else { Expected::NotFound };
    use Expected::{Alike, NotFound, Own};
    let account = json!({ "display_name": "Newcomer", "email": "same@example.org", "password": "a good password",
        "device_name": "x", "registration_code": ids.registration_code });
    let (body, expected) = match (method.as_str(), address) {
        ("GET", "/health" | "/health/db" | "/health/socket" | "/api/v1/relay" | "/relay" | "/openapi.json") => {
            nothing(Own)
        }
        (
            "GET",
            "/auth/validate" | "/devices" | "/me" | "/me/export" | "/contacts/favourites" | "/contacts/blocked",
        ) => nothing(Own),
        ("GET", "/registration-invites" | "/rooms" | "/rooms/public" | "/users") => nothing(Own),
        ("POST", "/registration-invites") => json(json!({}), Own),
        ("POST", "/uploads") => json(json!({ "name": "x", "size_bytes": 1, "purpose": "attachment" }), Own),
        ("DELETE", "/devices") => nothing(Own),
        ("GET", "/docs" | "/invite/{code}") => nothing(Alike(200)),
        ("GET", "/socket") => nothing(Alike(400)),
        ("POST", "/auth/sign-up") => {
            let address = format!("{}@example.org", ids.device);
            let mut account = account;
            account["email"] = address.into();
            json(account, Own)
        }
        ("POST", "/auth/sign-in") => json(
            json!({ "email": format!("{}@x.org", ids.user), "password": "a good password", "device_name": "x" }),
            Alike(401),
        ),
        ("POST", "/auth/refresh") => json(json!({ "refresh_token": ids.code }), Alike(401)),
        ("POST", "/auth/sign-out") => nothing(Alike(401)),
        ("POST", "/me/password") => {
            json(json!({ "old_password": "not the password", "new_password": "short" }), Alike(400))
        }
        ("POST", "/me/delete") => json(json!({}), Alike(400)),
        ("PATCH", "/me") => json(json!({ "avatar": ids.file }), Alike(400)),

        ("DELETE", "/contacts/favourites/{user_id}" | "/contacts/blocked/{user_id}") => nothing(Own),
        ("GET", "/users/{user_id}") => nothing(NotFound),
        ("PUT", "/contacts/favourites/{user_id}" | "/contacts/blocked/{user_id}") => nothing(NotFound),
        ("DELETE", "/devices/{device_id}") => nothing(NotFound),
        ("POST", "/rooms") if number == 0 => json(json!({ "kind": "direct", "members": [ids.user] }), NotFound),
        ("POST", "/rooms") if number == 1 => {
            json(json!({ "kind": "group", "name": "x", "members": [ids.user] }), NotFound)
        }
        ("POST", "/rooms") => json(json!({ "kind": "group", "name": "Mine too", "visibility": "public" }), Own),
        ("GET", "/rooms/{room_id}" | "/rooms/{room_id}/members" | "/rooms/{room_id}/messages") => {
            nothing(unless_home(Own))
        }
        ("GET", "/rooms/{room_id}/pins" | "/rooms/{room_id}/changes" | "/rooms/{room_id}/invites") => {
            nothing(unless_home(Own))
        }
        ("PATCH", "/rooms/{room_id}") if number == 0 => json(json!({ "avatar": ids.file }), unless_home(Alike(400))),
        ("PATCH", "/rooms/{room_id}") => json(json!({ "topic": "taken over" }), unless_home(Own)),
        // One's own room stays for the tries that follow.
        ("DELETE", "/rooms/{room_id}") => nothing(NotFound),
        ("PUT", "/rooms/{room_id}/notify") => json(json!({ "level": "none" }), unless_home(Own)),
        ("POST", "/rooms/{room_id}/join") => nothing(unless_home(Own)),
        ("POST", "/rooms/{room_id}/members") => json(json!({ "members": [ids.user] }), NotFound),
        ("PATCH", "/rooms/{room_id}/members/{user_id}") => json(json!({ "role": "owner" }), NotFound),
        ("DELETE", "/rooms/{room_id}/members/{user_id}") => nothing(NotFound),
        ("POST", "/rooms/{room_id}/invites") => json(json!({}), unless_home(Own)),
        ("DELETE", "/rooms/{room_id}/invites/{invite_id}") => nothing(NotFound),
        ("GET", "/rooms/{room_id}/messages/{message_id}" | "/rooms/{room_id}/messages/{message_id}/versions") => {
            nothing(NotFound)
        }
        ("GET", "/rooms/{room_id}/threads/{message_id}") => nothing(NotFound),
        ("GET", "/search") => nothing(if number == 0 { unless_home(Own) } else { Own }),
        ("GET", "/invites/{code}") | ("POST", "/invites/{code}/accept") => nothing(NotFound),
        ("POST", "/invites/{code}/guest") => json(json!({ "display_name": "Guest", "device_name": "x" }), NotFound),
        ("DELETE", "/registration-invites/{invite_id}") => nothing(NotFound),
        ("PUT", "/calls/{call_id}/report") => json(report, NotFound),
        ("GET", "/calls/{call_id}/reports") => nothing(NotFound),
        ("GET" | "DELETE" | "PATCH", "/uploads/{file_id}") => nothing(NotFound),
        ("GET", "/files/{file_id}" | "/files/{file_id}/thumbnail") => nothing(NotFound),
        (method, address) => panic!("the battery does not try {method} {address}"),
    };
    let room = if method == Method::DELETE && address == "/rooms/{room_id}" && ids.at_home {
        parley_shared::ids::RoomId::from_bytes([7; 16])
    } else {
        ids.room
    };
    let mut path = path
        .replace("{room_id}", &room.to_string())
        .replace("{user_id}", &ids.user.to_string())
        .replace("{message_id}", &ids.thread.to_string())
        .replace("{file_id}", &ids.file.to_string())
        .replace("{call_id}", &ids.call.to_string())
        .replace("{invite_id}", &ids.invite.to_string())
        .replace("{device_id}", &ids.device.to_string())
        .replace("{code}", &ids.code);
    path += &match (method.as_str(), address, number) {
        ("GET", "/rooms" | "/rooms/public", 1) => format!("?after={}", ids.room),
        ("GET", "/users" | "/rooms/{room_id}/members", 1) => format!("?after={}", ids.user),
        ("GET", "/users", 0) => "?query=foreign".into(),
        ("GET", "/rooms/{room_id}/messages", 1) => "?around=1".into(),
        ("GET", "/search", 0) => format!("?query=foreign&room_id={}", ids.room),
        ("GET", "/search", 1) => "?query=foreign".into(),
        ("GET", "/search", 2) => "?query=from:bob%20in:foreign".into(),
        ("GET", "/search", 3) => "?query=has:file".into(),
        ("PATCH", "/uploads/{file_id}", _) => "?offset=5".into(),
        _ => String::new(),
    };
    let without_token = ["/auth/sign-up", "/auth/sign-in", "/auth/refresh", "/auth/sign-out", "/invites/{code}/guest"];
    let asked_without = address == "/invites/{code}" && number == 1;
    let signed_in = !asked_without && !without_token.contains(&address);
    let bytes = (method == Method::PATCH && address == "/uploads/{file_id}").then(|| vec![2; 5]);
    Try { path, body, bytes, signed_in, expected }
}
