//! Package relations as dpkg prints them: `a (>= 1) | b:any, c`.
//!
//! Invariant: what is printed, read again, prints the same.

use super::super::error::{Result, SystemError};

/// Prints a relation field anew: blanks, joined lines and the old operators `<`, `>` and a bare version made regular.
pub fn reprint(value: &[u8]) -> Result<String> {
    let bad = || SystemError::malformed("relation", format!("'{}' is no relation", super::control::shown(value)));
    let text = std::str::from_utf8(value).map_err(|_| bad())?;
    let mut groups = Vec::new();
    for group in text.split(',').map(str::trim).filter(|group| !group.is_empty()) {
        let alternatives = group.split('|').map(|one| alternative(one).ok_or_else(bad)).collect::<Result<Vec<_>>>()?;
        groups.push(alternatives.join(" | "));
    }
    Ok(groups.join(", "))
}

fn alternative(text: &str) -> Option<String> {
    let text = text.trim();
    let Some((name, rest)) = text.split_once('(') else { return is_word(text).then(|| text.to_owned()) };
    let constraint = rest.trim_end().strip_suffix(')')?.trim();
    let version = constraint.trim_start_matches(['<', '>', '=']);
    let operator = match &constraint[..constraint.len() - version.len()] {
        "<" | "<=" => "<=",
        ">" | ">=" => ">=",
        "" | "=" => "=",
        "<<" => "<<",
        ">>" => ">>",
        _ => return None,
    };
    let (name, version) = (name.trim(), version.trim());
    (is_word(name) && is_word(version)).then(|| format!("{name} ({operator} {version})"))
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '(' | ')' | '<' | '>'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn relations_are_made_regular() {
        let table = [
            ("a(>>1),b", "a (>> 1), b"),
            ("a (< 1) |b:any ( =2 ),\n c", "a (<= 1) | b:any (= 2), c"),
            ("a (1)", "a (= 1)"),
            ("a, , b,", "a, b"),
        ];
        for (given, printed) in table {
            assert_eq!(reprint(given.as_bytes()).as_deref(), Ok(printed));
        }
        for bad in ["a (>> 1", "a b", "a (<> 1)", "|", "a ()"] {
            assert!(reprint(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn printing_twice_is_printing_once(text in "[a-c0-9 ,|()<>=:\n]{0,40}") {
            if let Ok(once) = reprint(text.as_bytes()) {
                prop_assert_eq!(reprint(once.as_bytes()), Ok(once.clone()));
            }
        }
    }
}
