//! `GVariant`: types, and values as the bytes that they are stored as.
//!
//! Invariant: little-endian normal form; a value knows its type, so that containers can frame it.

/// A type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// A basic type or a variant, by its letter.
    Simple(u8),
    /// `a`
    Array(Box<Type>),
    /// `m`
    Maybe(Box<Type>),
    /// `(...)`
    Tuple(Vec<Type>),
    /// `{kv}`
    Entry(Box<(Type, Type)>),
}

/// Letters of types that stand alone.
const SIMPLE: &[u8] = b"bynqiuxthdsogv";

/// Types in types.
const DEPTH: usize = 40;

impl Type {
    /// Reads a whole type string.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut bytes = text.as_bytes();
        let found = Self::read(&mut bytes, 0)?;
        bytes.is_empty().then_some(found)
    }
    /// Reads the type at the front.
    pub(super) fn read(bytes: &mut &[u8], depth: usize) -> Option<Self> {
        let (first, rest) = bytes.split_first().filter(|_| depth < DEPTH)?;
        *bytes = rest;
        let inner = |bytes: &mut &[u8]| Self::read(bytes, depth + 1);
        Some(match first {
            b'a' => Self::Array(Box::new(inner(bytes)?)),
            b'm' => Self::Maybe(Box::new(inner(bytes)?)),
            b'{' => {
                let pair = (inner(bytes)?, inner(bytes)?);
                *bytes = bytes.strip_prefix(b"}")?;
                Self::Entry(Box::new(pair))
            }
            b'(' => {
                let mut members = Vec::new();
                loop {
                    if let Some(rest) = bytes.strip_prefix(b")") {
                        *bytes = rest;
                        break Self::Tuple(members);
                    }
                    members.push(inner(bytes)?);
                }
            }
            letter if SIMPLE.contains(letter) => Self::Simple(*letter),
            _ => return None,
        })
    }
    /// As it is written.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Simple(letter) => char::from(*letter).to_string(),
            Self::Array(of) => format!("a{}", of.text()),
            Self::Maybe(of) => format!("m{}", of.text()),
            Self::Tuple(of) => format!("({})", of.iter().map(Self::text).collect::<String>()),
            Self::Entry(pair) => format!("{{{}{}}}", pair.0.text(), pair.1.text()),
        }
    }
    /// Where a value may begin.
    fn alignment(&self) -> usize {
        match self {
            Self::Simple(b'n' | b'q') => 2,
            Self::Simple(b'i' | b'u' | b'h') => 4,
            Self::Simple(b'x' | b't' | b'd' | b'v') => 8,
            Self::Simple(_) => 1,
            Self::Array(of) | Self::Maybe(of) => of.alignment(),
            Self::Tuple(of) => of.iter().map(Self::alignment).max().unwrap_or(1),
            Self::Entry(pair) => pair.0.alignment().max(pair.1.alignment()),
        }
    }
    /// Bytes of every value, if all have as many.
    fn fixed_size(&self) -> Option<usize> {
        match self {
            Self::Simple(b's' | b'o' | b'g' | b'v') | Self::Array(_) | Self::Maybe(_) => None,
            Self::Simple(b'b' | b'y') => Some(1),
            Self::Simple(_) => Some(self.alignment()),
            Self::Tuple(of) if of.is_empty() => Some(1),
            Self::Tuple(of) => Self::fixed_sum(of.iter(), self.alignment()),
            Self::Entry(pair) => Self::fixed_sum([&pair.0, &pair.1].into_iter(), self.alignment()),
        }
    }
    fn fixed_sum<'t>(mut members: impl Iterator<Item = &'t Self>, alignment: usize) -> Option<usize> {
        let end = members.try_fold(0_usize, |at, member| Some(at.next_multiple_of(member.alignment()) + member.fixed_size()?));
        end.map(|end| end.next_multiple_of(alignment))
    }
}

/// A value: its type and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    /// Its type.
    pub(super) kind: Type,
    /// As it is stored.
    pub(super) bytes: Vec<u8>,
}

impl Value {
    /// A value of a basic type with these bytes.
    pub(super) fn simple(letter: u8, bytes: impl Into<Vec<u8>>) -> Self {
        Self { kind: Type::Simple(letter), bytes: bytes.into() }
    }
    /// A string.
    pub(super) fn string(text: &str) -> Self {
        Self::simple(b's', [text.as_bytes(), b"\0"].concat())
    }
    /// A value with its type.
    pub(super) fn variant(&self) -> Self {
        Self::simple(b'v', [&self.bytes[..], b"\0", self.kind.text().as_bytes()].concat())
    }
    /// Nothing, or a value that there is.
    pub(super) fn maybe(of: &Type, value: Option<&Self>) -> Self {
        let mut bytes = value.map(|value| value.bytes.clone()).unwrap_or_default();
        if value.is_some() && of.fixed_size().is_none() {
            bytes.push(0);
        }
        Self { kind: Type::Maybe(Box::new(of.clone())), bytes }
    }
    /// Several values of one type.
    pub(super) fn array(of: &Type, values: &[Self]) -> Self {
        let mut bytes = Vec::new();
        let mut ends = Vec::new();
        for value in values {
            bytes.resize(bytes.len().next_multiple_of(of.alignment()), 0);
            bytes.extend(&value.bytes);
            ends.push(bytes.len());
        }
        if of.fixed_size().is_none() {
            frame(&mut bytes, &ends);
        }
        Self { kind: Type::Array(Box::new(of.clone())), bytes }
    }
    /// Values of any types in a row.
    pub(super) fn tuple(values: &[Self]) -> Self {
        let kind = Type::Tuple(values.iter().map(|value| value.kind.clone()).collect());
        Self { bytes: members(&kind, values), kind }
    }
    /// A key and its value.
    pub(super) fn entry(key: Self, value: Self) -> Self {
        let kind = Type::Entry(Box::new((key.kind.clone(), value.kind.clone())));
        Self { bytes: members(&kind, &[key, value]), kind }
    }
}

fn members(kind: &Type, values: &[Value]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut ends = Vec::new();
    for (index, value) in values.iter().enumerate() {
        bytes.resize(bytes.len().next_multiple_of(value.kind.alignment()), 0);
        bytes.extend(&value.bytes);
        if value.kind.fixed_size().is_none() && index + 1 < values.len() {
            ends.insert(0, bytes.len());
        }
    }
    match kind.fixed_size() {
        Some(size) => bytes.resize(size, 0),
        None => frame(&mut bytes, &ends),
    }
    bytes
}

/// Appends the ends of the parts, each in as few bytes as the whole needs.
fn frame(bytes: &mut Vec<u8>, ends: &[usize]) {
    let body = bytes.len();
    let fits = |size: usize| body + ends.len() * size < 1 << (8 * size);
    let size = [1, 2, 4].into_iter().find(|size| fits(*size)).unwrap_or(8);
    for end in ends {
        bytes.extend(end.to_le_bytes().iter().take(size));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_they_are_written() {
        for text in ["s", "a{sv}", "(ii)", "m(a(syv)ay)", "()", "aas"] {
            assert_eq!(Type::parse(text).map(|t| t.text()).as_deref(), Some(text));
        }
        let deep = "a".repeat(100);
        for text in ["", "a", "(", "{s}", "ss", "z", "(i", &deep] {
            assert!(Type::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn values_are_framed_and_padded() {
        let text = |text: &str| Value::string(text);
        let number = |n: u32| Value::simple(b'u', n.to_le_bytes());
        assert_eq!(Value::tuple(&[text("ab"), number(7)]).bytes, [b'a', b'b', 0, 0, 7, 0, 0, 0, 3]);
        assert_eq!(Value::tuple(&[Value::simple(b'y', [1]), number(7)]).bytes, [1, 0, 0, 0, 7, 0, 0, 0]);
        assert_eq!(Value::tuple(&[number(7), Value::simple(b'y', [1])]).bytes, [7, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(Value::array(&Type::Simple(b's'), &[text("a"), text("")]).bytes, [b'a', 0, 0, 2, 3]);
        assert_eq!(Value::maybe(&Type::Simple(b's'), Some(&text("a"))).bytes, [b'a', 0, 0]);
        assert_eq!(text("a").variant().bytes, [b'a', 0, 0, b's']);
        let long = "x".repeat(300);
        assert_eq!(Value::array(&Type::Simple(b's'), &[text(&long)]).bytes[301..], [45, 1]);
    }
}
