//! Pages for people with a browser. Each is one file that asks nobody else for anything; its policy names its own script and style and
//! lets nothing else run.

mod words;

use std::sync::LazyLock;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::extract::At;
use crate::app::App;
use words::Language;

/// What everybody sees who opens an invite in a browser: the same for every code, which is neither looked up nor shown by the relay.
pub async fn invite(State(_): State<App>, At(_): At<String>, headers: HeaderMap) -> Response {
    static PAGES: LazyLock<[Page; 3]> =
        LazyLock::new(|| Language::ALL.map(|language| Page::new(language.words().fill(include_str!("invite.html")))));
    let asked = headers.get(header::ACCEPT_LANGUAGE).and_then(|asked| asked.to_str().ok()).unwrap_or_default();
    let language = Language::best(asked);
    let mut response = PAGES[language as usize].answer();
    let added = response.headers_mut();
    added.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.words().tag));
    added.append(header::VARY, HeaderValue::from_static("accept-language"));
    response
}

/// The document of REST, to be read.
pub async fn docs() -> Response {
    static PAGE: LazyLock<Page> = LazyLock::new(|| Page::new(include_str!("docs.html").to_owned()));
    PAGE.answer()
}

struct Page {
    text: Bytes,
    policy: HeaderValue,
}

impl Page {
    fn new(text: String) -> Self {
        let (script, style) = (hash(&text, "script"), hash(&text, "style"));
        let policy = format!(
            "default-src 'none'; script-src '{script}'; style-src '{style}'; connect-src 'self'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'"
        );
        let policy = HeaderValue::try_from(policy).expect("a policy is ASCII");
        Self { text: text.into(), policy }
    }

    fn answer(&self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (header::CONTENT_SECURITY_POLICY, self.policy.clone()),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            // The address of an invite is a secret.
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        ];
        (headers, self.text.clone()).into_response()
    }
}

/// Of the one element of this name, as a policy names it.
fn hash(page: &str, element: &str) -> String {
    let inner =
        page.split_once(&format!("<{element}>")).and_then(|(_, rest)| rest.split_once(&format!("</{element}>")));
    let (inner, _) = inner.expect("the pages have one script and one style");
    format!("sha256-{}", STANDARD.encode(Sha256::digest(inner)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_ask_nobody_else_and_carry_no_inline_handlers() {
        for page in [include_str!("invite.html"), include_str!("docs.html")] {
            for outside in ["http://", "https://", "//cdn", "@import", " onclick", " style=", "innerHTML"] {
                assert!(!page.contains(outside), "{outside}");
            }
            assert!(page.contains("prefers-color-scheme") && page.contains("width=device-width"));
        }
    }

    #[test]
    fn every_word_of_every_language_is_filled_in() {
        for language in Language::ALL {
            let page = language.words().fill(include_str!("invite.html"));
            assert!(!page.contains("{{"), "{page}");
        }
    }
}
