//! What a handler's own types say of its operation: the document cannot promise what the handler does not take or give.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, Request, State, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::operation::{Operation, Token};
use crate::app::App;
use crate::http::extract::{Answer, Asked, At, Body, Caller};
use crate::http::guests::Asking;
use crate::http::host::Door;

/// A handler whose arguments and answer describe themselves. `Args` is the tuple of its arguments.
pub trait Described<Args> {
    fn describe(operation: &mut Operation, schemas: &mut SchemaGenerator);
}

/// An argument of a handler.
pub trait Part {
    fn describe(operation: &mut Operation, schemas: &mut SchemaGenerator);
}

/// What a handler answers.
pub trait Outcome {
    fn describe(operation: &mut Operation, schemas: &mut SchemaGenerator);
}

macro_rules! described {
    ($($part:ident),*) => {
        impl<H, Done, $($part),*> Described<($($part,)*)> for H
        where
            H: Fn($($part),*) -> Done,
            Done: Future<Output: Outcome>,
            $($part: Part,)*
        {
            fn describe(operation: &mut Operation, schemas: &mut SchemaGenerator) {
                $($part::describe(operation, schemas);)*
                Done::Output::describe(operation, schemas);
            }
        }
    };
}

described!();
described!(A);
described!(A, B);
described!(A, B, C);
described!(A, B, C, D);
described!(A, B, C, D, E);

impl Part for State<App> {
    fn describe(operation: &mut Operation, _: &mut SchemaGenerator) {
        operation.refuses(&[503]);
    }
}

/// Asked for where addresses are counted.
impl Part for ConnectInfo<SocketAddr> {
    fn describe(operation: &mut Operation, _: &mut SchemaGenerator) {
        operation.refuses(&[429]);
    }
}

/// The address decides, and every address does.
impl Part for Door {
    fn describe(_: &mut Operation, _: &mut SchemaGenerator) {}
}

/// A token may be shown; a wrong one is refused.
impl Part for Asking {
    fn describe(operation: &mut Operation, _: &mut SchemaGenerator) {
        operation.token = Token::Optional;
        operation.refuses(&[401, 429, 503]);
    }
}

impl Part for HeaderMap {
    fn describe(_: &mut Operation, _: &mut SchemaGenerator) {}
}

impl<E> Part for Result<WebSocketUpgrade, E> {
    fn describe(operation: &mut Operation, _: &mut SchemaGenerator) {
        operation.refuses(&[400]);
    }
}

impl Part for Caller {
    fn describe(operation: &mut Operation, _: &mut SchemaGenerator) {
        operation.token = Token::Needed;
        operation.refuses(&[401, 429, 503]);
    }
}

impl<T: JsonSchema> Part for At<T> {
    fn describe(operation: &mut Operation, schemas: &mut SchemaGenerator) {
        let whole = schemas.subschema_for::<T>();
        let each: Vec<Value> = match whole.get("prefixItems") {
            Some(Value::Array(items)) => items.clone(),
            Some(_) | None => vec![whole.into()],
        };
        let names = operation.path_names();
        assert_eq!(names.len(), each.len(), "{} names what its handler takes", operation.path);
        for (name, schema) in names.into_iter().zip(each) {
            operation.parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
        }
        operation.refuses(&[404]);
    }
}

impl<T: JsonSchema> Part for Asked<T> {
    fn describe(operation: &mut Operation, schemas: &mut SchemaGenerator) {
        let Value::Object(whole) = Value::from(T::json_schema(schemas)) else { return };
        let required: Vec<&str> =
            whole.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let none = Map::new();
        for (name, schema) in whole.get("properties").and_then(Value::as_object).unwrap_or(&none) {
            let mut schema = never_null(schema.clone());
            let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            let mut parameter =
                json!({ "name": name, "in": "query", "required": required.contains(&name.as_str()), "schema": schema });
            if let Some(description) = description {
                parameter["description"] = description;
            }
            operation.parameters.push(parameter);
        }
        operation.refuses(&[400]);
    }
}

/// A query has no null: what may be absent is absent.
fn never_null(mut schema: Value) -> Value {
    let is_null = |one: &Value| one == "null" || one["type"] == "null";
    for choice in ["anyOf", "type"] {
        let Some(Value::Array(each)) = schema.get_mut(choice) else { continue };
        each.retain(|one| !is_null(one));
        let [only] = each.as_slice() else { continue };
        let only = only.clone();
        let Some(whole) = schema.as_object_mut() else { continue };
        whole.remove(choice);
        match only {
            Value::Object(only) => whole.extend(only),
            name => {
                whole.insert(choice.to_owned(), name);
            }
        }
    }
    schema
}

impl<T: JsonSchema> Part for Body<T> {
    fn describe(operation: &mut Operation, schemas: &mut SchemaGenerator) {
        operation.takes("application/json", schemas.subschema_for::<T>());
    }
}

/// Bytes as they come.
impl Part for Request {
    fn describe(operation: &mut Operation, _: &mut SchemaGenerator) {
        operation.takes("application/octet-stream", Schema::from(Map::new()));
    }
}

impl<T: Outcome> Outcome for Answer<T> {
    fn describe(operation: &mut Operation, schemas: &mut SchemaGenerator) {
        T::describe(operation, schemas);
    }
}

impl<T: JsonSchema> Outcome for Json<T> {
    fn describe(operation: &mut Operation, schemas: &mut SchemaGenerator) {
        operation.answers(200, "application/json", schemas.subschema_for::<T>());
    }
}

/// Something was made.
impl<T: JsonSchema> Outcome for (StatusCode, Json<T>) {
    fn describe(operation: &mut Operation, schemas: &mut SchemaGenerator) {
        operation.answers(201, "application/json", schemas.subschema_for::<T>());
    }
}

impl Outcome for StatusCode {
    fn describe(operation: &mut Operation, _: &mut SchemaGenerator) {
        operation.says(204, "Done.");
    }
}

/// The table says what it is.
impl Outcome for Response {
    fn describe(_: &mut Operation, _: &mut SchemaGenerator) {}
}
