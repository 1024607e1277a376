//! `GVariant`'s text format, as the defaults of settings are written.
//!
//! Invariant: the type is known, or follows from the text without doubt; anything else is an error.

use super::variant::{Type, Value};

/// Values in values.
const DEPTH: usize = 40;

/// Names of types before a value.
const NAMES: [(&str, u8); 13] = [
    ("boolean", b'b'),
    ("byte", b'y'),
    ("int16", b'n'),
    ("uint16", b'q'),
    ("int32", b'i'),
    ("handle", b'h'),
    ("uint32", b'u'),
    ("int64", b'x'),
    ("uint64", b't'),
    ("double", b'd'),
    ("string", b's'),
    ("objectpath", b'o'),
    ("signature", b'g'),
];

/// The value that a text stands for.
pub(super) fn parse(kind: &Type, text: &str) -> Result<Value, String> {
    let mut reader = Reader { rest: text, depth: 0 };
    let value = reader.value(Some(kind))?;
    reader.blanks();
    if reader.rest.is_empty() { Ok(value) } else { Err(format!("`{}` after the value", reader.rest)) }
}

struct Reader<'t> {
    rest: &'t str,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    }
    fn peek(&mut self) -> Option<char> {
        self.blanks();
        self.rest.chars().next()
    }
    fn skip(&mut self, mark: char) -> bool {
        let is_there = self.peek() == Some(mark);
        if is_there {
            self.rest = self.rest.get(mark.len_utf8()..).unwrap_or_default();
        }
        is_there
    }
    fn expect(&mut self, mark: char) -> Result<(), String> {
        if self.skip(mark) { Ok(()) } else { Err(format!("`{mark}` is missing before `{}`", self.rest)) }
    }
    fn word(&mut self) -> &'t str {
        self.blanks();
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '.' | '_'));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        word
    }

    fn value(&mut self, kind: Option<&Type>) -> Result<Value, String> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err("values are too deep".into());
        }
        let value = self.one(kind);
        self.depth -= 1;
        value
    }
    fn one(&mut self, kind: Option<&Type>) -> Result<Value, String> {
        let first = self.peek().ok_or("a value is missing")?;
        if first == '@' {
            self.rest = self.rest.get(1..).unwrap_or_default();
            let mut bytes = self.rest.as_bytes();
            let named = Type::read(&mut bytes, 0).ok_or("a type is missing after `@`")?;
            self.rest = self.rest.get(self.rest.len() - bytes.len()..).unwrap_or_default();
            return self.typed(kind, &named);
        }
        if let Some(Type::Maybe(of)) = kind {
            return self.maybe(of);
        }
        match first {
            '[' | '{' => self.array(kind),
            '(' => self.tuple(kind),
            '<' => {
                self.expect('<')?;
                let inner = self.value(None)?;
                self.expect('>')?;
                checked(kind, inner.variant())
            }
            '\'' | '"' => {
                let text = self.string()?;
                let letter = match kind {
                    None | Some(Type::Simple(b's')) => b's',
                    Some(Type::Simple(letter @ (b'o' | b'g'))) => *letter,
                    Some(other) => return Err(format!("a string where {} is wanted", other.text())),
                };
                Ok(Value::simple(letter, [text.as_bytes(), b"\0"].concat()))
            }
            'b' if self.rest.starts_with("b'") || self.rest.starts_with("b\"") => {
                self.rest = self.rest.get(1..).unwrap_or_default();
                let before = self.rest;
                let text = self.string()?;
                let written = before.get(..before.len() - self.rest.len()).unwrap_or_default();
                if written.contains('\\') || !text.is_ascii() {
                    return Err("a string of bytes with escapes".into());
                }
                checked(kind, Value { kind: Type::Array(Box::new(Type::Simple(b'y'))), bytes: [text.as_bytes(), b"\0"].concat() })
            }
            _ => self.bare(kind),
        }
    }
    /// A value whose type stands before it.
    fn typed(&mut self, kind: Option<&Type>, named: &Type) -> Result<Value, String> {
        if let Some(Type::Maybe(of)) = kind.filter(|kind| *kind != named) {
            let value = self.typed(Some(of), named)?;
            return Ok(Value::maybe(of, Some(&value)));
        }
        if kind.is_some_and(|kind| kind != named) {
            return Err(format!("{} where another type is wanted", named.text()));
        }
        self.value(Some(named))
    }
    fn maybe(&mut self, of: &Type) -> Result<Value, String> {
        let before = self.rest;
        match self.word() {
            "nothing" => Ok(Value::maybe(of, None)),
            "just" => self.value(Some(of)).map(|value| Value::maybe(of, Some(&value))),
            _ => {
                self.rest = before;
                self.value(Some(of)).map(|value| Value::maybe(of, Some(&value)))
            }
        }
    }
    /// A number, a truth value, or a value after the name of its type.
    fn bare(&mut self, kind: Option<&Type>) -> Result<Value, String> {
        let word = self.word();
        if let Some((_, letter)) = NAMES.iter().find(|(name, _)| *name == word) {
            return self.typed(kind, &Type::Simple(*letter));
        }
        let letter = match kind {
            Some(Type::Simple(letter)) => *letter,
            Some(other) => return Err(format!("`{word}` where {} is wanted", other.text())),
            None if matches!(word, "true" | "false") => b'b',
            None if word.contains(['.', 'e', 'n']) && !word.contains("0x") => b'd',
            None => b'i',
        };
        number(letter, word).map(|bytes| Value::simple(letter, bytes)).ok_or_else(|| format!("`{word}` is no value of its type"))
    }
    fn array(&mut self, kind: Option<&Type>) -> Result<Value, String> {
        let of = match kind {
            Some(Type::Array(of)) => Some((**of).clone()),
            None => None,
            Some(other) => return Err(format!("an array where {} is wanted", other.text())),
        };
        if self.peek() == Some('{') && !self.rest.starts_with("{}") && Self::holds_entries(of.as_ref()) {
            return self.dictionary(of.as_ref());
        }
        let close = if self.skip('{') { '}' } else { ']' };
        if close == ']' {
            self.expect('[')?;
        }
        let mut values: Vec<Value> = Vec::new();
        while !self.skip(close) {
            if !values.is_empty() {
                self.expect(',')?;
            }
            let of = of.as_ref().or_else(|| values.first().map(|first| &first.kind)).cloned();
            values.push(match &of {
                Some(Type::Entry(pair)) if self.peek() == Some('{') => self.entry(Some(pair))?,
                of => self.value(of.as_ref())?,
            });
        }
        let of = of.or_else(|| values.first().map(|first| first.kind.clone())).ok_or("an empty array without its type")?;
        Ok(Value::array(&of, &values))
    }
    fn holds_entries(of: Option<&Type>) -> bool {
        matches!(of, None | Some(Type::Entry(_)))
    }
    /// `{k: v, ...}`
    fn dictionary(&mut self, of: Option<&Type>) -> Result<Value, String> {
        let mut of = of.cloned();
        let mut values: Vec<Value> = Vec::new();
        self.expect('{')?;
        while !self.skip('}') {
            if !values.is_empty() {
                self.expect(',')?;
            }
            let (key, value) = match &of {
                Some(Type::Entry(pair)) => (Some(pair.0.clone()), Some(pair.1.clone())),
                _ => (None, None),
            };
            let key = self.value(key.as_ref())?;
            self.expect(':')?;
            let entry = Value::entry(key, self.value(value.as_ref())?);
            of = Some(entry.kind.clone());
            values.push(entry);
        }
        let of = of.ok_or("an empty dictionary without its type")?;
        Ok(Value::array(&of, &values))
    }
    /// `{k, v}`
    fn entry(&mut self, pair: Option<&(Type, Type)>) -> Result<Value, String> {
        self.expect('{')?;
        let key = self.value(pair.map(|pair| &pair.0))?;
        self.expect(',')?;
        let value = self.value(pair.map(|pair| &pair.1))?;
        self.expect('}')?;
        Ok(Value::entry(key, value))
    }
    fn tuple(&mut self, kind: Option<&Type>) -> Result<Value, String> {
        let members = match kind {
            Some(Type::Tuple(members)) => Some(members),
            None => None,
            Some(other) => return Err(format!("a tuple where {} is wanted", other.text())),
        };
        let mut values = Vec::new();
        self.expect('(')?;
        while !self.skip(')') {
            if !values.is_empty() {
                self.expect(',')?;
                if self.skip(')') {
                    break;
                }
            }
            let wanted = members.map(|members| members.get(values.len()).ok_or("a tuple with too many members")).transpose()?;
            values.push(self.value(wanted)?);
        }
        if members.is_some_and(|members| members.len() != values.len()) {
            return Err("a tuple with too few members".into());
        }
        Ok(Value::tuple(&values))
    }
    fn string(&mut self) -> Result<String, String> {
        let mut chars = self.rest.chars();
        let quote = chars.next().ok_or("a string is missing")?;
        let mut out = String::new();
        loop {
            let next = chars.next().ok_or("a string does not end")?;
            if next == quote {
                break;
            }
            if next != '\\' {
                out.push(next);
                continue;
            }
            match chars.next().ok_or("a string does not end")? {
                'a' => out.push('\x07'),
                'b' => out.push('\x08'),
                'f' => out.push('\x0c'),
                'n' => out.push('\n'),
                'r' => out.push('\r'),
                't' => out.push('\t'),
                'v' => out.push('\x0b'),
                '\n' => {}
                mark @ ('u' | 'U') => {
                    let digits: String = chars.by_ref().take(if mark == 'u' { 4 } else { 8 }).collect();
                    let number = u32::from_str_radix(&digits, 16).map_err(|_| "an escape without digits")?;
                    out.push(char::from_u32(number).filter(|c| *c != '\0').ok_or("a character that is none")?);
                }
                other => out.push(other),
            }
        }
        self.rest = chars.as_str();
        Ok(out)
    }
}

fn checked(kind: Option<&Type>, value: Value) -> Result<Value, String> {
    match kind {
        Some(kind) if *kind != value.kind => Err(format!("{} where {} is wanted", value.kind.text(), kind.text())),
        _ => Ok(value),
    }
}

/// The bytes of a number or a truth value.
fn number(letter: u8, word: &str) -> Option<Vec<u8>> {
    if letter == b'b' {
        return Some(vec![u8::from(word.parse::<bool>().ok()?)]);
    }
    if letter == b'd' {
        let is_number =
            word.trim_start_matches(['+', '-']).starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | 'i' | 'n'));
        return word.parse::<f64>().ok().filter(|_| is_number).map(|number| number.to_le_bytes().to_vec());
    }
    let (sign, digits) = match word.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, word.strip_prefix('+').unwrap_or(word)),
    };
    let (radix, digits) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => (16, hex),
        None if digits.len() > 1 && digits.starts_with('0') => (8, digits.get(1..)?),
        None => (10, digits),
    };
    let value = sign * i128::from(u64::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with('+'))?);
    Some(match letter {
        b'y' => u8::try_from(value).ok()?.to_le_bytes().to_vec(),
        b'n' => i16::try_from(value).ok()?.to_le_bytes().to_vec(),
        b'q' => u16::try_from(value).ok()?.to_le_bytes().to_vec(),
        b'i' | b'h' => i32::try_from(value).ok()?.to_le_bytes().to_vec(),
        b'u' => u32::try_from(value).ok()?.to_le_bytes().to_vec(),
        b'x' => i64::try_from(value).ok()?.to_le_bytes().to_vec(),
        b't' => u64::try_from(value).ok()?.to_le_bytes().to_vec(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(kind: &str, text: &str) -> Option<Vec<u8>> {
        parse(&Type::parse(kind).expect("a type"), text).ok().map(|value| value.bytes)
    }

    #[test]
    fn texts_stand_for_values_of_their_type() {
        for (kind, text, expected) in [
            ("i", " -0x10 ", &[0xf0, 0xff, 0xff, 0xff][..]),
            ("y", "010", &[8]),
            ("u", "uint32 5", &[5, 0, 0, 0]),
            ("b", "true", &[1]),
            ("s", "'a\\n\\u0041\\''", b"a\nA'\0"),
            ("as", "[]", b""),
            ("as", "@as ['x']", b"x\0\x02"),
            ("(ss)", "('a', \"b\")", b"a\0b\0\x02"),
            ("ms", "nothing", b""),
            ("ms", "'a'", b"a\0\0"),
            ("a{sv}", "{}", b""),
            ("a{si}", "{'a': 1}", b"a\0\0\0\x01\0\0\0\x02\x09"),
            ("a{si}", "[{'a', 1}]", b"a\0\0\0\x01\0\0\0\x02\x09"),
            ("v", "<'x'>", b"x\0\0s"),
            ("v", "<[1, 2]>", b"\x01\0\0\0\x02\0\0\0\0ai"),
            ("ay", "b'x'", b"x\0"),
        ] {
            assert_eq!(bytes(kind, text).as_deref(), Some(expected), "{kind} {text}");
        }
        assert_eq!(bytes("d", "1"), Some(1_f64.to_le_bytes().to_vec()));
    }

    #[test]
    fn what_is_no_value_of_the_type_is_refused() {
        let deep = "[".repeat(100);
        for (kind, text) in [
            ("i", "'a'"),
            ("i", "1 2"),
            ("y", "256"),
            ("s", "a"),
            ("s", "'a"),
            ("as", "['a' 'b']"),
            ("(ii)", "(1,)"),
            ("v", "<[]>"),
            ("u", "int32 5"),
            ("d", "x"),
            ("aas", &deep),
        ] {
            assert_eq!(bytes(kind, text), None, "{kind} {text}");
        }
    }
}
