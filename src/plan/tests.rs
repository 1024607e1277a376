//! What recipes place, on small bases without packages.

use super::*;
use crate::layer::Edit;
use crate::layer::root::RootError;
use crate::recipe::{Merged, Rank, Surroundings, Unit as Document, resolve};
use crate::rootfs::Node;
use crate::stream::{Entry, EntryPath, Kind, Owner};

const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nworker:x:1000:1000::/home/worker:/bin/sh\n";

fn path(text: &str) -> EntryPath {
    EntryPath::new(text).expect("a path")
}

fn file(at: &str, bytes: impl AsRef<[u8]>) -> Node {
    let bytes = bytes.as_ref();
    let kind = Kind::File { size: bytes.len() as u64 };
    let (digest, bytes) = (Some(Digest::of(bytes)), at.starts_with("etc/").then(|| Arc::from(bytes)));
    Node { entry: Entry::new(path(at), kind, 0o644), bytes, digest, elf: None, layer: 0 }
}

fn other(at: &str, kind: Kind, mode: u32) -> Node {
    Node { entry: Entry::new(path(at), kind, mode), bytes: None, digest: None, elf: None, layer: 0 }
}

fn owned(mut node: Node, uid: u32) -> Node {
    node.entry.owner = Owner { uid, gid: uid };
    node
}

/// Archives whose files all have the bytes of their path.
struct Paths;

impl Bodies for Paths {
    fn read(&self, _: &Digest, path: &EntryPath) -> std::result::Result<Arc<[u8]>, crate::Error> {
        if path.as_bytes().starts_with(b"large") {
            return Err(RootError::TooLarge(path.to_string(), 0).into());
        }
        Ok(Arc::from(path.as_bytes()))
    }
}

fn tree(is_layer: bool, entries: &[Entry]) -> Tree {
    let digests = entries.iter().map(|e| (e.path.clone(), Digest::of(e.path.as_bytes()))).collect();
    let contents = Contents { entries: entries.to_vec(), digests, ..Contents::default() };
    let archive = Digest::of(b"archive");
    Tree { unit: 0, file: (!is_layer).then_some(0), is_layer, archive, contents: Arc::new(contents) }
}

/// A file of a tree, whose bytes are its path; only its name says that it is larger.
fn shipped(at: &str, size: usize) -> Entry {
    Entry::new(path(at), Kind::File { size: size as u64 }, 0o644)
}

fn made(base: Vec<Node>, text: &str, trees: &[Tree], uid_taken: UidTaken) -> Result<Plan> {
    let unit = Document::parse("probe", Rank::Recipe, text)?;
    let merged = Merged { units: vec![unit], parameters: BTreeMap::new(), notes: Vec::new() };
    let env = BTreeMap::new();
    let surroundings = Surroundings { parameters: BTreeMap::new(), env: &env, arch: "x86_64", deb_arch: "amd64" };
    let resolved = resolve(&merged, &surroundings)?;
    let nothing = Digest::of(b"");
    let inputs = Inputs {
        base: String::new(),
        base_digest: nothing,
        named_digest: nothing,
        recipes: Vec::new(),
        files: Vec::new(),
        flags: nothing,
        indexes: Vec::new(),
        allow_expired: false,
        shadow_day: None,
        packages: Vec::new(),
        calls: Vec::new(),
        extended_states: None,
        conda: Vec::new(),
    };
    plan(&Input {
        rootfs: Arc::new(RootFs::from_nodes(base)),
        bodies: Arc::new(Paths),
        inputs: &inputs,
        contents: &BTreeMap::new(),
        machine: "x86_64",
        resolved: &resolved,
        trees,
        conda: &[],
        uid_taken,
        epoch: None,
        fold: false,
        scripts: ScriptPolicy::Stop,
    })
}

fn whiteouts(plan: &Plan) -> Vec<String> {
    plan.layers.iter().flat_map(|layer| &layer.spec.whiteouts).map(ToString::to_string).collect()
}

/// Paths that are made, and the archives that are read.
fn brought(plan: &Plan) -> (Vec<String>, usize) {
    let specs = || plan.layers.iter().map(|layer| &layer.spec);
    let made = specs().flat_map(|spec| &spec.made).map(|made| made.entry.path.to_string()).collect();
    (made, specs().map(|spec| spec.sources.len()).sum())
}

/// What differs in the base's node, and the change that makes it so.
type Difference = (&'static str, fn(&mut Node));

#[test]
fn a_replaced_account_takes_only_its_own_home_with_it() {
    let line =
        |home: &str| format!("root:x:0:0::/root:/bin/sh\nold:x:1000:1000::{home}:/bin/sh\nmate:x:7:7::/srv/team/mate:/bin/sh\n");
    let folder = |at: &str, uid| owned(other(at, Kind::Directory, 0o755), uid);
    for (home, goes) in [
        ("/home/old", true),
        ("/home/old/", true),
        ("/usr", false),
        ("/opt", false),
        ("/", false),
        ("/usr/share", false),
        ("/srv/team", false),
        ("/srv/team/mate", false),
        ("/srv/file", false),
        ("/srv/link", false),
        ("/srv/absent", false),
        ("srv/own", false),
        ("", false),
    ] {
        let base = vec![
            file("etc/passwd", line(home)),
            file("etc/group", "root:x:0:\nold:x:1000:\n"),
            folder("home/old", 1000),
            folder("opt", 1000),
            folder("srv/own", 1000),
            folder("srv/team", 1000),
            folder("srv/team/mate", 1000),
            folder("usr/share", 0),
            folder("usr", 1000),
            owned(file("srv/file", "x"), 1000),
            owned(other("srv/link", Kind::Symlink { target: b"own".to_vec() }, 0o777), 1000),
        ];
        let plan = made(base, "[[user]]\nname='agent'\nuid='1000'\n", &[], UidTaken::Replace).expect(home);
        let expected: Vec<String> = goes.then(|| "/home/old".to_owned()).into_iter().collect();
        assert_eq!(whiteouts(&plan), expected, "{home:?}");
        let passwd = plan.layers.iter().flat_map(|l| &l.spec.made).find(|m| m.entry.path == path("etc/passwd")).expect("changed");
        assert!(!passwd.bytes.windows(4).any(|w| w == b"\nold"), "{home:?}: the account goes");
        let stays = !goes && !matches!(home, "/srv/absent" | "");
        assert_eq!(plan.notes.iter().any(|note| note.contains("stays")), stays, "{home:?}: {:?}", plan.notes);
    }
}

#[test]
fn a_large_tree_of_a_base_account_is_streamed_and_a_small_one_is_made() {
    let text = "[[file]]\nfrom='x/'\nto='/opt/x'\nowner='worker:root'\n";
    let base = || vec![file("etc/passwd", PASSWD), file("etc/group", "root:x:0:\n")];
    let large = tree(false, &[shipped("large", 300 << 20), shipped("small", 5)]);
    let plan = made(base(), text, std::slice::from_ref(&large), UidTaken::Fail).expect("not in memory");
    assert_eq!(plan.layers.iter().map(|layer| layer.kind).collect::<Vec<_>>(), [LayerKind::State, LayerKind::Glue]);
    let (archive, edits) = &plan.layers[0].spec.sources[0];
    assert_eq!((*archive, brought(&plan).0), (large.archive, vec!["/opt/x/small".to_owned()]));
    let owner = Owner { uid: 1000, gid: 0 };
    assert!(edits.contains(&Edit::Own { path: path("large"), mode: 0o644, owner }), "{edits:?}");
    assert!(edits.contains(&Edit::Omit(path("small"))), "{edits:?}");

    let small = tree(false, &[shipped("small", 5), shipped("more", 4)]);
    let plan = made(base(), text, &[small], UidTaken::Fail).expect("a plan");
    assert_eq!(brought(&plan), (vec!["/opt/x/more".to_owned(), "/opt/x/small".to_owned()], 0));
}

#[test]
fn what_the_base_has_to_the_byte_is_not_placed_again() {
    let content = "[[file]]\ncontent='one'\nto='/opt/one'\n";
    let base = |bytes: &str| vec![other("opt", Kind::Directory, 0o755), file("opt/one", bytes)];
    for (bytes, layers) in [("one", 0), ("two", 1)] {
        assert_eq!(made(base(bytes), content, &[], UidTaken::Fail).expect("a plan").layers.len(), layers, "{bytes}");
    }
    let link = Entry::new(path("link"), Kind::Symlink { target: b"a".to_vec() }, 0o777);
    let folder = Entry::new(path("d"), Kind::Directory, 0o755);
    let mut hard = Entry::new(path("d/hard"), Kind::HardLink { target: path("d/a") }, 0o644);
    hard.mtime = 0;
    let entries = [folder, shipped("d/a", 3), hard, link];
    let there = |at: &str| {
        let at = |name: &str| format!("{at}{name}");
        vec![
            other(&at("d"), Kind::Directory, 0o755),
            file(&at("d/a"), "d/a"),
            file(&at("d/hard"), "d/a"),
            other(&at("link"), Kind::Symlink { target: b"a".to_vec() }, 0o777),
        ]
    };
    for (is_layer, at, text) in [(true, "", ""), (false, "opt/", "[[file]]\nfrom='x/'\nto='/opt'\n")] {
        let kept = if is_layer { &entries[..] } else { &[entries[0].clone(), entries[1].clone(), entries[3].clone()] };
        let tree = [tree(is_layer, kept)];
        let layers = |base: Vec<Node>| made(base, text, &tree, UidTaken::Fail).expect("a plan").layers.len();
        assert_eq!(layers(there(at)), 0, "{at}: all of it stands");
        assert_eq!(layers(vec![other("opt", Kind::Directory, 0o755)]), 1, "{at}: nothing stands");
        let change: [Difference; 4] = [
            ("bytes", |n| n.digest = Some(Digest::of(b"xyz"))),
            ("unknown bytes", |n| n.digest = None),
            ("mode", |n| n.entry.mode = 0o600),
            ("owner", |n| n.entry.owner.uid = 1),
        ];
        for (what, change) in change {
            let mut base = there(at);
            change(&mut base[1]);
            assert_eq!(layers(base), 1, "{at}: another {what}");
        }
    }
}

#[test]
fn a_file_of_a_ready_layer_stands_with_all_its_names_or_not_at_all() {
    let hard = Entry::new(path("b"), Kind::HardLink { target: path("a") }, 0o644);
    let layer = [tree(true, &[shipped("a", 1), hard])];
    let plan = made(vec![file("a", "a"), file("b", "other")], "", &layer, UidTaken::Fail).expect("a plan");
    let (_, edits) = &plan.layers[0].spec.sources[0];
    assert!(!edits.iter().any(|edit| matches!(edit, Edit::Omit(_))), "{edits:?}");
}

#[test]
fn lines_are_appended_unless_they_stand_there_whole() {
    let text = "[[file]]\ncontent='''\nPATH=/a\n'''\nto='/etc/environment'\nappend=true\n";
    for (old, new) in [
        ("PATH=/a\n", None),
        ("x\nPATH=/a", None),
        ("x\nPATH=/a\ny\n", None),
        ("OLDPATH=/a\n", Some("OLDPATH=/a\nPATH=/a\n")),
        ("PATH=/ab\n", Some("PATH=/ab\nPATH=/a\n")),
        ("x", Some("x\nPATH=/a\n")),
        ("", Some("PATH=/a\n")),
    ] {
        let plan = made(vec![file("etc/environment", old)], text, &[], UidTaken::Fail).expect("a plan");
        let made = plan.layers.iter().flat_map(|l| &l.spec.made).map(|m| String::from_utf8_lossy(&m.bytes).into_owned()).next();
        assert_eq!(made.as_deref(), new, "{old:?}");
    }
}

#[test]
fn a_setting_takes_the_place_of_its_line_and_an_absent_file_begins_as_its_seed() {
    let text = "[[file]]\ncontent=\"a: 1\\n\"\nto='/etc/x'\nappend=true\nseed='/etc/seed'\n";
    let seed = || file("etc/seed", "b: 2\n");
    for (base, new) in [
        (vec![seed()], Some("b: 2\na: 1\n")),
        (vec![], Some("a: 1\n")),
        (vec![seed(), file("etc/x", "a: 0\nc: 3\n")], Some("a: 1\nc: 3\n")),
        (vec![seed(), file("etc/x", "aa: 0")], Some("aa: 0\na: 1\n")),
        (vec![seed(), file("etc/x", "a: 1\n")], None),
    ] {
        let plan = made(base, text, &[], UidTaken::Fail).expect("a plan");
        let made = plan.layers.iter().flat_map(|l| &l.spec.made).map(|m| String::from_utf8_lossy(&m.bytes).into_owned()).next();
        assert_eq!(made.as_deref(), new);
    }
}

#[test]
fn a_file_that_in_the_end_is_the_bases_is_none_of_ours() {
    let text = "[[file]]\ncontent=''\nto='/etc/x'\n[[file]]\ncontent=\"a\\n\"\nto='/etc/x'\nappend=true\n";
    let changed = |old: &str| !made(vec![file("etc/x", old)], text, &[], UidTaken::Fail).expect("a plan").layers.is_empty();
    assert!(!changed("a\n") && changed("b\n"));
    let nothing = "[[file]]\ncontent=''\nto='/etc/x'\nappend=true\n";
    assert!(made(vec![file("etc/x", "no newline")], nothing, &[], UidTaken::Fail).expect("a plan").layers.is_empty());
}
