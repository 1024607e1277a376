//! `emacs-package-install` and `emacs-install`: which add-ons are set up for which Emacs.
//!
//! Invariant: the scripts of add-ons are evaluated as any; only the byte code that they would compile is left out.

use super::bridge::{RootView, apply, words};
use crate::script::call::{Call, Table};
use crate::script::uncovered::Uncovered;
use crate::script::value::{ExitStatus, Input, Value};
use crate::system::{View, Write};

pub(super) const PROGRAMS: Table = &[
    ("emacs-package-install", &package_install),
    ("emacs-package-remove", &nothing_installed),
    ("emacs-install", &flavor_install),
    ("emacs-remove", &nothing_installed),
];

/// They lie beside the add-ons.
pub(super) const HELPERS: &[&str] = &["emacs-package-install", "emacs-package-remove", "emacs-install", "emacs-remove"];

const ADD_ONS: &str = "/usr/lib/emacsen-common/packages/install";
const PACKAGES: &str = "/var/lib/emacsen-common/state/package/installed";
const FLAVORS: &str = "/var/lib/emacsen-common/state/flavor/installed";

/// The stage and the name.
fn stage(call: &Call<'_>) -> Result<(bool, String), Uncovered> {
    match &words(call)[..] {
        [stage, name] if stage == "--postinst" || stage == "--preinst" => Ok((stage == "--postinst", name.clone())),
        _ => Err(call.uncovered("only the stages of a script are covered")),
    }
}

fn names(call: &Call<'_>, folder: &str) -> Vec<String> {
    RootView(call.root).list(folder).into_iter().filter(|name| !name.starts_with('.') && !name.ends_with('~')).collect()
}

fn set_up(call: &mut Call<'_>, package: &str, flavor: &str) -> Result<ExitStatus, Uncovered> {
    let script = format!("{ADD_ONS}/{package}");
    if !call.root.exists(script.as_bytes()) {
        return Ok(ExitStatus::SUCCESS);
    }
    call.invoke(&[Value::from(script.as_str()), Value::from(flavor)], Input::new(Value::default())).map(|(status, _)| status)
}

fn package_install(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let (is_last, package) = stage(call)?;
    let state = format!("{PACKAGES}/{package}");
    if !is_last {
        return apply(call, &[Write::remove(state)], false).map(|()| ExitStatus::SUCCESS);
    }
    apply(call, &[Write::file(state, "")], false)?;
    for flavor in names(call, FLAVORS) {
        let status = set_up(call, &package, &flavor)?;
        if !status.success() {
            return Ok(ExitStatus::FAILURE);
        }
    }
    Ok(ExitStatus::SUCCESS)
}

fn flavor_install(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let (is_last, flavor) = stage(call)?;
    let state = format!("{FLAVORS}/{flavor}");
    if !is_last {
        return apply(call, &[Write::remove(state)], false).map(|()| ExitStatus::SUCCESS);
    }
    apply(call, &[Write::file(state, "")], false)?;
    let ready = names(call, PACKAGES);
    for package in names(call, ADD_ONS).into_iter().filter(|package| ready.contains(package)) {
        let status = set_up(call, &package, &flavor)?;
        if !status.success() {
            return Ok(ExitStatus::FAILURE);
        }
    }
    Ok(ExitStatus::SUCCESS)
}

/// What removal undoes is byte code, and the state: of a package that is removed or upgraded.
fn nothing_installed(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    if names(call, FLAVORS).is_empty() { Ok(ExitStatus::SUCCESS) } else { Err(call.uncovered("an Emacs is installed")) }
}
