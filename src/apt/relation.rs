//! Relations between packages: the values of `Depends` and its kin (Debian policy 7.1).
//!
//! Invariant: parsing never fails and never drops a demand: what cannot be understood becomes a relation to a name that
//! no package has, so that it is reported as unmet in its own words. A group is met by any one of its alternatives.
//! Architecture lists and build profiles are for source packages and are ignored.

use std::fmt;

use super::version::Version;

/// How a version must compare with the one of the relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<<`
    Earlier,
    /// `<=`, and the old form `<`
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`, and the old form `>`
    LaterOrEqual,
    /// `>>`
    Later,
}

impl Comparison {
    const SIGNS: [(&'static str, Comparison); 7] = [
        ("<<", Self::Earlier),
        ("<=", Self::EarlierOrEqual),
        (">>", Self::Later),
        (">=", Self::LaterOrEqual),
        ("=", Self::Equal),
        ("<", Self::EarlierOrEqual),
        (">", Self::LaterOrEqual),
    ];

    /// Whether `version` stands in this relation to `bound`.
    pub fn holds(self, version: Version<'_>, bound: Version<'_>) -> bool {
        let order = version.cmp(&bound);
        match self {
            Self::Earlier => order.is_lt(),
            Self::EarlierOrEqual => order.is_le(),
            Self::Equal => order.is_eq(),
            Self::LaterOrEqual => order.is_ge(),
            Self::Later => order.is_gt(),
        }
    }
}

/// One alternative of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relation<'a> {
    /// The package or virtual name.
    pub name: &'a str,
    /// What stands behind the name's colon: `any`, `native` or an architecture.
    pub qualifier: Option<&'a str>,
    /// The demanded version, if any.
    pub bound: Option<(Comparison, Version<'a>)>,
}

impl<'a> Relation<'a> {
    /// Reads one alternative, such as `libc6:any (>= 2.36) [amd64]`.
    pub fn parse(text: &'a str) -> Self {
        let text = text.trim_ascii();
        Self::understood(text).unwrap_or(Self { name: text, qualifier: None, bound: None })
    }

    fn understood(text: &'a str) -> Option<Self> {
        let end = text.find(|c: char| c.is_ascii_whitespace() || "([<".contains(c)).unwrap_or(text.len());
        let (name, rest) = text.split_at_checked(end)?;
        let (name, qualifier) = match name.split_once(':') {
            Some((name, qualifier)) => (name, Some(qualifier)),
            None => (name, None),
        };
        let rest = rest.trim_ascii_start();
        let bound = match rest.strip_prefix('(') {
            None => None,
            Some(inner) => {
                let inner = inner.split_once(')')?.0.trim_ascii();
                let (sign, comparison) = Comparison::SIGNS.into_iter().find(|(sign, _)| inner.starts_with(sign))?;
                let version = inner.strip_prefix(sign)?.trim_ascii();
                (!version.is_empty() && !version.contains(|c: char| c.is_ascii_whitespace())).then_some(())?;
                Some((comparison, Version::new(version)))
            }
        };
        (bound.is_some() || rest.is_empty() || rest.starts_with(['[', '<'])).then_some(Self { name, qualifier, bound })
    }

    /// The name with its qualifier, as packages are told apart on a system of this architecture: a qualifier that says
    /// `native` or the native architecture says nothing.
    pub fn target(&self, architecture: &str) -> Target<'a> {
        let qualifier = self.qualifier.filter(|qualifier| *qualifier != "native" && *qualifier != architecture);
        Target { name: self.name, qualifier }
    }

    /// Whether a package of this version, or a name provided with it, is what the relation asks for. A name that is
    /// provided without a version meets only a relation without one.
    pub fn admits(&self, version: Option<Version<'_>>) -> bool {
        match (self.bound, version) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some((comparison, bound)), Some(version)) => comparison.holds(version, bound),
        }
    }
}

impl fmt::Display for Relation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        if let Some(qualifier) = self.qualifier {
            write!(f, ":{qualifier}")?;
        }
        if let Some((comparison, version)) = self.bound {
            let sign = Comparison::SIGNS.iter().find(|(_, known)| *known == comparison).map_or("=", |(sign, _)| sign);
            write!(f, " ({sign} {version})")?;
        }
        Ok(())
    }
}

/// What a relation points to: a name, or a name of any or of another architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    name: &'a str,
    qualifier: Option<&'a str>,
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.qualifier {
            None => f.write_str(self.name),
            Some(qualifier) => write!(f, "{}:{qualifier}", self.name),
        }
    }
}

/// The groups of a field, each with its alternatives from left to right. Empty groups are left out, as apt does.
pub fn groups(field: &str) -> impl Iterator<Item = Vec<Relation<'_>>> {
    field.split(',').filter(|group| !group.trim_ascii().is_empty()).map(|group| group.split('|').map(Relation::parse).collect())
}

/// The relations of a field without their grouping.
pub fn relations(field: &str) -> impl Iterator<Item = Relation<'_>> {
    field.split([',', '|']).filter(|text| !text.trim_ascii().is_empty()).map(Relation::parse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn printed(field: &str) -> Vec<Vec<String>> {
        groups(field).map(|group| group.iter().map(ToString::to_string).collect()).collect()
    }

    #[test]
    fn a_field_is_read_in_all_its_forms() {
        let table: [(&str, &[&[&str]]); 8] = [
            ("", &[]),
            (" , ,", &[]),
            ("a", &[&["a"]]),
            ("a (>= 1), b|c(<<2:1~)", &[&["a (>= 1)"], &["b", "c (<< 2:1~)"]]),
            ("a (< 1) | b (> 2)", &[&["a (<= 1)", "b (>= 2)"]]),
            ("a:any (= 1), b:native", &[&["a:any (= 1)"], &["b:native"]]),
            ("a [linux-any] , b (>= 1) [!amd64] <!nocheck>", &[&["a"], &["b (>= 1)"]]),
            ("a\n , b (>=\n 1)", &[&["a"], &["b (>= 1)"]]),
        ];
        for (field, expected) in table {
            assert_eq!(printed(field), expected, "{field}");
        }
    }

    #[test]
    fn what_is_not_understood_stays_a_demand_in_its_own_words() {
        for text in ["a (1)", "a (>= )", "a (>= 1", "a b", "a (>= 1 2)"] {
            assert_eq!(Relation::parse(text), Relation { name: text, qualifier: None, bound: None });
        }
    }

    #[test]
    fn a_provided_name_without_a_version_does_not_meet_a_bound() {
        let relation = Relation::parse("a (>= 1)");
        assert!(relation.admits(Some(Version::new("1.0"))));
        assert!(!relation.admits(Some(Version::new("1~"))));
        assert!(!relation.admits(None));
        assert!(Relation::parse("a").admits(None));
    }

    #[test]
    fn the_native_architecture_is_no_qualifier() {
        let target = |text| Relation::parse(text).target("amd64").to_string();
        assert_eq!([target("a:native"), target("a:amd64"), target("a:any"), target("a:i386")], ["a", "a", "a:any", "a:i386"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,60}") {
            prop_assert!(relations(&text).count() <= groups(&text).map(|group| group.len()).sum::<usize>());
        }

        #[test]
        fn what_is_printed_is_read_back(name in "[a-z][a-z0-9+.-]{1,9}", sign in 0_usize..5, version in "([0-9]:)?[0-9][0-9a-z.+~]{0,6}") {
            let (_, comparison) = Comparison::SIGNS[sign];
            let relation = Relation { name: &name, qualifier: None, bound: Some((comparison, Version::new(&version))) };
            let text = relation.to_string();
            prop_assert_eq!(Relation::parse(&text), relation);
        }
    }
}
