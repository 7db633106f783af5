//! What handlers take out of a request, and what they answer when it is wrong.

use std::fmt;
use std::marker::PhantomData;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use parley_shared::ids::DeviceId;
use parley_shared::limits::{PAGE_ITEMS, PAGE_ITEMS_DEFAULT};
use parley_shared::wire::{ErrorBody, ErrorCode, User, WireError};
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::app::App;
use crate::store::StoreError;

/// A wire error as an answer. The status is the code's, unless HTTP has a better word.
#[derive(Debug)]
pub struct Refusal {
    error: WireError,
    status: Option<StatusCode>,
}

impl Refusal {
    /// With a status that says more than the code's.
    pub fn with_status(error: WireError, status: StatusCode) -> Self {
        Self { error, status: Some(status) }
    }
}

pub type Answer<T> = Result<T, Refusal>;

impl From<WireError> for Refusal {
    fn from(error: WireError) -> Self {
        Self { error, status: None }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        if let StoreError::Failed(why) = &error {
            tracing::warn!(why, "the store failed");
        }
        error.into_wire().into()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self
            .status
            .or_else(|| StatusCode::from_u16(self.error.code.http_status()).ok())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.error.retry_after_s;
        let mut response = (status, Json(ErrorBody { error: self.error })).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A JSON body.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &App) -> Answer<Self> {
        match Json::<Object<T>>::from_request(request, app).await {
            Ok(Json(Object(body))) => Ok(Self(body)),
            Err(rejection) => Err(wrong_body(&rejection)),
        }
    }
}

/// An object and nothing else: serde reads a list as a struct too, its fields in order.
struct Object<T>(T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Self)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

fn wrong_body(rejection: &JsonRejection) -> Refusal {
    let code = match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::TooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ErrorCode::UnsupportedMediaType,
        _ => ErrorCode::InvalidArgument,
    };
    let sentence = match code {
        ErrorCode::TooLarge => "The body is too large.",
        ErrorCode::UnsupportedMediaType => "The body is JSON, with `Content-Type: application/json`.",
        _ => "The body is not what this address takes.",
    };
    WireError { field: missing_field(rejection), ..WireError::new(code, sentence) }.into()
}

/// The name of a field that is not there. Nothing else of what the parser says is passed on: it may quote a password.
fn missing_field(rejection: &JsonRejection) -> Option<String> {
    let text = rejection.body_text();
    let (_, rest) = text.split_once("missing field `")?;
    rest.split_once('`').map(|(field, _)| field.to_owned())
}

/// Ids in the path. Whatever is no id names nothing.
#[derive(Debug)]
pub struct At<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for At<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        let path: Result<Path<T>, PathRejection> = Path::from_request_parts(parts, app).await;
        path.map(|Path(at)| Self(at)).map_err(|_| nothing_there())
    }
}

/// The query of an address.
#[derive(Debug)]
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        let query: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, app).await;
        let wrong = |_| WireError::new(ErrorCode::InvalidArgument, "The query is not what this address takes.").into();
        query.map(|Query(asked)| Self(asked)).map_err(wrong)
    }
}

/// The signed-in person and device that ask.
#[derive(Debug)]
pub struct Caller {
    pub user: User,
    pub device_id: DeviceId,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        let token = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or_else(|| WireError::new(ErrorCode::Unauthenticated, "This needs `Authorization: Bearer`."))?;
        let (user, device_id) = app.authenticate(token).await?;
        app.gates.ask(device_id)?;
        Ok(Self { user, device_id })
    }
}

/// `?query=&after=&limit=` of a list.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Page<Id> {
    #[serde(default)]
    pub query: String,
    pub after: Option<Id>,
    pub limit: Option<u32>,
}

impl<Id> Page<Id> {
    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(PAGE_ITEMS_DEFAULT).clamp(1, PAGE_ITEMS)
    }

    /// # Errors
    /// `invalid_argument` for search text that is too long.
    pub fn query(&self) -> Answer<String> {
        if self.query.chars().count() > parley_shared::limits::QUERY_CHARS {
            return Err(WireError::field("query", "That is too long to search for.").into());
        }
        Ok(self.query.clone())
    }
}

pub fn nothing_there() -> Refusal {
    WireError::new(ErrorCode::NotFound, "There is nothing here.").into()
}

pub async fn no_such_address() -> Refusal {
    nothing_there()
}

pub async fn no_such_method() -> Refusal {
    let error = WireError::new(ErrorCode::InvalidArgument, "This address does not take this method.");
    Refusal { error, status: Some(StatusCode::METHOD_NOT_ALLOWED) }
}
