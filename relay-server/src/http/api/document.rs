//! The table as OpenAPI 3.1.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use parley_shared::wire::ErrorBody;
use serde_json::{Map, Value, json};

use super::operation::{REFUSALS, meaning, refusal_name};
use super::{DOCUMENT, Table, bounds};

/// Clients may keep it for a while; a relay that is brought up to date changes it.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=300");

pub async fn openapi() -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, CACHE),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, DOCUMENT.clone()).into_response()
}

pub fn write(mut table: Table) -> String {
    let envelope = table.schemas.subschema_for::<ErrorBody>();
    let responses: Map<String, Value> = REFUSALS
        .into_iter()
        .map(|status| {
            let mut refusal =
                json!({ "description": meaning(status), "content": { "application/json": { "schema": envelope } } });
            if status == 429 {
                let seconds = json!({ "type": "integer", "minimum": 1 });
                let header = json!({ "description": "Seconds to wait.", "required": true, "schema": seconds });
                refusal["headers"] = json!({ "Retry-After": header });
            }
            (refusal_name(status), refusal)
        })
        .collect();
    let mut paths = Map::new();
    let mut tags: Vec<&str> = Vec::new();
    for operation in &table.operations {
        let path = paths.entry(operation.path.clone()).or_insert_with(|| json!({}));
        path[operation.method.as_str().to_lowercase()] = operation.document();
        if !tags.contains(&operation.tag) {
            tags.push(operation.tag);
        }
    }
    let mut schemas = table.schemas.take_definitions(true);
    bounds::write(&mut schemas);
    let bearer = json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "The access token of a `Session`." });
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Parley relay",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Accounts, rooms, messages and files of a Parley relay.",
            "description": "What the words mean, and what goes over the socket, is in shared/PROTOCOL.md. \
                Every refusal has the body `ErrorBody`. Requests of web pages need an origin that the relay takes (403 otherwise).",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{ "url": "/" }],
        "tags": tags.into_iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "securitySchemes": { "bearer": bearer },
            "responses": responses,
            "schemas": schemas,
        },
    });
    plain_descriptions(&mut document);
    document.to_string()
}

/// The types are described for whoever reads their source: links to other types become the names of those.
fn plain_descriptions(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(text) if name == "description" => *text = without_links(text),
                    field => plain_descriptions(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(plain_descriptions),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn without_links(text: &str) -> String {
    let mut parts = text.split("[`");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (path, rest) = part.split_once("`]").unwrap_or((part, ""));
        let name = path.rsplit("::").next().unwrap_or_default();
        plain.push_str(&format!("`{name}`{rest}"));
    }
    plain.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_become_names() {
        let text = "→ [`Session`] of [`super::People`],\nat most [`crate::limits::PAGE_ITEMS`] of `them`.";
        assert_eq!(without_links(text), "→ `Session` of `People`, at most `PAGE_ITEMS` of `them`.");
    }
}
