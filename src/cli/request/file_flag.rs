//! `--file SRC:DST[,owner=U:G][,mode=M]`.
//!
//! Invariant: DST is absolute, so that SRC may hold colons; options stand at the end, and an unknown one is refused.

use crate::error::Result;
use crate::recipe::{FileTable, Mode, Text};

use crate::cli::failure::usage_with_hint;

const FORM: &str = "--file SRC:/DST[,owner=USER[:GROUP]][,mode=0644]";

/// The table that the flag means.
pub(super) fn file(text: &str) -> Result<FileTable> {
    let (mut rest, mut owner, mut mode) = (text, None, None);
    // Options from the end, so that a comma elsewhere belongs to the paths.
    while let Some((before, option)) = rest.rsplit_once(',') {
        let slot = match option.split_once('=') {
            Some(("owner", value)) if !value.is_empty() => (&mut owner, value),
            Some(("mode", value)) if Mode::parse(value).is_some() => (&mut mode, value),
            Some((key @ ("owner" | "mode"), value)) => return Err(wrong(text, &format!("{value:?} is no {key}"))),
            Some((key, _)) if !key.contains([':', '/']) => return Err(wrong(text, &format!("there is no option {key:?}"))),
            _ => break,
        };
        if slot.0.replace(super::flags::text(slot.1)).is_some() {
            return Err(wrong(text, "an option stands there twice"));
        }
        rest = before;
    }
    let at = rest.rfind(":/").ok_or_else(|| wrong(text, "it has no SRC:/DST"))?;
    let (from, to) = (&rest[..at], &rest[at + 1..]);
    if from.is_empty() {
        return Err(wrong(text, "it has no SRC"));
    }
    Ok(FileTable { from: Some(as_text(from)), content: None, to: as_text(to), owner, mode, append: false, seed: None })
}

fn as_text(text: &str) -> Text {
    super::flags::text(text)
}

fn wrong(text: &str, why: &str) -> crate::Error {
    usage_with_hint(format!("--file {text:?}: {why}"), FORM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_has_a_source_a_destination_and_options() {
        let read = |text: &str| {
            let table = file(text).ok()?;
            let owned = |t: &Option<Text>| t.as_ref().map(|t| t.get_ref().clone());
            Some((owned(&table.from).unwrap_or_default(), table.to.get_ref().clone(), owned(&table.owner), owned(&table.mode)))
        };
        let some = |from: &str, to: &str, owner: Option<&str>, mode: Option<&str>| {
            Some((from.to_owned(), to.to_owned(), owner.map(str::to_owned), mode.map(str::to_owned)))
        };
        for (text, wanted) in [
            ("a:/b", some("a", "/b", None, None)),
            ("skel/:/opt/tools/", some("skel/", "/opt/tools/", None, None)),
            ("a:/b,owner=u:g,mode=0755", some("a", "/b", Some("u:g"), Some("0755"))),
            ("a:/b,mode=a+rX,owner=1000", some("a", "/b", Some("1000"), Some("a+rX"))),
            ("c:d:/b", some("c:d", "/b", None, None)),
            ("a,b:/c,d/e", some("a,b", "/c,d/e", None, None)),
            ("a", None),
            ("a:b", None),
            (":/b", None),
            ("a:/b,mode=rw", None),
            ("a:/b,owner=", None),
            ("a:/b,time=0", None),
            ("a:/b,mode=0644,mode=0600", None),
            ("", None),
        ] {
            assert_eq!(read(text), wanted, "{text:?}");
        }
    }
}
