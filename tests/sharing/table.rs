//! Which layers of two bases are equal.

use std::collections::BTreeSet;

use crate::bases::{Row, base, rows};
use crate::lab::{Lab, Layer};

#[test]
fn bases_that_differ_in_one_thing_share_what_does_not_depend_on_it() {
    let lab = Lab::new();
    let plain = lab.build(&base(true, &lab.key), "plain", &[]);
    let names: Vec<&str> = plain.iter().map(|layer| layer.name.as_str()).collect();
    assert_eq!(names, ["tools", "site", "local", "large", "state", "glue"]);
    let wrong: Vec<String> = rows().iter().enumerate().filter_map(|(number, row)| wrong(&lab, &plain, number, row)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is not as the row says.
fn wrong(lab: &Lab, plain: &[Layer], number: usize, row: &Row) -> Option<String> {
    let mut tree = base(row.merged, &lab.key);
    (row.change)(&mut tree);
    let layers = lab.build(&tree, &format!("row{number}"), &["--set", &format!("uid={}", row.uid)]);
    let shared: BTreeSet<&str> = plain.iter().filter(|l| layers.contains(l)).map(|l| l.name.as_str()).collect();
    let all = plain.iter().chain(&layers).map(|l| l.name.as_str());
    let differing: BTreeSet<&str> = all.filter(|name| !shared.contains(name)).collect();
    let as_said = differing == row.differs.iter().copied().collect();
    (!as_said).then(|| format!("{}: {:?} was said, {differing:?} differ", row.name, row.differs))
}
