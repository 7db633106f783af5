//! People and rooms put straight into a relay's database: thousands of sign-ups would measure Argon2.

use std::path::Path;

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;
use parley_relay::auth::{Tokens, random_token, sha256};
use parley_relay::clock::unix_now;
use parley_relay::secrets::Secrets;
use parley_relay::store::sqlite::SqliteStore;
use parley_relay::store::{NewDevice, NewRefresh, NewRoom, NewUser, Store, TenantId};
use parley_shared::ids::{DeviceId, RoomId, UserId};
use parley_shared::wire::{Role, RoomKind, Secret, Visibility};
use rand::RngCore;

/// Someone who can connect.
#[derive(Clone, Debug)]
pub struct Guest {
    pub user_id: UserId,
    device_id: DeviceId,
    pub token: Secret,
    pub room_id: RoomId,
}

/// Gives everybody a token that lasts another quarter of an hour.
///
/// # Errors
/// The data directory has no secrets.
pub fn renew(data_dir: &Path, guests: &mut [Guest]) -> Result<()> {
    let tokens = Tokens::new(&Secrets::load_or_make(data_dir)?.token_key);
    for guest in guests {
        guest.token = tokens.issue(guest.user_id, guest.device_id, unix_now())?;
    }
    Ok(())
}

/// Writes that wait for the store at once; its queue takes more.
const AT_ONCE: usize = 500;

/// Makes `rooms` group rooms of `members` people each, in the data directory of a relay that does not run. The people of a room follow
/// one another in the list.
///
/// # Errors
/// The database refuses.
pub async fn settle(data_dir: &Path, rooms: usize, members: usize) -> Result<Vec<Guest>> {
    ensure!(members > 0, "a room has somebody");
    let tokens = Tokens::new(&Secrets::load_or_make(data_dir)?.token_key);
    let store = SqliteStore::open(&data_dir.join("relay.sqlite"))?;
    let mut guests = Vec::with_capacity(rooms * members);
    let numbers: Vec<usize> = (0..rooms * members).collect();
    let mut people = Vec::with_capacity(numbers.len());
    for chunk in numbers.chunks(AT_ONCE) {
        people.extend(try_join_all(chunk.iter().map(|number| person(&store, *number))).await?);
    }
    for (number, of_room) in people.chunks(members).enumerate() {
        let room_id = RoomId::from_parts(unix_now(), random());
        store
            .create_room(NewRoom {
                id: room_id,
                kind: RoomKind::Group,
                name: format!("Room {number}"),
                topic: String::new(),
                visibility: Visibility::Private,
                max_members: 1_000,
                owner: of_room[0].0,
                others: of_room[1..].iter().map(|(user_id, _)| *user_id).collect(),
                at: unix_now(),
            })
            .await?;
        for (user_id, device_id) in of_room {
            let token = tokens.issue(*user_id, *device_id, unix_now())?;
            guests.push(Guest { user_id: *user_id, device_id: *device_id, token, room_id });
        }
    }
    Ok(guests)
}

async fn person(store: &SqliteStore, number: usize) -> Result<(UserId, DeviceId)> {
    let (user_id, device_id) = (UserId::from_parts(unix_now(), random()), DeviceId::from_parts(unix_now(), random()));
    store
        .create_user(NewUser {
            id: user_id,
            display_name: format!("Guest {number}"),
            email: format!("guest{number}@example.org"),
            password_hash: String::new(),
            role: Some(Role::Member),
            bot: false,
            at: unix_now(),
            tenant: TenantId::DEFAULT,
            code: None,
        })
        .await?;
    store
        .create_device(NewDevice {
            id: device_id,
            user_id,
            name: "Bench".to_owned(),
            at: unix_now(),
            refresh: NewRefresh { hash: sha256(random_token().reveal()), expires_at: unix_now() },
        })
        .await?;
    Ok((user_id, device_id))
}

pub fn random() -> [u8; 10] {
    let mut bytes = [0; 10];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}
