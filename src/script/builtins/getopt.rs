//! `getopt` of util-linux: the words of a call in a fixed order, quoted for the shell.
//!
//! Invariant: an option that is not in the tables is told and gives status 1, as the command does.

use crate::script::call::{Call, Table};
use crate::script::uncovered::Uncovered;
use crate::script::value::ExitStatus;

pub(super) const PROGRAMS: Table = &[("getopt", &getopt)];

/// What a call asks for.
#[derive(Default)]
struct Tables {
    short: String,
    /// Name and number of colons.
    long: Vec<(String, usize)>,
    quiet: bool,
    unquoted: bool,
    name: String,
}

fn getopt(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let mut tables = Tables { name: "getopt".into(), ..Tables::default() };
    let mut words = call.arguments.iter().map(|word| word.text().into_owned());
    let base = call.arguments.iter().any(|word| word.base);
    let mut given = false;
    while let Some(word) = words.next() {
        let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(n, v)| (n, Some(v.to_owned())));
        let mut value = || value.clone().or_else(|| words.next()).unwrap_or_default();
        match name {
            "--" => break,
            "-o" | "--options" => {
                tables.short = value();
                given = true;
            }
            "-l" | "--long" | "--longoptions" => tables.add_long(&value()),
            "-n" | "--name" => tables.name = value(),
            "-q" | "--quiet" => tables.quiet = true,
            "-u" | "--unquoted" => tables.unquoted = true,
            "-T" | "--test" => return Ok(ExitStatus(4)),
            "-s" | "--shell" if matches!(value().as_str(), "sh" | "bash") => {}
            option if option.starts_with('-') => return Err(call.uncovered(format!("option {option} is not covered"))),
            // The old form: the first word has the letters, and nothing is quoted.
            _ if !given => {
                tables.short = word;
                tables.unquoted = true;
                break;
            }
            _ => return Err(call.uncovered("a word before --")),
        }
    }
    let rest: Vec<String> = words.collect();
    let rest = if tables.unquoted && rest.first().is_some_and(|word| word == "--") { &rest[1..] } else { &rest[..] };
    call.spend(rest.iter().map(String::len).sum())?;
    let (text, complaints) = tables.arrange(rest);
    for complaint in complaints.iter().filter(|_| !tables.quiet) {
        call.stderr.push_bytes(format!("{}: {complaint}\n", tables.name).as_bytes(), false);
    }
    call.out(format!("{text}\n").as_bytes(), base)?;
    Ok(complaints.is_empty().into())
}

impl Tables {
    fn add_long(&mut self, list: &str) {
        for name in list.split([',', ' ', '\t', '\n']).filter(|name| !name.is_empty()) {
            let bare = name.trim_end_matches(':');
            self.long.push((bare.to_owned(), name.len() - bare.len()));
        }
    }
    /// How many colons a letter has; nothing if it is not in the table.
    fn letter(&self, letter: char) -> Option<usize> {
        let at = self.short.find(letter).filter(|_| letter != ':')?;
        Some(self.short.get(at + letter.len_utf8()..)?.chars().take(2).take_while(|c| *c == ':').count())
    }
    /// A long option by its name or an abbreviation that only one has.
    fn named(&self, name: &str) -> Result<&(String, usize), String> {
        let exact = self.long.iter().find(|(known, _)| known == name);
        let mut near = self.long.iter().filter(|(known, _)| known.starts_with(name));
        match (exact, near.next(), near.next()) {
            (Some(found), ..) | (None, Some(found), None) => Ok(found),
            (None, None, _) => Err(format!("unrecognized option '--{name}'")),
            _ => Err(format!("option '--{name}' is ambiguous")),
        }
    }
    fn arrange(&self, words: &[String]) -> (String, Vec<String>) {
        let (mut out, mut operands, mut complaints) = (String::new(), Vec::new(), Vec::new());
        let stops = self.short.starts_with('+');
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                operands.extend(words.by_ref());
            } else if let Some(long) = word.strip_prefix("--") {
                let (name, value) = long.split_once('=').map_or((long, None), |(n, v)| (n, Some(v)));
                match self.named(name) {
                    Err(complaint) => complaints.push(complaint),
                    Ok((name, 0)) if value.is_some() => complaints.push(format!("option '--{name}' doesn't allow an argument")),
                    Ok((name, 0)) => out.push_str(&format!(" --{name}")),
                    // An argument that may be absent stands behind `=` alone.
                    Ok((name, colons)) => {
                        match value.or_else(|| if *colons == 1 { words.next().map(String::as_str) } else { None }) {
                            None if *colons == 1 => complaints.push(format!("option '--{name}' requires an argument")),
                            value => out.push_str(&format!(" --{name} {}", self.quoted(value.unwrap_or_default()))),
                        }
                    }
                }
            } else if word.len() > 1 && word.starts_with('-') {
                let mut letters = word.chars().skip(1);
                while let Some(letter) = letters.next() {
                    match self.letter(letter) {
                        None => complaints.push(format!("invalid option -- '{letter}'")),
                        Some(0) => out.push_str(&format!(" -{letter}")),
                        Some(colons) => {
                            let own = letters.by_ref().collect::<String>();
                            let value = if own.is_empty() && colons == 1 { words.next().cloned() } else { Some(own) };
                            match value {
                                Some(value) => out.push_str(&format!(" -{letter} {}", self.quoted(&value))),
                                None => complaints.push(format!("option requires an argument -- '{letter}'")),
                            }
                        }
                    }
                }
            } else {
                operands.push(word);
                if stops {
                    operands.extend(words.by_ref());
                }
            }
        }
        out.push_str(" --");
        for operand in operands {
            out.push_str(&format!(" {}", self.quoted(operand)));
        }
        (out, complaints)
    }
    fn quoted(&self, word: &str) -> String {
        if self.unquoted { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_first_and_operands_after_two_dashes() {
        let mut tables = Tables { short: "ab:c::".into(), ..Tables::default() };
        tables.add_long("all,body:,colour::");
        for (words, text) in [
            ("x -a -b one y", " -a -b 'one' -- 'x' 'y'"),
            ("-abone -cred -c -- -z", " -a -b 'one' -c 'red' -c '' -- '-z'"),
            ("--al --body=o --body t --colour", " --all --body 'o' --body 't' --colour '' --"),
            ("it's", r" -- 'it'\''s'"),
        ] {
            let words: Vec<String> = words.split(' ').map(Into::into).collect();
            assert_eq!(tables.arrange(&words), (text.to_owned(), Vec::new()), "{words:?}");
        }
        tables.short.insert(0, '+');
        let words = ["-a".to_owned(), "x".into(), "-a".into()];
        assert_eq!(tables.arrange(&words).0, " -a -- 'x' '-a'");
        for bad in ["-q", "--body", "--nope", "--all=x", "-b"] {
            assert_eq!(tables.arrange(&[bad.to_owned()]).1.len(), 1, "{bad}");
        }
    }
}
