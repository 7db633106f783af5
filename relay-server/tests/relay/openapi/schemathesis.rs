//! Schemathesis reads the document, makes requests that fit it and requests that do not, and compares what comes back.
#![expect(clippy::unwrap_used, reason = "a test whose footing breaks has failed")]

use std::path::PathBuf;
use std::process::Stdio;

use parley_shared::wire::*;
use reqwest::Method;
use serde_json::json;

use crate::files::{attach, send_files};
use crate::harness::*;

/// The same requests in every run.
const SEED: &str = "20261127";
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
    response_schema_conformance,negative_data_rejection,ignored_auth,unsupported_method,allow_header_conformance";
/// How a request that does not fit may be refused: the tool's own list, and 413 for what is larger than the document says.
const REFUSED: &str = "[checks.negative_data_rejection]\nexpected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429]\n";
/// What ends the session that the others ask with.
const ENDS_SESSION: &str = "(/auth/sign-out|/devices.*)$";

/// `cargo xtask test` installs it beside the checkout.
fn program() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = || set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    let tools = set("PARLEY_TOOLS").or_else(|| Some(cache()?.join("parley/tools"))).unwrap();
    let program = tools.join("schemathesis/bin/st");
    assert!(program.is_file(), "{} is missing: `cargo xtask test` installs it", program.display());
    program
}

/// Runs it as a person; fails the test with its report.
async fn check(someone: &Someone, config: &str, args: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("schemathesis.toml"), format!("{config}{REFUSED}")).unwrap();
    let token = format!("Authorization: Bearer {}", someone.session.access_token.reveal());
    let run = tokio::process::Command::new(program())
        .args(["run", &format!("http://{}/api/v1/openapi.json", someone.address), "--header", &token])
        .args(["--checks", CHECKS, "--seed", SEED, "--no-color", "--generation-database", "none", "--warnings", "off"])
        .args(["--no-shrink", "--continue-on-failure"])
        .args(args)
        .current_dir(dir.path())
        .env_remove("PYTHONPATH")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(5 * PATIENCE, run).await.expect("it ends").unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{report}\n{complaint}", output.status);
}

async fn relay() -> TestRelay {
    TestRelay::start_with(|config| config.sign_in_tries.burst = 100_000).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_relay_keeps_to_its_document_whatever_is_asked() {
    let relay = relay().await;
    let (ada, bob) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await);
    ada.group("Garden", &[&bob]).await;
    check(&ada, "", &["--phases", "coverage", "--exclude-path-regex", ENDS_SESSION]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_is_answered_as_the_document_says() {
    let relay = relay().await;
    let (ada, bob) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await);
    let room = ada.group("Garden", &[&bob]).await;
    let mut socket = ada.connect().await;
    let message = socket.send_text(room.id, "find me").await;
    socket.send_text(room.id, "<@everyone> two").await;
    let file = attach(&ada, "notes.txt", b"one two three").await;
    socket.request(send_files(room.id, "a file", &[file.id])).await.unwrap();
    let (call, _) = socket.call(start_call(room.id)).await;
    let invite: Invite = ada.ask(Method::POST, &format!("/rooms/{}/invites", room.id), json!({})).await;
    let config = format!(
        "[parameters]\n\"path.room_id\" = \"{}\"\n\"path.message_id\" = \"{}\"\n\"path.user_id\" = \"{}\"\n\
         \"path.file_id\" = \"{}\"\n\"path.call_id\" = \"{}\"\n\"path.code\" = \"{}\"\n\"path.invite_id\" = \"{}\"\n",
        room.id,
        message.id,
        bob.id(),
        file.id,
        call.id,
        invite.code,
        invite.id
    );
    // What removes the room, its members or the invite would leave nothing for the others to find.
    let removes = ["--exclude-method", "DELETE", "--exclude-path-regex", ENDS_SESSION];
    check(&ada, &config, &[&["--phases", "fuzzing", "--max-examples", "8"], &removes[..]].concat()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_as_the_document_says() {
    let relay = relay().await;
    let ada = relay.sign_up("Ada").await;
    check(&ada, "", &["--phases", "coverage", "--include-path-regex", ENDS_SESSION]).await;
}
