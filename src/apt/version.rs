//! Debian version numbers and their order (Debian policy 5.6.12, deb-version(7)).
//!
//! Invariant: the order is total and equal to that of `dpkg --compare-versions`; two texts may be equal as versions
//! (`1.0` and `0:1.0-0`). Nothing is converted to a number, so that no length overflows.

use std::cmp::Ordering;
use std::fmt;

/// A version as it stands in a control file.
#[derive(Clone, Copy, Debug)]
pub struct Version<'a>(&'a str);

impl<'a> Version<'a> {
    /// The version written as `text`; blanks around it do not count.
    pub fn new(text: &'a str) -> Self {
        Self(text.trim_ascii())
    }

    /// As it was written.
    pub fn as_str(&self) -> &'a str {
        self.0
    }

    /// Epoch, upstream version and Debian revision; what is not written is empty, and empty compares as `0`.
    fn parts(&self) -> [&'a str; 3] {
        let (epoch, rest) = self.0.split_once(':').unwrap_or(("", self.0));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        [epoch, upstream, revision]
    }
}

impl Ord for Version<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let pairs = self.parts().into_iter().zip(other.parts());
        pairs.map(|(a, b)| compare_part(a.as_bytes(), b.as_bytes())).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for Version<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version<'_> {}

impl fmt::Display for Version<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Alternates between runs of non-digits, compared by [`weight`], and runs of digits, compared as numbers.
fn compare_part(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let (text_a, text_b) = (run(a, false), run(b, false));
        for at in 0..text_a.len().max(text_b.len()) {
            let order = weight(text_a.get(at)).cmp(&weight(text_b.get(at)));
            if order.is_ne() {
                return order;
            }
        }
        (a, b) = (after(a, text_a), after(b, text_b));
        let (digits_a, digits_b) = (run(a, true), run(b, true));
        (a, b) = (after(a, digits_a), after(b, digits_b));
        let order = compare_numbers(digits_a, digits_b);
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// The bytes at the start that are all digits, or all not.
fn run(text: &[u8], digits: bool) -> &[u8] {
    let end = text.iter().position(|byte| byte.is_ascii_digit() != digits).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

fn after<'a>(text: &'a [u8], run: &[u8]) -> &'a [u8] {
    text.get(run.len()..).unwrap_or_default()
}

/// A tilde sorts before the end of the part, the end before letters, letters before all else.
fn weight(byte: Option<&u8>) -> i16 {
    match byte {
        Some(b'~') => -1,
        None => 0,
        Some(byte) if byte.is_ascii_alphabetic() => i16::from(*byte),
        Some(byte) => i16::from(*byte) + 256,
    }
}

fn compare_numbers(a: &[u8], b: &[u8]) -> Ordering {
    let significant = |digits: &[u8]| digits.iter().position(|digit| *digit != b'0').unwrap_or(digits.len());
    let (a, b) = (a.get(significant(a)..).unwrap_or_default(), b.get(significant(b)..).unwrap_or_default());
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn versions_are_ordered_as_dpkg_orders_them() {
        // Each pair was given to `dpkg --compare-versions`.
        let table = [
            ("1.0", Ordering::Equal, "0:1.0-0"),
            ("1.0", Ordering::Equal, "1.00"),
            ("1.0~rc1", Ordering::Less, "1.0"),
            ("1.0~~", Ordering::Less, "1.0~"),
            ("1.0", Ordering::Less, "1.0a"),
            ("1.0a", Ordering::Less, "1.0+"),
            ("1.9", Ordering::Less, "1.10"),
            ("2:0.1", Ordering::Greater, "1:9"),
            ("1:1", Ordering::Greater, "2"),
            ("1-1", Ordering::Less, "1-1+deb12u1"),
            ("1-1+b1", Ordering::Less, "1-1+deb12u1"),
            ("1-1-1", Ordering::Greater, "1-1"),
            ("3.0.15-1~deb12u1", Ordering::Less, "3.0.15-1"),
            ("00000000000000000000000000001", Ordering::Equal, "1"),
            ("99999999999999999999999999999", Ordering::Less, "100000000000000000000000000000"),
            ("1.2.3", Ordering::Greater, "1.2-3"),
            ("a", Ordering::Greater, "0"),
        ];
        for (a, expected, b) in table {
            assert_eq!(Version::new(a).cmp(&Version::new(b)), expected, "{a} {b}");
            assert_eq!(Version::new(b).cmp(&Version::new(a)), expected.reverse(), "{b} {a}");
        }
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in "[0-9a-c~+.:-]{0,8}", b in "[0-9a-c~+.:-]{0,8}", c in "[0-9a-c~+.:-]{0,8}") {
            let mut three = [Version::new(&a), Version::new(&b), Version::new(&c)];
            prop_assert_eq!(three[0].cmp(&three[1]), three[1].cmp(&three[0]).reverse());
            three.sort();
            prop_assert!(three[0] <= three[1] && three[1] <= three[2] && three[0] <= three[2]);
        }
    }
}
