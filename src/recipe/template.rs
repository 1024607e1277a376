//! `{x}` in TOML string values: parameters, `{env.X}` of the base, `{arch}` and `{deb_arch}`; `{{` is a brace.
//!
//! Invariant: a value is never looked at again after it was put in, except parameters that name other parameters, and those
//! may not form a circle.

use std::collections::BTreeMap;

/// Docker's PATH for an image that sets none.
pub(crate) const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What templates can name.
#[derive(Clone, Debug)]
pub struct Surroundings<'a> {
    /// Parameters by name, themselves templates.
    pub parameters: BTreeMap<String, String>,
    /// The base's Env by name.
    pub env: &'a BTreeMap<String, String>,
    /// `uname -m` of the target: `x86_64`.
    pub arch: &'a str,
    /// Debian's name of the target: `amd64`.
    pub deb_arch: &'a str,
}

/// Why a template cannot be filled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A brace without its partner, or an empty name.
    #[error("`{0}` is not closed by `}}` (write `{{{{` for a brace)")]
    Open(String),
    /// A name that nothing defines.
    #[error("`{{{0}}}` names nothing: parameters are {1}; `{{arch}}`, `{{deb_arch}}` and `{{env.NAME}}` exist too")]
    Unknown(String, String),
    /// An environment variable that the base does not set.
    #[error("the base sets no environment variable {0:?}")]
    NoEnv(String),
    /// A parameter that leads back to itself.
    #[error("parameter `{0}` is defined by itself")]
    Circle(String),
    /// Grown past the limit.
    #[error("the filled text is longer than 1 MiB")]
    TooLong,
}

impl Surroundings<'_> {
    /// No file of a recipe needs more; a chain of doubling parameters would.
    const LIMIT: usize = 1 << 20;

    /// `text` with every `{x}` replaced.
    pub fn fill(&self, text: &str) -> Result<String, TemplateError> {
        self.fill_below(text, &mut Vec::new())
    }

    fn fill_below(&self, text: &str, inside: &mut Vec<String>) -> Result<String, TemplateError> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            filled.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('{') {
                filled.push('{');
                rest = after;
                continue;
            }
            let end =
                rest.find('}').ok_or_else(|| TemplateError::Open(format!("{{{}", rest.chars().take(40).collect::<String>())))?;
            filled.push_str(&self.value(&rest[..end], inside)?);
            if filled.len() > Self::LIMIT {
                return Err(TemplateError::TooLong);
            }
            rest = &rest[end + 1..];
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn value(&self, name: &str, inside: &mut Vec<String>) -> Result<String, TemplateError> {
        if let Some(variable) = name.strip_prefix("env.") {
            return match self.env.get(variable) {
                Some(value) => Ok(value.clone()),
                None if variable == "PATH" => Ok(DEFAULT_PATH.into()),
                None => Err(TemplateError::NoEnv(variable.into())),
            };
        }
        if let Some(template) = self.parameters.get(name) {
            if inside.iter().any(|n| n == name) {
                return Err(TemplateError::Circle(name.into()));
            }
            inside.push(name.into());
            let value = self.fill_below(template, inside)?;
            inside.pop();
            return Ok(value);
        }
        match name {
            "arch" => Ok(self.arch.into()),
            "deb_arch" => Ok(self.deb_arch.into()),
            _ => {
                let known = self.parameters.keys().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
                Err(TemplateError::Unknown(name.into(), if known.is_empty() { "none".into() } else { known }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surroundings<'a>(parameters: &[(&str, &str)], env: &'a BTreeMap<String, String>) -> Surroundings<'a> {
        let parameters = parameters.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Surroundings { parameters, env, arch: "x86_64", deb_arch: "amd64" }
    }

    #[test]
    fn parameters_may_name_each_other_but_not_themselves() {
        let env = BTreeMap::new();
        let around = surroundings(&[("root", "/openhands"), ("prefix", "{root}/miniforge3"), ("a", "{b}"), ("b", "{a}")], &env);
        assert_eq!(around.fill("PATH={prefix}/bin:{env.PATH}"), Ok(format!("PATH=/openhands/miniforge3/bin:{DEFAULT_PATH}")));
        assert_eq!(around.fill("{{x}} {arch} {deb_arch}"), Ok("{x}} x86_64 amd64".into()));
        assert_eq!(around.fill("{a}"), Err(TemplateError::Circle("a".into())));
        assert_eq!(around.fill("{env.HOME}"), Err(TemplateError::NoEnv("HOME".into())));
        assert!(matches!(around.fill("{nothing}"), Err(TemplateError::Unknown(..))));
        assert!(matches!(around.fill("a {root"), Err(TemplateError::Open(_))));
    }

    #[test]
    fn a_value_of_the_base_is_not_a_template() {
        let env = BTreeMap::from([("X".to_owned(), "{root}".to_owned())]);
        assert_eq!(surroundings(&[("root", "/r")], &env).fill("{env.X}"), Ok("{root}".into()));
    }

    #[test]
    fn doubling_parameters_end_at_the_limit() {
        let names: Vec<String> = (0..64).map(|i| format!("p{i}")).collect();
        let mut pairs: Vec<(&str, String)> = vec![(&names[0], "x".repeat(64))];
        for (below, name) in names.iter().skip(1).enumerate() {
            pairs.push((name, format!("{{p{below}}}{{p{below}}}")));
        }
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let env = BTreeMap::new();
        assert_eq!(surroundings(&pairs, &env).fill("{p63}"), Err(TemplateError::TooLong));
    }
}
