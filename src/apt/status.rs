//! Whether `/var/lib/dpkg/status` can be believed, before anything is chosen on top of it.
//!
//! Invariant: nothing is mended and nothing is guessed: a file that was cut, or that says two things of one package, would make
//! an image that its own dpkg cannot work with.

use std::collections::HashMap;

use super::deb822;
use crate::error::{Class, Fault, Side};

/// What is wrong with the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatusFault {
    /// It ends within a line.
    #[error("/var/lib/dpkg/status:{line}: the file is cut within the entry of package {package:?}")]
    Cut {
        /// The last line, counted from 1.
        line: usize,
        /// Whose entry it is.
        package: String,
    },
    /// A package that is there has no version.
    #[error("/var/lib/dpkg/status:{line}: package {package:?} is installed, but its entry has no {field}")]
    Incomplete {
        /// Where the entry starts, counted from 1.
        line: usize,
        /// Whose entry it is.
        package: String,
        /// The missing field.
        field: &'static str,
    },
    /// Two entries of one package and architecture.
    #[error("/var/lib/dpkg/status:{line}: package {package:?} has an entry already in line {first}")]
    Twice {
        /// Where the second one starts, counted from 1.
        line: usize,
        /// Whose entry it is.
        package: String,
        /// Where the first one starts.
        first: usize,
    },
}

impl Fault for StatusFault {
    fn class(&self) -> Class {
        Class::Input
    }
    fn side(&self) -> Side {
        Side::Source
    }
    fn hint(&self) -> Option<String> {
        Some("the base image is damaged: `dpkg --audit` in a container of it says more".into())
    }
}

/// Looks through the whole file.
pub fn check(status: &[u8]) -> Result<(), StatusFault> {
    if status.last().is_some_and(|byte| *byte != b'\n') {
        let line = 1 + memchr::memchr_iter(b'\n', status).count();
        let last = deb822::stanzas(status).last().and_then(|stanza| stanza.text_of("Package").map(str::to_owned));
        return Err(StatusFault::Cut { line, package: last.unwrap_or_default() });
    }
    let mut known: HashMap<(String, String), usize> = HashMap::new();
    let (mut lines, mut counted) = (1, 0);
    for stanza in deb822::stanzas(status) {
        lines += memchr::memchr_iter(b'\n', status.get(counted..stanza.offset()).unwrap_or_default()).count();
        counted = stanza.offset();
        let text = |field| stanza.text_of(field).unwrap_or_default().to_owned();
        let (package, line) = (text("Package"), lines);
        let words = text("Status");
        let state = words.split_ascii_whitespace().nth(2).unwrap_or_default();
        if matches!(state, "" | "not-installed" | "config-files") {
            continue;
        }
        for field in ["Package", "Version"] {
            if text(field).is_empty() {
                return Err(StatusFault::Incomplete { line, package, field });
            }
        }
        if let Some(first) = known.insert((package.clone(), text("Architecture")), line) {
            return Err(StatusFault::Twice { line, package, first });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, more: &str) -> String {
        format!("Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n{more}\n")
    }

    #[test]
    fn a_whole_file_passes_and_a_damaged_one_is_told_with_its_place() {
        let good = entry("a", "Description: x\n y\n") + &entry("b", "");
        let gone = "Package: b\nStatus: purge ok not-installed\nArchitecture: amd64\n\n";
        for passes in [String::new(), good.clone(), good.trim_end().to_owned() + "\n", good.clone() + gone] {
            assert_eq!(check(passes.as_bytes()), Ok(()), "{passes}");
        }
        let two = entry("a", "").replace("amd64", "i386");
        assert_eq!(check((good.clone() + &two).as_bytes()), Ok(()));
        for (damaged, expected) in [
            (good[..good.len() - 6].to_owned(), "status:11: the file is cut within the entry of package \"b\""),
            (good.clone() + &entry("a", ""), "status:13: package \"a\" has an entry already in line 1"),
            (good.replace("Version: 1\n\n", "\n"), "status:8: package \"b\" is installed, but its entry has no Version"),
            (good.replace("Package: b\n", ""), "its entry has no Package"),
        ] {
            let fault = check(damaged.as_bytes()).expect_err("a damaged file");
            assert!(fault.to_string().contains(expected), "{fault}");
            assert!(fault.class() == Class::Input && fault.hint().is_some());
        }
    }
}
