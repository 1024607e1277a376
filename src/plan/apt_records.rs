//! The directories that apt leaves when it has read indexes and installed packages.
//!
//! Invariant: they are apt's records and belong to the glue; one that is there is left as it is. A root without apt gets none.

use crate::error::Result;
use crate::layer::root::{Author, Last, VirtualRoot};
use crate::stream::Owner;

/// The account that apt downloads as.
const SANDBOX_USER: &[u8] = b"_apt";

/// Path, mode, and whether it belongs to [`SANDBOX_USER`] (apt-pkg/acquire.cc, `SetupAPTPartialDirectory`).
const DIRECTORIES: [(&[u8], u32, bool); 4] = [
    (b"/var/cache/apt/archives", 0o755, false),
    (b"/var/cache/apt/archives/partial", 0o700, true),
    (b"/var/lib/apt/lists/auxfiles", 0o755, true),
    (b"/var/lib/apt/lists/partial", 0o700, true),
];

/// Makes those that are missing.
pub(super) fn leave_directories(root: &mut VirtualRoot) -> Result<()> {
    if !root.is_directory(b"/var/lib/apt") {
        return Ok(());
    }
    root.set_author(Author::Dpkg);
    let sandbox = user_id(root, SANDBOX_USER);
    for (path, mode, sandboxed) in DIRECTORIES {
        if root.exists(path) {
            continue;
        }
        root.mkdir_p(path, 0o755)?;
        root.chmod(path, mode)?;
        if let Some(uid) = sandbox.filter(|_| sandboxed) {
            root.chown(path, Owner { uid, gid: 0 }, true, Last::Keep)?;
        }
    }
    Ok(())
}

/// The number of an account of the root.
fn user_id(root: &VirtualRoot, name: &[u8]) -> Option<u32> {
    let (bytes, _) = root.read(b"/etc/passwd").ok()?;
    let mut records = bytes.split(|b| *b == b'\n').map(|line| line.split(|b| *b == b':').collect::<Vec<_>>());
    let record = records.find(|fields| fields.first() == Some(&name))?;
    std::str::from_utf8(record.get(2)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::layer::root::NoBodies;
    use crate::rootfs::RootFs;

    use super::*;

    fn root() -> VirtualRoot {
        let mut root = VirtualRoot::new(Arc::new(RootFs::default()), Arc::new(NoBodies));
        root.set_author(Author::Dpkg);
        root
    }

    #[test]
    fn missing_directories_are_apts_and_others_stay() {
        let mut root = root();
        for directory in [&b"/var/lib/apt"[..], b"/etc", b"/var/cache/apt/archives/partial"] {
            root.mkdir_p(directory, 0o755).expect("made");
        }
        root.write(b"/etc/passwd", b"root:x:0:0::/:\n_apt:x:42:65534::/:\n".to_vec(), true, 0o644).expect("written");
        leave_directories(&mut root).expect("left");
        let seen = |path: &[u8]| root.stat(path).map(|inode| (inode.mode, inode.owner.uid)).ok();
        assert_eq!(seen(b"/var/lib/apt/lists/partial"), Some((0o700, 42)));
        assert_eq!(seen(b"/var/lib/apt/lists/auxfiles"), Some((0o755, 42)));
        assert_eq!(seen(b"/var/cache/apt/archives/partial"), Some((0o755, 0)));
    }

    #[test]
    fn a_root_without_apt_gets_none() {
        let mut root = root();
        leave_directories(&mut root).expect("nothing");
        assert!(!root.exists(b"/var"));
    }
}
