//! `find -printf`.
//!
//! Invariant: a directive that is not known here is uncovered.

use crate::layer::root::InodeKind;
use crate::script::call::Call;
use crate::script::uncovered::Uncovered;

use super::base_name;
use super::find::Place;

/// `-printf`: the text of one place: `%p`, `%f`, `%h`, `%m`, `%U`, `%G`, `%s`, `%l`, `%y`, `%%`, and escapes.
pub(super) fn printed(call: &Call<'_>, format: &[u8], (path, inode, _): Place<'_>) -> Result<Vec<u8>, Uncovered> {
    let mut out = Vec::new();
    let mut bytes = format.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => match bytes.next() {
                Some(b'n') => out.push(b'\n'),
                Some(b't') => out.push(b'\t'),
                Some(b'0') => out.push(0),
                Some(b'\\') => out.push(b'\\'),
                _ => return Err(call.uncovered("this escape of -printf is not covered")),
            },
            b'%' => match bytes.next() {
                Some(b'%') => out.push(b'%'),
                Some(b'p') => out.extend_from_slice(path),
                Some(b'f') => out.extend_from_slice(base_name(path)),
                Some(b'h') => {
                    let end = path.iter().rposition(|b| *b == b'/');
                    out.extend_from_slice(end.map_or(&b"."[..], |end| &path[..end]));
                }
                Some(b'm') => out.extend_from_slice(format!("{:o}", inode.mode).as_bytes()),
                Some(b'U') => out.extend_from_slice(inode.owner.uid.to_string().as_bytes()),
                Some(b'G') => out.extend_from_slice(inode.owner.gid.to_string().as_bytes()),
                Some(b'l') => out.extend_from_slice(inode.target().unwrap_or_default()),
                Some(b's') if matches!(inode.kind, InodeKind::File { .. }) => {
                    let InodeKind::File { size, .. } = &inode.kind else { continue };
                    out.extend_from_slice(size.to_string().as_bytes());
                }
                _ => return Err(call.uncovered("this directive of -printf is not covered")),
            },
            byte => out.push(*byte),
        }
    }
    Ok(out)
}
