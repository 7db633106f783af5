//! The document that describes REST: it is whole, the relay keeps to it, and a stranger's tool finds nothing that does not fit.
#![expect(clippy::unwrap_used, reason = "a test whose footing breaks has failed")]

mod schemathesis;

use std::collections::BTreeSet;

use parley_shared::wire::ErrorBody;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::*;

async fn document(relay: &TestRelay) -> Value {
    let response =
        within(Client::new().get(format!("http://{}/api/v1/openapi.json", relay.address)).send()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/json");
    response.json().await.unwrap()
}

/// Method, address and description of every operation.
fn operations(document: &Value) -> Vec<(Method, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().iter();
            methods.map(move |(method, operation)| (method.to_uppercase().parse().unwrap(), path.as_str(), operation))
        })
        .collect()
}

/// The address with something in the place of each name.
fn filled(path: &str) -> String {
    let mut filled = String::new();
    for part in path.split('/').skip(1) {
        filled.push('/');
        filled.push_str(if part.starts_with('{') { "01890a5d-ac96-774b-bcce-b302099a8057" } else { part });
    }
    filled
}

#[tokio::test]
async fn every_operation_of_the_document_is_there_and_asks_for_a_token_where_it_says_so() {
    let relay = TestRelay::start().await;
    let document = document(&relay).await;
    let operations = operations(&document);
    assert_eq!(operations.len(), parley_relay::http::addresses().len());
    for (method, path, operation) in operations {
        let url = format!("http://{}{}", relay.address, filled(path));
        let response = within(Client::new().request(method.clone(), url).send()).await.unwrap();
        let status = response.status();
        let described = &operation["responses"][status.as_str()];
        assert!(described.is_object(), "{method} {path}: {status} is described");
        let needs_token = operation["security"] == json!([{ "bearer": [] }]);
        assert_eq!(status == StatusCode::UNAUTHORIZED, needs_token, "{method} {path}: {status}");
        if status.is_client_error() {
            let _: ErrorBody = response.json().await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_document_is_whole() {
    let relay = TestRelay::start().await;
    let document = document(&relay).await;
    assert_eq!(document["openapi"], "3.1.0");
    assert!(!document.to_string().contains("[`"), "no description links into the source");
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let place = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{place}: its id is its own");
        assert!(operation["summary"].as_str().unwrap().ends_with('.'), "{place}: its summary is a sentence");
        let statuses: Vec<_> = operation["responses"].as_object().unwrap().keys().collect();
        assert!(statuses.iter().any(|status| status.as_str() < "300"), "{place}: it can succeed");
        let empty = Vec::new();
        let parameters = operation["parameters"].as_array().unwrap_or(&empty);
        let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path");
        assert_eq!(in_path.count(), path.matches('{').count(), "{place}: what is in its path is described");
    }
    let mut references = BTreeSet::new();
    gather_references(&document, &mut references);
    for reference in &references {
        let pointer = reference.strip_prefix('#').expect("everything is in the document itself");
        assert!(document.pointer(pointer).is_some(), "{reference} leads somewhere");
    }
    for name in
        ["SignUp", "Session", "Room", "HistoryPage", "SearchPage", "Upload", "CallReport", "InviteInfo", "ErrorBody"]
    {
        assert!(references.contains(format!("#/components/schemas/{name}").as_str()), "{name} is used");
    }
    let unused: Vec<_> = document["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
        .filter(|name| !references.contains(format!("#/components/schemas/{name}").as_str()))
        .collect();
    assert!(unused.is_empty(), "{unused:?} are described for nothing");
}

fn gather_references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|field| gather_references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| gather_references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
