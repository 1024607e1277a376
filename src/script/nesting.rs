//! How deep a script nests, measured on its bytes before any recursive code sees it.
//!
//! Invariant: linear time, no recursion. It may call a script deeper than it is (an unclosed bracket in a here-document), never shallower
//! than the grammar would go, but for quotes, whose text the grammar takes as one token.

/// Deepest nesting that is let through; scripts of Debian have up to about fifteen levels.
pub(super) const MAX: u32 = 100;

/// The offset in lines of the first place that nests deeper than [`MAX`] or has a descriptor number of more than four
/// digits; nothing if there is none.
pub(super) fn too_deep(bytes: &[u8]) -> Option<u32> {
    let mut scan = Scan::default();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += scan.step(*byte, bytes.get(at + 1).copied(), bytes.get(at..).unwrap_or_default());
        if scan.depth.max(scan.brackets) > MAX || scan.digits > 4 && matches!(bytes.get(at), Some(b'<' | b'>')) {
            return Some(scan.lines);
        }
    }
    None
}

#[expect(clippy::struct_excessive_bools, reason = "options are independent of each other")]
#[derive(Default)]
struct Scan {
    lines: u32,
    /// Keywords and grouping outside of quotes.
    depth: u32,
    /// `(` and `{`, also in quotes: the tokenizer recurses on `$(` and `${` there.
    brackets: u32,
    digits: u32,
    single: bool,
    double: bool,
    /// Whether a command's name may stand here.
    command: bool,
    started: bool,
}

impl Scan {
    /// Reads one byte, or a whole keyword; says how many.
    fn step(&mut self, byte: u8, next: Option<u8>, rest: &[u8]) -> usize {
        if !self.started {
            self.started = true;
            self.command = true;
        }
        if byte == b'\n' {
            self.lines += 1;
        }
        self.digits = if byte.is_ascii_digit() { self.digits + 1 } else { 0 };
        if self.single {
            self.single = byte != b'\'';
            return 1;
        }
        match byte {
            b'\\' => {
                self.lines += u32::from(next == Some(b'\n'));
                self.command = false;
                return 2;
            }
            b'"' => self.double = !self.double,
            b'\'' if !self.double => self.single = true,
            b'(' | b'{' => self.brackets += 1,
            b')' | b'}' => self.brackets = self.brackets.saturating_sub(1),
            b'#' if !self.double && self.command => return rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len()).max(1),
            _ => {}
        }
        if self.double {
            return 1;
        }
        if self.command && byte.is_ascii_lowercase() {
            return self.keyword(rest);
        }
        match byte {
            b'\n' | b';' | b'&' | b'|' | b'(' | b'{' | b'!' | b'`' => self.command = true,
            b' ' | b'\t' => {}
            _ => self.command = false,
        }
        1
    }
    fn keyword(&mut self, rest: &[u8]) -> usize {
        let length = rest.iter().position(|b| !b.is_ascii_lowercase()).unwrap_or(rest.len());
        match rest.get(..length).unwrap_or_default() {
            b"if" | b"while" | b"until" => self.depth += 1,
            b"for" | b"case" => {
                self.depth += 1;
                self.command = false;
            }
            b"fi" | b"done" | b"esac" => self.depth = self.depth.saturating_sub(1),
            b"then" | b"do" | b"else" | b"elif" => {}
            _ => self.command = false,
        }
        length.max(1)
    }
}
