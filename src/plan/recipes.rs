//! What recipes, file and flags place besides packages: directories, files, trees, accounts, ready layers.
//!
//! Order: accounts of all units after all packages, then each unit's directories and files, weakest unit first.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::Result;
use crate::layer::Contents;
use crate::layer::root::{Author, Content, Inode, Last, Provenance, VirtualRoot};
use crate::oci::Digest;
use crate::recipe::{File, FileBody, Mode, Names, Rank, Resolved, ResolvedUnit};
use crate::stream::{Entry, EntryPath, Kind, Owner};

use super::layers::PlacedPackage;
use super::standing::{Standing, stands};
use super::users::{self, UidTaken};
use super::{PlanError, Tree};

/// The stage after the packages.
pub(super) struct Placing<'a> {
    pub(super) root: &'a mut VirtualRoot,
    pub(super) resolved: &'a Resolved,
    /// Trees and ready layers by unit.
    pub(super) trees: &'a [Tree],
    pub(super) conda: &'a [super::conda::Prefix],
    /// `uname -m` of the target.
    pub(super) machine: &'a str,
    pub(super) uid_taken: UidTaken,
    pub(super) shadow_day: Option<u32>,
    /// Login name as the recipe says -> as it is (`--uid-taken reuse`).
    pub(super) renamed: BTreeMap<String, String>,
    /// Who placed a path.
    pub(super) writers: BTreeMap<EntryPath, usize>,
    /// Nodes of plies that the project hides.
    pub(super) hidden: Vec<(EntryPath, Inode)>,
    pub(super) placed: Vec<PlacedPackage>,
    /// What was decided, in words.
    pub(super) notes: Vec<String>,
}

impl Placing<'_> {
    pub(super) fn run(&mut self) -> Result<()> {
        let resolved = self.resolved;
        for (number, unit) in resolved.units.iter().enumerate() {
            self.root.set_author(Author::Recipe(number));
            for user in &unit.users {
                let made = users::make(self.root, user, self.uid_taken, self.shadow_day)?;
                self.notes.extend(made.note);
                self.renamed.insert(user.name.clone(), made.name);
            }
        }
        self.root.set_time(0);
        for prefix in self.conda {
            self.root.set_author(Author::Recipe(prefix.unit));
            self.conda(prefix)?;
        }
        for (number, unit) in resolved.units.iter().enumerate() {
            self.root.set_author(Author::Recipe(number));
            self.root.set_time(0);
            for (path, mode, owner) in &unit.directories {
                self.directory(number, unit, path, mode, owner)?;
            }
            for (place, file) in unit.files.iter().enumerate() {
                self.file(number, unit, place, file)?;
            }
        }
        for (layer, tree) in self.trees.iter().filter(|t| t.is_layer).enumerate() {
            let number = resolved.units.len() + layer;
            self.root.set_author(Author::Recipe(number));
            let unit = resolved.units.get(tree.unit);
            let label = unit.map_or_else(String::new, |u| u.label.clone());
            self.layer(number, &label, tree.archive, &tree.contents)?;
        }
        Ok(())
    }

    fn directory(&mut self, number: usize, unit: &ResolvedUnit, path: &EntryPath, mode: &Mode, owner: &Names) -> Result<()> {
        let (owner, base) = self.owner(path, owner)?;
        let absolute = path.absolute();
        let there = self.root.is_directory(&absolute);
        if !there {
            self.claim(number, unit, path)?;
            if let Some(above) = path.parent() {
                self.root.mkdir_p(&above.absolute(), 0o755)?;
            }
            self.root.mkdir(&absolute, 0o755).map_err(|e| refused(unit, path, &e))?;
        }
        let now = self.root.stat(&absolute)?;
        let wanted = mode.apply(if there { now.mode } else { 0 }, true);
        if now.mode != wanted {
            self.root.chmod(&absolute, wanted)?;
        }
        if now.owner != owner {
            self.root.chown(&absolute, owner, base, Last::Follow)?;
        }
        Ok(())
    }

    fn file(&mut self, number: usize, unit: &ResolvedUnit, place: usize, file: &File) -> Result<()> {
        match &file.body {
            // What an installation would have written beside a prefix that stands was written when that was made.
            FileBody::Content(_) if file.seed.is_some() && self.stands(number) => Ok(()),
            FileBody::Content(bytes) if file.append => self.append(file, bytes),
            FileBody::Content(bytes) => {
                let mode = file.mode.as_ref().map_or(0o644, |m| m.apply(0o644, false));
                let mut entry = Entry::new(file.to.clone(), Kind::File { size: bytes.len() as u64 }, mode);
                let (owner, base) = self.owner(&entry.path, &file.owner)?;
                entry.owner = owner;
                if stands(self.root, &entry, Some(&Digest::of(bytes))) {
                    return self.claim(number, unit, &entry.path);
                }
                self.place(number, unit, &entry, Content::Held(Arc::from(bytes.as_slice())), base)?;
                Ok(())
            }
            FileBody::From { .. } => {
                let trees = self.trees;
                let tree = trees.iter().find(|t| t.unit == number && t.file == Some(place));
                let Some(tree) = tree else {
                    return Err(PlanError::Path {
                        label: unit.label.clone(),
                        path: file.to.to_string(),
                        reason: "its source was not read".into(),
                    }
                    .into());
                };
                self.tree(number, unit, file, tree)
            }
        }
    }

    /// Adds lines at the end, unless they are there. What stands there comes from the base, or an earlier unit.
    fn append(&mut self, file: &File, bytes: &[u8]) -> Result<()> {
        let absolute = file.to.absolute();
        let (old, there) = self.text(&absolute)?;
        if bytes.is_empty() || has_lines(&old, bytes) {
            return Ok(());
        }
        let text = match &file.seed {
            Some(seed) if !there => with_settings(&self.text(&seed.absolute())?.0, bytes),
            Some(_) => with_settings(&old, bytes),
            None => with_lines(&old, bytes),
        };
        if let Some(above) = file.to.parent() {
            self.root.mkdir_p(&above.absolute(), 0o755)?;
        }
        // Whether the base has those lines or not decides the bytes, so they count as the base's.
        let digest = Digest::of(&text);
        let place = self.root.write(&absolute, text, true, 0o644)?;
        self.restore(&place, &digest);
        Ok(())
    }

    /// A file that in the end is what the base has is none of ours, whatever happened to it on the way.
    fn restore(&mut self, place: &EntryPath, digest: &Digest) {
        let Some(now) = self.root.at(place) else { return };
        let same = self.root.base().get(place).is_some_and(|node| {
            let Entry { mode, owner, xattrs, .. } = &node.entry;
            node.digest.as_ref() == Some(digest) && (*mode, *owner) == (now.mode, now.owner) && *xattrs == now.xattrs
        });
        if same {
            self.root.restore(place);
        }
    }

    /// The bytes of a file, none where it is absent, and whether it is there.
    fn text(&self, absolute: &[u8]) -> Result<(Arc<[u8]>, bool)> {
        match self.root.read(absolute) {
            Ok((bytes, _)) => Ok((bytes, true)),
            Err(e) if e.is_real() => Ok((Arc::from([]), false)),
            Err(e) => Err(e.into()),
        }
    }

    fn tree(&mut self, number: usize, unit: &ResolvedUnit, file: &File, tree: &Tree) -> Result<()> {
        let (owner, base) = self.owner(&file.to, &file.owner)?;
        let mut places = Vec::with_capacity(tree.contents.entries.len());
        let single = !file.into && matches!(tree.contents.entries.as_slice(), [entry] if !entry.is_directory());
        for entry in &tree.contents.entries {
            let to = if single { file.to.clone() } else { file.to.join(entry.path.as_bytes())? };
            let mode = file.mode.as_ref().map_or(entry.mode, |m| m.apply(entry.mode, entry.is_directory()));
            let placed = Entry { path: to, mode, owner, ..entry.clone() };
            if !entry.is_directory() && stands(self.root, &placed, tree.contents.digests.get(&entry.path)) {
                self.claim(number, unit, &placed.path)?;
                places.push(None);
                continue;
            }
            let content = Content::Archive { archive: tree.archive, path: entry.path.clone() };
            places.push(Some(self.place(number, unit, &placed, content, base)?));
        }
        self.placed.push(PlacedPackage {
            archive: tree.archive,
            contents: tree.contents.clone(),
            places,
            unit: number,
            conda: None,
        });
        Ok(())
    }

    /// Places an entry whose numbers may be the base's.
    pub(super) fn place(
        &mut self,
        number: usize,
        unit: &ResolvedUnit,
        entry: &Entry,
        content: Content,
        base: bool,
    ) -> Result<EntryPath> {
        if !entry.is_directory() {
            self.claim(number, unit, &entry.path)?;
        }
        let provenance = Provenance { bytes: false, ids: base };
        Ok(self.root.place(entry, content, provenance).map_err(|e| refused(unit, &entry.path, &e))?)
    }

    /// Notes who brings a path. Recipes may not bring the same; the file and the flags may, and then hide what a ply has.
    fn claim(&mut self, number: usize, unit: &ResolvedUnit, path: &EntryPath) -> Result<()> {
        let Ok(place) = self.root.resolve(&path.absolute(), Last::Keep) else { return Ok(()) };
        if let Some(first) = self.writers.insert(place.clone(), number).filter(|first| *first != number)
            && unit.rank == Rank::Recipe
        {
            let first = self.resolved.units.get(first).map_or_else(String::new, |u| u.label.clone());
            return Err(PlanError::Conflict { first, second: unit.label.clone(), path: path.to_string() }.into());
        }
        let Some(inode) = self.root.at(&place).filter(|i| !i.is_directory()) else { return Ok(()) };
        // A conda package may bring what an earlier one of the same prefix brought.
        let foreign = matches!(inode.author, Author::Package(_) | Author::Recipe(_)) && inode.author != Author::Recipe(number);
        if unit.rank >= Rank::File && foreign {
            self.hidden.push((place, inode));
        }
        Ok(())
    }

    fn layer(&mut self, number: usize, label: &str, archive: Digest, contents: &Arc<Contents>) -> Result<()> {
        let mut places = Vec::with_capacity(contents.entries.len());
        let mut standing = Standing::new(contents);
        for entry in &contents.entries {
            if entry.path.file_name().starts_with(b".wh.") {
                let reason = "a ready layer with whiteouts cannot be linked".to_owned();
                return Err(PlanError::Path { label: label.into(), path: entry.path.to_string(), reason }.into());
            }
            if standing.next(self.root, entry) {
                places.push(None);
                continue;
            }
            let content = Content::Archive { archive, path: entry.path.clone() };
            let place = self.root.place(entry, content, Provenance::default());
            places.push(Some(place.map_err(|e| PlanError::Path {
                label: label.into(),
                path: entry.path.to_string(),
                reason: e.to_string(),
            })?));
        }
        self.placed.push(PlacedPackage { archive, contents: contents.clone(), places, unit: number, conda: None });
        Ok(())
    }

    /// Numbers of an owner, and whether they come from the base's accounts: root's never do.
    fn owner(&self, path: &EntryPath, names: &Names) -> Result<(Owner, bool)> {
        let passwd = Fields::of(self.root, b"/etc/passwd");
        let group = Fields::of(self.root, b"/etc/group");
        let missing = |what, name: &str| PlanError::NoOwner { path: path.to_string(), what, name: name.into() };
        let mut owner = Owner::default();
        if let Some(name) = &names.user {
            let name = self.renamed.get(name).unwrap_or(name);
            match (name.parse(), passwd.find(name)) {
                (Ok(uid), _) => owner = Owner { uid, gid: 0 },
                (_, Some((uid, gid))) => owner = Owner { uid, gid },
                _ => return Err(missing("user", name).into()),
            }
        }
        if let Some(name) = &names.group {
            owner.gid = match (name.parse(), group.find(name)) {
                (Ok(gid), _) | (_, Some((gid, _))) => gid,
                _ => return Err(missing("group", name).into()),
            };
        }
        let numbers = [&names.user, &names.group].into_iter().flatten().all(|n| n.parse::<u32>().is_ok());
        Ok((owner, owner != Owner::default() && !numbers))
    }
}

/// Names and their first two numbers in passwd or group.
struct Fields(Arc<[u8]>);

impl Fields {
    fn of(root: &VirtualRoot, path: &[u8]) -> Self {
        Self(root.read(path).map_or_else(|_| Arc::from([]), |(bytes, _)| bytes))
    }
    fn find(&self, name: &str) -> Option<(u32, u32)> {
        let number = |field: &[u8]| std::str::from_utf8(field).ok()?.parse().ok();
        self.0.split(|b| *b == b'\n').find_map(|line| {
            let fields: Vec<&[u8]> = line.split(|b| *b == b':').collect();
            (fields.first() == Some(&name.as_bytes()))
                .then(|| Some((number(fields.get(2)?)?, fields.get(3).and_then(|f| number(f)).unwrap_or(0))))?
        })
    }
}

/// The text with lines at its end.
fn with_lines(text: &[u8], lines: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    text.extend_from_slice(lines);
    text
}

/// The text with settings `KEY: VALUE`: in the place of the line that has the key, else at its end.
fn with_settings(text: &[u8], lines: &[u8]) -> Vec<u8> {
    lines.split_inclusive(|b| *b == b'\n').fold(text.to_vec(), |text, setting| {
        let key = setting.split_inclusive(|b| *b == b':').next().unwrap_or_default();
        let mut old: Vec<&[u8]> = text.split_inclusive(|b| *b == b'\n').collect();
        match old.iter().position(|line| line.starts_with(key)) {
            Some(at) if key.ends_with(b":") => {
                old[at] = setting;
                old.concat()
            }
            _ => with_lines(&text, setting),
        }
    })
}

/// Whether `text` has these lines, whole and one after the other.
fn has_lines(text: &[u8], lines: &[u8]) -> bool {
    let lines = lines.strip_suffix(b"\n").unwrap_or(lines);
    let starts = std::iter::once(0).chain(text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1));
    let mut rests = starts.filter_map(|at| text.get(at..)?.strip_prefix(lines));
    rests.any(|rest| rest.first().is_none_or(|byte| *byte == b'\n'))
}

pub(super) fn refused(unit: &ResolvedUnit, path: &EntryPath, error: &crate::layer::root::RootError) -> PlanError {
    PlanError::Path { label: unit.label.clone(), path: path.to_string(), reason: error.to_string() }
}
