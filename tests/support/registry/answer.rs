//! An answer of the scripted registry before it is sent.
//!
//! Invariant: `Content-Length` is that of the body, unless an order set another.

use std::fmt::Write as _;

use super::wire::Asked;

#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// The whole of which the body is a range.
    whole: Option<Vec<u8>>,
}

impl Answer {
    pub(super) fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), whole: None }
    }
    pub(super) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }
    /// An error as the distribution API words it.
    pub(super) fn error(status: u16, code: &str, detail: &str) -> Self {
        let detail = if detail.is_empty() { "null" } else { detail };
        let body = format!(r#"{{"errors":[{{"code":"{code}","message":"so says the script","detail":{detail}}}]}}"#);
        Self::new(status).with("Content-Type", "application/json").body(body)
    }
    /// Some bytes, or the range of them that is asked for.
    pub(super) fn bytes(asked: &Asked, bytes: &[u8]) -> Self {
        let Some(range) = asked.header("range") else { return Self::new(200).body(bytes) };
        let Some((start, end)) = range.strip_prefix("bytes=").and_then(|r| r.split_once('-')) else { return Self::new(400) };
        let (start, end) = (start.parse().unwrap_or(0), end.parse().map_or(bytes.len(), |e: usize| (e + 1).min(bytes.len())));
        if start >= end {
            return Self::new(416).with("Content-Range", &format!("bytes */{}", bytes.len()));
        }
        let mut answer = Self::new(206).with("Content-Range", &format!("bytes {start}-{}/{}", end - 1, bytes.len()));
        answer.body = bytes[start..end].to_vec();
        answer.whole = Some(bytes.to_vec());
        answer
    }
    pub(super) fn ignore_range(&mut self) {
        if let Some(whole) = self.whole.take() {
            self.status = 200;
            self.body = whole;
            self.remove("Content-Range");
        }
    }
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_owned(), value.to_owned()));
    }
    pub(super) fn remove(&mut self, name: &str) {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }
    pub(super) fn head(&self) -> Vec<u8> {
        let mut text = format!("HTTP/1.1 {} Scripted\r\n", self.status);
        for (name, value) in &self.headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        let told = self
            .headers
            .iter()
            .any(|(n, _)| n.eq_ignore_ascii_case("content-length") || n.eq_ignore_ascii_case("transfer-encoding"));
        if !told {
            let _ = write!(text, "Content-Length: {}\r\n", self.body.len());
        }
        text.push_str("\r\n");
        text.into_bytes()
    }
}
