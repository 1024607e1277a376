//! The stanza format of Debian control data (`Packages`, `status`, `Release`, `*.sources`), read in place.
//!
//! Invariant: no byte is copied and nothing is decoded: every name and value is a slice of the input, so that text which
//! is not UTF-8 passes through unharmed. Reading takes time linear in the input and no memory. It never fails: a line
//! that is no field is skipped, as apt skips it. It may not know what a field means.

use memchr::{memchr, memchr_iter};

/// The stanzas of a file, in order. Stanzas without any field (comments, stray lines) are left out.
pub fn stanzas(text: &[u8]) -> Stanzas<'_> {
    Stanzas { text, at: 0 }
}

/// Iterator made by [`stanzas`].
#[derive(Clone, Debug)]
pub struct Stanzas<'a> {
    text: &'a [u8],
    at: usize,
}

/// One paragraph: the lines between two empty lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stanza<'a> {
    text: &'a [u8],
    offset: usize,
}

/// One field of a stanza, as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name in the spelling of the file; names are compared without regard to ASCII case.
    pub name: &'a [u8],
    /// The value without leading and trailing blanks. Continuation lines and comment lines between them are still in it:
    /// see [`lines`].
    pub value: &'a [u8],
}

impl<'a> Iterator for Stanzas<'a> {
    type Item = Stanza<'a>;

    fn next(&mut self) -> Option<Stanza<'a>> {
        while self.at < self.text.len() {
            let rest = self.text.get(self.at..)?;
            let (length, skip) = paragraph(rest);
            let stanza = Stanza { text: rest.get(..length)?, offset: self.at };
            self.at += skip;
            if stanza.fields().next().is_some() {
                return Some(stanza);
            }
        }
        None
    }
}

/// Length of the paragraph at the start of `text`, and where the next one starts.
fn paragraph(text: &[u8]) -> (usize, usize) {
    if let Some(blank) = blank_line(text) {
        return (0, blank);
    }
    for newline in memchr_iter(b'\n', text) {
        let after = newline + 1;
        if let Some(blank) = text.get(after..).and_then(blank_line) {
            return (after, after + blank);
        }
    }
    (text.len(), text.len())
}

/// Length of the empty line at the start of `text`, if there is one. A line of blanks is a continuation, as for apt.
fn blank_line(text: &[u8]) -> Option<usize> {
    match text {
        [b'\n', ..] => Some(1),
        [b'\r', b'\n', ..] => Some(2),
        _ => None,
    }
}

impl<'a> Stanza<'a> {
    /// The whole paragraph, without the empty line after it.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Where the paragraph starts in the file.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The fields in the order of the file.
    pub fn fields(&self) -> Fields<'a> {
        Fields { rest: self.text }
    }

    /// The value of a field. Of a field that stands twice the last one counts, as for apt.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.fields().filter(|field| field.is(name)).last().map(|field| field.value)
    }

    /// The value of a field as text; absent if it is not UTF-8.
    pub fn text_of(&self, name: &str) -> Option<&'a str> {
        std::str::from_utf8(self.get(name)?).ok()
    }
}

impl Field<'_> {
    /// Whether the field has this name.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// Iterator over the fields of a stanza.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        while !self.rest.is_empty() {
            let (block, rest) = self.rest.split_at(field_length(self.rest));
            self.rest = rest;
            if matches!(block.first(), Some(b'#' | b' ' | b'\t')) {
                continue;
            }
            let Some(colon) = memchr(b':', block) else { continue };
            let name = block.get(..colon).unwrap_or_default().trim_ascii_end();
            if name.is_empty() || name.contains(&b'\n') {
                continue;
            }
            let value = block.get(colon + 1..).unwrap_or_default();
            return Some(Field { name, value: value.trim_ascii() });
        }
        None
    }
}

/// Length of the line at the start of `text` with its continuation lines; comment lines belong to what they stand in.
fn field_length(text: &[u8]) -> usize {
    let mut end = text.len();
    let comment = text.first() == Some(&b'#');
    let mut pending = None;
    for newline in memchr_iter(b'\n', text) {
        let after = newline + 1;
        match text.get(after) {
            Some(b' ' | b'\t') if !comment => pending = None,
            Some(b'#') if !comment => pending = pending.or(Some(after)),
            _ => {
                end = pending.unwrap_or(after);
                break;
            }
        }
    }
    end
}

/// The lines of a value: without the blanks around them, comment lines left out. The first line may be empty, as the one
/// that stands behind the colon of a field with a list under it.
pub fn lines(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b'\n').filter(|line| line.first() != Some(&b'#')).map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use proptest::prelude::*;

    /// Stanzas as pairs of name and value.
    type Expected<'a> = &'a [&'a [(&'a str, &'a str)]];

    fn pairs(text: &str) -> Vec<Vec<(String, String)>> {
        let owned = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        stanzas(text.as_bytes()).map(|s| s.fields().map(|f| (owned(f.name), owned(f.value))).collect()).collect()
    }

    #[test]
    fn stanzas_are_read_as_apt_reads_them() {
        let table: [(&str, Expected<'_>); 9] = [
            ("", &[]),
            ("\n\n\n", &[]),
            ("A: 1", &[&[("A", "1")]]),
            ("A: 1\nB:2\n\n\nA:  3 \n", &[&[("A", "1"), ("B", "2")], &[("A", "3")]]),
            ("A: 1\r\nB: 2\r\n\r\nA: 3\r\n", &[&[("A", "1"), ("B", "2")], &[("A", "3")]]),
            ("A: 1,\n 2\n\t3\nB: x\n", &[&[("A", "1,\n 2\n\t3"), ("B", "x")]]),
            ("# a comment: here\nA: 1\n# B: 2\nC: 3\n", &[&[("A", "1"), ("C", "3")]]),
            ("# only\n\nA: 1\n", &[&[("A", "1")]]),
            ("no field\n stray\nA: 1\n: nameless\n", &[&[("A", "1")]]),
        ];
        for (text, expected) in table {
            let expected: Vec<Vec<(String, String)>> =
                expected.iter().map(|s| s.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()).collect();
            assert_eq!(pairs(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_comment_inside_a_value_does_not_end_it() {
        let text = b"A:\n one\n# two\n three\nB: 4\n";
        let stanza = stanzas(text).next().unwrap();
        assert_eq!(lines(stanza.get("a").unwrap()).collect::<Vec<_>>(), [b"one".as_slice(), b"three"]);
        assert_eq!(stanza.get("b"), Some(b"4".as_slice()));
    }

    #[test]
    fn names_have_no_case_and_the_last_of_two_counts() {
        let stanza = stanzas(b"Version: 1\nVERSION: 2\n").next().unwrap();
        assert_eq!(stanza.text_of("version"), Some("2"));
        assert_eq!(stanza.get("Package"), None);
    }

    #[test]
    fn bytes_that_are_not_utf8_pass_through() {
        let stanza = stanzas(b"Maintainer: J\xf6rg\n").next().unwrap();
        assert_eq!(stanza.get("maintainer"), Some(b"J\xf6rg".as_slice()));
        assert_eq!(stanza.text_of("maintainer"), None);
    }

    #[test]
    fn an_offset_is_where_the_stanza_starts() {
        let text = b"\nA: 1\n\nB: 2\n";
        let found: Vec<_> = stanzas(text).map(|s| (s.offset(), s.text())).collect();
        assert_eq!(found, [(1, b"A: 1\n".as_slice()), (7, b"B: 2\n".as_slice())]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic_and_in_place(text in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut end = 0;
            for stanza in stanzas(&text) {
                prop_assert!(stanza.offset() >= end);
                end = stanza.offset() + stanza.text().len();
                prop_assert_eq!(&text[stanza.offset()..end], stanza.text());
                prop_assert!(stanza.fields().count() > 0);
            }
        }

        #[test]
        fn what_is_written_is_read_back(
            written in proptest::collection::vec(proptest::collection::vec(("[A-Za-z][A-Za-z0-9-]{0,9}", "([!-~]([ -~]{0,20}[!-~])?)?"), 1..5), 0..5)
        ) {
            let text: String = written
                .iter()
                .map(|s| s.iter().map(|(n, v)| [n, ": ", v, "\n"].concat()).collect::<Vec<_>>().concat() + "\n")
                .collect();
            prop_assert_eq!(pairs(&text), written);
        }
    }
}
