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

#[test]
fn tenants_have_names_and_hosts_of_their_own() {
    let applied = |toml: &str| {
        let mut config = Config::new("x".into());
        config.apply(settings(toml)?)?;
        Ok::<_, anyhow::Error>(config)
    };
    let config = applied(
        "registration = \"closed\"
         [[tenants]]\nname = \"acme\"\nhosts = [\"Acme.example\", \"acme.test\"]\nregistration = \"invite\"\nregistration_codes = [\"hush\"]
         [[tenants]]\nname = \"birch-2\"\nhosts = [\"[::1]\"]",
    )
    .unwrap();
    let text = config.redacted();
    assert!(text.contains("name = \"acme\"") && text.contains("Acme.example") && !text.contains("hush"), "{text}");
    assert!(text.contains("registration = Invite\nregistration_codes = 1 (hidden)"), "{text}");
    assert!(
        text.ends_with("registration = Closed\nregistration_codes = 0 (hidden)"),
        "what is not given is the relay's: {text}"
    );
    for (toml, named) in [
        ("[[tenants]]\nname = \"Acme\"\nhosts = [\"a\"]", "Acme"),
        ("[[tenants]]\nname = \"\"\nhosts = [\"a\"]", "name"),
        ("[[tenants]]\nname = \"default\"\nhosts = [\"a\"]", "default"),
        ("[[tenants]]\nname = \"acme\"\nhosts = []", "acme"),
        ("[[tenants]]\nname = \"acme\"\nhosts = [\"a:80\"]", "a:80"),
        ("[[tenants]]\nname = \"acme\"\nhosts = [\"https://a\"]", "https://a"),
        ("[[tenants]]\nname = \"acme\"\nhosts = [\"\"]", "acme"),
        ("[[tenants]]\nname = \"acme\"\nhosts = [\"a\"]\n[[tenants]]\nname = \"acme\"\nhosts = [\"b\"]", "acme"),
        (
            "[[tenants]]\nname = \"acme\"\nhosts = [\"a.example\"]\n[[tenants]]\nname = \"birch\"\nhosts = [\"A.example.\"]",
            "A.example",
        ),
        ("[[tenants]]\nname = \"acme\"\nhost = [\"a\"]", "host"),
    ] {
        let error = format!("{:#}", applied(toml).unwrap_err());
        assert!(error.contains(named), "{named}: {error}");
    }
}
