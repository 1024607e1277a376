//! What `update-alternatives` prints of a group: `--query`, `--display`, `--list`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{current, known};
use crate::system::error::Result;
use crate::system::view::View;

/// The output of `--query NAME`.
pub fn query(view: &dyn View, name: &str) -> Result<String> {
    let group = known(view, name)?;
    let now = current(view, name);
    let mut out = format!("Name: {name}\nLink: {}\n", group.link);
    let slaves = |out: &mut String, of: &BTreeMap<String, String>| {
        if !of.is_empty() {
            out.push_str("Slaves:\n");
        }
        for (name, file) in of {
            let _ = writeln!(out, " {name} {file}");
        }
    };
    slaves(&mut out, &group.slaves);
    let _ = writeln!(out, "Status: {}", if group.manual { "manual" } else { "auto" });
    if let Some(best) = group.best(now.as_deref()) {
        let _ = writeln!(out, "Best: {best}");
    }
    let _ = writeln!(out, "Value: {}", now.as_deref().unwrap_or("none"));
    for (path, choice) in &group.choices {
        let _ = write!(out, "\nAlternative: {path}\nPriority: {}\n", choice.priority);
        slaves(&mut out, &choice.slaves);
    }
    Ok(out)
}

/// The output of `--display NAME`.
pub fn display(view: &dyn View, name: &str) -> Result<String> {
    let group = known(view, name)?;
    let now = current(view, name);
    let mut out = format!("{name} - {} mode\n", if group.manual { "manual" } else { "auto" });
    let _ = match group.best(now.as_deref()) {
        Some(best) => writeln!(out, "  link best version is {best}"),
        None => writeln!(out, "  link best version not available"),
    };
    let _ = match &now {
        Some(now) => writeln!(out, "  link currently points to {now}"),
        None => writeln!(out, "  link currently absent"),
    };
    let _ = writeln!(out, "  link {name} is {}", group.link);
    for (slave, link) in &group.slaves {
        let _ = writeln!(out, "  slave {slave} is {link}");
    }
    for (path, choice) in &group.choices {
        let _ = writeln!(out, "{path} - priority {}", choice.priority);
        for (slave, file) in &choice.slaves {
            let _ = writeln!(out, "  slave {slave}: {file}");
        }
    }
    Ok(out)
}

/// The output of `--list NAME`.
pub fn list(view: &dyn View, name: &str) -> Result<String> {
    Ok(known(view, name)?.choices.keys().fold(String::new(), |out, path| out + path + "\n"))
}
