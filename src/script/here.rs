//! Here-documents as the grammar's tokenizer takes them: it loses what stands in `${...}` and `$(...)` behind a `<<` on one line.
//!
//! Invariant: linear; the number of lines stays. `${NAME}` there is written as `$NAME`; what cannot be written otherwise is told, never lost.

/// The text without such expansions, or the line (from 0) of one that has no other spelling.
pub(super) fn spelled(text: &str) -> Result<String, u32> {
    if !text.contains("<<") {
        return Ok(text.to_owned());
    }
    let mut scan = Scan { rest: text, out: String::with_capacity(text.len()), ..Scan::default() };
    while let Some(byte) = scan.rest.chars().next() {
        scan.step(byte)?;
    }
    Ok(scan.out)
}

#[derive(Default)]
struct Scan<'t> {
    rest: &'t str,
    out: String,
    lines: u32,
    single: bool,
    double: bool,
    /// Ends of the documents that begin after this line, and whether tabs are taken off.
    ends: Vec<(String, bool)>,
    /// Parentheses of arithmetic, where `<<` shifts.
    arithmetic: usize,
}

impl<'t> Scan<'t> {
    fn take(&mut self, length: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }
    fn keep(&mut self, length: usize) {
        let taken = self.take(length);
        self.lines += taken.matches('\n').count() as u32;
        self.out.push_str(taken);
    }
    fn step(&mut self, byte: char) -> Result<(), u32> {
        let begins = self.out.chars().next_back().is_none_or(|c| c.is_whitespace() || ";&|(".contains(c));
        match byte {
            '\n' => {
                self.keep(1);
                if !self.single && !self.double {
                    self.documents();
                }
            }
            _ if self.single => {
                self.single = byte != '\'';
                self.keep(byte.len_utf8());
            }
            '\\' => {
                let next = self.rest.chars().nth(1).map_or(0, char::len_utf8);
                self.keep(1 + next);
            }
            '"' => {
                self.double = !self.double;
                self.keep(1);
            }
            '\'' if !self.double => {
                self.single = true;
                self.keep(1);
            }
            '#' if !self.double && begins => self.keep(self.rest.find('\n').unwrap_or(self.rest.len())),
            '$' if self.rest.starts_with("$((") => {
                self.arithmetic = 2;
                self.keep(3);
            }
            '$' if !self.ends.is_empty() => self.expansion()?,
            '(' | ')' if self.arithmetic > 0 => {
                self.arithmetic = if byte == '(' { self.arithmetic + 1 } else { self.arithmetic - 1 };
                self.keep(1);
            }
            '<' if !self.double && self.arithmetic == 0 && self.rest.starts_with("<<") => self.operator(),
            _ => self.keep(byte.len_utf8()),
        }
        Ok(())
    }
    /// `<<`, `<<-` and the word behind it.
    fn operator(&mut self) {
        let tabs = self.rest.starts_with("<<-");
        self.keep(2 + usize::from(tabs));
        let blanks = self.rest.len() - self.rest.trim_start_matches([' ', '\t']).len();
        self.keep(blanks);
        let length = self.rest.find(|c: char| c.is_whitespace() || ";&|<>()".contains(c)).unwrap_or(self.rest.len());
        let word = self.rest.get(..length).unwrap_or_default().to_owned();
        self.keep(length);
        self.ends.push((word.chars().filter(|c| !"'\"\\".contains(*c)).collect(), tabs));
    }
    /// The bodies of the documents, as they are.
    fn documents(&mut self) {
        for (end, tabs) in std::mem::take(&mut self.ends) {
            while !self.rest.is_empty() {
                let length = self.rest.find('\n').map_or(self.rest.len(), |at| at + 1);
                let line = self.rest.get(..length).unwrap_or_default().trim_end_matches('\n').to_owned();
                self.keep(length);
                if (if tabs { line.trim_start_matches('\t') } else { &line }) == end {
                    break;
                }
            }
        }
    }
    /// `$` behind a `<<`.
    fn expansion(&mut self) -> Result<(), u32> {
        let Some(inner) = self.rest.strip_prefix("${") else {
            if self.rest.starts_with("$(") {
                return Err(self.lines);
            }
            self.keep(1);
            return Ok(());
        };
        let length = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inner.len());
        let name = inner.get(..length).unwrap_or_default();
        let after = inner.get(length..).unwrap_or_default();
        let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let follows = after.get(1..).unwrap_or_default().starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        if !starts || !after.starts_with('}') || follows && !self.double {
            return Err(self.lines);
        }
        self.out.push('$');
        self.out.push_str(name);
        if follows {
            // Closes the quotes and opens them again.
            self.out.push_str("\"\"");
        }
        self.take(length + 3);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::spelled;

    #[test]
    fn an_expansion_behind_a_here_document_is_spelled_without_braces_or_told() {
        for (text, found) in [
            ("cat <<E > \"${X}\"\n${Y}\nE\necho ${Z}\n", Ok("cat <<E > \"$X\"\n${Y}\nE\necho ${Z}\n")),
            ("cat <<-'E' >> \"${X}y.${Z}\"\n\tit's\n\tE\n", Ok("cat <<-'E' >> \"$X\"\"y.$Z\"\n\tit's\n\tE\n")),
            ("cat <<A <<B >${X}\na\nA\nb $(c)\nB\n", Ok("cat <<A <<B >$X\na\nA\nb $(c)\nB\n")),
            (
                "echo '<<E' \"<<E\" # <<E\necho ${X} $((1 << 2)) ${Y}\n",
                Ok("echo '<<E' \"<<E\" # <<E\necho ${X} $((1 << 2)) ${Y}\n"),
            ),
            ("true\ncat <<E > $(f)\nE\n", Err(1)),
            ("cat <<E > ${X:-y}\nE\n", Err(0)),
            ("cat <<E > ${X}y\nE\n", Err(0)),
        ] {
            assert_eq!(spelled(text).as_deref(), found.as_deref(), "{text}");
        }
    }
}
