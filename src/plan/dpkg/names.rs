//! Owners by name, as dpkg looks them up: the target's accounts decide, the archive's number stands where they have no such name.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::layer::root::VirtualRoot;
use crate::stream::{Entry, Owner};

/// The accounts of the root as they were at the last question.
#[derive(Debug, Default)]
pub(super) struct IdNames {
    users: Names,
    groups: Names,
}

#[derive(Debug, Default)]
struct Names {
    text: Option<Arc<[u8]>>,
    by_name: BTreeMap<Vec<u8>, u32>,
}

impl Names {
    fn refresh(&mut self, root: &VirtualRoot, path: &[u8]) {
        let text = root.read(path).ok().map(|(bytes, _)| bytes);
        let same = match (&self.text, &text) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            (None, None) => true,
            _ => false,
        };
        if same {
            return;
        }
        self.by_name.clear();
        for line in text.as_deref().unwrap_or_default().split(|b| *b == b'\n') {
            let mut fields = line.split(|b| *b == b':');
            let number = (fields.next(), fields.nth(1).and_then(|n| std::str::from_utf8(n).ok()?.parse().ok()));
            if let (Some(name), Some(number)) = number {
                // The first line of a name counts, as getpwnam(3) reads.
                self.by_name.entry(name.to_vec()).or_insert(number);
            }
        }
        self.text = text;
    }
}

impl IdNames {
    /// The entry's owner in this root, and whether it is another than the archive's.
    pub(super) fn owner(&mut self, root: &VirtualRoot, entry: &Entry) -> (Owner, bool) {
        self.users.refresh(root, b"/etc/passwd");
        self.groups.refresh(root, b"/etc/group");
        let owner = Owner {
            uid: self.users.by_name.get(&entry.user_name).copied().unwrap_or(entry.owner.uid),
            gid: self.groups.by_name.get(&entry.group_name).copied().unwrap_or(entry.owner.gid),
        };
        (owner, owner != entry.owner)
    }

    /// A name, or `#NUMBER`, of statoverride.
    pub(super) fn override_owner(&mut self, root: &VirtualRoot, user: &str, group: &str) -> Option<Owner> {
        self.users.refresh(root, b"/etc/passwd");
        self.groups.refresh(root, b"/etc/group");
        let find = |names: &Names, name: &str| match name.strip_prefix('#') {
            Some(number) => number.parse().ok(),
            None => names.by_name.get(name.as_bytes()).copied(),
        };
        Some(Owner { uid: find(&self.users, user)?, gid: find(&self.groups, group)? })
    }
}
