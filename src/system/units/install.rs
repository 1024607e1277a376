//! The `[Install]` section of a unit and the links that it asks for.
//!
//! Invariant: units that name each other in `Also=` end: none is visited twice on one way, and all visits are counted.

use super::super::error::{Result, SystemError};
use super::super::view::{View, Write, name_of};
use super::Search;

/// More units than any unit leads to.
const MAX_VISITS: usize = 256;
/// More links than any unit asks for.
const MAX_LINKS: usize = 4096;

/// A link that enabling makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where it stands, below `/etc/systemd`.
    pub at: String,
    /// The unit file that it points to.
    pub to: String,
}

/// The links of a unit in the order of `deb-systemd-helper`: in file order those of `Also=` (recursively) and `Alias=`, then
/// `WantedBy=` and `RequiredBy=`.
pub fn link_closure(view: &dyn View, search: Search, unit: &str) -> Result<Vec<Link>> {
    let mut closure = Closure { view, search, links: Vec::new(), visits: 0 };
    closure.visit(unit, Vec::new())?;
    Ok(closure.links)
}

struct Closure<'a> {
    view: &'a dyn View,
    search: Search,
    links: Vec<Link>,
    visits: usize,
}

impl Closure<'_> {
    /// `above`: what `Also=` has led to on the way here. As in the helper, it does not hold the first unit, which may so be
    /// visited once more, and a link may be listed twice.
    fn visit(&mut self, unit: &str, mut above: Vec<String>) -> Result<()> {
        let not_there = || SystemError::refused("deb-systemd-helper", format!("unable to read {unit}"));
        let path = self.search.find(self.view, unit).ok_or_else(not_there)?;
        let name = name_of(&path).to_owned();
        self.visits += 1;
        if self.visits > MAX_VISITS {
            return Err(SystemError::malformed(path, "asks for too many other units"));
        }
        let directory = self.search.instance.directory();
        let text = self.view.text(&path)?.unwrap_or_default();
        let (mut wanted_by, mut instance) = (Vec::new(), None);
        for (key, value) in install_lines(&text) {
            for word in value.split_whitespace().map(unquoted).filter(|word| is_unit_name(word)) {
                match key.as_str() {
                    "wantedby" => wanted_by.push(format!("{directory}/{word}.wants")),
                    "requiredby" => wanted_by.push(format!("{directory}/{word}.requires")),
                    "also" if word != name && !above.iter().any(|unit| unit == word) => {
                        above.push(word.to_owned());
                        self.visit(word, above.clone())?;
                    }
                    "alias" if word != name => self.push(format!("{directory}/{word}"), &path)?,
                    "defaultinstance" => instance = Some(word.to_owned()),
                    _ => {}
                }
            }
        }
        let target = match (&instance, name.split_once('@')) {
            (Some(instance), Some((before, after))) if after.starts_with('.') => format!("{before}@{instance}{after}"),
            _ => name,
        };
        for directory in wanted_by {
            self.push(format!("{directory}/{target}"), &path)?;
        }
        Ok(())
    }
    fn push(&mut self, at: String, to: &str) -> Result<()> {
        if self.links.len() >= MAX_LINKS {
            return Err(SystemError::malformed(to, "asks for too many links"));
        }
        self.links.push(Link { at, to: to.into() });
        Ok(())
    }
}

/// `systemctl enable`: the links that are missing. A template without `DefaultInstance` is enabled only as an instance, as
/// which `unit` may name it.
pub fn enable(view: &dyn View, search: Search, unit: &str) -> Result<Vec<Write>> {
    if search.is_masked(view, unit) {
        return Err(SystemError::refused("systemctl", format!("Failed to enable unit: Unit file {unit} is masked.")));
    }
    let mut writes: Vec<Write> = Vec::new();
    for link in links_of(view, search, unit)?.into_iter().filter(|link| view.status(&link.at).is_none()) {
        let write = Write::symlink(link.at, link.to);
        if !writes.contains(&write) {
            writes.push(write);
        }
    }
    Ok(writes)
}

/// `systemctl disable`: the links that are there go.
pub fn disable(view: &dyn View, search: Search, unit: &str) -> Result<Vec<Write>> {
    let links = links_of(view, search, unit)?;
    Ok(links.into_iter().filter(|link| view.is_symlink(&link.at)).map(|link| Write::remove(link.at)).collect())
}

fn links_of(view: &dyn View, search: Search, unit: &str) -> Result<Vec<Link>> {
    let unit = if unit.contains('.') { unit.to_owned() } else { format!("{unit}.service") };
    let missing = || SystemError::refused("systemctl", format!("Failed to enable unit: Unit file {unit} does not exist."));
    if search.find(view, &unit).is_some() {
        let links = link_closure(view, search, &unit)?;
        // A template itself cannot be wanted by anything; only its default instance can.
        return Ok(links.into_iter().filter(|link| !is_template(&link.at)).collect());
    }
    let (before, after) = unit.split_once('@').ok_or_else(missing)?;
    let suffix = after.rfind('.').map(|dot| &after[dot..]).ok_or_else(missing)?;
    let template = format!("{before}@{suffix}");
    search.find(view, &template).ok_or_else(missing)?;
    let mut links = link_closure(view, search, &template)?;
    for link in links.iter_mut().filter(|link| name_of(&link.to) == template) {
        if let Some(slash) = link.at.rfind('/') {
            link.at = format!("{}/{unit}", &link.at[..slash]);
        }
    }
    Ok(links)
}

fn is_template(path: &str) -> bool {
    name_of(path).split_once('@').is_some_and(|(_, after)| after.starts_with('.'))
}

/// Lower-case keys with their values, of all sections, as the helper reads them.
fn install_lines(text: &str) -> impl Iterator<Item = (String, &str)> {
    text.lines().filter_map(|line| {
        let (key, value) = line.trim_start().split_once('=')?;
        Some((key.to_ascii_lowercase(), value))
    })
}

fn unquoted(word: &str) -> &str {
    ['"', '\''].iter().find_map(|q| word.strip_prefix(*q)?.strip_suffix(*q)).unwrap_or(word)
}

/// A name that can stand as one component of a path.
fn is_unit_name(word: &str) -> bool {
    !word.is_empty() && word.len() < 256 && word != "." && word != ".." && !word.contains(['/', '\0'])
}
