//! The server's answer, and helpers to check it.

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// An answer of the server.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text, for checking the order of its fields.
    pub text: String,
    /// The body, if it is JSON; otherwise null.
    pub json: Value,
}

/// One of a payload's `userErrors`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserError {
    /// Its code.
    pub code: String,
    /// The path of the field, with dots.
    pub field: String,
    /// The whole object.
    pub json: Value,
}

impl Answer {
    /// Reads a whole response.
    pub(crate) async fn read(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.expect("the body arrives");
        let json = serde_json::from_str(&text).unwrap_or_default();
        Self { status, headers, text, json }
    }

    /// The data of an answer that must have no errors.
    #[track_caller]
    pub fn expect_data(&self) -> &Value {
        assert!(self.status == StatusCode::OK && self.json.get("errors").is_none(), "{}: {}", self.status, self.text);
        &self.json["data"]
    }

    /// The value at a path under `data`, with dots: `clients.nodes.0.name`. There must be no errors.
    #[track_caller]
    pub fn at(&self, path: &str) -> &Value {
        let pointer = format!("/{}", path.replace('.', "/"));
        self.expect_data().pointer(&pointer).unwrap_or_else(|| panic!("nothing at {path}: {}", self.text))
    }

    /// The text at a path under `data`.
    #[track_caller]
    pub fn text_at(&self, path: &str) -> &str {
        self.at(path).as_str().unwrap_or_else(|| panic!("no text at {path}: {}", self.text))
    }

    /// The first error of an answer that must have one.
    #[track_caller]
    pub fn error(&self) -> &Value {
        self.json.pointer("/errors/0").unwrap_or_else(|| panic!("no error: {}", self.text))
    }

    /// The code of the first error.
    #[track_caller]
    pub fn error_code(&self) -> &str {
        self.error()["extensions"]["code"].as_str().unwrap_or_else(|| panic!("an error without a code: {}", self.text))
    }

    /// The first error's message.
    #[track_caller]
    pub fn error_message(&self) -> &str {
        self.error()["message"].as_str().unwrap_or_else(|| panic!("an error without a message: {}", self.text))
    }

    /// The payload of a request with one mutation field; there must be no top-level errors.
    #[track_caller]
    pub fn payload(&self) -> &Value {
        let data = self.expect_data().as_object().unwrap_or_else(|| panic!("no data: {}", self.text));
        data.values().next().unwrap_or_else(|| panic!("no payload: {}", self.text))
    }

    /// The user errors in the payload of a request with one mutation field.
    #[track_caller]
    pub fn user_errors(&self) -> Vec<UserError> {
        let errors = self.payload()["userErrors"].as_array().unwrap_or_else(|| panic!("no userErrors: {}", self.text));
        let words = |value: &Value| -> Vec<String> {
            let parts = value.as_array().into_iter().flatten();
            parts.map(|part| part.as_str().unwrap_or_default().to_owned()).collect()
        };
        let read = |json: &Value| UserError {
            code: json["code"].as_str().unwrap_or_default().to_owned(),
            field: words(&json["field"]).join("."),
            json: json.clone(),
        };
        errors.iter().map(read).collect()
    }

    /// Asserts that the mutation was refused for exactly these reasons, each a code and a field path with dots.
    #[track_caller]
    pub fn expect_refused(&self, expected: &[(&str, &str)]) {
        let errors = self.user_errors();
        let found: Vec<(&str, &str)> = errors.iter().map(|error| (error.code.as_str(), error.field.as_str())).collect();
        assert_eq!(found, expected, "{}", self.text);
    }

    /// The value of the payload other than `userErrors`, which must be empty.
    #[track_caller]
    pub fn expect_done(&self) -> &Value {
        let errors = self.user_errors();
        assert!(errors.is_empty(), "refused: {}", self.text);
        let payload = self.payload().as_object().unwrap_or_else(|| panic!("no payload: {}", self.text));
        let value = payload.iter().find(|(key, value)| *key != "userErrors" && !value.is_null());
        value.map_or_else(|| panic!("an empty payload: {}", self.text), |(_, value)| value)
    }
}
