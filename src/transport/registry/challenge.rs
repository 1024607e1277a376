//! `WWW-Authenticate` (RFC 9110, 11.3): several challenges in one header or several, quoted values with escapes,
//! and what servers get wrong: missing commas, values without quotes, schemes in any case.
//!
//! Invariant: any bytes give a list, in linear time; parameter names and schemes are lower case.

use std::collections::BTreeMap;

use crate::http::header::{HeaderMap, WWW_AUTHENTICATE};

/// Challenges of one answer that are read; servers send one or two.
const MOST_CHALLENGES: usize = 16;

/// One way to log in that a server offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    /// `basic`, `bearer`, `negotiate`, ...
    pub(super) scheme: String,
    /// `realm`, `service`, `scope`, `error`; the first of two equal names counts.
    pub(super) parameters: BTreeMap<String, String>,
}

impl Challenge {
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }
}

/// All challenges of an answer, in order.
pub(super) fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    let mut all = Vec::new();
    for value in headers.get_all(WWW_AUTHENTICATE) {
        parse(&String::from_utf8_lossy(value.as_bytes()), &mut all);
    }
    all.truncate(MOST_CHALLENGES);
    all
}

fn parse(text: &str, all: &mut Vec<Challenge>) {
    let mut rest = text;
    while let Some((word, after)) = token(rest) {
        let spaced = after.trim_start();
        if let Some(value) = spaced.strip_prefix('=') {
            let (value, after) = value_of(value.trim_start());
            if let Some(challenge) = all.last_mut() {
                challenge.parameters.entry(word.to_ascii_lowercase()).or_insert(value);
            }
            rest = after;
        } else {
            if all.len() >= MOST_CHALLENGES {
                return;
            }
            all.push(Challenge { scheme: word.to_ascii_lowercase(), parameters: BTreeMap::new() });
            rest = spaced;
        }
    }
}

/// The next word, and what is behind it; separators and stray characters before it are skipped.
fn token(text: &str) -> Option<(&str, &str)> {
    let start = text.find(|c: char| c.is_ascii_alphanumeric())?;
    let text = text.get(start..)?;
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.~+/!#$%&'*^`|".contains(c))).unwrap_or(text.len());
    Some(text.split_at(end))
}

/// A quoted or bare value, and what is behind it.
fn value_of(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c: char| c == ',' || c.is_whitespace()).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return (value.to_owned(), rest);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return (value, quoted.get(at + 1..).unwrap_or_default()),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            _ => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(lines: &[&str]) -> Vec<(String, Vec<(String, String)>)> {
        let mut all = Vec::new();
        for line in lines {
            parse(line, &mut all);
        }
        all.into_iter().map(|c| (c.scheme, c.parameters.into_iter().collect())).collect()
    }

    fn one(scheme: &str, parameters: &[(&str, &str)]) -> (String, Vec<(String, String)>) {
        (scheme.into(), parameters.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect())
    }

    #[test]
    fn challenges_are_read_however_servers_write_them() {
        let bearer = one("bearer", &[("realm", "https://a.example/t"), ("scope", "repository:a/b:pull,push"), ("service", "s")]);
        for lines in [
            &[r#"Bearer realm="https://a.example/t",service="s",scope="repository:a/b:pull,push""#][..],
            &[r#"bearer REALM="https://a.example/t" , service = s, scope="repository:a/b:pull,push""#],
            &[r#"BEARER realm="https://a.example/t" service="s" scope="repository:a/b:pull,push""#],
            &[r#"Bearer realm="https:\/\/a.example\/t",service="s",scope="repository:a/b:pull,push",realm="https://evil.example""#],
        ] {
            assert_eq!(read(lines), std::slice::from_ref(&bearer), "{lines:?}");
        }
        assert_eq!(
            read(&[
                r#"Negotiate, Basic realm="a \"b\", c", Bearer realm="https://a.example/t",scope="repository:a/b:pull,push",service="s""#
            ]),
            [one("negotiate", &[]), one("basic", &[("realm", "a \"b\", c")]), bearer.clone()]
        );
        assert_eq!(read(&["Basic realm=x", "Bearer realm=y"]), [one("basic", &[("realm", "x")]), one("bearer", &[("realm", "y")])]);
        assert_eq!(read(&["", ",,,", "=", "\"", r#"Basic realm="open"#]), [one("basic", &[("realm", "open")])]);
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(text in "\\PC{0,200}") {
            let _ = read(&[&text]);
        }
    }
}
