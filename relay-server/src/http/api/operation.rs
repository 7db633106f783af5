//! One operation: a method of an address, what it takes and what it answers.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use schemars::Schema;
use serde_json::{Value, json};

/// Whether an operation takes an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    Unasked,
    /// It answers more to whom it knows.
    Optional,
    Needed,
}

#[derive(Debug)]
pub struct Operation {
    pub method: Method,
    pub path: String,
    /// Unique: the module and the name of its handler.
    pub id: String,
    pub tag: &'static str,
    /// One sentence.
    pub summary: &'static str,
    pub token: Token,
    pub parameters: Vec<Value>,
    pub body: Option<Value>,
    pub answers: BTreeMap<u16, Value>,
    pub refusals: BTreeSet<u16>,
}

impl Operation {
    pub fn new(method: Method, path: String, handler: &str, tag: &'static str, summary: &'static str) -> Self {
        let mut names = handler.rsplit("::");
        let (name, module) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
        Self {
            method,
            path,
            id: format!("{module}_{name}"),
            tag,
            summary,
            token: Token::Unasked,
            parameters: Vec::new(),
            body: None,
            answers: BTreeMap::new(),
            refusals: BTreeSet::new(),
        }
    }

    /// The names between braces, in order.
    pub fn path_names(&self) -> Vec<String> {
        self.path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name.to_owned()).collect()
    }

    pub fn takes(&mut self, media_type: &str, schema: Schema) {
        self.body = Some(json!({ "required": true, "content": { media_type: { "schema": schema } } }));
        self.refuses(&[400, 413, 415]);
    }

    /// Something with a body.
    pub fn answers(&mut self, status: u16, media_type: &str, schema: Schema) {
        let answer = json!({ "description": meaning(status), "content": { media_type: { "schema": schema } } });
        self.answers.insert(status, answer);
    }

    /// Something without a body.
    pub fn says(&mut self, status: u16, sentence: &str) {
        self.answers.insert(status, json!({ "description": sentence }));
    }

    pub fn refuses(&mut self, statuses: &[u16]) {
        self.refusals.extend(statuses);
    }

    /// As OpenAPI writes it.
    pub fn document(&self) -> Value {
        let refusals = self.refusals.iter().map(|status| {
            (status.to_string(), json!({ "$ref": format!("#/components/responses/{}", refusal_name(*status)) }))
        });
        let answers = self.answers.iter().map(|(status, answer)| (status.to_string(), answer.clone()));
        let responses: serde_json::Map<String, Value> = answers.chain(refusals).collect();
        let mut document = json!({
            "operationId": self.id,
            "tags": [self.tag],
            "summary": self.summary,
            "responses": responses,
        });
        if !self.parameters.is_empty() {
            document["parameters"] = self.parameters.clone().into();
        }
        if let Some(body) = &self.body {
            document["requestBody"] = body.clone();
        }
        match self.token {
            Token::Unasked => {}
            Token::Optional => document["security"] = json!([{}, { "bearer": [] }]),
            Token::Needed => document["security"] = json!([{ "bearer": [] }]),
        }
        document
    }
}

/// The refusals that operations may name.
pub const REFUSALS: [u16; 11] = [400, 401, 403, 404, 405, 409, 413, 415, 416, 429, 503];

pub fn refusal_name(status: u16) -> String {
    format!("Refused{status}")
}

/// A status in a sentence.
pub fn meaning(status: u16) -> &'static str {
    match status {
        200 => "What was asked for.",
        201 => "It was made.",
        206 => "The part that was asked for.",
        400 => "Something in the request is wrong; `field` names it where it is one field.",
        401 => "There is no access token, or a wrong, expired or revoked one.",
        403 => "Known, but not allowed.",
        404 => "It is not there, or not for the one who asks: the two cannot be told apart.",
        405 => "The address does not take this method.",
        409 => "It clashes with what is there.",
        413 => "It is over a limit of size.",
        415 => "The body is not of the type that is asked for.",
        416 => "The file has no such range.",
        429 => "Too often: wait `retry_after_s` seconds.",
        503 => "Nothing was done; try again later.",
        _ => "",
    }
}
