//! Two tenants, and everything that one of them has.

use std::time::Duration;

use parley_relay::config::Tenant;
use parley_shared::ids::*;
use parley_shared::wire::*;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

use super::tries::Try;
use crate::files::content::jpeg;
use crate::files::{begin, post_file, put, upload};
use crate::harness::*;

/// Ada and Bob are of `a.test`, Eve is of `b.test`.
pub struct World {
    pub relay: TestRelay,
    pub ada: Someone,
    pub bob: Someone,
    pub eve: Someone,
    pub public: RoomId,
    pub private: RoomId,
    pub direct: RoomId,
    pub code: String,
    registration_code: String,
    invite: InviteId,
    registration_invite: InviteId,
    message: MessageId,
    thread: MessageId,
    files: Vec<FileId>,
    calls: Vec<CallId>,
    participant: ParticipantId,
    guest: UserId,
    /// Of Ada and Bob, in the call that goes on.
    sockets: Option<(Socket, Socket)>,
}

/// One of each kind.
#[derive(Clone, Debug)]
pub struct Ids {
    pub room: RoomId,
    pub user: UserId,
    pub message: MessageId,
    pub thread: MessageId,
    pub file: FileId,
    pub call: CallId,
    pub participant: ParticipantId,
    pub invite: InviteId,
    pub device: DeviceId,
    pub code: String,
    pub registration_code: String,
    /// A room of the one who asks.
    pub own: RoomId,
    /// [`Ids::room`] is [`Ids::own`].
    pub at_home: bool,
}

/// How many sets of ids are tried.
const SETS: usize = 9;

impl Ids {
    /// Ids that nobody ever gave away, one set for each of [`World::foreign_ids`].
    pub fn never(own: RoomId) -> Vec<Self> {
        let at = UnixMs(1_700_000_000_000);
        let fresh = |at_home: bool| Self {
            room: if at_home { own } else { RoomId::from_parts(at, random()) },
            user: UserId::from_parts(at, random()),
            message: MessageId::from_parts(at, random()),
            thread: MessageId::from_parts(at, random()),
            file: FileId::from_parts(at, random()),
            call: CallId::from_parts(at, random()),
            participant: ParticipantId::from_parts(at, random()),
            invite: InviteId::from_parts(at, random()),
            device: DeviceId::from_parts(at, random()),
            code: parley_relay::auth::random_code(),
            registration_code: parley_relay::auth::random_code(),
            own,
            at_home,
        };
        (0..SETS).map(|number| fresh(number >= SETS - 2)).collect()
    }
}

fn tenant(name: &str, host: &str) -> Tenant {
    Tenant { name: name.into(), hosts: vec![host.into()], registration: None, registration_codes: None }
}

async fn sign_up_at(relay: &TestRelay, host: &str, name: &str, email: &str) -> Someone {
    let body = json!({ "display_name": name, "email": email, "password": PASSWORD, "device_name": "test" });
    let (http, address) = (Client::new(), relay.address);
    let request = http.post(format!("http://{address}/api/v1/auth/sign-up")).header("Host", host).json(&body);
    let session = within(request.send()).await.unwrap().json().await.unwrap();
    Someone { http, address, email: email.into(), session }
}

impl World {
    pub async fn build() -> Self {
        let relay = TestRelay::start_with(|config| {
            config.tenants = vec![tenant("acme", "a.test"), tenant("birch", "B.test")];
            config.messages.burst = 100_000;
            config.requests.burst = 100_000;
        })
        .await;
        let ada = sign_up_at(&relay, "a.test", "Ada Foreign", "same@example.org").await;
        let bob = sign_up_at(&relay, "a.test", "Bob Foreign", "bob@example.org").await;
        let eve = sign_up_at(&relay, "b.test", "Eve", "same@example.org").await;
        assert_eq!((ada.session.user.role, eve.session.user.role), (Role::Admin, Role::Admin));
        let body = json!({ "kind": "group", "name": "Foreign public", "visibility": "public", "members": [bob.id()] });
        let public = ada.ask::<Room>(Method::POST, "/rooms", body).await.id;
        let private = ada.group("Foreign private", &[&bob]).await.id;
        let direct = ada.direct(&bob).await.id;

        let face = upload(&ada, "face.jpg", &jpeg(64, 64), UploadPurpose::Avatar).await.id;
        let sign = upload(&ada, "sign.jpg", &jpeg(65, 64), UploadPurpose::Avatar).await.id;
        let spare = upload(&ada, "spare.jpg", &jpeg(66, 64), UploadPurpose::Avatar).await.id;
        ada.ask::<Profile>(Method::PATCH, "/me", json!({ "avatar": face })).await;
        let change = json!({ "avatar": sign, "guests": true });
        ada.ask::<Room>(Method::PATCH, &format!("/rooms/{public}"), change).await;
        let unfinished = begin(&ada, "half.bin", 10, UploadPurpose::Attachment).await.id;
        put(&ada, unfinished, 0, vec![1; 5]).await;
        ada.tell(Method::PUT, &format!("/contacts/favourites/{}", bob.id())).await;

        let (mut a, mut b) = (ada.connect().await, bob.connect().await);
        let (posted, shown) = post_file(&ada, &mut a, private, b"foreign bytes").await;
        let thread = a.send_text(private, "foreign words").await;
        let mut reply = send(private, "a foreign reply");
        if let Request::SendMessage { thread_id, .. } = &mut reply {
            *thread_id = Some(thread.id);
        }
        a.request(reply).await.unwrap();
        a.request(Request::SetPinned { room_id: private, message_id: thread.id, pinned: true }).await.unwrap();
        a.send_text(direct, "between two").await;
        a.send_text(public, "in public").await;
        let (over, _) = a.call(start_call(private)).await;
        b.call(Request::AcceptCall { call_id: over.id, media: MEDIA }).await;
        a.done(Request::LeaveCall { call_id: over.id }).await;
        let (call, participant) = a.call(start_call(direct)).await;
        b.call(Request::AcceptCall { call_id: call.id, media: MEDIA }).await;

        let invite: Invite = ada.ask(Method::POST, &format!("/rooms/{public}/invites"), json!({})).await;
        let registration: Invite = ada.ask(Method::POST, "/registration-invites", json!({})).await;
        let joined = json!({ "display_name": "Foreign guest", "device_name": "x" });
        let url = format!("http://{}/api/v1/invites/{}/guest", relay.address, invite.code);
        let joined = within(Client::new().post(url).header("Host", "a.test").json(&joined).send()).await.unwrap();
        let guest: Session = joined.json().await.unwrap();
        for who in [&ada, &bob] {
            within(hello_is_written_down(who)).await;
        }
        Self {
            ada,
            bob,
            eve,
            public,
            private,
            direct,
            code: invite.code,
            registration_code: registration.code,
            invite: invite.id,
            registration_invite: registration.id,
            message: posted.id,
            thread: thread.id,
            files: vec![face, sign, spare, unfinished, shown.id],
            calls: vec![over.id, call.id],
            participant,
            guest: guest.user.id,
            sockets: Some((a, b)),
            relay,
        }
    }

    pub fn sockets(&mut self) -> (Socket, Socket) {
        self.sockets.take().expect("nobody took them")
    }

    /// The call goes on however long the test takes.
    pub fn keep_talking(&mut self) {
        let (mut a, mut b) = self.sockets();
        tokio::spawn(async move {
            while a.is_alive().await && b.is_alive().await {
                tokio::time::sleep(Duration::from_secs(10)).await;
            }
        });
    }

    /// Sets in which every kind of thing of the other tenant occurs; in the last two the room is one's own.
    pub fn foreign_ids(&self, own: RoomId) -> Vec<Ids> {
        let rooms = [self.public, self.private, self.direct];
        let users = [self.ada.id(), self.bob.id(), self.guest];
        let set = |number: usize| {
            let (at_home, of_room) = (number >= SETS - 2, number.is_multiple_of(2));
            Ids {
                room: if at_home { own } else { rooms[number % rooms.len()] },
                user: users[number % users.len()],
                message: self.message,
                thread: self.thread,
                file: self.files[number % self.files.len()],
                call: self.calls[number % self.calls.len()],
                participant: self.participant,
                invite: if of_room { self.invite } else { self.registration_invite },
                device: if of_room { self.ada.session.device_id } else { self.bob.session.device_id },
                code: if of_room { self.code.clone() } else { self.registration_code.clone() },
                registration_code: self.registration_code.clone(),
                own,
                at_home,
            }
        };
        (0..SETS).map(set).collect()
    }

    /// What must not come across.
    pub fn names_and_ids(&self) -> Vec<String> {
        let mut all: Vec<String> =
            ["Foreign", "foreign", "bob@example.org", "in public", "between two"].map(Into::into).into();
        for ids in self.foreign_ids(RoomId::from_bytes([0; 16])) {
            all.extend([ids.room.to_string(), ids.user.to_string(), ids.message.to_string(), ids.thread.to_string()]);
            all.extend([
                ids.file.to_string(),
                ids.call.to_string(),
                ids.participant.to_string(),
                ids.invite.to_string(),
            ]);
            all.extend([ids.device.to_string(), ids.code, ids.registration_code]);
        }
        all.retain(|one| *one != RoomId::from_bytes([0; 16]).to_string());
        all.sort();
        all.dedup();
        all
    }

    /// The one that goes on.
    pub fn call(&self) -> CallId {
        self.calls[1]
    }

    pub async fn own_room(&self) -> RoomId {
        self.eve.group("Mine", &[]).await.id
    }

    pub async fn eve_again(&self) -> Someone {
        self.again(&self.eve, "b.test").await
    }

    pub async fn ada_again(&self) -> Someone {
        self.again(&self.ada, "a.test").await
    }

    async fn again(&self, who: &Someone, host: &str) -> Someone {
        let body = json!({ "email": who.email, "password": PASSWORD, "device_name": "again" });
        let url = format!("http://{}/api/v1/auth/sign-in", who.address);
        let response = within(who.http.post(url).header("Host", host).json(&body).send()).await.unwrap();
        let session = response.json().await.unwrap();
        Someone { http: who.http.clone(), address: who.address, email: who.email.clone(), session }
    }

    pub async fn ask(&self, who: &Someone, method: &Method, what: &Try) -> Response {
        let url = format!("http://{}{}", self.relay.address, what.path);
        let mut request = who.http.request(method.clone(), url).header("Host", "b.test");
        if what.signed_in {
            request = request.bearer_auth(who.session.access_token.reveal());
        }
        request = match (&what.bytes, &what.body) {
            (Some(bytes), _) => request.header("Content-Type", "application/octet-stream").body(bytes.clone()),
            (None, Value::Null) => request,
            (None, body) => request.json(body),
        };
        within(request.send()).await.unwrap()
    }

    /// What Ada and Bob see of their own.
    pub async fn seen_by_its_people(&self) -> Vec<Value> {
        let mut seen = Vec::new();
        for who in [&self.ada, &self.bob] {
            for path in ["/rooms", "/users", "/me", "/devices", "/contacts/favourites", "/contacts/blocked"] {
                seen.push(who.get(path).await);
            }
            for room in [self.public, self.private, self.direct] {
                seen.push(who.get(&format!("/rooms/{room}/messages")).await);
                seen.push(who.get(&format!("/rooms/{room}/members")).await);
            }
        }
        seen.push(self.ada.get(&format!("/rooms/{}/invites", self.public)).await);
        seen.push(self.ada.get("/registration-invites").await);
        seen.push(self.ada.get(&format!("/uploads/{}", self.files[3])).await);
        seen.push(self.ada.get(&format!("/calls/{}/reports", self.calls[0])).await);
        seen
    }
}

/// The relay gathers for a moment who was there before it writes that down.
async fn hello_is_written_down(who: &Someone) {
    let used = |device: &Device| device.last_used_at_ms > device.created_at_ms;
    while !who.get::<Vec<Device>>("/devices").await.iter().all(used) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
