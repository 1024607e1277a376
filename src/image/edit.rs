//! Changes to a base's config, made on its raw tree so that order and unknown fields survive.
//!
//! Invariant: only the keys that change are touched; the same edits on the result change nothing.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::ImageError;

/// What to change in a config. Absent values keep the base's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigEdits {
    /// Variables to set, in order: a known key is replaced in its place, a new one added at the end.
    pub env: Vec<(String, String)>,
    /// Labels to set.
    pub labels: BTreeMap<String, String>,
    /// User, as `USER` in a Dockerfile.
    pub user: Option<String>,
    /// Working directory.
    pub workdir: Option<String>,
    /// Entrypoint; an empty list drops the key and keeps Cmd.
    pub entrypoint: Option<Vec<String>>,
    /// Cmd; an empty list drops the key.
    pub cmd: Option<Vec<String>>,
    /// Time of creation (RFC 3339). Written only where something else changes.
    pub created: Option<String>,
}

impl ConfigEdits {
    /// Applies all but `created` to a config's tree. Whether anything changed.
    pub(super) fn apply(&self, config: &mut Value) -> Result<bool, ImageError> {
        let before = config.clone();
        let nothing = *self == Self { created: self.created.clone(), ..Self::default() };
        if nothing {
            return Ok(false);
        }
        let run = section(object(config, "the document")?, "config")?;
        if !self.env.is_empty() {
            set_env(run, &self.env)?;
        }
        set_labels(run, &self.labels)?;
        for (key, text) in [("User", &self.user), ("WorkingDir", &self.workdir)] {
            if let Some(text) = text {
                set(run, key, (!text.is_empty()).then(|| json!(text)));
            }
        }
        for (key, words) in [("Entrypoint", &self.entrypoint), ("Cmd", &self.cmd)] {
            if let Some(words) = words {
                set(run, key, (!words.is_empty()).then(|| json!(words)));
            }
        }
        let changed = *config != before;
        if !changed {
            *config = before;
        }
        Ok(changed)
    }
}

/// Sets labels in a config's tree.
pub(super) fn set_root_labels(config: &mut Value, labels: &BTreeMap<String, String>) -> Result<(), ImageError> {
    set_labels(section(object(config, "the document")?, "config")?, labels)
}

/// Takes a label out of a config's tree.
pub(super) fn drop_root_label(config: &mut Value, label: &str) {
    if let Some(labels) = config.pointer_mut("/config/Labels").and_then(Value::as_object_mut) {
        labels.shift_remove(label);
    }
}

/// The value as an object.
pub(super) fn object<'a>(value: &'a mut Value, field: &'static str) -> Result<&'a mut Map<String, Value>, ImageError> {
    value.as_object_mut().ok_or(ImageError::Shape { field, expected: "an object" })
}

/// The member `key` as an object, made where it is absent or null.
pub(super) fn section<'a>(parent: &'a mut Map<String, Value>, key: &'static str) -> Result<&'a mut Map<String, Value>, ImageError> {
    let value = parent.entry(key).or_insert(Value::Null);
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    object(value, key)
}

/// The member `key` as a list, made where it is absent or null.
pub(super) fn list<'a>(parent: &'a mut Map<String, Value>, key: &'static str) -> Result<&'a mut Vec<Value>, ImageError> {
    let value = parent.entry(key).or_insert(Value::Null);
    if value.is_null() {
        *value = Value::Array(Vec::new());
    }
    value.as_array_mut().ok_or(ImageError::Shape { field: key, expected: "a list" })
}

/// Sets a member in its place, or drops it. A member that says the same already (null, empty) stays as it is written.
fn set(run: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    match value {
        Some(value) => {
            run.insert(key.to_owned(), value);
        }
        None if run.get(key).is_some_and(is_empty) => {}
        None => {
            run.shift_remove(key);
        }
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty) || value.as_str().is_some_and(str::is_empty)
}

fn set_env(run: &mut Map<String, Value>, pairs: &[(String, String)]) -> Result<(), ImageError> {
    let env = list(run, "Env")?;
    for (key, value) in pairs {
        let line = Value::String(format!("{key}={value}"));
        let names = |v: &Value| v.as_str().and_then(|s| s.split_once('=')).is_some_and(|(k, _)| k == key);
        // Of equal keys the last one counts, so that is the one to replace.
        match env.iter_mut().rev().find(|v| names(v)) {
            Some(old) => *old = line,
            None => env.push(line),
        }
    }
    Ok(())
}

fn set_labels(run: &mut Map<String, Value>, labels: &BTreeMap<String, String>) -> Result<(), ImageError> {
    if labels.is_empty() {
        return Ok(());
    }
    let section = section(run, "Labels")?;
    for (key, value) in labels {
        section.insert(key.clone(), json!(value));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(base: &str, edits: &ConfigEdits) -> (String, bool) {
        let mut value: Value = serde_json::from_str(base).expect("JSON");
        let changed = edits.apply(&mut value).expect("applies");
        (value.to_string(), changed)
    }
    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn only_what_changes_is_touched_and_order_is_kept() {
        let base = r#"{"z":1,"config":{"Healthcheck":{"Test":["NONE"]},"Env":["B=1","A=2","X"],"Entrypoint":["x"],"Cmd":["y"],"OnBuild":null},"a":2}"#;
        let edits = ConfigEdits {
            env: pairs(&[("A", "3"), ("N", "=4")]),
            entrypoint: Some(vec![]),
            user: Some("root".into()),
            ..ConfigEdits::default()
        };
        let (text, changed) = edited(base, &edits);
        let want = r#"{"z":1,"config":{"Healthcheck":{"Test":["NONE"]},"Env":["B=1","A=3","X","N==4"],"Cmd":["y"],"OnBuild":null,"User":"root"},"a":2}"#;
        assert_eq!(text, want);
        assert!(changed);
        assert_eq!(edited(&text, &edits), (text.clone(), false), "a second time changes nothing");
    }

    #[test]
    fn edits_that_say_what_is_there_change_nothing() {
        let base = r#"{"config":{"Entrypoint":null,"User":"","Labels":{"b":"1","a":"2"},"ExposedPorts":{"22/tcp":{}}}}"#;
        let edits = ConfigEdits {
            labels: [("a".into(), "2".into())].into(),
            entrypoint: Some(vec![]),
            cmd: Some(vec![]),
            user: Some(String::new()),
            created: Some("2024-01-01T00:00:00Z".into()),
            ..ConfigEdits::default()
        };
        assert_eq!(edited(base, &edits), (base.to_owned(), false));
        assert_eq!(edited("{}", &ConfigEdits::default()), ("{}".to_owned(), false));
    }

    #[test]
    fn a_config_of_another_shape_is_refused() {
        for base in [r#"{"config":7}"#, r#"{"config":{"Env":{}}}"#, "[]"] {
            let mut value: Value = serde_json::from_str(base).expect("JSON");
            let edits = ConfigEdits { env: pairs(&[("A", "1")]), ..ConfigEdits::default() };
            assert!(edits.apply(&mut value).is_err(), "{base}");
        }
        let edits = ConfigEdits { env: pairs(&[("A", "1")]), ..ConfigEdits::default() };
        assert_eq!(edited(r#"{"config":null}"#, &edits).0, r#"{"config":{"Env":["A=1"]}}"#);
    }
}
