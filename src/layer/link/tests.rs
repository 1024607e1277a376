//! Specs and small sources in, tars out; what contradicts itself refused.

use std::collections::HashMap;
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use tempfile::TempDir;

use super::{LinkError, Linked, link};
use crate::error::{Class, Error, Fault as _};
use crate::layer::{Edit, LayerSpec, Made};
use crate::oci::{DiffId, Digest};
use crate::store::Store;
use crate::stream::{Entry, EntryPath, Kind, Limits, Owner, TarReader, TarWriter, VerifyError};

fn path(text: &str) -> EntryPath {
    EntryPath::new(text).expect("a path")
}

fn dir(name: &str) -> Entry {
    Entry { mtime: 7, ..Entry::new(path(name), Kind::Directory, 0o755) }
}

fn file(name: &str, content: &str) -> (Entry, String) {
    (Entry::new(path(name), Kind::File { size: content.len() as u64 }, 0o644), content.into())
}

fn hard_link(name: &str, target: &str) -> (Entry, String) {
    (Entry::new(path(name), Kind::HardLink { target: path(target) }, 0o644), String::new())
}

fn folder(name: &str) -> (Entry, String) {
    (dir(name), String::new())
}

fn made(name: &str, content: &str) -> Made {
    Made { entry: file(name, content).0, bytes: content.as_bytes().into() }
}

/// Sources of a test, as tars by digest.
#[derive(Default)]
struct Sources(HashMap<Digest, Vec<u8>>);

impl Sources {
    fn add(&mut self, entries: &[(Entry, String)]) -> Digest {
        let mut tar = TarWriter::new(Vec::new());
        for (entry, content) in entries {
            tar.append(entry, &mut content.as_bytes()).expect("an entry");
        }
        let bytes = tar.finish().expect("a tar");
        let digest = Digest::of(&bytes);
        self.0.insert(digest, bytes);
        digest
    }
    fn link_with(&self, spec: &LayerSpec, store: &Store, threads: usize) -> Result<Linked, LinkError> {
        let open = |digest: &Digest| -> Result<Box<dyn Read + Send>, Error> {
            Ok(Box::new(io::Cursor::new(self.0.get(digest).cloned().expect("a known source"))))
        };
        link(spec, &open, store.writer().expect("a writer"), threads)
    }
    /// The entries of the linked layer, with their contents.
    fn link(&self, spec: &LayerSpec) -> Result<Vec<(Entry, String)>, LinkError> {
        let folder = TempDir::new().expect("a folder");
        let store = Store::open(folder.path()).expect("a store");
        let linked = self.link_with(spec, &store, 2)?;
        let blob = store.read(&linked.digest, linked.size).expect("the blob");
        let mut tar = Vec::new();
        MultiGzDecoder::new(&blob[..]).read_to_end(&mut tar).expect("gzip");
        assert_eq!((linked.diff_id, linked.uncompressed_size), (DiffId(Digest::of(&tar)), tar.len() as u64));
        let mut reader = TarReader::new(&tar[..], Limits::default());
        let mut all = Vec::new();
        while let Some(entry) = reader.next_entry().expect("an entry") {
            let mut content = String::new();
            reader.body().read_to_string(&mut content).expect("content");
            all.push((entry, content));
        }
        assert_eq!(linked.entries, all.len() as u64);
        Ok(all)
    }
    fn refused(&self, spec: &LayerSpec) -> String {
        let error = self.link(spec).expect_err("refused");
        assert_eq!(error.class(), Class::Input);
        error.to_string()
    }
}

type Change<'a> = Box<dyn Fn(&mut LayerSpec) + 'a>;
type Make = fn(&[u8]) -> Result<Box<dyn Read + Send>, Error>;

fn paths(entries: &[(Entry, String)]) -> Vec<String> {
    entries.iter().map(|(entry, _)| entry.path.to_string()).collect()
}

#[test]
fn entries_stand_in_the_order_of_their_sources_with_parents_first() {
    let mut sources = Sources::default();
    let one = sources.add(&[folder(""), folder("b"), file("b/2", "two"), file("b/1", "one"), folder("b/empty")]);
    let two = sources.add(&[file("a/x/y", "y"), file("b/3", "three"), folder("a/x")]);
    let mut directories = vec![dir("z/late"), dir("z"), dir("b/empty"), dir("a/x"), dir("a"), dir("b"), dir("made")];
    directories[4].owner = Owner { uid: 3, gid: 4 };
    let spec = LayerSpec {
        directories,
        whiteouts: vec![path("z/old")],
        sources: vec![(one, vec![]), (two, vec![])],
        made: vec![made("made/m", "m"), made("a/n", "n")],
    };
    let linked = sources.link(&spec).expect("links");
    let order = [
        "/b",
        "/b/2",
        "/b/1",
        "/b/empty",
        "/a",
        "/a/x",
        "/a/x/y",
        "/b/3",
        "/made",
        "/z",
        "/z/late",
        "/z/.wh.old",
        "/made/m",
        "/a/n",
    ];
    assert_eq!(paths(&linked), order);
    assert_eq!((linked[4].0.owner, linked[4].0.mtime), (Owner { uid: 3, gid: 4 }, 7));
    assert_eq!(linked[2].1, "one");
}

#[test]
fn the_root_is_written_only_if_it_is_listed() {
    let mut sources = Sources::default();
    let one = sources.add(&[folder(""), file("f", "")]);
    let mut spec = LayerSpec { sources: vec![(one, vec![])], ..LayerSpec::default() };
    assert_eq!(paths(&sources.link(&spec).expect("links")), ["/f"]);
    spec.directories.push(dir(""));
    assert_eq!(paths(&sources.link(&spec).expect("links")), ["/", "/f"]);
    assert_eq!(sources.link(&LayerSpec::default()).expect("links"), []);
}

#[test]
fn edits_change_place_owner_and_bytes() {
    let mut sources = Sources::default();
    let link = (Entry::new(path("lib/l"), Kind::Symlink { target: b"lib/f".to_vec() }, 0o777), String::new());
    let one = sources.add(&[
        folder("lib"),
        file("lib/f", "prefix=/old/place"),
        file("lib/gone", ""),
        link,
        hard_link("lib/h", "lib/f"),
        file("bin/sh", "sh"),
    ]);
    let owner = Owner { uid: 1, gid: 2 };
    let edits = vec![
        Edit::Map { from: path("lib"), to: path("usr/lib") },
        Edit::Map { from: path("bin/sh"), to: path("bin/sh.real") },
        Edit::Omit(path("lib/gone")),
        Edit::Own { path: path("lib/f"), mode: 0o4750, owner },
        Edit::Replace { path: path("lib/f"), changes: vec![(7, 10, b"/n".to_vec())] },
    ];
    let directories = vec![dir("usr"), dir("usr/lib"), dir("bin")];
    let spec = LayerSpec { directories, sources: vec![(one, edits)], ..LayerSpec::default() };
    let linked = sources.link(&spec).expect("links");
    assert_eq!(paths(&linked), ["/usr", "/usr/lib", "/usr/lib/f", "/usr/lib/l", "/usr/lib/h", "/bin", "/bin/sh.real"]);
    let (entry, content) = &linked[2];
    assert_eq!((entry.mode, entry.owner, content.as_str()), (0o4750, owner, "prefix=/n"));
    assert_eq!(linked[3].0.kind, Kind::Symlink { target: b"lib/f".to_vec() });
    let hard = &linked[4].0;
    assert_eq!(hard.kind, Kind::HardLink { target: path("usr/lib/f") });
    assert_eq!((hard.mode, hard.owner), (0o4750, owner), "a hard link has its target's metadata");
}

#[test]
fn a_spec_that_contradicts_itself_or_its_source_is_refused() {
    let mut sources = Sources::default();
    let one = sources.add(&[folder("d"), file("d/f", "0123456789"), hard_link("d/h", "d/f")]);
    let same = sources.add(&[file("d/f", "0123456789")]);
    let early = sources.add(&[hard_link("d/h", "d/f"), file("d/f", "")]);
    let foreign = sources.add(&[hard_link("d/k", "d/f")]);
    let replace = |name: &str, at| Edit::Replace { path: path(name), changes: vec![(at, 1, vec![])] };
    let own = |name: &str, uid| Edit::Own { path: path(name), mode: 0o644, owner: Owner { uid, gid: 0 } };
    let good = || LayerSpec { directories: vec![dir("d")], sources: vec![(one, vec![])], ..LayerSpec::default() };
    let edit = |edit: Edit| -> Change<'_> { Box::new(move |s| s.sources[0].1.push(edit.clone())) };
    let cases: Vec<(&str, Change<'_>)> = vec![
        ("not listed", Box::new(|s| s.directories.clear())),
        ("listed twice", Box::new(|s| s.directories.push(dir("d")))),
        ("but none", Box::new(|s| s.directories.push(file("x", "").0))),
        ("lists a directory", Box::new(|s| s.directories.push(dir("d/f")))),
        ("not listed", Box::new(|s| s.made.push(made("e/f", "")))),
        ("not listed", Box::new(|s| s.directories.push(dir("e/f")))),
        ("outside", Box::new(|s| s.made.push(Made { entry: dir("d"), bytes: b""[..].into() }))),
        ("written twice", Box::new(|s| s.made.push(made("d/f", "")))),
        ("written twice", Box::new(|s| s.sources.push((same, vec![])))),
        ("instead of 3 bytes", Box::new(|s| s.made.push(Made { bytes: b"ab"[..].into(), ..made("d/g", "abc") }))),
        ("deleted by a whiteout", Box::new(|s| s.whiteouts.push(path("d")))),
        ("deleted by a whiteout", Box::new(|s| s.whiteouts.push(path("d/f")))),
        ("two whiteouts", Box::new(|s| s.whiteouts.extend([path("d/x"), path("d/x")]))),
        ("not listed", Box::new(|s| s.whiteouts.push(path("e/x")))),
        ("would delete", Box::new(|s| s.made.push(made("d/.wh.x", "")))),
        ("not written before", Box::new(|s| s.sources[0].0 = early)),
        ("not written before", Box::new(|s| s.sources.push((foreign, vec![])))),
        ("target of the hard link is omitted", edit(Edit::Omit(path("d/f")))),
        ("does not ship", edit(Edit::Omit(path("d/unknown")))),
        ("does not ship", edit(replace("d/unknown", 0))),
        ("past the end", edit(replace("d/f", 10))),
        ("other replacements", edit(replace("d/h", 0))),
        ("another mode or owner", edit(own("d/h", 5))),
        ("described by the spec's list", edit(own("d", 0))),
        ("written twice", edit(Edit::Map { from: path("d/h"), to: path("d/f") })),
    ];
    assert_eq!(sources.link(&good()).expect("links").len(), 3);
    for (problem, change) in cases {
        let mut spec = good();
        change(&mut spec);
        let told = sources.refused(&spec);
        assert!(told.contains(problem), "{told:?} instead of {problem:?}");
    }
    let mut spec = good();
    spec.sources[0].1 = vec![replace("d/f", 3), replace("d/h", 3), own("d/f", 5), own("d/h", 5), Edit::Omit(path("d/h"))];
    assert!(sources.refused(&spec).contains("edited and omitted"));
    spec.sources[0].1.pop();
    assert_eq!(sources.link(&spec).expect("the same edits of both names")[1].1, "012456789");
}

/// 25,000 files as a conda environment has them: no directories, a fifth with their prefix replaced.
fn conda_like() -> (Sources, LayerSpec) {
    const OLD: &str = "/opt/placeholder/placeholder/placeholder";
    let mut sources = Sources::default();
    let mut spec = LayerSpec { directories: vec![dir("opt"), dir("opt/conda")], ..LayerSpec::default() };
    for package in 0..10 {
        let mut edits = vec![Edit::Map { from: EntryPath::root(), to: path("opt/conda") }];
        let mut entries = Vec::new();
        for module in 0..50 {
            let directory = format!("lib/python3.12/site-packages/p{package}/m{module}");
            for above in path(&format!("opt/conda/{directory}/x")).parents() {
                if !spec.directories.iter().rev().take(60).any(|d| d.path == above) && above.components().count() > 2 {
                    spec.directories.push(Entry::new(above, Kind::Directory, 0o755));
                }
            }
            for number in 0..50 {
                let name = format!("{directory}/f{number}.py");
                let head = format!("#!{OLD}/bin/python{number}\n");
                if number % 5 == 0 {
                    let changes = vec![(2, OLD.len() as u64, b"/opt/conda".to_vec())];
                    edits.push(Edit::Replace { path: path(&name), changes });
                }
                entries.push(file(&name, &(head + &format!("x = {package}{module}\n").repeat(number / 4))));
            }
        }
        spec.sources.push((sources.add(&entries), edits));
    }
    spec.directories.sort_by(|a, b| a.path.cmp(&b.path));
    spec.directories.dedup_by(|a, b| a.path == b.path);
    (sources, spec)
}

#[test]
fn a_conda_environment_of_25_000_files_is_the_same_for_any_number_of_threads() {
    let (sources, spec) = conda_like();
    let linked = sources.link(&spec).expect("links");
    let files: Vec<_> = linked.iter().filter(|(entry, _)| !entry.is_directory()).collect();
    assert_eq!(files.len(), 25_000);
    let patched = files.iter().filter(|(_, content)| content.starts_with("#!/opt/conda/bin/python")).count();
    assert_eq!(patched, 5_000);
    let folder = TempDir::new().expect("a folder");
    let store = Store::open(folder.path()).expect("a store");
    let one = sources.link_with(&spec, &store, 1).expect("links");
    for threads in [3, 8] {
        assert_eq!(sources.link_with(&spec, &store, threads).expect("links"), one);
    }
}

#[test]
fn a_source_that_fails_leaves_no_blob_and_keeps_its_class() {
    let folder = TempDir::new().expect("a folder");
    let store = Store::open(folder.path()).expect("a store");
    let mut tar = TarWriter::new(Vec::new());
    let (entry, content) = file("f", &"content".repeat(1_000_000));
    tar.append(&entry, &mut content.as_bytes()).expect("an entry");
    let whole = tar.finish().expect("a tar");
    let digest = Digest::of(b"archive");
    let spec = LayerSpec { sources: vec![(digest, vec![])], ..LayerSpec::default() };
    let short: Make = |whole| Ok(Box::new(io::Cursor::new(whole[..5_000_000].to_vec())));
    let trailing: Make = |whole| {
        let end = io::Cursor::new(whole.to_vec());
        let failing = crate::stream::Verified::new(&b"x"[..], Digest::of(b"y"), 1);
        Ok(Box::new(end.chain(failing)))
    };
    let absent: Make = |_| Err(VerifyError::Short { digest: Digest::of(b""), size: 2, got: 1 }.into());
    for (make, told) in [(short, "truncated"), (trailing, "damaged"), (absent, "ended after 1 of 2 bytes")] {
        let open = |_: &Digest| make(&whole);
        let error = link(&spec, &open, store.writer().expect("a writer"), 2).expect_err("fails");
        assert_eq!(error.class(), Class::Input, "{error}");
        assert!(error.to_string().contains(told), "{error} instead of {told}");
    }
    let open = |_: &Digest| -> Result<Box<dyn Read + Send>, Error> { Ok(Box::new(io::Cursor::new(whole.clone()))) };
    for left in ["tmp", "blobs/sha256"] {
        assert_eq!(std::fs::read_dir(folder.path().join(left)).expect("a folder").count(), 0);
    }
    link(&spec, &open, store.writer().expect("a writer"), 2).expect("links");
}

#[test]
fn a_refusal_in_the_middle_ends_the_reading_thread() {
    let mut sources = Sources::default();
    let big = file("f", &"0123456789abcdef".repeat(1_000_000));
    let one = sources.add(&[(big.0, big.1), file("unlisted/g", "")]);
    let spec = LayerSpec { sources: vec![(one, vec![]), (one, vec![])], ..LayerSpec::default() };
    assert!(sources.refused(&spec).contains("not listed"));
}
