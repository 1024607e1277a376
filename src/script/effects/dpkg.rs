//! `dpkg` and `dpkg-query` as scripts ask them: versions, architecture, what is installed.
//!
//! Invariant: nothing is installed or removed by a script; answers from the status count as the base's.

use super::bridge::{RootView, words};
use crate::script::call::{Call, Table};
use crate::script::uncovered::Uncovered;
use crate::script::value::ExitStatus;
use crate::system::View;
use crate::system::dpkg::{Stanza, StatusFile, info};

pub(super) const PROGRAMS: Table = &[("dpkg", &run), ("dpkg-query", &run)];

/// The stanzas of a package, `NAME` or `NAME:ARCH`.
pub(super) fn stanzas(call: &mut Call<'_>, package: &str) -> Result<Vec<Stanza>, Uncovered> {
    let bytes = RootView(call.root).bytes("/var/lib/dpkg/status").map_err(|error| call.uncovered(error.to_string()))?;
    call.spend(bytes.len())?;
    let (name, architecture) = package.split_once(':').map_or((package, None), |(name, a)| (name, Some(a)));
    let mut stanzas =
        StatusFile::parse(&bytes).and_then(|file| file.named(name)).map_err(|error| call.uncovered(error.to_string()))?;
    stanzas.retain(|stanza| architecture.is_none_or(|a| a == "any" || stanza.text("Architecture") == a));
    Ok(stanzas)
}

fn run(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let words = words(call);
    let mut action = None;
    let mut format = "${binary:Package}\t${Version}\n".to_owned();
    let mut operands = Vec::new();
    let mut rest = words.into_iter();
    while let Some(word) = rest.next() {
        let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(n, v)| (n, Some(v.to_owned())));
        match name {
            "-f" | "--showformat" => format = value.or_else(|| rest.next()).unwrap_or_default(),
            "--compare-versions" => {
                operands = rest.by_ref().collect();
                action = Some(word);
            }
            "--" | "--no-pager" => {}
            name if name.starts_with("-f") && name.len() > 2 && !name.starts_with("--") => word[2..].clone_into(&mut format),
            name if name.starts_with('-') && action.is_none() => action = Some(word),
            name if name.starts_with('-') => return Err(call.uncovered(format!("option {name} is not covered"))),
            _ => operands.push(word),
        }
    }
    let action = action.unwrap_or_default();
    match (action.as_str(), &operands[..]) {
        ("--compare-versions", words) => compare(call, words),
        ("--print-architecture", []) => {
            let architecture = stanzas(call, "dpkg")?.first().map(|s| s.text("Architecture").to_owned()).unwrap_or_default();
            print(call, &format!("{architecture}\n"))
        }
        ("--print-foreign-architectures", []) => {
            let text = RootView(call.root).text("/var/lib/dpkg/arch").map_err(|error| call.uncovered(error.to_string()))?;
            print(call, &text.unwrap_or_default())
        }
        (assertion, []) if assertion.starts_with("--assert-") => Ok(ExitStatus::SUCCESS),
        ("-L" | "--listfiles", packages) => list(call, packages),
        ("-s" | "--status", packages) => show(call, packages, None),
        ("-W" | "--show", packages) if !packages.is_empty() => show(call, packages, Some(&format)),
        (other, _) => Err(call.uncovered(format!("action {other}"))),
    }
}

fn print(call: &mut Call<'_>, text: &str) -> Result<ExitStatus, Uncovered> {
    call.out(text.as_bytes(), true).map(|()| ExitStatus::SUCCESS)
}

/// `--compare-versions A OPERATOR B`; an empty version is earlier than any, with `-nl` later.
fn compare(call: &mut Call<'_>, words: &[String]) -> Result<ExitStatus, Uncovered> {
    let (a, operator, b) = match words {
        [a, operator, b] => (a.as_str(), operator.as_str(), b.as_str()),
        [operator, b] => ("", operator.as_str(), b.as_str()),
        _ => return Err(call.uncovered("not two versions")),
    };
    let (operator, later) = operator.strip_suffix("-nl").map_or((operator, false), |o| (o, true));
    let order = match (a.is_empty(), b.is_empty()) {
        (true, true) => std::cmp::Ordering::Equal,
        (true, false) if later => std::cmp::Ordering::Greater,
        (true, false) => std::cmp::Ordering::Less,
        (false, true) if later => std::cmp::Ordering::Less,
        (false, true) => std::cmp::Ordering::Greater,
        (false, false) => match call.answers.compare_versions {
            Some(compare) => compare(a, b),
            None => return Err(call.uncovered("no order of versions was given")),
        },
    };
    let holds = match operator {
        "lt" | "<<" => order.is_lt(),
        "le" | "<=" | "<" => order.is_le(),
        "eq" | "=" => order.is_eq(),
        "ne" => order.is_ne(),
        "ge" | ">=" | ">" => order.is_ge(),
        "gt" | ">>" => order.is_gt(),
        other => return Err(call.uncovered(format!("operator {other}"))),
    };
    Ok(ExitStatus::from(holds))
}

fn list(call: &mut Call<'_>, packages: &[String]) -> Result<ExitStatus, Uncovered> {
    let mut status = ExitStatus::SUCCESS;
    for package in packages {
        let found = stanzas(call, package)?;
        let Some(stanza) = found.first() else {
            call.complain(format!("package '{package}' is not installed"));
            status = ExitStatus::FAILURE;
            continue;
        };
        let path = info::path(stanza.text("Package"), stanza.text("Architecture"), stanza.text("Multi-Arch") == "same", "list");
        let bytes = RootView(call.root).bytes(&path).map_err(|error| call.uncovered(error.to_string()))?;
        call.out(&bytes, true)?;
    }
    Ok(status)
}

fn show(call: &mut Call<'_>, packages: &[String], format: Option<&str>) -> Result<ExitStatus, Uncovered> {
    let mut status = ExitStatus::SUCCESS;
    for package in packages {
        if package.contains(['*', '?', '[']) {
            return Err(call.uncovered("a pattern of packages"));
        }
        let found = stanzas(call, package)?;
        if found.is_empty() {
            call.complain(format!("no packages found matching {package}"));
            status = ExitStatus::FAILURE;
        }
        for stanza in &found {
            let text = match format {
                None => stanza.print().map_err(|error| call.uncovered(error.to_string()))?,
                Some(format) => filled(call, format, stanza)?.into_bytes(),
            };
            call.out(&text, true)?;
        }
    }
    Ok(status)
}

/// A format of dpkg-query(1): `${field}`, `\n`, `\t`, `\\`.
fn filled(call: &Call<'_>, format: &str, stanza: &Stanza) -> Result<String, Uncovered> {
    let (mut out, mut rest) = (String::new(), format);
    while let Some(at) = rest.find(['$', '\\']) {
        out.push_str(&rest[..at]);
        let (special, after) = (&rest[at..], &rest[at + 1..]);
        if let Some((name, tail)) = after.strip_prefix('{').and_then(|field| field.split_once('}')) {
            out.push_str(&field(call, name, stanza)?);
            rest = tail;
        } else if special.starts_with('\\') {
            let letter = after.chars().next().unwrap_or('\\');
            out.push(match letter {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                other => other,
            });
            rest = after.get(letter.len_utf8()..).unwrap_or_default();
        } else {
            out.push('$');
            rest = after;
        }
    }
    Ok(out + rest)
}

fn field(call: &Call<'_>, name: &str, stanza: &Stanza) -> Result<String, Uncovered> {
    let status: Vec<&str> = stanza.text("Status").split(' ').collect();
    let word = |at: usize| status.get(at).copied().unwrap_or_default().to_owned();
    Ok(match name {
        "db:Status-Want" => word(0),
        "db:Status-Eflag" => word(1),
        "db:Status-Status" => word(2),
        "db:Status-Abbrev" if stanza.text("Status") == "install ok installed" => "ii ".into(),
        "binary:Package" if stanza.text("Multi-Arch") == "same" => {
            format!("{}:{}", stanza.text("Package"), stanza.text("Architecture"))
        }
        "binary:Package" => stanza.text("Package").to_owned(),
        "source:Package" => {
            stanza.text("Source").split(' ').next().filter(|s| !s.is_empty()).unwrap_or(stanza.text("Package")).into()
        }
        name if name.contains([':', ';']) => return Err(call.uncovered(format!("the field {name}"))),
        name => String::from_utf8_lossy(stanza.get(name).unwrap_or_default()).into_owned(),
    })
}
