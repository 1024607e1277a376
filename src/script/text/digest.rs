//! `md5sum`, `sha1sum`, `sha256sum`: printing and checking.

use std::fmt::Write as _;

use md5::Digest as _;

use crate::script::call::{Call, Table};
use crate::script::options::Options;
use crate::script::uncovered::Uncovered;
use crate::script::value::{ExitStatus, Value};

pub(super) const PROGRAMS: Table = &[("md5sum", &sum), ("sha1sum", &sum), ("sha256sum", &sum)];

fn sum(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let long = [("check", 'c'), ("status", 'S'), ("quiet", 'q'), ("binary", 'b'), ("text", 't')];
    let options = Options::read(call, "cbtSq", &long)?;
    let (inputs, mut status) = super::inputs(call, &options.operands)?;
    for (name, text) in inputs {
        if options.has('c') {
            if !check(call, &options, &text)? {
                status = ExitStatus::FAILURE;
            }
        } else {
            let line =
                [hex(call.name, &text.bytes).as_bytes(), if options.has('b') { b" *" } else { b"  " }, &name.bytes, b"\n"].concat();
            call.out(&line, text.base || name.base)?;
        }
    }
    Ok(status)
}

fn check(call: &mut Call<'_>, options: &Options, list: &Value) -> Result<bool, Uncovered> {
    let mut good = true;
    let length = hex(call.name, b"").len();
    for line in super::split_lines(&list.bytes) {
        let (Some(wanted), Some(name)) = (line.get(..length), line.get(length + 2..)) else { continue };
        let file = super::input(call, &Value::new(name))?;
        let base = list.base || file.as_ref().is_some_and(|file| file.base);
        let same = file.is_some_and(|file| hex(call.name, &file.bytes).as_bytes().eq_ignore_ascii_case(wanted));
        good &= same;
        if !options.has('S') && (!same || !options.has('q')) {
            let verdict: &[u8] = if same { b": OK\n" } else { b": FAILED\n" };
            call.out(&[name, verdict].concat(), base)?;
        }
    }
    Ok(good)
}

fn hex(name: &str, bytes: &[u8]) -> String {
    let digest = match name {
        "md5sum" => md5::Md5::digest(bytes).to_vec(),
        "sha1sum" => sha1::Sha1::digest(bytes).to_vec(),
        _ => sha2::Sha256::digest(bytes).to_vec(),
    };
    digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
