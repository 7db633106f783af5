use super::*;

fn settings(toml: &str) -> anyhow::Result<Settings> {
    Ok(toml::from_str(toml)?)
}

#[test]
fn flags_win_over_the_file_and_the_file_over_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("parley.toml");
    let text = "listen = \"127.0.0.1:1\"\nregistration = \"closed\"\n[rates]\nmessage_burst = 7\n";
    std::fs::write(&file, text).unwrap();
    let flags = Settings {
        listen: Some("127.0.0.1:2".parse().unwrap()),
        data_dir: Some(dir.path().to_owned()),
        ..Settings::default()
    };
    let config = Config::load(Some(&file), flags).unwrap();
    assert_eq!(config.listen.port(), 2);
    assert_eq!(config.registration, Registration::Closed);
    assert_eq!((config.messages.burst, config.requests.burst), (7, limits::REQUEST_BURST));
    assert_eq!(config.log, "info");
}

#[test]
fn wrong_settings_are_named() {
    assert!(settings("lisen = 1").unwrap_err().to_string().contains("lisen"));
    let mut config = Config::new("x".into());
    assert!(config.apply(settings("allowed_origins = [\"example.org/path\"]").unwrap()).is_err());
    assert!(config.apply(settings("[rates]\nmessage_burst = 0").unwrap()).is_err());
}

#[test]
fn what_is_printed_has_no_secrets() {
    let mut config = Config::new("x".into());
    let toml = "registration_codes = [\"hush-1\"]\nice_servers = [{ urls = [\"turn:t.example\"], username = \"u\", credential = \"hush-2\" }]";
    config.apply(settings(toml).unwrap()).unwrap();
    let text = config.redacted();
    assert!(text.contains("turn:t.example") && !text.contains("hush"), "{text}");
}
