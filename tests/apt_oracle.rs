//! apt itself is the oracle: for seeded random requests the selection and the order are those of `apt-get -s install`.
//!
//! Invariant: the real apt reads real archive indexes against a dpkg status that the test makes itself; nothing of the host is
//! changed. Without package lists the test fails under CI and does nothing elsewhere, saying so.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "apt_oracle/answers.rs"]
mod answers;
#[path = "apt_oracle/base.rs"]
mod base;
#[path = "apt_oracle/compare.rs"]
mod compare;
#[path = "apt_oracle/lab.rs"]
mod lab;
#[path = "apt_oracle/pins.rs"]
mod pins;

use base::Age;
use compare::{Matrix, compare, number};

/// A slice of the matrix, since apt itself takes seconds a request; `tests/acceptance/run` asks for all of it.
const SINGLES: usize = 4;
const TRIPLES: usize = 2;

#[test]
fn a_fresh_base_gets_what_apt_would_install_in_its_order() {
    let singles = number("PLYWOOD_ORACLE_SINGLES", SINGLES);
    compare(&Matrix::new(Age::Fresh, singles, number("PLYWOOD_ORACLE_TRIPLES", TRIPLES)));
}

#[test]
fn an_aged_base_is_upgraded_as_apt_would() {
    let singles = number("PLYWOOD_ORACLE_AGED", SINGLES / 2);
    compare(&Matrix::new(Age::Aged, singles, singles / 5));
}

/// A base's apt.conf and preferences.
const PINNED: &[(&str, &str)] = &[
    ("", "Package: *\nPin: release l=Debian-Security\nPin-Priority: 50\n"),
    ("", "Package: lib*\nPin: release l=Debian-Security\nPin-Priority: -1\n\nPackage: *\nPin: release c=main\nPin-Priority: 600\n"),
    ("APT::Install-Suggests \"true\";", "Package: src:openssl\nPin: version 3.*\nPin-Priority: 1001\n"),
];

#[test]
fn pins_of_a_base_count_as_for_apt() {
    for (conf, preferences) in PINNED {
        let singles = number("PLYWOOD_ORACLE_PINNED", 1);
        compare(&Matrix { conf, preferences, ..Matrix::new(Age::Aged, singles, 0) });
    }
}

/// Needs a lab of several suites: `tests/apt_oracle/lab pins bookworm bookworm-backports trixie`.
#[test]
#[ignore = "needs a lab of several suites"]
fn a_named_suite_brings_what_its_packages_need() {
    let singles = number("PLYWOOD_ORACLE_SUITES", 20);
    for suite in ["bookworm-backports", "trixie"] {
        compare(&Matrix { suite: Some(suite), ..Matrix::new(Age::Fresh, singles, singles / 5) });
    }
    for (conf, preferences) in [
        ("APT::Default-Release \"trixie\";", ""),
        ("", "Package: *\nPin: release n=trixie\nPin-Priority: 100\n"),
        (
            "",
            "Package: *\nPin: release n=trixie\nPin-Priority: -10\n\nPackage: *\nPin: release n=bookworm-backports\nPin-Priority: 500\n",
        ),
    ] {
        compare(&Matrix { conf, preferences, ..Matrix::new(Age::Fresh, singles, 0) });
    }
}
