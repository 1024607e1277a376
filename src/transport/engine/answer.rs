//! The answer to a load: JSON messages, one after the other, inside a response whose status says success before it is known.
//!
//! Invariant: a line is bounded; an error anywhere, or no word of success, is a failure.

use serde_json::Value;

use super::error::clean;

/// The longest line: progress and errors have some hundred bytes.
const LINE_LIMIT: usize = 64 * 1024;

/// What a stream of messages said in the end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// "Loaded image".
    Loaded,
    /// The engine's own words of failure.
    Failed(String),
    /// Neither, or no messages at all.
    Unclear(String),
}

/// Reads messages piece by piece.
#[derive(Debug, Default)]
pub(super) struct Messages {
    line: Vec<u8>,
    loaded: bool,
    failed: Option<String>,
    unclear: Option<String>,
}

impl Messages {
    /// Takes the next bytes of the response.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|b| *b == b'\n') {
            if self.line.len() + part.len() > LINE_LIMIT {
                self.unclear.get_or_insert_with(|| "a line without end".into());
                self.line.clear();
                return;
            }
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.take_line();
            }
        }
    }

    /// What was said in all.
    pub(super) fn verdict(mut self) -> Verdict {
        self.take_line();
        match (self.failed, self.unclear, self.loaded) {
            (Some(text), _, _) => Verdict::Failed(text),
            (None, Some(cause), _) => Verdict::Unclear(cause),
            (None, None, true) => Verdict::Loaded,
            (None, None, false) => Verdict::Unclear("it ended without saying that an image was loaded".into()),
        }
    }

    fn take_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        // Several messages may stand on one line.
        for message in serde_json::Deserializer::from_slice(&line).into_iter::<Value>() {
            let Ok(message) = message else {
                let text = clean(&String::from_utf8_lossy(&line));
                self.unclear.get_or_insert_with(|| format!("{text:?} is no message"));
                return;
            };
            self.take(&message);
        }
    }

    fn take(&mut self, message: &Value) {
        let detail = message.get("errorDetail").and_then(|d| d.get("message")).or_else(|| message.get("error"));
        if let Some(text) = detail.filter(|d| !d.is_null()) {
            self.failed.get_or_insert_with(|| clean(text.as_str().unwrap_or("an error without words")));
        }
        let text = message.get("stream").and_then(Value::as_str).unwrap_or_default();
        // containerd's store says both, this one last; the image is then a name without content.
        if text.contains("Error unpacking") {
            self.failed.get_or_insert_with(|| clean(text));
        }
        self.loaded |= text.contains("Loaded image");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Verdict {
        let mut messages = Messages::default();
        // Pieces do not end where messages do.
        text.as_bytes().chunks(7).for_each(|piece| messages.feed(piece));
        messages.verdict()
    }

    #[test]
    fn only_a_clear_success_is_one() {
        let loaded = "{\"stream\":\"Loaded image: a:1\\n\"}\r\n";
        for text in [
            loaded.to_owned(),
            format!("{{\"status\":\"Loading layer\",\"progressDetail\":{{}}}}\r\n{loaded}"),
            "{\"stream\":\"Loaded image ID: sha256:00\\n\"}".to_owned(),
            format!("{{\"error\":null}}{loaded}"),
        ] {
            assert_eq!(of(&text), Verdict::Loaded, "{text}");
        }
        for (text, words) in [
            (format!("{loaded}{{\"errorDetail\":{{\"message\":\"no space left\"}},\"error\":\"x\"}}\n"), "no space left"),
            (format!("{{\"error\":\"boom\\u001b[31m\"}}\n{loaded}"), "boom [31m"),
            (format!("{loaded}{{\"stream\":\"Error unpacking image a:1: not found\"}}"), "Error unpacking image a:1: not found"),
        ] {
            assert_eq!(of(&text), Verdict::Failed(words.into()), "{text}");
        }
        for text in [
            String::new(),
            "{\"stream\":\"Loading\"}\n".into(),
            "<html>\n".into(),
            format!("{loaded}{{\"stre"),
            "x".repeat(100_000),
        ] {
            assert!(matches!(of(&text), Verdict::Unclear(_)), "{}", &text[..text.len().min(80)]);
        }
    }
}
