//! Small environments from packages to the layer's bytes.

use std::collections::BTreeMap;

use super::*;
use crate::conda::{Member, Part, Wanted, as_tar, conda, data, held, info, info_tar, list, read};
use crate::layer::{Contents, link};
use crate::pin::Inputs;
use crate::plan::{Input, LayerKind, Plan, ScriptPolicy, UidTaken, plan};
use crate::recipe::{Merged, Rank, Surroundings, Unit, resolve};
use crate::rootfs::{Node, RootFs};
use crate::store::Store;
use crate::stream::{HashingReader, Limits, TarReader, decompress};

const OLD: &str = "/old_placeholder_of_the_build";

fn path(text: &str) -> EntryPath {
    EntryPath::new(text).expect("a path")
}

/// A package in the making: name, version, more of its index, files, programs.
struct Made(&'static str, &'static str, &'static str, Vec<Part>, &'static str);

fn text(name: &'static str, text: &str, mode: u32) -> Part {
    Part::File(name, text.as_bytes().to_vec(), mode)
}

impl Made {
    fn bytes(&self) -> Vec<u8> {
        let Self(name, version, more, parts, points) = self;
        let index = format!(r#"{{"name": "{name}", "version": "{version}", "build": "0"{more}}}"#);
        let one = |part: &Part| match part {
            Part::File(name, bytes, _) if bytes.windows(OLD.len()).any(|w| w == OLD.as_bytes()) => {
                let mode = if bytes.contains(&0) { "binary" } else { "text" };
                format!(r#"{{"_path": "{name}", "path_type": "hardlink", "prefix_placeholder": "{OLD}", "file_mode": "{mode}"}}"#)
            }
            Part::File(name, ..) | Part::HardLink(name, _) => format!(r#"{{"_path": "{name}", "path_type": "hardlink"}}"#),
            Part::Symlink(name, _) => format!(r#"{{"_path": "{name}", "path_type": "softlink"}}"#),
        };
        let mut about = info(&index, &parts.iter().map(one).collect::<Vec<_>>().join(", "));
        if !points.is_empty() {
            about.push(text(
                "info/link.json",
                &format!(r#"{{"noarch": {{"type": "python", "entry_points": [{points}]}}}}"#),
                0o644,
            ));
        }
        conda(&about, parts)
    }
}

fn python() -> Made {
    let parts = vec![
        text("bin/python3.12", &format!("ELF\0{OLD}/lib\0tail"), 0o775),
        Part::Symlink("bin/python", "python3.12"),
        text("lib/a.py", "one", 0o664),
        Part::HardLink("lib/b.py", "lib/a.py"),
    ];
    Made("python", "3.12.7", r#", "subdir": "linux-64""#, parts, "")
}

fn wheel() -> Made {
    let parts =
        vec![text("site-packages/wheel/x.py", "x", 0o664), text("python-scripts/w", &format!("#!{OLD}/bin/python\n"), 0o775)];
    Made("wheel", "1", r#", "subdir": "noarch", "noarch": "python""#, parts, r#""wheel = wheel.x:main""#)
}

/// Packages, and tars of their parts, by digest.
#[derive(Clone, Default)]
struct Archives(BTreeMap<Digest, Vec<u8>>, BTreeMap<Digest, Vec<u8>>);

impl Archives {
    fn open(&self, digest: &Digest) -> Result<Box<dyn std::io::Read + Send>> {
        match self.1.get(digest) {
            Some(tar) => Ok(Box::new(std::io::Cursor::new(tar.clone()))),
            None => Ok(data("archive", &held(&self.0[digest]))?),
        }
    }
}

impl Bodies for Archives {
    fn read(&self, archive: &Digest, path: &EntryPath) -> Result<Arc<[u8]>> {
        let mut tar = TarReader::new(self.open(archive)?, Limits::default());
        while let Some(entry) = tar.next_entry()? {
            if entry.path == *path {
                let mut bytes = Vec::new();
                std::io::Read::read_to_end(&mut tar.body(), &mut bytes).expect("a body");
                return Ok(bytes.into());
            }
        }
        panic!("{path} is not shipped")
    }
}

const RECIPE: &str = "[conda]\nexplicit = 'x'\nprefix = '/opt/p'\n[[file]]\nappend = true\ncontent = \"x: 1\\n\"\n\
    seed = '/opt/p/.condarc'\nto = '/root/.condarc'\n";

fn planned(made: &[Made], group_writable: bool, base: Vec<Node>, recipe: &str) -> Result<(Plan, Archives)> {
    planned_with(made, group_writable, base, recipe, false)
}

/// A part of a package as an archive of its own.
fn part(archives: &mut Archives, name: &str, tar: Box<dyn std::io::Read + Send>) -> (Digest, Arc<Contents>) {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut { tar }, &mut bytes).expect("a tar");
    let mut tar = TarReader::new(bytes.as_slice(), Limits::default());
    let mut contents = Contents::default();
    while let Some(entry) = tar.next_entry().expect("a tar") {
        contents.entries.push(entry);
    }
    let digest = Digest::of(name.as_bytes());
    archives.1.insert(digest, bytes);
    (digest, Arc::new(contents))
}

fn planned_with(made: &[Made], group_writable: bool, base: Vec<Node>, recipe: &str, is_cached: bool) -> Result<(Plan, Archives)> {
    let mut archives = Archives::default();
    let (mut linked, mut cache) = (Vec::new(), Vec::new());
    for one in made {
        let bytes = one.bytes();
        let (archive, size) = (Digest::of(&bytes), bytes.len() as u64);
        let url = format!("https://host.example/c/linux-64/{}-{}-0.conda", one.0, one.1);
        let wanted: Wanted = list::addresses("list", &url, 0)?.remove(0);
        let package = read(&wanted.file, &held(&bytes), archive, "/opt/p")?;
        if is_cached {
            let whole = part(&mut archives, &format!("whole {url}"), as_tar(held(&bytes))?);
            let info = info_tar("archive", &held(&bytes))?.map(|tar| part(&mut archives, &format!("info {url}"), tar));
            cache.push(Cached { whole, info });
        }
        archives.0.insert(archive, bytes);
        linked.push(Linked::new(wanted, Member { at: 0, size, md5: "0".into(), sha256: archive }, Arc::new(package), None));
    }
    let rootfs = Arc::new(RootFs::from_nodes(base));
    let unit = Unit::parse("probe", Rank::Recipe, recipe)?;
    let merged = Merged { units: vec![unit], parameters: BTreeMap::new(), notes: Vec::new() };
    let env = BTreeMap::new();
    let surroundings = Surroundings { parameters: BTreeMap::new(), env: &env, arch: "x86_64", deb_arch: "amd64" };
    let resolved = resolve(&merged, &surroundings)?;
    let standing = is_standing(&VirtualRoot::new(rootfs.clone(), Arc::new(archives.clone())), &path("opt/p"));
    let environment = if standing { None } else { Some(Environment::new("/opt/p".into(), "linux-64", linked)?) };
    let condarc = SmallFile { mode: 0o644, mtime: 7, bytes: b"channels: [c]\n".to_vec() };
    let files = BTreeMap::from([(".condarc".to_owned(), condarc)]);
    let prefix = Prefix { unit: 0, path: path("opt/p"), environment, files, group_writable, cache };
    let digest = Digest::of(b"base");
    let inputs: Inputs = serde_json::from_value(serde_json::json!({
        "base": "b", "base_digest": digest, "named_digest": digest, "recipes": [], "flags": digest,
    }))
    .expect("inputs");
    let plan = plan(&Input {
        rootfs,
        bodies: Arc::new(archives.clone()),
        inputs: &inputs,
        contents: &BTreeMap::<Digest, Arc<Contents>>::new(),
        machine: "x86_64",
        resolved: &resolved,
        trees: &[],
        conda: &[prefix],
        uid_taken: UidTaken::Fail,
        epoch: None,
        fold: false,
        scripts: ScriptPolicy::Stop,
    })?;
    Ok((plan, archives))
}

fn libc() -> Vec<Node> {
    let kind = Kind::File { size: 1 };
    vec![Node {
        entry: Entry::new(path("lib64/ld-linux-x86-64.so.2"), kind, 0o755),
        bytes: None,
        digest: None,
        elf: None,
        layer: 0,
    }]
}

type Tar = BTreeMap<String, (Entry, String)>;

/// The ply as its tar has it.
fn ply(made: &[Made], group_writable: bool) -> Tar {
    unpacked(planned(made, group_writable, libc(), RECIPE).expect("a plan"))
}

fn unpacked((plan, archives): (Plan, Archives)) -> Tar {
    let layer = plan.layers.iter().find(|l| l.kind == LayerKind::Ply).expect("a ply");
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path()).expect("a store");
    let linked = link(&layer.spec, &|d| archives.open(d), store.writer().expect("a writer"), 1).expect("links");
    let blob = store.open_blob(&linked.digest, linked.size).expect("a blob");
    let plain = HashingReader::new(decompress(blob, crate::oci::Compression::Gzip).expect("gzip"));
    let (mut tar, mut found) = (TarReader::new(plain, Limits::default()), Tar::new());
    while let Some(entry) = tar.next_entry().expect("a tar") {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut tar.body(), &mut bytes).expect("a body");
        found.insert(entry.path.to_string(), (entry, String::from_utf8_lossy(&bytes).into_owned()));
    }
    found
}

#[test]
fn packages_become_one_ply_with_records_and_programs() {
    let later = Made("z", "1", "", vec![text("lib/a.py", "two", 0o600)], "");
    let conda = Made("conda", "1", "", vec![text("condabin/conda", &format!("#!{OLD}/bin/python\n"), 0o775)], "");
    let tar = ply(&[python(), wheel(), conda, later], false);
    let of = |name: &str| &tar.get(name).unwrap_or_else(|| panic!("{name} is not in {:?}", tar.keys())).1;
    assert_eq!(of("/opt/p/bin/python3.12"), &format!("ELF\0/opt/p/lib{}\0tail", "\0".repeat(OLD.len() - 6)));
    assert_eq!(of("/opt/p/bin/w"), "#!/opt/p/bin/python\n");
    assert_eq!(of("/opt/p/lib/python3.12/site-packages/wheel/x.py"), "x");
    assert!(of("/opt/p/bin/wheel").starts_with("#!/opt/p/bin/python3.12\n# -*- coding"));
    assert_eq!((of("/opt/p/lib/a.py").as_str(), of("/opt/p/lib/b.py").as_str()), ("two", "one"));
    assert_eq!(of("/opt/p/.condarc"), "channels: [c]\n");
    for (name, mode, time) in [
        ("/opt/p", 0o755, 0),
        ("/opt/p/envs", 0o755, 0),
        ("/opt/p/bin/python3.12", 0o775, 1_700_000_000),
        ("/opt/p/lib/a.py", 0o600, 1_700_000_000),
        ("/opt/p/bin/wheel", 0o775, 1_700_000_000),
        ("/opt/p/conda-meta/python-3.12.7-0.json", 0o644, 1_700_000_000),
    ] {
        let entry = &tar[name].0;
        assert_eq!((entry.mode, entry.owner, entry.mtime), (mode, Owner::default(), time), "{name}");
    }
    assert!(!tar.keys().any(|name| name.contains("/info") || name.ends_with(".pyc")), "{:?}", tar.keys());
    let record: serde_json::Value = serde_json::from_str(of("/opt/p/conda-meta/wheel-1-0.json")).expect("JSON");
    assert_eq!(record["files"], serde_json::json!(["lib/python3.12/site-packages/wheel/x.py", "bin/w", "bin/wheel"]));
    assert_eq!(record["paths_data"]["paths"][1]["sha256_in_prefix"], Digest::of(b"#!/opt/p/bin/python\n").hex());
    let record: serde_json::Value = serde_json::from_str(of("/opt/p/conda-meta/python-3.12.7-0.json")).expect("JSON");
    let paths = &record["paths_data"]["paths"];
    assert_eq!(paths[1]["sha256_in_prefix"], paths[0]["sha256_in_prefix"]);
}

#[test]
fn the_group_may_write_everything_or_only_what_packages_say() {
    for group_writable in [false, true] {
        let tar = ply(&[python(), Made("z", "1", "", vec![text("lib/z", "z", 0o604)], "")], group_writable);
        for (name, mode) in [("/opt/p", 0o755), ("/opt/p/lib", 0o755), ("/opt/p/lib/z", 0o604), ("/opt/p/.condarc", 0o644)] {
            assert_eq!(tar[name].0.mode, if group_writable { mode | 0o020 } else { mode }, "{name}");
        }
        assert_eq!(tar["/opt"].0.mode, 0o755);
    }
}

#[test]
fn what_cannot_stand_in_a_prefix_is_refused() {
    let link = |to: &'static str| Made("a", "1", "", vec![Part::Symlink("lib", to)], "");
    let below = Made("b", "1", "", vec![text("lib/x", "x", 0o644)], "");
    let cases: [(Vec<Made>, &str); 8] = [
        (vec![link("/etc"), below], "/opt/p/lib: "),
        (vec![link("lib64"), Made("b", "1", "", vec![text("lib64/x", "", 0o644), text("lib/y", "", 0o644)], "")], "symbolic link"),
        (vec![Made("c", "1", "", vec![text("lib/x", "", 0o644)], ""), link("x")], "is a directory"),
        (vec![wheel()], "the environment has none"),
        (vec![Made("a", "1", r#", "subdir": "linux-aarch64""#, vec![], "")], "it is for linux-aarch64"),
        (vec![Made("a", "1", "", vec![], ""), Made("a", "2", "", vec![], "")], "two packages have the name a"),
        (vec![Made("../a", "1", "", vec![], "")], "can be none"),
        (
            vec![Made("a", "1", "", vec![text("bin/.a-post-link.sh", "", 0o755), text("bin/.a-pre-link.sh", "", 0o755)], "")],
            "bin/.a-pre-link.sh (a-1-0.conda), bin/.a-post-link.sh (a-1-0.conda)",
        ),
    ];
    for (made, told) in cases {
        let error = planned(&made, false, libc(), RECIPE).map(|_| ()).expect_err(told).to_string();
        assert!(error.contains(told), "{error} instead of {told}");
    }
    let twin = Made("a", "1", "", vec![text("bin/.b-post-link.sh", "", 0o755), Part::Symlink("lib64", "lib")], "");
    assert!(planned(&[python(), twin], false, libc(), RECIPE).is_ok());
}

#[test]
fn a_prefix_of_the_base_stands_and_nothing_is_made_from_its_settings() {
    let folder = Node { entry: Entry::new(path("opt/p"), Kind::Directory, 0o755), bytes: None, digest: None, elf: None, layer: 0 };
    let (plan, _) = planned(&[], false, vec![folder], RECIPE).expect("a plan");
    assert!(plan.layers.is_empty() && plan.notes[0].contains("the base has /opt/p already"), "{:?}", plan.notes);
    let (plan, _) = planned(&[python()], false, libc(), RECIPE).expect("a plan");
    let glue = plan.layers.iter().find(|l| l.kind == LayerKind::Glue).expect("a glue");
    assert_eq!(glue.spec.made[0].bytes.as_ref(), b"channels: [c]\nx: 1\n");
}

#[test]
fn a_base_with_musl_is_refused_and_one_without_libc_is_told() {
    let mut musl = libc();
    musl[0].entry.path = path("lib/ld-musl-x86_64.so.1");
    let error = planned(&[python()], false, musl, RECIPE).map(|_| ()).expect_err("musl");
    assert!(error.to_string().contains("has musl and no /lib64/ld-linux-x86-64.so.2"), "{error}");
    let (plan, _) = planned(&[python()], false, Vec::new(), RECIPE).expect("a plan");
    assert!(plan.notes.iter().any(|n| n.contains("without which no program")), "{:?}", plan.notes);
}

#[test]
fn who_appends_to_a_file_of_a_package_appends_to_what_it_is_in_the_prefix() {
    let text = format!("{RECIPE}[[file]]\nappend = true\ncontent = \"y\\n\"\nto = '/opt/p/bin/w'\n");
    let (plan, _) = planned(&[python(), wheel()], false, libc(), &text).expect("a plan");
    let made = plan.layers.iter().flat_map(|l| &l.spec.made).find(|m| m.entry.path == path("opt/p/bin/w")).expect("made");
    assert_eq!(made.bytes.as_ref(), b"#!/opt/p/bin/python\ny\n");
}

#[test]
fn the_cache_shares_what_is_shipped_and_keeps_what_is_patched_as_it_was() {
    let later = Made("z", "1", "", vec![text("lib/a.py", "two", 0o664)], "");
    let tar = unpacked(planned_with(&[python(), wheel(), later], false, libc(), RECIPE, true).expect("a plan"));
    let bytes = python().bytes();
    let (entry, _) = &tar["/opt/p/pkgs/python-3.12.7-0.conda"];
    assert_eq!(entry.kind, Kind::File { size: bytes.len() as u64 });
    let folder = "/opt/p/pkgs/python-3.12.7-0";
    assert_eq!(tar[&format!("{folder}/bin/python3.12")].1, format!("ELF\0{OLD}/lib\0tail"));
    assert_eq!(tar[&format!("{folder}/bin/python")].0.kind, Kind::Symlink { target: b"python3.12".to_vec() });
    // The prefix has the later package's file; the cache still has its own.
    assert_eq!((tar["/opt/p/lib/a.py"].1.as_str(), tar[&format!("{folder}/lib/a.py")].1.as_str()), ("two", "one"));
    let link = |to: &str| Kind::HardLink { target: path(to) };
    assert_eq!(tar["/opt/p/pkgs/z-1-0/lib/a.py"].0.kind, link("opt/p/lib/a.py"));
    assert_eq!(tar["/opt/p/pkgs/wheel-1-0/site-packages/wheel/x.py"].0.kind, link("opt/p/lib/python3.12/site-packages/wheel/x.py"));
    assert!(tar[&format!("{folder}/info/repodata_record.json")].1.contains("\"fn\": \"python-3.12.7-0.conda\""));
    assert!(tar.contains_key(&format!("{folder}/info/index.json")));
}
