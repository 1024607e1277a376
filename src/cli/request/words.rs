//! Words of flags: `KEY=VALUE`, commands, mirrors.
//!
//! Invariant: nothing is guessed: what could be read in two ways is refused with the form that cannot.

use crate::error::Result;

use crate::cli::failure::{usage, usage_with_hint};

/// `KEY=VALUE` of `flag`.
pub(super) fn key_value(flag: &str, text: &str) -> Result<(String, String)> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(usage_with_hint(format!("{flag} {text:?} has no KEY=VALUE"), format!("{flag} KEY=VALUE"))),
    }
}

/// The words of a command: a JSON array of strings, or words between blanks; none clear.
pub(super) fn command(flag: &str, text: &str) -> Result<Vec<String>> {
    let array = || format!("{flag} '[\"/bin/sh\", \"-c\", \"one word\"]'");
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text)
            .map_err(|e| usage_with_hint(format!("{flag} is no JSON array of strings: {e}"), array()));
    }
    // Quotes and backslashes would mean something to a shell and nothing here.
    if text.contains(['"', '\'', '\\']) {
        return Err(usage_with_hint(format!("{flag} has quotes or backslashes, which no shell reads here"), array()));
    }
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

/// `FROM=TO` of addresses; both may have a `=` of their own.
pub(super) fn mirror(flag: &str, text: &str) -> Result<(String, String)> {
    // An address begins with its scheme, so a `=` within FROM is followed by something else.
    let is_address = |text: &str| text.split_once("://").is_some_and(|(scheme, _)| scheme.bytes().all(|b| b.is_ascii_alphabetic()));
    let mut cuts = text.match_indices('=').map(|(at, _)| (&text[..at], &text[at + 1..]));
    let cut = cuts.find(|(from, to)| is_address(from) && is_address(to));
    let (from, to) = cut.ok_or_else(|| usage(format!("{flag} {text:?} has no FROM=TO, both with http:// or https://")))?;
    Ok((from.to_owned(), to.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_an_array_or_words_and_nothing_in_between() {
        for (text, words) in [
            ("", Some(vec![])),
            ("  ", Some(vec![])),
            ("[]", Some(vec![])),
            ("sleep 1d", Some(vec!["sleep", "1d"])),
            (r#"["sh", "-c", "a b"]"#, Some(vec!["sh", "-c", "a b"])),
            (r#"[""]"#, Some(vec![""])),
            (r"sh -c 'a b'", None),
            ("a\\ b", None),
            ("[1]", None),
            (r#"["a""#, None),
        ] {
            let words = words.map(|w| w.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(command("--cmd", text).ok(), words, "{text:?}");
        }
    }

    #[test]
    fn pairs_have_a_key() {
        for (text, pair) in
            [("A=b", Some(("A", "b"))), ("A=", Some(("A", ""))), ("A=b=c", Some(("A", "b=c"))), ("A", None), ("=b", None)]
        {
            assert_eq!(key_value("--env", text).ok(), pair.map(|(k, v)| (k.to_owned(), v.to_owned())), "{text}");
        }
    }

    #[test]
    fn a_mirror_is_two_addresses() {
        for (text, pair) in [
            ("http://a/b=http://c/d", Some(("http://a/b", "http://c/d"))),
            ("http://a/?x=1=https://c", Some(("http://a/?x=1", "https://c"))),
            ("http://a", None),
            ("http://a=c", None),
            ("", None),
        ] {
            assert_eq!(mirror("--apt-mirror", text).ok(), pair.map(|(k, v)| (k.to_owned(), v.to_owned())), "{text}");
        }
    }
}
