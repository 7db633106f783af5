//! Preferences on disk: a small JSON file, replaced whole.

use std::io::Write;
use std::path::Path;

use crate::core::Preferences;

const FILE: &str = "preferences.json";

/// What was saved, or the standard when there is nothing that this version can read. `relay_url` is proposed to whoever is
/// not signed in.
pub(super) fn load(data_dir: &Path, relay_url: Option<String>) -> Preferences {
    let saved = std::fs::read(data_dir.join(FILE)).ok();
    let mut preferences: Preferences = saved.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    // A camera in an earlier file may be the number of its node, which is another camera's at another time.
    preferences.devices.camera.take_if(|id| id.parse::<u32>().is_ok());
    if let (Some(relay_url), None) = (relay_url, &preferences.account) {
        preferences.relay_url = relay_url;
    }
    preferences
}

/// # Errors
/// The disk refuses.
pub(super) fn save(data_dir: &Path, preferences: &Preferences) -> std::io::Result<()> {
    let json = serde_json::to_vec_pretty(preferences)?;
    let beside = data_dir.join(format!("{FILE}.new"));
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(&json)?;
    file.sync_all()?;
    std::fs::rename(&beside, data_dir.join(FILE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_shared::view::Theme;

    #[test]
    fn preferences_survive_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let preferences = Preferences { theme: Theme::Dark, language: "de".to_owned(), ..Preferences::default() };
        save(dir.path(), &preferences).unwrap();
        assert_eq!(load(dir.path(), None), preferences);
    }

    #[test]
    fn devices_of_an_earlier_file_are_kept_but_for_a_numbered_camera() {
        let dir = tempfile::tempdir().unwrap();
        let old = r#"{"devices":{"camera":"0","microphone":"pipewire:mic","speaker":null}}"#;
        std::fs::write(dir.path().join(FILE), old).unwrap();
        let devices = load(dir.path(), None).devices;
        assert_eq!((devices.camera, devices.microphone.as_deref()), (None, Some("pipewire:mic")));
    }

    #[test]
    fn a_broken_file_is_the_standard() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), b"{\"theme\": 7").unwrap();
        let loaded = load(dir.path(), Some("http://127.0.0.1:1".to_owned()));
        assert_eq!(loaded, Preferences { relay_url: "http://127.0.0.1:1".to_owned(), ..Preferences::default() });
    }
}
