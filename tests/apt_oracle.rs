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

use base::Age;
use compare::{Matrix, compare, number};

/// A slice of the matrix, since apt itself takes seconds a request; `tests/acceptance/run` asks for all of it.
const SINGLES: usize = 4;
const TRIPLES: usize = 2;

#[test]
fn a_fresh_base_gets_what_apt_would_install_in_its_order() {
    let singles = number("PLYWOOD_ORACLE_SINGLES", SINGLES);
    compare(&Matrix { age: Age::Fresh, singles, triples: number("PLYWOOD_ORACLE_TRIPLES", TRIPLES) });
}

#[test]
fn an_aged_base_is_upgraded_as_apt_would() {
    let singles = number("PLYWOOD_ORACLE_AGED", SINGLES / 2);
    compare(&Matrix { age: Age::Aged, singles, triples: singles / 5 });
}
