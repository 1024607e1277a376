//! The options of a source, under the names of both formats.
//!
//! Invariant: unknown options are ignored, as apt does; a value of the wrong kind is an error only where trust depends
//! on it.

use super::super::conf::truth;
use super::{ByHash, Given, KeyName, SignedBy};

/// Sets one option by its deb822 name (compared without regard to case).
pub(super) fn set(given: &mut Given, name: &str, value: &str) -> Result<(), String> {
    let options = &mut given.options;
    let words = || value.split([' ', ',', '\t', '\n']).filter(|w| !w.is_empty()).map(str::to_owned);
    match name.to_ascii_lowercase().as_str() {
        "architectures" => given.architectures.only = Some(words().collect()),
        "architectures-add" => given.architectures.more.extend(words()),
        "architectures-remove" => given.architectures.less.extend(words()),
        "signed-by" => options.signed_by = signed_by(value)?,
        "trusted" => options.trusted = flag(name, value)?,
        "allow-insecure" => options.allow_insecure = flag(name, value)?,
        "allow-weak" => options.allow_weak = flag(name, value)?,
        "check-valid-until" => options.check_valid_until = flag(name, value)?,
        "check-date" => options.check_date = flag(name, value)?,
        "valid-until-min" => options.valid_until_min = Some(seconds(name, value)?),
        "valid-until-max" => options.valid_until_max = Some(seconds(name, value)?),
        "date-max-future" => options.date_max_future = Some(seconds(name, value)?),
        "by-hash" => {
            options.by_hash = match value.trim() {
                "force" => Some(ByHash::Force),
                other => flag(name, other)?.map(|yes| if yes { ByHash::Yes } else { ByHash::No }),
            }
        }
        "snapshot" => options.snapshot = Some(value.trim().to_owned()),
        "inrelease-path" => options.inrelease_path = Some(release_path(value.trim())?),
        _ => {}
    }
    Ok(())
}

/// The deb822 name of an option of the one-line format.
pub(super) fn deb822_name(name: &str) -> &str {
    match name {
        "arch" => "Architectures",
        other => other,
    }
}

fn flag(name: &str, value: &str) -> Result<Option<bool>, String> {
    truth(value).map(Some).ok_or_else(|| format!("{name}: {value:?} is neither yes nor no"))
}

fn seconds(name: &str, value: &str) -> Result<i64, String> {
    value.trim().parse().map_err(|_| format!("{name}: {value:?} is no number of seconds"))
}

fn release_path(value: &str) -> Result<String, String> {
    let plain = !value.is_empty()
        && !value.starts_with('/')
        && value.bytes().all(|b| b.is_ascii_graphic())
        && !value.split('/').any(|part| part == "..");
    if plain { Ok(value.to_owned()) } else { Err(format!("InRelease-Path: {value:?} is no plain path")) }
}

fn signed_by(value: &str) -> Result<SignedBy, String> {
    if value.contains("-----BEGIN PGP PUBLIC KEY BLOCK-----") {
        return Ok(SignedBy::Inline(value.to_owned()));
    }
    let names: Vec<KeyName> =
        value.split([',', ' ', '\t', '\n']).filter(|w| !w.is_empty()).map(key_name).collect::<Result<_, _>>()?;
    if names.is_empty() { Err("Signed-By names no key".into()) } else { Ok(SignedBy::Keys(names)) }
}

/// A path or a fingerprint, as `Signed-By` of a source or of a Release file gives it.
fn key_name(word: &str) -> Result<KeyName, String> {
    if word.starts_with('/') {
        return Ok(KeyName::File(word.to_owned()));
    }
    let (hex, exact) = word.strip_suffix('!').map_or((word, false), |hex| (hex, true));
    if matches!(hex.len(), 40 | 64) && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(KeyName::Fingerprint { hex: hex.to_ascii_uppercase(), exact });
    }
    Err(format!("Signed-By: {word:?} is neither an absolute path nor a whole fingerprint"))
}
