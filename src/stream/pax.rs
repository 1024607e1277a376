//! Records of a PAX extended header (POSIX.1-2001, pax, "pax Extended Header").
//!
//! Invariant: a block of records is taken whole or refused; keys that cannot change what an entry is are passed over.

use std::collections::BTreeMap;

use super::tar_header::{Header, Refusal};

/// Prefix of extended attributes, as GNU tar, Go, star and libarchive write them.
const XATTR: &[u8] = b"SCHILY.xattr.";

/// What the records of one `x` header say about the entry behind it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pax {
    /// In place of the header's name.
    pub(super) path: Option<Vec<u8>>,
    /// In place of the header's link name.
    pub(super) link: Option<Vec<u8>>,
    /// In place of the header's size.
    pub(super) size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    mtime: Option<i64>,
    user_name: Option<Vec<u8>>,
    group_name: Option<Vec<u8>>,
    /// Extended attributes by name.
    pub(super) xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Pax {
    /// The records of a local header. A later record for the same key wins; an empty value keeps the header's own.
    pub(super) fn local(bytes: &[u8]) -> Result<Self, Refusal> {
        let mut pax = Self::default();
        for record in records(bytes) {
            let (key, value) = record?;
            pax.set(key, value)?;
        }
        Ok(pax)
    }

    /// Checks a global header. Go, and so every engine, ignores them while GNU tar and Python apply them, so one that
    /// could change an entry is refused; comments (`git archive`) pass.
    pub(super) fn check_global(bytes: &[u8]) -> Result<(), Refusal> {
        let mut pax = Self::default();
        for record in records(bytes) {
            let (key, value) = record?;
            pax.set(key, value)?;
        }
        if pax == Self::default() {
            Ok(())
        } else {
            Err("a global extended header would change entries, which readers treat differently")
        }
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), Refusal> {
        let given = !value.is_empty();
        match key {
            b"path" => self.path = given.then(|| plain(value)).transpose()?,
            b"linkpath" => self.link = given.then(|| plain(value)).transpose()?,
            b"uname" => self.user_name = given.then(|| plain(value)).transpose()?,
            b"gname" => self.group_name = given.then(|| plain(value)).transpose()?,
            b"size" => self.size = given.then(|| decimal(value)).transpose()?,
            b"uid" => self.uid = given.then(|| decimal(value)).transpose()?,
            b"gid" => self.gid = given.then(|| decimal(value)).transpose()?,
            b"mtime" => self.mtime = given.then(|| seconds(value)).transpose()?,
            _ if key.starts_with(b"GNU.sparse.") => return Err("the file is sparse, which is not supported"),
            _ => {
                if let Some(name) = key.strip_prefix(XATTR) {
                    if name.is_empty() || name.contains(&0) {
                        return Err("an extended attribute has no valid name");
                    }
                    self.xattrs.insert(name.to_vec(), value.to_vec());
                }
            }
        }
        Ok(())
    }

    /// Puts the records in place of the header's fields.
    pub(super) fn apply(self, header: &mut Header) -> BTreeMap<Vec<u8>, Vec<u8>> {
        header.name = self.path.unwrap_or_else(|| std::mem::take(&mut header.name));
        header.link = self.link.unwrap_or_else(|| std::mem::take(&mut header.link));
        header.user_name = self.user_name.unwrap_or_else(|| std::mem::take(&mut header.user_name));
        header.group_name = self.group_name.unwrap_or_else(|| std::mem::take(&mut header.group_name));
        header.size = self.size.unwrap_or(header.size);
        header.uid = self.uid.unwrap_or(header.uid);
        header.gid = self.gid.unwrap_or(header.gid);
        header.mtime = self.mtime.unwrap_or(header.mtime);
        self.xattrs
    }
}

/// `LENGTH KEY=VALUE\n`, where LENGTH counts all of it.
fn records(mut rest: &[u8]) -> impl Iterator<Item = Result<(&[u8], &[u8]), Refusal>> {
    let malformed = "an extended header has a malformed record";
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let record = (|| {
            let space = rest.iter().take(20).position(|byte| *byte == b' ')?;
            let length = usize::try_from(decimal(&rest[..space]).ok()?).ok()?;
            let (record, behind) = rest.split_at_checked(length)?;
            let content = record.get(space + 1..)?.strip_suffix(b"\n")?;
            let equals = content.iter().position(|byte| *byte == b'=').filter(|at| *at > 0)?;
            rest = behind;
            Some((&content[..equals], &content[equals + 1..]))
        })();
        if record.is_none() {
            rest = &[];
        }
        Some(record.ok_or(malformed))
    })
}

fn plain(value: &[u8]) -> Result<Vec<u8>, Refusal> {
    if value.contains(&0) { Err("an extended header has a name with a NUL byte") } else { Ok(value.to_vec()) }
}

fn decimal(value: &[u8]) -> Result<u64, Refusal> {
    let malformed = "an extended header has a number that is not decimal";
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(malformed);
    }
    std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).ok_or(malformed)
}

/// Whole seconds of a decimal time with an optional sign and fraction, rounded down.
fn seconds(value: &[u8]) -> Result<i64, Refusal> {
    let (negative, magnitude) = value.strip_prefix(b"-").map_or((false, value), |rest| (true, rest));
    let (whole, fraction) = magnitude.split_at(magnitude.iter().position(|b| *b == b'.').unwrap_or(magnitude.len()));
    let fraction = fraction.get(1..).unwrap_or_default();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return Err("an extended header has a time that is not decimal");
    }
    let whole = i64::try_from(decimal(whole)?).map_err(|_| "an extended header has a time that does not fit 63 bits")?;
    let up = i64::from(negative && fraction.iter().any(|digit| *digit != b'0'));
    Ok(if negative { -whole - up } else { whole })
}
