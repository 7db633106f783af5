use super::*;
use parley_shared::ids::{DeviceId, UserId};
use parley_shared::wire::{Role, Secret, User};

fn account() -> Account {
    Account { relay_url: "http://relay".to_owned(), user_id: UserId::from_bytes([1; 16]) }
}

fn session(token: &str) -> Box<Session> {
    let id = UserId::from_bytes([1; 16]);
    Box::new(Session {
        user: User {
            id,
            display_name: "Jo".to_owned(),
            role: Role::Member,
            bot: false,
            avatar: None,
            status_text: String::new(),
        },
        device_id: DeviceId::from_bytes([2; 16]),
        access_token: Secret::new("access"),
        access_expires_in_s: 900,
        refresh_token: Secret::new(token),
    })
}

fn load(keeping: Keeping) -> SecretsJob {
    SecretsJob::Load { account: Some(account()), keeping }
}

fn save(token: &str) -> SecretsJob {
    SecretsJob::Save { account: account(), session: session(token) }
}

fn refresh_token(answer: Option<SecretsAnswer>) -> Option<String> {
    match answer {
        Some(SecretsAnswer::Ready { found, .. }) => found.map(|session| session.refresh_token.reveal().to_owned()),
        other => panic!("not ready: {other:?}"),
    }
}

#[test]
fn a_sealed_file_opens_with_its_passphrase_only_and_shows_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut keeper = Keeper::new(SecretsChoice::File, dir.path());
    assert!(matches!(
        keeper.run(load(Keeping::Undecided)),
        Some(SecretsAnswer::Ready { keeping: SecretKeeping::Undecided, found: None })
    ));
    assert!(keeper.run(save("refresh-1")).is_none());
    assert!(!dir.path().join("session.sealed").exists(), "nothing is written before the person chose");
    let kept = keeper.run(SecretsJob::Keep { passphrase: Some("correct horse".to_owned()) });
    assert!(matches!(kept, Some(SecretsAnswer::Kept(Ok(SecretKeeping::EncryptedFile)))));
    assert!(keeper.run(save("refresh-2")).is_none());

    let bytes = std::fs::read(dir.path().join("session.sealed")).unwrap();
    assert!(!bytes.windows(7).any(|part| part == b"refresh"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(dir.path().join("session.sealed")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    let mut keeper = Keeper::new(SecretsChoice::File, dir.path());
    assert!(matches!(keeper.run(load(Keeping::EncryptedFile)), Some(SecretsAnswer::Locked { wrong: false })));
    let unlock = |passphrase: &str| SecretsJob::Unlock { account: account(), passphrase: passphrase.to_owned() };
    assert!(matches!(keeper.run(unlock("wrong horse")), Some(SecretsAnswer::Locked { wrong: true })));
    assert_eq!(refresh_token(keeper.run(unlock("correct horse"))).as_deref(), Some("refresh-2"));
    keeper.run(SecretsJob::Forget { account: account(), history: true });
    assert!(!dir.path().join("session.sealed").exists());
}

#[test]
fn a_changed_file_does_not_open() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sealed");
    EncryptedFile::create(&path, "passphrase").unwrap().write(b"secret").unwrap();
    let good = std::fs::read(&path).unwrap();
    for place in [17, 40, good.len() - 1] {
        let mut bad = good.clone();
        bad[place] ^= 1;
        std::fs::write(&path, &bad).unwrap();
        assert!(matches!(EncryptedFile::open(&path, "passphrase"), Err(FileError::WrongPassphrase)), "byte {place}");
    }
    for length in [0, 10, 30, 55] {
        std::fs::write(&path, &good[..length]).unwrap();
        assert!(matches!(EncryptedFile::open(&path, "passphrase"), Err(FileError::NotSealed)), "{length} bytes");
    }
}

#[test]
fn a_ruined_file_does_not_hold_the_person_up() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("session.sealed"), b"nonsense").unwrap();
    let mut keeper = Keeper::new(SecretsChoice::File, dir.path());
    keeper.run(load(Keeping::EncryptedFile));
    let answer = keeper.run(SecretsJob::Unlock { account: account(), passphrase: "any".to_owned() });
    assert_eq!(refresh_token(answer), None);
}

#[test]
fn asking_each_time_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut keeper = Keeper::new(SecretsChoice::File, dir.path());
    keeper.run(load(Keeping::Undecided));
    keeper.run(save("refresh"));
    let kept = keeper.run(SecretsJob::Keep { passphrase: None });
    assert!(matches!(kept, Some(SecretsAnswer::Kept(Ok(SecretKeeping::AskEachTime)))));
    keeper.run(save("refresh"));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
