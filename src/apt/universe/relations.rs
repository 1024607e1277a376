//! The relations of one version with their names resolved to packages of the universe.
//!
//! Invariant: groups stand in apt's order of fields (Pre-Depends, Depends, Conflicts, Breaks, Recommends, Suggests), each
//! field's groups as they stand; a negative relation is a group of one. Nothing is judged here.

use super::super::packages::{Field, Stanza};
use super::super::relation::{Relation, groups, relations};
use super::super::version::Version;
use super::{PackageId, Universe};

/// What a group says about its package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Must be configured before the package is unpacked.
    PreDepends,
    /// Must be configured before the package is.
    Depends,
    /// May not be unpacked at the same time.
    Conflicts,
    /// May not be configured at the same time.
    Breaks,
    /// Usually wanted with it.
    Recommends,
    /// Of use with it.
    Suggests,
}

impl Kind {
    const FIELDS: [(Kind, Field); 6] = [
        (Self::PreDepends, Field::PreDepends),
        (Self::Depends, Field::Depends),
        (Self::Conflicts, Field::Conflicts),
        (Self::Breaks, Field::Breaks),
        (Self::Recommends, Field::Recommends),
        (Self::Suggests, Field::Suggests),
    ];

    /// Conflicts and Breaks.
    pub fn is_negative(self) -> bool {
        matches!(self, Self::Conflicts | Self::Breaks)
    }

    /// Pre-Depends and Depends.
    pub fn is_hard(self) -> bool {
        matches!(self, Self::PreDepends | Self::Depends)
    }

    /// What keeps a package from being swept away as superfluous: all positive relations but suggestions.
    pub fn keeps(self) -> bool {
        matches!(self, Self::PreDepends | Self::Depends | Self::Recommends)
    }

    /// As a verb: `depends on`.
    pub fn verb(self) -> &'static str {
        match self {
            Self::PreDepends => "pre-depends on",
            Self::Depends => "depends on",
            Self::Conflicts => "conflicts with",
            Self::Breaks => "breaks",
            Self::Recommends => "recommends",
            Self::Suggests => "suggests",
        }
    }
}

/// One alternative with its resolved name.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The package that the relation names.
    pub package: PackageId,
    /// The relation as it stands.
    pub relation: Relation<'a>,
}

/// Alternatives of which one is enough; for Conflicts and Breaks exactly one.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// The field it stands in.
    pub kind: Kind,
    /// From left to right.
    pub alternatives: Vec<Wanted<'a>>,
}

impl Group<'_> {
    /// As it stands in the field.
    pub fn words(&self) -> String {
        let words: Vec<String> = self.alternatives.iter().map(|wanted| wanted.relation.to_string()).collect();
        words.join(" | ")
    }
}

/// All relations of one version.
#[derive(Clone, Debug, Default)]
pub struct Relations<'a> {
    groups: Vec<Group<'a>>,
    provided: Vec<(PackageId, Option<Version<'a>>)>,
}

impl<'a> Relations<'a> {
    pub(super) fn read(stanza: &Stanza<'a>, universe: &Universe<'a>) -> Self {
        let resolve = |relation: Relation<'a>| {
            let target = relation.target(universe.architecture());
            // The index has numbered every name that its relations mention.
            universe.find(&target.to_string()).map(|package| Wanted { package, relation })
        };
        let mut read = Self::default();
        for (kind, field) in Kind::FIELDS {
            for group in groups(stanza.get(field).unwrap_or_default()) {
                let alternatives: Vec<_> = group.into_iter().filter_map(resolve).collect();
                if kind.is_negative() {
                    read.groups.extend(alternatives.into_iter().map(|one| Group { kind, alternatives: vec![one] }));
                } else {
                    read.groups.push(Group { kind, alternatives });
                }
            }
        }
        for wanted in relations(stanza.get(Field::Provides).unwrap_or_default()).filter_map(resolve) {
            read.provided.push((wanted.package, wanted.relation.bound.map(|(_, version)| version)));
        }
        if stanza.get(Field::MultiArch) == Some("allowed")
            && let Some(any) = universe.find(&format!("{}:any", stanza.name()))
        {
            read.provided.push((any, Some(Version::new(stanza.version()))));
        }
        read
    }

    /// All groups in order.
    pub fn groups(&self) -> &[Group<'a>] {
        &self.groups
    }

    /// Names that the version provides, with the version of each if it has one.
    pub fn provided(&self) -> &[(PackageId, Option<Version<'a>>)] {
        &self.provided
    }

    /// Whether a provided name is what `wanted` asks for.
    pub(super) fn provides(&self, wanted: &Wanted<'a>) -> bool {
        self.provided.iter().any(|(name, version)| *name == wanted.package && wanted.relation.admits(*version))
    }
}
