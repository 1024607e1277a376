//! Programs of the base that make way for a wrapper (`[[divert]]`): a package that is asked for has brought them already.
//!
//! Invariant: only what a recipe or flag asks for by name is touched, and nothing where the reason to divert is gone: a path of
//! `unless`, or a diversion that stands. What a package of this build brings is diverted by dpkg's steps.

use crate::error::Result;
use crate::layer::root::{Author, VirtualRoot};
use crate::recipe::{Divert, Resolved};
use crate::system::dpkg::{Diversion, Diversions, PathFilter};

const DIVERSIONS: &str = "/var/lib/dpkg/diversions";
const INFO: &str = "/var/lib/dpkg/info";

/// The programs of the base that a plan moves, each with the unit that says so. Their bytes must be at hand by then.
pub fn moved<'a>(root: &VirtualRoot, resolved: &'a Resolved) -> Vec<(usize, &'a Divert)> {
    let standing = root.read(DIVERSIONS.as_bytes()).ok().and_then(|(bytes, _)| Diversions::parse(&bytes).ok());
    let stands = |divert: &Divert| standing.as_ref().is_some_and(|all| all.of(&path_of(divert)).is_some());
    let units = resolved.units.iter().enumerate();
    let diverts = units.flat_map(|(number, unit)| unit.diverts.iter().map(move |divert| (number, divert)));
    let is_wanted = |(_, divert): &(usize, &Divert)| {
        let kept = divert.unless.as_ref().is_some_and(|glob| has(root, glob));
        !kept
            && !stands(divert)
            && root.stat(&divert.path.absolute()).is_ok_and(|now| now.is_file())
            && is_asked(root, resolved, divert)
    };
    diverts.filter(is_wanted).collect()
}

/// Moves them, and puts the wrappers in their place.
pub(super) fn divert(root: &mut VirtualRoot, resolved: &Resolved) -> Result<()> {
    for (unit, divert) in moved(root, resolved) {
        let (from, to) = (path_of(divert), String::from_utf8_lossy(&divert.to.absolute()).into_owned());
        let old = if root.exists(DIVERSIONS.as_bytes()) { root.read(DIVERSIONS.as_bytes())?.0.to_vec() } else { Vec::new() };
        let mut diversions = Diversions::parse(&old)?;
        diversions.add(Diversion { from: from.clone(), to: to.clone(), package: None })?;
        root.set_author(Author::Dpkg);
        root.write(DIVERSIONS.as_bytes(), diversions.bytes(), true, 0o644)?;
        root.set_author(Author::Recipe(unit));
        root.mkdir_p(to.rsplit_once('/').map_or("/", |(above, _)| above).as_bytes(), 0o755)?;
        root.rename(from.as_bytes(), to.as_bytes())?;
        root.write(from.as_bytes(), divert.content.clone(), false, 0o755)?;
    }
    Ok(())
}

fn path_of(divert: &Divert) -> String {
    String::from_utf8_lossy(&divert.path.absolute()).into_owned()
}

/// Whether the base has a path that matches the last component's glob.
pub(super) fn has(root: &VirtualRoot, glob: &str) -> bool {
    let (folder, pattern) = glob.rsplit_once('/').unwrap_or(("", glob));
    let names = root.read_dir(if folder.is_empty() { b"/" } else { folder.as_bytes() }).unwrap_or_default();
    names.iter().any(|name| PathFilter::pattern_matches(pattern, &String::from_utf8_lossy(name)))
}

/// Whether a package that some unit names has brought the program.
fn is_asked(root: &VirtualRoot, resolved: &Resolved, divert: &Divert) -> bool {
    let words = resolved.units.iter().flat_map(|unit| &unit.packages.arguments);
    let names: Vec<&str> = words.map(|word| word.split(['=', '/', ':']).next().unwrap_or(word)).collect();
    let path = divert.path.absolute();
    let lists = root.read_dir(INFO.as_bytes()).unwrap_or_default();
    let brings = |file: &Vec<u8>| {
        let name = std::str::from_utf8(file).ok().and_then(|file| file.strip_suffix(".list")).unwrap_or_default();
        names.contains(&name.split(':').next().unwrap_or(name))
            && root
                .read(&[INFO.as_bytes(), b"/", file].concat())
                .is_ok_and(|(bytes, _)| bytes.split(|b| *b == b'\n').any(|line| line == path))
    };
    !names.is_empty() && lists.iter().any(brings)
}
