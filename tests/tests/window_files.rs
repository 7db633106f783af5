//! The webview's doors for files: bytes go in raw, pictures have an address, and nothing else has one.

use anyhow::{Result, ensure};
use e2e::person::{PASSWORD, Person, email};
use e2e::relay::RelayProcess;
use e2e::window::{Desk, Window, id};

/// Draws a picture, hands it over and shows it by its address in both forms; then a text, which has none.
const SHOW: &str = "(async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 200 });
    canvas.getContext('2d').fillRect(0, 0, 320, 200);
    const blob = await new Promise(done => canvas.toBlob(done, 'image/png'));
    const attach = async (bytes, name) => {
        const headers = { 'x-file-name': encodeURIComponent(name) };
        return await window.__TAURI_INTERNALS__.invoke('attach', new Uint8Array(bytes), { headers });
    };
    const width = src => new Promise(done => {
        const image = new Image();
        image.onload = () => done(image.naturalWidth);
        image.onerror = () => done(0);
        image.src = src;
    });
    const address = key => window.__TAURI_INTERNALS__.convertFileSrc(key, 'parley-file');
    const picture = await attach(await blob.arrayBuffer(), 'Übung 1.png');
    const text = await attach(new TextEncoder().encode('hello'), 'notes.txt');
    const foreign = await fetch(address(picture.key)).then(() => true, () => false);
    return [picture.name, picture.kind.type, await width(address(picture.key)), await width(address(picture.key) + '/thumbnail'),
        text.kind.type, await width(address(text.key)), await width(address('nothing')), foreign];
})()";

#[tokio::test(flavor = "multi_thread")]
async fn pictures_have_an_address_and_other_files_have_none() -> Result<()> {
    let desk = Desk::start().await?;
    let relay = RelayProcess::start()?;
    let _bob = Person::sign_up(&relay.url, "Bob").await?;
    let data = desk.path().join("parley").display().to_string();
    let window = Window::open(&desk, &["--relay", &relay.url, "--data-dir", &data]).await?;
    window.write(&id("auth-name"), "Alice").await?;
    window.write(&id("auth-email"), &email("Alice")).await?;
    window.write(&id("auth-password"), PASSWORD).await?;
    window.click(&id("auth-submit")).await?;
    window.see(&id("shell")).await?;

    let shown = window.outcome(SHOW, Vec::new()).await?.map_err(anyhow::Error::msg)?;
    let wanted = serde_json::json!(["Übung 1.png", "image", 320, 320, "file", 0, 0, false]);
    ensure!(shown == wanted, "{shown}");
    window.close().await
}
