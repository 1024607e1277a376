//! Pathname expansion over the virtual root (XCU 2.6.6).
//!
//! Invariant: results are sorted by bytes; a pattern that matches nothing stands for itself.

use crate::rootfs::NameShape;
use crate::script::call::absolute;
use crate::script::value::Value;

use super::Shell;
use super::field::Field;
use super::pattern::{is_special, longest};
use super::state::Stop;

impl Shell<'_, '_> {
    /// The paths that a field stands for.
    pub(super) fn paths(&mut self, field: Field) -> Result<Vec<Value>, Stop> {
        if !field.special || self.state.options.noglob {
            return Ok(vec![field.value]);
        }
        let rooted = field.pattern.starts_with(b"/");
        let mut found: Vec<Vec<u8>> = vec![if rooted { b"/".to_vec() } else { Vec::new() }];
        let components: Vec<&[u8]> = field.pattern.split(|b| *b == b'/').filter(|c| !c.is_empty()).collect();
        let slash = field.pattern.ends_with(b"/");
        for (index, component) in components.iter().enumerate() {
            let directory_wanted = slash || index + 1 < components.len();
            let mut next = Vec::new();
            for prefix in &found {
                self.component(prefix, component, directory_wanted, &mut next)?;
            }
            found = next;
        }
        if found.is_empty() {
            return Ok(vec![field.value]);
        }
        let base = field.value.base;
        let end: &[u8] = if slash { b"/" } else { b"" };
        let mut values: Vec<_> = found.into_iter().map(|path| Value::with([&path[..], end].concat(), base)).collect();
        values.sort_by(|a, b| a.bytes.cmp(&b.bytes));
        Ok(values)
    }
    fn component(&mut self, prefix: &[u8], pattern: &[u8], directory: bool, found: &mut Vec<Vec<u8>>) -> Result<(), Stop> {
        let join = |name: &[u8]| match prefix.last() {
            None | Some(b'/') => [prefix, name].concat(),
            Some(_) => [prefix, b"/", name].concat(),
        };
        self.spend(pattern.len())?;
        if !is_special(pattern) {
            let path = join(&unquoted(pattern));
            let full = absolute(&self.state.cwd, &path);
            if if directory { self.machine.root.is_directory(&full) } else { self.machine.root.lstat(&full).is_ok() } {
                found.push(path);
            }
            return Ok(());
        }
        let full = if prefix.is_empty() { self.state.cwd.clone() } else { absolute(&self.state.cwd, prefix) };
        for name in self.machine.root.read_dir_like(&full, &shape(pattern)).unwrap_or_default() {
            self.spend(name.len())?;
            let hidden = name.starts_with(b".") && !pattern.starts_with(b".") && !pattern.starts_with(b"\\.");
            if hidden || !self.matches(pattern, &name)? {
                continue;
            }
            let path = join(&name);
            if !directory || self.machine.root.is_directory(&absolute(&self.state.cwd, &path)) {
                found.push(path);
            }
        }
        Ok(())
    }
}

/// What every name that a component matches looks like. The `[` of a test is a pattern, too: it asks for no long name of the
/// folder that the script runs in.
fn shape(pattern: &[u8]) -> NameShape {
    let plain = pattern.iter().take_while(|b| !b"*?[\\".contains(b)).count();
    NameShape { start: pattern.get(..plain).unwrap_or_default().to_vec(), end: Vec::new(), most: longest(pattern) }
}

fn unquoted(pattern: &[u8]) -> Vec<u8> {
    let mut bytes = pattern.iter();
    let mut plain = Vec::with_capacity(pattern.len());
    while let Some(byte) = bytes.next() {
        plain.push(if *byte == b'\\' { bytes.next().copied().unwrap_or(b'\\') } else { *byte });
    }
    plain
}
