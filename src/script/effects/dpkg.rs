//! `dpkg` and `dpkg-query` as scripts ask them: versions, architecture, what is installed.
//!
//! Invariant: nothing is installed or removed by a script; answers from the status count as the base's.

use super::bridge::{RootView, words};
use crate::script::call::{Call, Table};
use crate::script::shell::matches;
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
        ("-l" | "--list", patterns) => table(call, patterns),
        ("-S" | "--search", patterns) if !patterns.is_empty() => search(call, patterns),
        (other, _) => Err(call.uncovered(format!("action {other}"))),
    }
}

/// `--search PATTERN...`: which packages list a path; a pattern without wildcards and slash is looked for anywhere.
fn search(call: &mut Call<'_>, patterns: &[String]) -> Result<ExitStatus, Uncovered> {
    const FOLDER: &str = "/var/lib/dpkg/info";
    let mut found: Vec<std::collections::BTreeMap<String, Vec<String>>> =
        patterns.iter().map(|_| std::collections::BTreeMap::default()).collect();
    for name in RootView(call.root).list(FOLDER) {
        let Some(package) = name.strip_suffix(".list") else { continue };
        let bytes = RootView(call.root).bytes(&format!("{FOLDER}/{name}")).map_err(|error| call.uncovered(error.to_string()))?;
        call.spend(bytes.len().saturating_mul(patterns.len()))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for (pattern, found) in patterns.iter().zip(&mut found) {
            let whole = if pattern.starts_with(['/', '*', '?', '[']) { pattern.clone() } else { format!("*{pattern}*") };
            for path in text.lines().filter(|path| matches(whole.as_bytes(), path.as_bytes())) {
                found.entry(path.to_owned()).or_default().push(package.to_owned());
            }
        }
    }
    let mut status = ExitStatus::SUCCESS;
    for (pattern, found) in patterns.iter().zip(found) {
        if found.is_empty() {
            call.complain(format!("no path found matching pattern {pattern}"));
            status = ExitStatus::FAILURE;
        }
        for (path, packages) in found {
            print(call, &format!("{}: {path}\n", packages.join(", ")))?;
        }
    }
    Ok(status)
}

const TABLE: &str = "Desired=Unknown/Install/Remove/Purge/Hold\n| Status=Not/Inst/Conf-files/Unpacked/halF-conf/Half-inst/trig-aWait/Trig-pend\n|/ Err?=(none)/Reinst-required (Status,Err: uppercase=bad)\n";

/// `--list [PATTERN]...`: a row for each package that is known, as wide as its longest words.
fn table(call: &mut Call<'_>, patterns: &[String]) -> Result<ExitStatus, Uncovered> {
    let bytes = RootView(call.root).bytes("/var/lib/dpkg/status").map_err(|error| call.uncovered(error.to_string()))?;
    call.spend(bytes.len().saturating_mul(patterns.len() + 1))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let mut names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("Package: ")).collect();
    names.sort_unstable();
    names.dedup();
    let fits = |pattern: &str, name: &str| matches(pattern.as_bytes(), name.as_bytes());
    let mut status = ExitStatus::SUCCESS;
    for pattern in patterns.iter().filter(|pattern| !names.iter().any(|name| fits(pattern, name))) {
        call.complain(format!("no packages found matching {pattern}"));
        status = ExitStatus::FAILURE;
    }
    let shown = names.into_iter().filter(|name| patterns.is_empty() || patterns.iter().any(|pattern| fits(pattern, name)));
    let mut rows = vec![["Name", "Version", "Architecture", "Description"].map(str::to_owned)];
    let mut states = Vec::new();
    for name in shown {
        for stanza in stanzas(call, name)? {
            let state = state_letters(stanza.text("Status")).ok_or_else(|| call.uncovered(format!("the state of {name}")))?;
            let architecture = stanza.text("Architecture").to_owned();
            let same = stanza.text("Multi-Arch") == "same";
            let name = if same { format!("{name}:{architecture}") } else { name.to_owned() };
            let line = stanza.text("Description").lines().next().unwrap_or_default().to_owned();
            rows.push([name, stanza.text("Version").to_owned(), architecture, line]);
            states.push(state);
        }
    }
    if states.is_empty() {
        return Ok(status);
    }
    let least = [14, 12, 12, 33];
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or_default().max(least[at]);
    let widths = [width(0), width(1), width(2), width(3)];
    let mut out = TABLE.to_owned();
    for (at, [name, version, architecture, line]) in rows.iter().enumerate() {
        let state = if at == 0 { "||/" } else { states.get(at - 1).map_or("", String::as_str) };
        let [w, x, y, _] = widths;
        out.push_str(&format!("{state:<3} {name:<w$} {version:<x$} {architecture:<y$} {line}\n"));
        if at == 0 {
            out.push_str(&format!("+++-{}\n", widths.map(|width| "=".repeat(width)).join("-")));
        }
    }
    print(call, &out)?;
    Ok(status)
}

/// `ii` and the like; nothing for a state that an image does not have.
fn state_letters(status: &str) -> Option<String> {
    let mut words = status.split(' ');
    let wanted = match words.next()? {
        "unknown" => 'u',
        "install" => 'i',
        "hold" => 'h',
        "deinstall" => 'r',
        "purge" => 'p',
        _ => return None,
    };
    let state = match words.nth(1)? {
        "not-installed" => 'n',
        "installed" => 'i',
        "config-files" => 'c',
        "unpacked" => 'U',
        "half-configured" => 'F',
        "half-installed" => 'H',
        "triggers-awaited" => 'W',
        "triggers-pending" => 't',
        _ => return None,
    };
    Some(format!("{wanted}{state}"))
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
