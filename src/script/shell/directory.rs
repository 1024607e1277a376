//! `cd` and `umask`: where a shell is, and what its new files get.
//!
//! Invariant: the working directory is a directory of the root when it is entered.

use crate::script::value::Value;

use super::Shell;
use super::state::Step;

impl Shell<'_, '_> {
    pub(super) fn umask(&mut self, arguments: &[Value]) -> Step {
        let Some(first) = arguments.first() else {
            let text = format!("{:04o}\n", self.state.umask);
            return self.print(&Value::new(text));
        };
        match u32::from_str_radix(&first.text(), 8) {
            Ok(mask) if mask <= 0o777 => {
                self.state.umask = mask;
                Ok(0)
            }
            _ => self.not_covered("umask", arguments, "symbolic masks are not covered"),
        }
    }
    pub(super) fn cd(&mut self, arguments: &[Value]) -> Step {
        let arguments = if arguments.first().is_some_and(|first| matches!(&first.bytes[..], b"--" | b"-L")) {
            &arguments[1..]
        } else {
            arguments
        };
        let target = match arguments {
            [] => self.state.get(b"HOME").cloned().unwrap_or_default(),
            [target] if target.bytes == b"-" => self.state.get(b"OLDPWD").cloned().unwrap_or_default(),
            [target] if !target.bytes.starts_with(b"-") => target.clone(),
            _ => return self.not_covered("cd", arguments, "options are not covered"),
        };
        let path = logical(&self.state.cwd, &target.bytes);
        if !self.machine.root.is_directory(&path) {
            self.complain(&[b"cd: can't cd to ".as_slice(), &target.bytes].concat())?;
            return Ok(2);
        }
        let old = std::mem::replace(&mut self.state.cwd, path.clone());
        self.assign(b"OLDPWD", Value::new(old))?;
        self.assign(b"PWD", Value::new(path.clone()))?;
        if arguments.first().is_some_and(|target| target.bytes == b"-") {
            return self.print(&Value::new([&path[..], b"\n"].concat()));
        }
        Ok(0)
    }
}

/// A path with its dots taken by the text alone, as `cd -L` does.
fn logical(cwd: &[u8], path: &[u8]) -> Vec<u8> {
    let full = crate::script::call::absolute(cwd, path);
    let mut parts: Vec<&[u8]> = Vec::new();
    for component in full.split(|b| *b == b'/') {
        match component {
            b"" | b"." => {}
            b".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    [b"/".as_slice(), &parts.join(&b'/')].concat()
}
