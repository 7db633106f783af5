use super::*;

#[tokio::test]
async fn a_password_matches_itself_only_and_nobody_matches_nothing() {
    let passwords = Passwords::default();
    let hash = passwords.hash(Secret::new("correct horse")).await.unwrap();
    assert!(passwords.verify(Secret::new("correct horse"), Some(hash.clone())).await.unwrap());
    assert!(!passwords.verify(Secret::new("correct hors"), Some(hash)).await.unwrap());
    assert!(!passwords.verify(Secret::new("correct horse"), None).await.unwrap());
    assert!(!verify_now(&Secret::new("x"), "not a hash"));
}

#[test]
fn tokens_of_another_key_age_kind_or_algorithm_are_refused() {
    let (user, device) = (UserId::from_bytes([1; 16]), DeviceId::from_bytes([2; 16]));
    let now = crate::clock::unix_now();
    let tokens = Tokens::new(&[7; 32]);
    let good = tokens.issue(user, device, now).unwrap();
    assert_eq!(tokens.check(good.reveal()), Some((user, device)));
    assert_eq!(Tokens::new(&[8; 32]).check(good.reveal()), None);

    let expired = tokens.issue(user, device, UnixMs(now.0 - 16 * 60 * 1_000)).unwrap();
    assert_eq!(tokens.check(expired.reveal()), None);

    let claims = |aud: &str, exp: Option<i64>| {
        let mut claims = serde_json::json!({
            "iss": ISSUER, "aud": aud, "sub": user, "did": device, "iat": 0, "exp": now.0 / 1_000 + 60,
        });
        match exp {
            Some(exp) => claims["exp"] = exp.into(),
            None => drop(claims.as_object_mut().unwrap().remove("exp")),
        }
        claims
    };
    let key = EncodingKey::from_secret(&[7; 32]);
    let later = Some(now.0 / 1_000 + 60);
    for (name, token) in [
        ("another audience", encode(&Header::default(), &claims("other", later), &key).unwrap()),
        ("no expiry", encode(&Header::default(), &claims(AUDIENCE, None), &key).unwrap()),
        (
            "another algorithm",
            encode(&Header::new(jsonwebtoken::Algorithm::HS512), &claims(AUDIENCE, later), &key).unwrap(),
        ),
        ("no algorithm", {
            let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
            format!("{}.{}.", part(&serde_json::json!({"alg": "none", "typ": "JWT"})), part(&claims(AUDIENCE, later)))
        }),
        ("a megabyte", "x".repeat(1_000_000)),
    ] {
        assert_eq!(tokens.check(&token), None, "{name}");
    }
    let sane = encode(&Header::default(), &claims(AUDIENCE, later), &key).unwrap();
    assert_eq!(tokens.check(&sane), Some((user, device)), "the refused ones differ from this in one thing each");
}
