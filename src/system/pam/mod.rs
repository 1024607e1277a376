//! `pam-auth-update --package`: the PAM stacks that all programs share, made from the profiles that packages bring.
//!
//! Invariant: a stack that a user changed beyond options is left alone; profiles once seen are not enabled again.

mod profile;
mod stack;

use std::collections::BTreeSet;

pub use profile::Profile;

use super::debconf::Session;
use super::dpkg::info::md5;
use super::error::Result;
use super::view::{View, Write};

const SAVED: &str = "/var/lib/pam";
const QUESTION: &str = "libpam-runtime/profiles";
const OVERRIDE: &str = "libpam-runtime/override";

/// The stacks as profiles spell them, as files are named, and the sums of Debian's own outlines.
const STACKS: [(&str, &str, &[&str]); 5] = [
    ("Auth", "auth", &["8d4fe17e66ba25de16a117035d1396aa"]),
    ("Account", "account", &["3c0c362eaf3421848b679d63fd48c3fa"]),
    (
        "Password",
        "password",
        &[
            "4d5c92d595a46b69cd61f18feb4c0574",
            "50fce2113dfda83ac8bdd5a6e706caec",
            "4bd7610f2e85f8ddaef79c7db7cb49eb",
            "9ba753d0824276b44bcadfee1f87b6bc",
        ],
    ),
    (
        "Session",
        "session",
        &["f297c731a467822cbd86e1283263e8a3", "240fb92986c885b327cdb21dd641da8c", "4a25673e8b36f1805219027d3be02cd2"],
    ),
    ("Session-noninteractive", "session-noninteractive", &["ad2b78ce1498dd637ef36469430b6ac6"]),
];

/// The words of the call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// `--force`.
    pub force: bool,
    /// `--remove`: profiles whose package goes.
    pub remove: BTreeSet<String>,
    /// `--enable`.
    pub enable: BTreeSet<String>,
    /// `--disable`.
    pub disable: BTreeSet<String>,
}

/// Whose questions the command asks: debconf's names begin with the owner's. Like the paths that it writes, the name stands in the
/// command's own text.
pub fn owner() -> &'static str {
    QUESTION.split('/').next().unwrap_or_default()
}

/// Makes the stacks. `debconf` is a talk in the name of [`owner`], its templates loaded.
pub fn update(view: &dyn View, words: &Words, debconf: &mut Session<'_>) -> Result<Vec<Write>> {
    let profiles: Vec<Profile> = profile::all(view)?.into_iter().filter(|p| !words.remove.contains(&p.id)).collect();
    let names = profiles.iter().map(|p| p.id.as_str()).collect::<Vec<_>>().join(", ");
    let titles = profiles.iter().map(|p| p.field("Name").trim()).collect::<Vec<_>>().join(", ");
    debconf.command(&["subst", QUESTION, "profile_names", &names]);
    debconf.command(&["subst", QUESTION, "profiles", &titles]);
    let live = live_stacks(view)?;
    if live.is_none() && !words.force {
        debconf.command(&["input", "high", OVERRIDE]);
        debconf.command(&["go"]);
        if debconf.command(&["get", OVERRIDE]).text != "true" {
            return Ok(Vec::new());
        }
    }
    let before = match &live {
        Some((order, _)) => order.clone(),
        None => debconf.command(&["get", QUESTION]).text.split(", ").map(Into::into).collect(),
    };
    let enabled = choose(view, words, &profiles, &before)?;
    let value = enabled.iter().map(|p| p.id.as_str()).collect::<Vec<_>>().join(", ");
    if profiles.iter().any(|p| !seen(view).is_ok_and(|seen| seen.contains(&p.id))) {
        debconf.command(&["fset", QUESTION, "seen", "false"]);
    }
    debconf.command(&["set", QUESTION, &value]);
    let mut writes = vec![Write::file(format!("{SAVED}/seen"), profiles.iter().fold(String::new(), |t, p| t + &p.id + "\n"))];
    let changes = live.map(|(_, changes)| changes).unwrap_or_default();
    for (at, (kind, name, sums)) in STACKS.into_iter().enumerate() {
        let none = stack::Changes::new();
        let text = stack_text(view, name, sums)?;
        let new = stack::rewrite(&text, &enabled, kind, changes.get(at).unwrap_or(&none));
        let new = match new {
            None if words.force => {
                let shared = view.text(&format!("/usr/share/pam/common-{name}"))?.unwrap_or_default();
                stack::rewrite(&shared, &enabled, kind, &none)
            }
            new => new,
        };
        let Some(new) = new else { return Ok(writes) };
        writes.push(Write::file(format!("/etc/pam.d/common-{name}"), new).mode(0o644));
        writes.push(Write::file(format!("{SAVED}/{name}"), stack::saved(&enabled, kind)).mode(0o644));
    }
    debconf.command(&["fset", OVERRIDE, "seen", "false"]);
    debconf.command(&["set", OVERRIDE, "false"]);
    Ok(writes)
}

/// The profiles to enable: those that are, and new ones that are on by default; conflicting ones of lower priority not.
fn choose<'a>(view: &dyn View, words: &Words, profiles: &'a [Profile], before: &[String]) -> Result<Vec<&'a Profile>> {
    let mut seen = seen(view)?;
    seen.extend(words.disable.iter().cloned());
    let wanted = |p: &&Profile| (before.contains(&p.id) || words.enable.contains(&p.id)) && !words.disable.contains(&p.id);
    if !profiles.iter().any(|p| wanted(&p)) {
        seen.clear();
    }
    let mut enabled: Vec<&Profile> = profiles.iter().filter(|p| wanted(p) || (p.is_default() && !seen.contains(&p.id))).collect();
    for profile in enabled.clone() {
        if enabled.iter().any(|p| p.id == profile.id) {
            enabled.retain(|other| !profile.conflicts.contains(&other.id));
        }
    }
    Ok(enabled)
}

fn seen(view: &dyn View) -> Result<BTreeSet<String>> {
    Ok(view.text(&format!("{SAVED}/seen"))?.unwrap_or_default().lines().map(Into::into).collect())
}

/// The enabled profiles and the user's options of each stack, if all five can be understood.
fn live_stacks(view: &dyn View) -> Result<Option<(Vec<String>, Vec<stack::Changes>)>> {
    let (mut order, mut changes) = (Vec::new(), Vec::new());
    for (kind, name, _) in STACKS {
        let (live, saved) = (view.text(&format!("/etc/pam.d/common-{name}"))?, view.text(&format!("{SAVED}/{name}"))?);
        let (Some(live), Some(saved)) = (live, saved) else { return Ok(None) };
        let Some((profiles, options)) = stack::compare(&live, &saved, kind) else { return Ok(None) };
        order.extend(profiles);
        changes.push(options);
    }
    Ok(Some((order, changes)))
}

/// The text to rewrite: Debian's own, where the file differs from it in managed lines only.
fn stack_text(view: &dyn View, name: &str, sums: &[&str]) -> Result<String> {
    let live = view.text(&format!("/etc/pam.d/common-{name}"))?.unwrap_or_default();
    let own = sums.contains(&md5(stack::outline(&live).as_bytes()).as_str());
    let shared = if own { view.text(&format!("/usr/share/pam/common-{name}"))? } else { None };
    Ok(shared.unwrap_or(live))
}

#[cfg(test)]
mod tests;
