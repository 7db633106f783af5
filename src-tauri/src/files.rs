//! Files of the webview: it hands them over whole, shows pictures by their address, and has them saved where the person says.
//!
//! A picture's address is `parley-file://localhost/KEY`, and `…/KEY/thumbnail`; on Windows Tauri makes `http://parley-file.localhost/…` of it.
//! Nothing but pictures has an address, so that no file of a stranger is ever a page, a script or a frame.

use parley_client::ClientHandle;
use parley_client::files::{ShownFile, Variant, name_on_disk};
use parley_shared::limits::FILE_BYTES;
use parley_shared::view::{CommandError, CommandErrorCode, DraftFile};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use tauri::http::{Method, Request, Response, StatusCode, header};
use tauri::ipc::InvokeBody;
use tauri::{Manager, State, UriSchemeResponder, WebviewWindow};
use tauri_plugin_dialog::DialogExt;

use crate::window;

pub const SCHEME: &str = "parley-file";
/// Holds the file's name, percent-encoded.
const NAME_HEADER: &str = "x-file-name";
/// A draft's key has 38 characters.
const MAX_KEY_BYTES: usize = 64;

/// Keeps a file that the webview hands over as the raw body.
#[tauri::command]
pub async fn attach(
    request: tauri::ipc::Request<'_>,
    client: State<'_, ClientHandle>,
) -> Result<DraftFile, CommandError> {
    let name = request.headers().get(NAME_HEADER).and_then(|name| name.to_str().ok()).unwrap_or_default();
    let name = percent_decode_str(name).decode_utf8_lossy().into_owned();
    let bytes = body_bytes(request.body())?;
    client.attach(&name, bytes).await
}

/// Asks the person where a file goes, and writes it there. False when they think better of it.
#[tauri::command]
pub async fn save_file(
    key: String,
    name: String,
    window: WebviewWindow,
    client: State<'_, ClientHandle>,
) -> Result<bool, CommandError> {
    let Some(path) = ask_where(&window, &name).await else { return Ok(false) };
    client.save_file(&key, path).await?;
    Ok(true)
}

/// Answers a request for a picture's address.
pub fn serve(client: &ClientHandle, label: &str, request: &Request<Vec<u8>>, responder: UriSchemeResponder) {
    if label != window::LABEL || request.method() != Method::GET {
        return responder.respond(refusal(StatusCode::FORBIDDEN));
    }
    let Some((key, variant)) = wanted(request.uri().path()) else {
        return responder.respond(refusal(StatusCode::NOT_FOUND));
    };
    let client = client.clone();
    tauri::async_runtime::spawn(async move {
        responder.respond(match client.show_file(&key, variant).await {
            Ok(file) => picture(file),
            Err(error) => refusal(status(error.code)),
        });
    });
}

/// The key and the form that a path names.
fn wanted(path: &str) -> Option<(String, Variant)> {
    let path = percent_decode_str(path.strip_prefix('/')?).decode_utf8().ok()?;
    let (key, variant) = match path.strip_suffix("/thumbnail") {
        Some(key) => (key, Variant::Thumbnail),
        None => (path.as_ref(), Variant::Full),
    };
    let good = (1..=MAX_KEY_BYTES).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    good.then(|| (key.to_owned(), variant))
}

fn picture(file: ShownFile) -> Response<Vec<u8>> {
    let ShownFile { media_type, bytes } = file;
    let mut response = Response::new(bytes);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media_type));
    guard(headers);
    response
}

fn refusal(status: StatusCode) -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = status;
    guard(response.headers_mut());
    response
}

fn guard(headers: &mut header::HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, header::HeaderValue::from_static("default-src 'none'; sandbox"));
    // The client's own cache is sealed; the webview's would lie on the disk in plain.
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
}

fn status(code: CommandErrorCode) -> StatusCode {
    match code {
        CommandErrorCode::InvalidArgument => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        CommandErrorCode::Unauthenticated | CommandErrorCode::Forbidden => StatusCode::FORBIDDEN,
        CommandErrorCode::NotFound | CommandErrorCode::Conflict | CommandErrorCode::NotNow => StatusCode::NOT_FOUND,
        CommandErrorCode::TooLarge | CommandErrorCode::StorageFull => StatusCode::PAYLOAD_TOO_LARGE,
        CommandErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        CommandErrorCode::Unavailable | CommandErrorCode::Offline | CommandErrorCode::UnsupportedVersion => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        CommandErrorCode::Storage => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The bytes as they came; where the webview cannot send them so, Tauri makes a list of numbers of them.
fn body_bytes(body: &InvokeBody) -> Result<Vec<u8>, CommandError> {
    let length = match body {
        InvokeBody::Raw(bytes) => bytes.len(),
        InvokeBody::Json(Value::Array(numbers)) => numbers.len(),
        InvokeBody::Json(_) => return Err(refused(CommandErrorCode::InvalidArgument, "This is no file.")),
    };
    if length as u64 > FILE_BYTES {
        return Err(refused(CommandErrorCode::TooLarge, "A file has at most 25 MB."));
    }
    match body {
        InvokeBody::Raw(bytes) => Ok(bytes.clone()),
        InvokeBody::Json(value) => serde_json::from_value(value.clone())
            .map_err(|_| refused(CommandErrorCode::InvalidArgument, "This is no file.")),
    }
}

fn refused(code: CommandErrorCode, message: &str) -> CommandError {
    CommandError { code, message: message.to_owned(), field: Some("file".to_owned()), retry_after_s: None }
}

pub async fn ask_where(window: &WebviewWindow, name: &str) -> Option<std::path::PathBuf> {
    let (answer, answered) = tokio::sync::oneshot::channel();
    let mut dialog = window.dialog().file().set_parent(window).set_file_name(name_on_disk(name));
    if let Ok(downloads) = window.path().download_dir() {
        dialog = dialog.set_directory(downloads);
    }
    // Whoever asked is gone only when the app ends.
    dialog.save_file(move |path| drop(answer.send(path)));
    answered.await.ok().flatten()?.into_path().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    #[test]
    fn an_address_names_a_key_and_a_form() {
        assert_eq!(wanted(&format!("/{ID}")), Some((ID.to_owned(), Variant::Full)));
        let thumbnail = Some((ID.to_owned(), Variant::Thumbnail));
        assert_eq!(wanted(&format!("/{ID}/thumbnail")), thumbnail);
        assert_eq!(wanted(&format!("/{ID}%2Fthumbnail")), thumbnail);
        for path in ["", "/", "/thumbnail/", "/../history.db", "/..%2Fhistory.db", "/a/b", "/%ff", "//thumbnail"] {
            assert_eq!(wanted(path), None, "{path}");
        }
        assert_eq!(wanted(&format!("/{}", "a".repeat(65))), None);
    }

    #[test]
    fn a_picture_is_nothing_else() {
        let response = picture(ShownFile { media_type: "image/png", bytes: vec![1] });
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("content-type"), Some("image/png"));
        assert_eq!(header("x-content-type-options"), Some("nosniff"));
        assert_eq!(header("cache-control"), Some("no-store"));
        assert!(header("content-security-policy").is_some_and(|policy| policy.contains("sandbox")));
    }

    #[test]
    fn bodies_are_bytes_or_a_list_of_them() {
        assert_eq!(body_bytes(&InvokeBody::Raw(vec![1, 2])).unwrap(), [1, 2]);
        assert_eq!(body_bytes(&InvokeBody::Json(serde_json::json!([1, 255]))).unwrap(), [1, 255]);
        for bad in [serde_json::json!([1, 256]), serde_json::json!({"a": 1}), Value::Null] {
            assert!(body_bytes(&InvokeBody::Json(bad)).is_err());
        }
        let big = InvokeBody::Raw(vec![0; FILE_BYTES as usize + 1]);
        assert_eq!(body_bytes(&big).unwrap_err().code, CommandErrorCode::TooLarge);
    }
}
