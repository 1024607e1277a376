//! The base's settings for new accounts: `/etc/login.defs`, `/etc/default/useradd`, `/etc/adduser.conf`.
//!
//! Invariant: a value that is absent or no number gives the documented default of the tool; nothing is ever an error.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::super::error::Result;
use super::super::view::View;

/// The settings that the account commands ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    login: BTreeMap<String, String>,
    useradd: BTreeMap<String, String>,
    adduser: BTreeMap<String, String>,
}

impl Defaults {
    /// Reads the three files of a tree; absent ones give the tools' own defaults.
    pub fn of(view: &dyn View) -> Result<Self> {
        let text = |path| Ok::<_, super::SystemError>(view.text(path)?.unwrap_or_default());
        Ok(Self::parse(&text("/etc/login.defs")?, &text("/etc/default/useradd")?, &text("/etc/adduser.conf")?))
    }
    /// Reads their texts.
    pub fn parse(login: &str, useradd: &str, adduser: &str) -> Self {
        let pairs = |text: &str, split: fn(&str) -> Option<(&str, &str)>| {
            let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
            lines.filter_map(split).map(|(k, v)| (k.trim().to_owned(), v.trim().trim_matches('"').to_owned())).collect()
        };
        Self {
            login: pairs(login, |line| line.split_once(char::is_whitespace)),
            useradd: pairs(useradd, |line| line.split_once('=')),
            adduser: pairs(adduser, |line| line.split_once('='))
                .into_iter()
                .map(|(k, v): (String, String)| (k.to_ascii_uppercase(), v))
                .collect(),
        }
    }
    /// Sets a value of login.defs, as `useradd -K KEY=VALUE` does.
    pub fn set_login(&mut self, key: &str, value: &str) {
        self.login.insert(key.into(), value.into());
    }
    /// A number of login.defs; `0x` and a leading `0` mean base 16 and 8.
    pub fn login_number(&self, key: &str, otherwise: u32) -> u32 {
        self.login.get(key).and_then(|v| number(v)).unwrap_or(otherwise)
    }
    /// Whether a switch of login.defs says yes.
    pub fn login_says(&self, key: &str) -> bool {
        self.login.get(key).is_some_and(|v| v.eq_ignore_ascii_case("yes"))
    }
    /// Whether login.defs has the key at all.
    pub fn login_has(&self, key: &str) -> bool {
        self.login.contains_key(key)
    }
    /// A value of `/etc/default/useradd`.
    pub fn useradd(&self, key: &str) -> Option<&str> {
        self.useradd.get(key).map(String::as_str)
    }
    /// A value of `/etc/adduser.conf`, by upper-case key.
    pub fn adduser(&self, key: &str) -> Option<&str> {
        self.adduser.get(key).map(String::as_str)
    }
    /// A range of `/etc/adduser.conf`.
    pub fn adduser_range(&self, first: &str, last: &str, otherwise: RangeInclusive<u32>) -> RangeInclusive<u32> {
        let value = |key, or| self.adduser(key).and_then(number).unwrap_or(or);
        value(first, *otherwise.start())..=value(last, *otherwise.end())
    }
    /// Numbers of ordinary users (`UID`) or groups (`GID`).
    pub fn ordinary(&self, what: &str) -> RangeInclusive<u32> {
        self.login_number(&format!("{what}_MIN"), 1000)..=self.login_number(&format!("{what}_MAX"), 60000)
    }
    /// Numbers of system users or groups for `useradd -r` and systemd-sysusers.
    pub fn system(&self, what: &str) -> RangeInclusive<u32> {
        let below = self.ordinary(what).start().saturating_sub(1);
        self.login_number(&format!("SYS_{what}_MIN"), 101)..=self.login_number(&format!("SYS_{what}_MAX"), below)
    }
}

fn number(text: &str) -> Option<u32> {
    if let Some(hex) = text.strip_prefix("0x") {
        return u32::from_str_radix(hex, 16).ok();
    }
    match text.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => u32::from_str_radix(octal, 8).ok(),
        _ => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_values_are_the_tools_own() {
        let none = Defaults::default();
        assert_eq!((none.system("UID"), none.ordinary("GID")), (101..=999, 1000..=60000));
        let some = Defaults::parse("UID_MIN\t\t 500\n#GID_MIN 3\nUMASK 027\n", "SHELL=/bin/sh\n", "first_system_uid=\"200\"\n");
        assert_eq!((some.system("UID"), some.login_number("UMASK", 0o22)), (101..=499, 0o27));
        assert_eq!(some.adduser_range("FIRST_SYSTEM_UID", "LAST_SYSTEM_UID", 100..=999), 200..=999);
        assert_eq!(some.useradd("SHELL"), Some("/bin/sh"));
    }
}
