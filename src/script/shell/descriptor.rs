//! Redirections and what is written to descriptors (XCU 2.7).
//!
//! Invariant: a file is opened by its resolved path in the root; `/dev/null` and the standard streams are the only devices.

use std::cell::RefCell;
use std::rc::Rc;

use crate::layer::root::{Last, RootError};
use crate::script::ast::{Redirect, RedirectKind};
use crate::script::call::absolute;
use crate::script::uncovered::MAX_VALUE;
use crate::script::value::{Input, Value};

use super::Shell;
use super::state::{Descriptor, Stop};

/// What came of opening: a descriptor, or a message for standard error.
type Opened = Result<Descriptor, Vec<u8>>;

impl Shell<'_, '_> {
    /// Applies redirections to this shell's descriptors. `Some(status)` if one failed, which was told.
    pub(super) fn redirect(&mut self, redirects: &[Redirect]) -> Result<Option<u8>, Stop> {
        for redirect in redirects {
            let opened = match &redirect.kind {
                RedirectKind::Here(word) => {
                    let text = self.text(word)?;
                    self.spend(text.bytes.len())?;
                    Ok(Descriptor::Input(Input::new(text)))
                }
                RedirectKind::Duplicate(word) => {
                    let source = self.text(word)?;
                    if source.bytes == b"-" {
                        self.state.descriptors.remove(&redirect.descriptor);
                        continue;
                    }
                    let number = source.text().parse::<u32>().ok();
                    match number.and_then(|number| self.state.descriptors.get(&number)) {
                        Some(descriptor) => Ok(descriptor.clone()),
                        None => Err([&source.bytes[..], b": Bad file descriptor"].concat()),
                    }
                }
                RedirectKind::Read(word) => {
                    let path = self.text(word)?;
                    self.open_to_read(&path)?
                }
                RedirectKind::Write(word, force) => {
                    let path = self.text(word)?;
                    let full = absolute(&self.state.cwd, &path.bytes);
                    let kept = self.state.options.noclobber && !force;
                    if kept && self.machine.root.stat(&full).is_ok_and(|inode| inode.is_file()) {
                        self.complain(&[b"cannot create ".as_slice(), &path.bytes, b": File exists"].concat())?;
                        return Ok(Some(2));
                    }
                    self.open_to_write(&path, false)?
                }
                RedirectKind::Append(word) => {
                    let path = self.text(word)?;
                    self.open_to_write(&path, true)?
                }
            };
            match opened {
                Ok(descriptor) => {
                    self.state.descriptors.insert(redirect.descriptor, descriptor);
                }
                Err(message) => {
                    self.complain(&message)?;
                    return Ok(Some(2));
                }
            }
        }
        Ok(None)
    }
    fn device(&self, path: &[u8]) -> Option<Opened> {
        let number = match path {
            b"/dev/null" => return Some(Ok(Descriptor::Null)),
            b"/dev/stdin" => 0,
            b"/dev/stdout" => 1,
            b"/dev/stderr" => 2,
            _ if path.starts_with(b"/dev/fd/") => std::str::from_utf8(path.get(8..)?).ok()?.parse().ok()?,
            b"/dev/tty" | b"/dev/console" => return Some(Err([path, b": No such device or address"].concat())),
            _ => return None,
        };
        let descriptor = self.state.descriptors.get(&number).cloned();
        Some(descriptor.ok_or_else(|| [path, b": No such file or directory"].concat()))
    }
    fn open_to_read(&mut self, path: &Value) -> Result<Opened, Stop> {
        if let Some(opened) = self.device(&path.bytes) {
            return Ok(opened);
        }
        match self.machine.root.read(&absolute(&self.state.cwd, &path.bytes)) {
            Ok((bytes, base)) => {
                self.spend(bytes.len())?;
                Ok(Ok(Descriptor::Input(Input::new(Value::with(&bytes[..], base)))))
            }
            Err(error) => self.failure("cannot open ", path, &error).map(Err),
        }
    }
    fn open_to_write(&mut self, path: &Value, append: bool) -> Result<Opened, Stop> {
        if let Some(opened) = self.device(&path.bytes) {
            return Ok(opened);
        }
        let full = absolute(&self.state.cwd, &path.bytes);
        let place = match self.machine.root.resolve(&full, Last::Follow) {
            Ok(place) => place,
            Err(error) => return self.failure("cannot create ", path, &error).map(Err),
        };
        let mode = 0o666 & !self.state.umask;
        let opened = if append && self.machine.root.stat(&full).is_ok_and(|inode| inode.is_file()) {
            Ok(place)
        } else {
            self.machine.root.write(&full, Vec::new(), false, mode)
        };
        match opened {
            Ok(place) => Ok(Ok(Descriptor::File(place.absolute()))),
            Err(error) => self.failure("cannot create ", path, &error).map(Err),
        }
    }
    /// A message for what a real system fails at too; else the end.
    pub(super) fn failure(&self, what: &str, path: &Value, error: &RootError) -> Result<Vec<u8>, Stop> {
        if error.is_real() {
            Ok([what.as_bytes(), &path.bytes, b": ", error.reason().as_bytes()].concat())
        } else {
            Err(self.uncovered(path.text(), error.to_string()))
        }
    }
    /// Writes to a descriptor; false if it is closed or only read.
    pub(super) fn write(&mut self, descriptor: u32, value: &Value) -> Result<bool, Stop> {
        if value.is_empty() {
            return Ok(true);
        }
        self.spend(value.bytes.len())?;
        match self.state.descriptors.get(&descriptor) {
            Some(Descriptor::Buffer(buffer)) => {
                let size = buffer.borrow().bytes.len() + value.bytes.len();
                self.spend_size(size)?;
                if let Some(Descriptor::Buffer(buffer)) = self.state.descriptors.get(&descriptor) {
                    buffer.borrow_mut().push(value);
                }
                Ok(true)
            }
            Some(Descriptor::File(path)) => {
                let path = path.clone();
                let size = self.machine.root.stat(&path).map_or(0, |inode| inode.size());
                self.spend((size as usize).saturating_add(value.bytes.len()))?;
                let mode = 0o666 & !self.state.umask;
                match self.machine.root.append(&path, &value.bytes, value.base, mode) {
                    Ok(_) => Ok(true),
                    // The file was removed with its directory while it was open: what is written is lost, as on Linux.
                    Err(error) if error.is_real() => Ok(true),
                    Err(error) => Err(self.uncovered(String::from_utf8_lossy(&path), error.to_string())),
                }
            }
            Some(Descriptor::Null) => Ok(true),
            Some(Descriptor::Input(_)) | None => Ok(false),
        }
    }
    fn spend_size(&self, size: usize) -> Result<(), Stop> {
        if size > MAX_VALUE { Err(self.uncovered("script", "the output exceeds the size limit")) } else { Ok(()) }
    }
    /// A message of the shell on standard error.
    pub(super) fn complain(&mut self, message: &[u8]) -> Result<(), Stop> {
        let name = self.state.name.bytes.clone();
        let text = [&name[..], b": ", self.state.line.to_string().as_bytes(), b": ", message, b"\n"].concat();
        self.write(2, &Value::new(text)).map(|_| ())
    }
    /// Standard input as a stream.
    pub(super) fn stdin(&mut self) -> Result<Input, Stop> {
        match self.state.descriptors.get(&0) {
            Some(Descriptor::Input(input)) => Ok(input.clone()),
            Some(Descriptor::Null | Descriptor::Buffer(_)) | None => Ok(Input::default()),
            Some(Descriptor::File(path)) => {
                Err(self.uncovered(String::from_utf8_lossy(path), "reading from a descriptor that is written"))
            }
        }
    }
    /// A descriptor that collects, and what it collects.
    pub(super) fn buffer() -> (Descriptor, Rc<RefCell<Value>>) {
        let buffer = Rc::new(RefCell::new(Value::default()));
        (Descriptor::Buffer(Rc::clone(&buffer)), buffer)
    }
}
