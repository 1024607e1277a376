//! `cmp` and `diff -q`.

use crate::script::call::{Call, Table};
use crate::script::options::Options;
use crate::script::uncovered::Uncovered;
use crate::script::value::ExitStatus;

pub(super) const PROGRAMS: Table = &[("cmp", &compare), ("diff", &compare)];

fn compare(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let long = [("quiet", 's'), ("silent", 's'), ("brief", 'q')];
    let options = Options::read(call, if call.name == "cmp" { "s" } else { "q" }, &long)?;
    let [left, right] = &options.operands[..] else { return Err(call.uncovered("two files are compared")) };
    let (first, second) = (super::input(call, left)?, super::input(call, right)?);
    let (Some(first), Some(second)) = (first, second) else { return Ok(ExitStatus::TROUBLE) };
    if first.bytes == second.bytes {
        return Ok(ExitStatus::SUCCESS);
    }
    if call.name == "diff" {
        if !options.has('q') {
            return Err(call.uncovered("showing differences is not covered"));
        }
        let line = [b"Files ", &left.bytes[..], b" and ", &right.bytes, b" differ\n"].concat();
        call.out(&line, first.base || second.base)?;
    } else if !options.has('s') {
        return Err(call.uncovered("showing differences is not covered"));
    }
    Ok(ExitStatus::FAILURE)
}
