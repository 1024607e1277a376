//! `ucf` and `ucfr`: configuration files that a package makes, with a memory of what it made last.
//!
//! Invariant: a file that a user changed, or removed, is never touched without a question; where ucf would ask, the model
//! answers as the question's default does without a terminal: the user's file stays.

use super::dpkg::info::md5;
use super::error::{Result, SystemError};
use super::view::{Change, Status, View, Write, directory_of, name_of};

const STATE: &str = "/var/lib/ucf";
/// Without `--three-way`, ucf keeps copies of files below this size only.
const LARGEST_COPY: usize = 25600;

/// What to do with files that a user changed or removed (`UCF_FORCE_CONFF...`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Force {
    /// Neither.
    #[default]
    Ask,
    /// `UCF_FORCE_CONFFOLD`.
    Old,
    /// `UCF_FORCE_CONFFNEW`.
    New,
    /// `UCF_FORCE_CONFFMISS`: removed files come back.
    Missing,
}

/// The words of `ucf NEW DEST`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ucf {
    /// Absolute path of the new version.
    pub new: String,
    /// Absolute path of the configuration file.
    pub destination: String,
    /// `--three-way`.
    pub three_way: bool,
    /// `--sum-file`, else `NEW.md5sum`: historical sums, one a line.
    pub sum_file: Option<String>,
    /// What is forced.
    pub force: Force,
}

/// What ucf does with the configuration file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Decision {
    Replace,
    Keep,
    KeepAndNote,
    KeepBeside,
}

/// `ucf NEW DEST`.
pub fn install(view: &dyn View, words: &Ucf) -> Result<Vec<Write>> {
    let refused = |message: String| SystemError::refused("ucf", message);
    let new = view.read(&words.new)?.ok_or_else(|| refused(format!("Error: The new file {} does not exist!", words.new)))?;
    let destination = real_destination(view, &words.destination)?;
    let sums = Sums { new: md5(&new), destination: view.read(&destination)?.map(|b| md5(&b)), last: last_sum(view, &destination)? };
    let decision = decide(view, words, &sums)?;
    let mut writes = Vec::new();
    match decision {
        Decision::Keep => return Ok(writes),
        Decision::Replace => {
            let target = view.resolve(&destination).unwrap_or_else(|| destination.clone());
            writes.push(Write::file(target, new.to_vec()));
        }
        Decision::KeepBeside => writes.push(Write::file(format!("{destination}.ucf-dist"), new.to_vec())),
        Decision::KeepAndNote => {}
    }
    note(view, &destination, &sums.new, &mut writes)?;
    if words.three_way || new.len() < LARGEST_COPY {
        writes.push(Write::file(cached(&destination), new.to_vec()));
    }
    Ok(writes)
}

struct Sums {
    new: String,
    destination: Option<String>,
    last: Option<String>,
}

fn decide(view: &dyn View, words: &Ucf, sums: &Sums) -> Result<Decision> {
    let force = words.force;
    let (Some(here), last) = (&sums.destination, &sums.last) else {
        return Ok(match &sums.last {
            None => Decision::Replace,
            Some(_) if force == Force::Missing => Decision::Replace,
            Some(last) if *last == sums.new || force == Force::Old => Decision::Keep,
            // A removed file whose new version differs: the question's default keeps it away.
            Some(_) => {
                if force == Force::New {
                    Decision::Replace
                } else {
                    Decision::KeepBeside
                }
            }
        });
    };
    let unmodified = |force| if force == Force::Old { Decision::KeepBeside } else { Decision::Replace };
    if last.is_none() && historical(view, words)?.iter().any(|sum| sum == here) {
        return Ok(unmodified(force));
    }
    Ok(match last {
        Some(last) if *last == sums.new => Decision::Keep,
        Some(last) if last == here => unmodified(force),
        _ if force == Force::New => Decision::Replace,
        _ if force == Force::Old => Decision::KeepBeside,
        _ if *here == sums.new => Decision::KeepAndNote,
        _ => Decision::KeepBeside,
    })
}

/// Sums of versions that the package made before ucf knew the file.
fn historical(view: &dyn View, words: &Ucf) -> Result<Vec<String>> {
    let directory = format!("{}.md5sum.d", words.new);
    let mut texts = Vec::new();
    for name in view.list(&directory) {
        texts.extend(view.text(&format!("{directory}/{name}"))?);
    }
    if texts.is_empty() {
        texts.extend(view.text(words.sum_file.as_deref().unwrap_or(&format!("{}.md5sum", words.new)))?);
    }
    Ok(texts.iter().flat_map(|text| text.lines()).filter_map(|line| line.split_whitespace().next()).map(Into::into).collect())
}

/// `ucf --purge DEST`: the file is forgotten, not removed.
pub fn purge(view: &dyn View, destination: &str) -> Result<Vec<Write>> {
    let destination = real_destination(view, destination)?;
    let mut writes = Vec::new();
    if let Some(text) = view.read(&format!("{STATE}/hashfile"))? {
        rotate(view, "hashfile", &mut writes)?;
        writes.push(Write::file(format!("{STATE}/hashfile"), without(&text, &destination)));
    }
    if view.exists(&cached(&destination)) {
        writes.push(Write::remove(cached(&destination)));
    }
    Ok(writes)
}

/// `ucfr PACKAGE DEST`; `force` takes a file away from another package.
pub fn register(view: &dyn View, package: &str, destination: &str, force: bool) -> Result<Vec<Write>> {
    let destination = real_destination(view, destination)?;
    match owner(view, &destination)? {
        Some(owner) if owner == package => return Ok(Vec::new()),
        Some(owner) if !force => {
            let message = format!("Attempt from package {package}  to take {destination} away from package {owner}");
            return Err(SystemError::refused("ucfr", message));
        }
        _ => {}
    }
    change_registry(view, &destination, Some(package))
}

/// `ucfr --purge PACKAGE DEST`.
pub fn unregister(view: &dyn View, package: &str, destination: &str, force: bool) -> Result<Vec<Write>> {
    let destination = real_destination(view, destination)?;
    match owner(view, &destination)? {
        None => Ok(Vec::new()),
        Some(owner) if owner != package && !force => {
            Err(SystemError::refused("ucfr", format!("Association belongs to {owner}, not {package}")))
        }
        Some(_) => change_registry(view, &destination, None),
    }
}

/// The package that has registered a file.
pub fn owner(view: &dyn View, destination: &str) -> Result<Option<String>> {
    let text = view.text(&format!("{STATE}/registry"))?.unwrap_or_default();
    let mut words = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    Ok(words.find(|w| w.last() == Some(&destination)).and_then(|w| w.first().map(|p| (*p).to_owned())))
}

fn change_registry(view: &dyn View, destination: &str, package: Option<&str>) -> Result<Vec<Write>> {
    let mut writes = Vec::new();
    rotate(view, "registry", &mut writes)?;
    let mut bytes = without(&view.bytes(&format!("{STATE}/registry"))?, destination);
    if let Some(package) = package {
        bytes.extend_from_slice(format!("{package} \t {destination}\n").as_bytes());
    }
    writes.push(Write::file(format!("{STATE}/registry"), bytes));
    Ok(writes)
}

/// Adds the line of a file at the end of the hash file, after the rotation.
fn note(view: &dyn View, destination: &str, sum: &str, writes: &mut Vec<Write>) -> Result<()> {
    let path = format!("{STATE}/hashfile");
    rotate(view, "hashfile", writes)?;
    let mut bytes = without(&view.bytes(&path)?, destination);
    bytes.extend_from_slice(format!("{sum}  {destination}\n").as_bytes());
    writes.push(Write::file(path, bytes));
    Ok(())
}

/// `NAME` becomes `NAME.0`, that `NAME.1`, up to `NAME.7`. `ucfr` makes an absent registry first, and ucf's package ships both.
fn rotate(view: &dyn View, name: &str, writes: &mut Vec<Write>) -> Result<()> {
    for n in (0..7).rev() {
        if let Some(bytes) = view.read(&format!("{STATE}/{name}.{n}"))? {
            writes.push(Write::file(format!("{STATE}/{name}.{}", n + 1), bytes.to_vec()));
        }
    }
    let bytes = view.read(&format!("{STATE}/{name}"))?;
    if bytes.is_some() || name == "registry" {
        writes.push(Write::file(format!("{STATE}/{name}.0"), bytes.map(|b| b.to_vec()).unwrap_or_default()));
    }
    Ok(())
}

fn without(bytes: &[u8], destination: &str) -> Vec<u8> {
    let is_it = |line: &[u8]| {
        let rest = line.trim_ascii_end().strip_suffix(destination.as_bytes());
        rest.is_some_and(|rest| rest.last().is_some_and(u8::is_ascii_whitespace))
    };
    let mut out: Vec<u8> = bytes.split_inclusive(|b| *b == b'\n').filter(|line| !is_it(line)).flatten().copied().collect();
    if !out.is_empty() && !out.ends_with(b"\n") {
        out.push(b'\n');
    }
    out
}

fn last_sum(view: &dyn View, destination: &str) -> Result<Option<String>> {
    let text = view.text(&format!("{STATE}/hashfile"))?.unwrap_or_default();
    let mut lines = text.lines().filter_map(|line| line.split_once(char::is_whitespace));
    Ok(lines.find(|(_, path)| path.trim_start() == destination).map(|(sum, _)| sum.to_owned()))
}

/// The copy of what was made last: the path with `:` for `/`.
fn cached(destination: &str) -> String {
    format!("{STATE}/cache/{}", destination.replace('/', ":"))
}

/// The destination with links of its directory followed, as both commands note it.
fn real_destination(view: &dyn View, destination: &str) -> Result<String> {
    if !destination.starts_with('/') || destination.contains(['\n', '\0']) {
        return Err(SystemError::refused(
            "ucf",
            format!("Need a fully qualified path for the file \"{}\"", destination.escape_debug()),
        ));
    }
    if let Some(Status::Symlink(_)) = view.status(destination) {
        return Ok(view.resolve(destination).unwrap_or_else(|| destination.to_owned()));
    }
    let directory = directory_of(destination);
    let real = view.resolve(directory).unwrap_or_else(|| directory.to_owned());
    Ok(format!("{}/{}", real.trim_end_matches('/'), name_of(destination)))
}

/// Whether a list of changes touches the configuration file itself.
pub fn touches(writes: &[Write], destination: &str) -> bool {
    writes.iter().any(|w| w.path == destination && matches!(w.change, Change::File(_)))
}

#[cfg(test)]
mod tests {
    use super::super::tree::Tree;
    use super::*;

    fn tree() -> Tree {
        Tree::with_files([
            ("/usr/share/a.conf", "new\n"),
            ("/var/lib/ucf/hashfile", ""),
            ("/var/lib/ucf/registry", ""),
            ("/etc/x", ""),
        ])
    }

    fn ucf(tree: &mut Tree, force: Force) {
        let words = Ucf { new: "/usr/share/a.conf".into(), destination: "/etc/a.conf".into(), force, ..Ucf::default() };
        let writes = install(tree, &words).expect("installed");
        tree.apply_all(&writes);
    }

    fn text(tree: &Tree, path: &str) -> Option<String> {
        tree.text(path).expect("bytes")
    }

    #[test]
    fn a_first_install_writes_file_sum_copy_and_registry() {
        let mut tree = tree();
        ucf(&mut tree, Force::Ask);
        let writes = register(&tree, "a", "/etc/a.conf", false).expect("registered");
        tree.apply_all(&writes);
        assert_eq!(text(&tree, "/etc/a.conf").as_deref(), Some("new\n"));
        assert_eq!(text(&tree, "/var/lib/ucf/hashfile"), Some(format!("{}  /etc/a.conf\n", md5(b"new\n"))));
        assert_eq!(text(&tree, "/var/lib/ucf/hashfile.0").as_deref(), Some(""));
        assert_eq!(text(&tree, "/var/lib/ucf/cache/:etc:a.conf").as_deref(), Some("new\n"));
        assert_eq!(text(&tree, "/var/lib/ucf/registry").as_deref(), Some("a \t /etc/a.conf\n"));
        assert_eq!(register(&tree, "a", "/etc/a.conf", false), Ok(vec![]));
        assert!(register(&tree, "b", "/etc/a.conf", false).is_err());
    }

    #[test]
    fn a_users_file_stays_unless_forced() {
        let table = [
            ("mine\n", Force::Ask, "mine\n", true),
            ("mine\n", Force::New, "newer\n", false),
            ("mine\n", Force::Old, "mine\n", true),
            ("new\n", Force::Ask, "newer\n", false),
            ("newer\n", Force::Ask, "newer\n", false),
        ];
        for (here, force, expected, beside) in table {
            let mut tree = tree();
            ucf(&mut tree, Force::Ask);
            tree.apply_all(&[Write::file("/etc/a.conf", here), Write::file("/usr/share/a.conf", "newer\n")]);
            ucf(&mut tree, force);
            assert_eq!(text(&tree, "/etc/a.conf").as_deref(), Some(expected), "{here:?} {force:?}");
            assert_eq!(tree.exists("/etc/a.conf.ucf-dist"), beside, "{here:?} {force:?}");
            assert_eq!(text(&tree, "/var/lib/ucf/hashfile"), Some(format!("{}  /etc/a.conf\n", md5(b"newer\n"))));
        }
    }

    #[test]
    fn a_removed_file_does_not_come_back() {
        let mut tree = tree();
        ucf(&mut tree, Force::Ask);
        tree.apply(&Write::remove("/etc/a.conf"));
        ucf(&mut tree, Force::Ask);
        assert!(!tree.exists("/etc/a.conf"));
        ucf(&mut tree, Force::Missing);
        assert!(tree.exists("/etc/a.conf"));
        let writes = purge(&tree, "/etc/a.conf").expect("purged");
        tree.apply_all(&writes);
        assert_eq!(text(&tree, "/var/lib/ucf/hashfile").as_deref(), Some(""));
    }
}
