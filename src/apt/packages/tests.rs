//! Indexes of small files, and their memos.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;

const FILE: &str = "\
Package: a
Version: 1
Architecture: amd64
Depends: c (>= 2), d | e:any
Provides: v (= 3), w
Description: a text that is not kept

Package: b
Source: s (0.9)
Version: 2
Architecture: all
Multi-Arch: allowed
Essential: yes

Package: other
Version: 1
Architecture: arm64

Package: without-version
Architecture: all
";

fn index() -> Index {
    Index::read(FILE.as_bytes(), "amd64").unwrap()
}

#[test]
fn a_flood_of_packages_is_refused_and_many_are_not() {
    let flood = "Package: a\n\n".repeat(MAX_PACKAGES + 2);
    assert_eq!(Index::read(flood.as_bytes(), "amd64").map(|index| index.len()), Err(IndexFault::Size));
    let many = "Package: a\nVersion: 1\n\n".repeat(1000);
    assert_eq!(Index::read(many.as_bytes(), "amd64").map(|index| index.len()), Ok(1000));
}

#[test]
fn names_are_numbered_as_they_are_first_mentioned() {
    let index = index();
    assert_eq!(index.names().collect::<Vec<_>>(), ["a", "c", "d", "e:any", "v", "w", "b", "b:any"]);
}

#[test]
fn packages_of_this_system_are_kept_with_their_fields() {
    let index = index();
    assert_eq!((index.len(), index.is_empty()), (2, false));
    let (a, b) = (index.stanza(0).unwrap(), index.stanza(1).unwrap());
    assert_eq!((a.name(), a.version(), a.source()), ("a", "1", ("a", "1")));
    assert_eq!(a.get(Field::Depends), Some("c (>= 2), d | e:any"));
    assert_eq!((b.name(), b.source(), b.says_yes(Field::Essential)), ("b", ("s", "0.9"), true));
    assert!(index.stanza(2).is_none());
}

#[test]
fn reprinted_relations_are_the_same_build_and_others_are_not() {
    let build = |fields: &str| {
        let text = format!("Package: a\nVersion: 1\nArchitecture: amd64\n{fields}\n");
        Index::read(text.as_bytes(), "amd64").unwrap()
    };
    let same = |a: &str, b: &str| build(a).stanza(0).unwrap().is_same_build(&build(b).stanza(0).unwrap());
    assert!(same("Depends: b (>= 0:1),\n c", "Depends: B (> 1), c"));
    assert!(same("Size: 1", "Section: x"));
    assert!(!same("Size: 1", "Size: 2"));
    assert!(!same("Depends: b", "Depends: c"));
    assert!(!same("Depends: b", "Pre-Depends: b"));
    assert!(!same("Multi-Arch: same", ""));
    assert!(same("Multi-Arch: no", ""));
}

#[test]
fn a_memo_gives_the_index_back() {
    let index = index();
    assert_eq!(Index::from_memo(&index.to_memo()), Ok(index));
}

#[test]
fn a_memo_that_is_cut_or_of_another_format_is_refused() {
    let memo = index().to_memo();
    for length in 0..memo.len() {
        assert!(matches!(Index::from_memo(&memo[..length]), Err(IndexFault::Memo(_))), "{length}");
    }
    let mut other = memo;
    other[0] += 1;
    assert_eq!(Index::from_memo(&other), Err(IndexFault::Memo("it has another format")));
}

#[test]
fn a_stanza_larger_than_any_real_one_is_refused_and_one_just_below_is_read() {
    let file = |size: usize| {
        let head = "Package: a\nVersion: 1\nDepends: ";
        format!("{head}{}\n", "b".repeat(size - head.len() - 1))
    };
    assert!(Index::read(file(MAX_STANZA).as_bytes(), "amd64").is_ok());
    assert_eq!(Index::read(file(MAX_STANZA + 1).as_bytes(), "amd64"), Err(IndexFault::Stanza { offset: 0, size: MAX_STANZA + 1 }));
}

proptest! {
    #[test]
    fn any_bytes_make_an_index_or_a_fault(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut text = b"Package: a\nVersion: 1\nProvides: ".to_vec();
        text.extend(noise);
        let index = Index::read(&text, "amd64").unwrap();
        for at in 0..index.len() {
            prop_assert!(!index.stanza(at).unwrap().name().is_empty());
        }
        prop_assert_eq!(Index::from_memo(&index.to_memo()), Ok(index));
    }

    #[test]
    fn any_memo_is_read_without_panic(memo in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut with_format = vec![1_u8];
        with_format.extend(memo);
        if let Ok(index) = Index::from_memo(&with_format) {
            for at in 0..index.len() {
                let stanza = index.stanza(at).unwrap();
                let _ = (stanza.name(), stanza.get(Field::Depends), stanza.source());
            }
            let _ = index.names().count();
        }
    }
}
