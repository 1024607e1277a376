//! `helpztags DIRECTORY`: the index of Vim's help files of a directory.
//!
//! Invariant: a directory without help files is left as it is, as the command leaves it; compressed ones are uncovered.

use std::collections::BTreeMap;

use regex::bytes::Regex;

use crate::script::call::{Call, Table};
use crate::script::uncovered::Uncovered;
use crate::script::value::ExitStatus;

pub(super) const PROGRAMS: Table = &[("helpztags", &helpztags)];

fn helpztags(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let pattern = |text: &str| Regex::new(text).map_err(|error| call.uncovered(error.to_string()));
    let (help, tag) = (pattern(r"^[\w.-]+\.(?:txt|[[:alpha:]]{2}x)(?:\.gz)?$")?, pattern(r"(?:^|\s)\*([^*\s|]+)\*")?);
    let [directory] = call.arguments else { return Err(call.uncovered("not one directory")) };
    let path = call.path(directory);
    let names: Vec<_> = call.root.read_dir(&path).unwrap_or_default().into_iter().filter(|name| help.is_match(name)).collect();
    if let Some(name) = names.iter().find(|name| !name.ends_with(b".txt")) {
        return Err(call.uncovered(format!("{} is compressed or translated", String::from_utf8_lossy(name))));
    }
    let mut tags: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut base = false;
    for name in names {
        let (bytes, of_base) =
            call.root.read(&[&path[..], b"/", &name].concat()).map_err(|error| call.uncovered(error.to_string()))?;
        call.spend(bytes.len())?;
        base |= of_base;
        for line in bytes.split(|b| *b == b'\n') {
            tags.extend(tags_of(&tag, line).into_iter().map(|tag| (tag.to_vec(), name.clone())));
        }
    }
    if tags.is_empty() {
        return Ok(ExitStatus::SUCCESS);
    }
    let mut text = Vec::new();
    for (tag, file) in &tags {
        let shown = tag.iter().flat_map(|b| if *b == b'\\' { vec![b'\\', *b] } else { vec![*b] });
        text.extend([&tag[..], b"\t", file, b"\t/*", &shown.collect::<Vec<u8>>(), b"*\n"].concat());
    }
    let written = call.root.write(&[&path[..], b"/tags"].concat(), text, base, 0o666 & !call.umask);
    written.map_err(|error| call.uncovered(error.to_string()))?;
    Ok(ExitStatus::SUCCESS)
}

/// The `*tags*` of a line that white space or the line's ends surround.
fn tags_of<'l>(tag: &Regex, line: &'l [u8]) -> Vec<&'l [u8]> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(captures) = line.get(at..).and_then(|_| tag.captures_at(line, at)) {
        let (Some(all), Some(name)) = (captures.get(0), captures.get(1)) else { break };
        if line.get(all.end()).is_none_or(u8::is_ascii_whitespace) {
            found.push(name.as_bytes());
            at = all.end();
        } else {
            // Its last star may begin the next tag only after white space, which is not here.
            at = all.end() - 1;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_stands_between_white_space() {
        let tag = Regex::new(r"(?:^|\s)\*([^*\s|]+)\*").expect("a pattern");
        let tags =
            |line: &str| tags_of(&tag, line.as_bytes()).iter().map(|t| String::from_utf8_lossy(t).into_owned()).collect::<Vec<_>>();
        assert_eq!(tags("*a.txt*  For *b/c* x*d* *e*f *|g*"), ["a.txt", "b/c"]);
        assert_eq!(tags("*a* *b*"), ["a", "b"]);
        assert!(tags("none").is_empty());
    }
}
