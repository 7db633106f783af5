//! Pages that a browser shows.
#![expect(clippy::unwrap_used, reason = "a test whose footing breaks has failed")]

use reqwest::{Client, StatusCode};

use crate::harness::*;

async fn page(relay: &TestRelay, path: &str, language: &str) -> (reqwest::header::HeaderMap, String) {
    let request = Client::new().get(format!("http://{}{path}", relay.address)).header("Accept-Language", language);
    let response = within(request.send()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    (response.headers().clone(), response.text().await.unwrap())
}

#[tokio::test]
async fn an_invite_opened_in_a_browser_explains_itself_and_shows_no_code() {
    let relay = TestRelay::start().await;
    let (headers, english) = page(&relay, "/invite/abc", "fr").await;
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(
        (headers["content-language"].as_bytes(), headers["referrer-policy"].as_bytes()),
        (&b"en"[..], &b"no-referrer"[..])
    );
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    assert!(english.contains("Join with a link"));
    let (_, hostile) = page(&relay, "/invite/%3Cscript%3Ealert(1)%3C%2Fscript%3E", "en").await;
    assert_eq!(hostile, english, "the page is the same for every code");
    assert!(page(&relay, "/invite/abc", "de-CH").await.1.contains("Einladung"));
    assert!(page(&relay, "/invite/abc", "ko").await.1.contains("초대"));
}

#[tokio::test]
async fn the_document_has_a_page_that_reads_it() {
    let relay = TestRelay::start().await;
    let (headers, text) = page(&relay, "/api/v1/docs", "en").await;
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("connect-src 'self'") && !policy.contains("unsafe"), "{policy}");
    assert!(text.contains("fetch(\"openapi.json\")"));
}
