//! `path-exclude` and `path-include` of dpkg's configuration: what a slim image leaves out.
//!
//! Invariant: the last matching line decides; patterns are fnmatch(3) without `FNM_PATHNAME`, so `*` crosses `/`.

use super::super::error::Result;
use super::super::view::View;

/// The lines in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathFilter {
    rules: Vec<(bool, Vec<u8>)>,
}

impl PathFilter {
    /// Reads `/etc/dpkg/dpkg.cfg.d/*` by name, then `/etc/dpkg/dpkg.cfg`, as dpkg does.
    pub fn of(view: &dyn View) -> Result<Self> {
        let plain = |name: &String| name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        let mut texts = Vec::new();
        for name in view.list("/etc/dpkg/dpkg.cfg.d").into_iter().filter(plain) {
            texts.extend(view.text(&format!("/etc/dpkg/dpkg.cfg.d/{name}"))?);
        }
        texts.extend(view.text("/etc/dpkg/dpkg.cfg")?);
        Ok(Self::parse(texts.iter().map(String::as_str)))
    }
    /// Reads configuration texts in their order.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let rule = |line: &str| {
            let line = line.trim();
            let (word, rest) = line.split_once(|c: char| c == '=' || c.is_whitespace())?;
            let include = match word {
                "path-include" => true,
                "path-exclude" => false,
                _ => return None,
            };
            let pattern = rest.trim_start_matches(|c: char| c == '=' || c.is_whitespace()).trim_matches(['"', '\'']);
            Some((include, pattern.as_bytes().to_vec()))
        };
        Self { rules: texts.into_iter().flat_map(str::lines).filter_map(rule).collect() }
    }
    /// Whether one fnmatch pattern matches a text.
    pub fn pattern_matches(pattern: &str, text: &str) -> bool {
        matches(pattern.as_bytes(), text.as_bytes())
    }
    /// Whether nothing is filtered.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }
    /// Whether a shipped path (with leading `/`, without a trailing one) is left out. `keeps_parents`: it is a directory or a symbolic
    /// link, which stays where a `path-include` may match something below.
    pub fn excludes(&self, path: &[u8], keeps_parents: bool) -> bool {
        let included = self.rules.iter().rev().find(|(_, pattern)| matches(pattern, path)).is_none_or(|(include, _)| *include);
        if included {
            return false;
        }
        let may_hold = |pattern: &[u8]| {
            let fixed = pattern.iter().position(|b| matches!(b, b'*' | b'?' | b'[' | b'\\')).unwrap_or(pattern.len());
            let mut prefix = &pattern[..fixed];
            while let Some(shorter) = prefix.strip_suffix(b"/") {
                prefix = shorter;
            }
            path.starts_with(prefix)
        };
        !(keeps_parents && self.rules.iter().any(|(include, pattern)| *include && may_hold(pattern)))
    }
}

/// fnmatch(3) with flags 0, in time linear in pattern times text.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        let step = match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
                continue;
            }
            Some(b'?') => Some(p + 1),
            Some(b'[') => {
                bracket(&pattern[p..], text[t]).map_or_else(|| (text[t] == b'[').then_some(p + 1), |(hit, n)| hit.then_some(p + n))
            }
            Some(b'\\') if pattern.get(p + 1) == Some(&text[t]) => Some(p + 2),
            Some(b'\\') => None,
            Some(c) => (*c == text[t]).then_some(p + 1),
            None => None,
        };
        match (step, star) {
            (Some(next), _) => (p, t) = (next, t + 1),
            (None, Some((at, from))) => {
                star = Some((at, from + 1));
                (p, t) = (at + 1, from + 1);
            }
            (None, None) => return false,
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

/// A bracket expression at the start of `pattern`: whether it holds `c`, and its length; nothing if it is not closed.
fn bracket(pattern: &[u8], c: u8) -> Option<(bool, usize)> {
    let mut at = 1;
    let negated = matches!(pattern.get(at), Some(b'!' | b'^'));
    at += usize::from(negated);
    let first = at;
    let mut hit = false;
    loop {
        match pattern.get(at)? {
            b']' if at > first => return Some((hit != negated, at + 1)),
            low => {
                let high = (pattern.get(at + 1) == Some(&b'-')).then(|| pattern.get(at + 2)).flatten().filter(|h| **h != b']');
                hit |= (*low..=*high.unwrap_or(low)).contains(&c);
                at += if high.is_some() { 3 } else { 1 };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slim_images_keep_copyrights_and_the_directories_that_may_hold_them() {
        let text = "# docker\npath-exclude /usr/share/doc/*\npath-exclude=/usr/share/man/*\nforce-unsafe-io\npath-include /usr/share/doc/*/copyright\n";
        let filter = PathFilter::parse([text]);
        let table: [(&str, bool, bool); 7] = [
            ("/usr/share/doc/a/README", false, true),
            ("/usr/share/doc/a/copyright", false, false),
            ("/usr/share/doc/a/b/copyright", false, false),
            ("/usr/share/doc/a/api", true, false),
            ("/usr/share/man/man1", true, true),
            ("/usr/share/man", true, false),
            ("/usr/bin/a", false, false),
        ];
        for (path, directory, excluded) in table {
            assert_eq!(filter.excludes(path.as_bytes(), directory), excluded, "{path}");
        }
        assert!(!PathFilter::default().excludes(b"/usr/share/doc/x", false));
    }

    #[test]
    fn patterns_match_as_fnmatch_does() {
        let table = [
            ("/a/*", "/a/b/c", true),
            ("/a/*/c", "/a/b/b/c", true),
            ("/a/?", "/a/b", true),
            ("/a/[b-d]x", "/a/cx", true),
            ("/a/[!b]x", "/a/bx", false),
            ("/a/[b", "/a/[b", true),
            ("/a/\\*", "/a/*", true),
            ("/a/\\*", "/a/b", false),
            ("*.emf", "/x/y.emf", true),
            ("/a", "/a/b", false),
        ];
        for (pattern, text, hit) in table {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), hit, "{pattern} {text}");
        }
    }
}
