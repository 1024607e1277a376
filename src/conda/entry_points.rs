//! Programs of noarch packages: small scripts that import a function and call it (`info/link.json`).
//!
//! Invariant: names and functions are checked before they become a path or a line of Python.

use serde_json::{Map, Value};

use super::CondaError;
use super::package::of_python;

/// A program to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryPoint {
    /// Its name in `bin/`.
    pub command: String,
    /// The script, as libmamba writes it.
    pub text: String,
}

/// The programs of a package, run by `python` (absolute).
pub(super) fn entry_points(package: &str, link: &Map<String, Value>, python: &str) -> Result<Vec<EntryPoint>, CondaError> {
    let listed = link.get("noarch").and_then(|noarch| noarch.get("entry_points"));
    let Some(listed) = listed.filter(|l| !l.is_null()) else { return Ok(Vec::new()) };
    let wrong = |what: &Value| CondaError::path(package, "info/link.json", format!("has an entry point that can be none: {what}"));
    let Some(list) = listed.as_array() else { return Err(wrong(listed)) };
    list.iter().map(|one| one.as_str().and_then(|text| parsed(text, python)).ok_or_else(|| wrong(one))).collect()
}

/// `wheel = wheel.cli:main`
fn parsed(text: &str, python: &str) -> Option<EntryPoint> {
    let (left, function) = text.rsplit_once(':')?;
    let (command, module) = left.rsplit_once('=')?;
    // Extras in brackets name optional packages; the function is what stands before them.
    let function = function.split('[').next()?.trim();
    let (command, module) = (command.trim(), module.trim());
    let dotted = |text: &str| text.split('.').all(is_identifier);
    let is_name = !command.is_empty()
        && !command.starts_with('.')
        && command.chars().all(|c| !c.is_whitespace() && !c.is_control() && c != '/');
    if !is_name || !dotted(module) || !dotted(function) {
        return None;
    }
    let import = function.split('.').next()?;
    let text = format!(
        "{}\n# -*- coding: utf-8 -*-\nimport re\nimport sys\n\nfrom {module} import {import}\n\nif __name__ == '__main__':\n\
         \x20   sys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])\n    sys.exit({function}())\n",
        of_python(python)
    );
    Some(EntryPoint { command: command.to_owned(), text })
}

/// A name of Python.
fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c == '_' || c.is_alphabetic()) && chars.all(|c| c == '_' || c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(list: &Value) -> Result<Vec<EntryPoint>, String> {
        let link = serde_json::json!({"noarch": {"type": "python", "entry_points": list}, "package_metadata_version": 1});
        entry_points("p", link.as_object().expect("an object"), "/p/bin/python3.12").map_err(|e| e.to_string())
    }

    #[test]
    fn a_program_imports_its_function_and_calls_it() {
        let made = of(&serde_json::json!(["wheel = wheel.cli:main", "x=a:B.run"])).expect("entry points");
        assert_eq!(made[0].command, "wheel");
        assert_eq!(
            made[0].text,
            "#!/p/bin/python3.12\n# -*- coding: utf-8 -*-\nimport re\nimport sys\n\nfrom wheel.cli import main\n\n\
             if __name__ == '__main__':\n    sys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])\n    sys.exit(main())\n"
        );
        assert!(made[1].text.contains("from a import B\n") && made[1].text.contains("sys.exit(B.run())"));
        assert!(of(&Value::Null).expect("none").is_empty());
    }

    #[test]
    fn what_is_no_name_of_a_program_or_function_is_refused() {
        for bad in [
            "../x = a:b",
            "x/y = a:b",
            "x y = a:b",
            " = a:b",
            ".x = a:b",
            "x = a b:c",
            "x = a:b()",
            "x = a:b; import os",
            "x",
            "x = a",
        ] {
            assert!(of(&serde_json::json!([bad])).expect_err(bad).contains("can be none"), "{bad}");
        }
        assert!(of(&serde_json::json!("x = a:b")).is_err() && of(&serde_json::json!([1])).is_err());
    }
}
