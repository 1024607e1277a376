//! `update-ca-certificates`: the bundle of trusted certificates and the hash links that OpenSSL looks for.
//!
//! Invariant: what is trusted is what `/etc/ca-certificates.conf` names and what lies in `/usr/local/share/ca-certificates`;
//! DER is read with bounds on every length and depth, and a file that is no certificate is left out of the links only.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

use super::error::{Result, SystemError};
use super::view::{Status, View, Write, name_of};

const CONF: &str = "/etc/ca-certificates.conf";
const SHARED: &str = "/usr/share/ca-certificates";
const LOCAL: &str = "/usr/local/share/ca-certificates";
const CERTS: &str = "/etc/ssl/certs";
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Folders of local certificates nest this deep at most.
const MAX_DEPTH: usize = 16;
/// As many certificates may share a hash; OpenSSL itself counts on without bound.
const MAX_COLLISIONS: usize = 256;

/// What `update-ca-certificates` does; `fresh` (`--fresh`) drops all links first.
pub fn update(view: &dyn View, fresh: bool) -> Result<Vec<Write>> {
    let mut run = Run { view, writes: Vec::new(), bundle: Vec::new(), links: Vec::new() };
    let conf = view.text(CONF)?.unwrap_or_default();
    let mut removed: Vec<String> = Vec::new();
    for line in conf.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('!') {
            Some(deselected) => removed.push(pem_name(deselected)),
            None => run.add(&format!("{SHARED}/{line}"))?,
        }
    }
    for path in local(view, LOCAL, 0)? {
        run.add(&path)?;
    }
    let kept: Vec<String> = run.links.iter().map(|(name, _)| name.clone()).collect();
    for name in view.list(CERTS) {
        let Some(Status::Symlink(target)) = view.status(&format!("{CERTS}/{name}")) else { continue };
        let pem = name.ends_with(".pem");
        let ours = pem && (target.starts_with(SHARED) || target.starts_with(LOCAL));
        let gone = pem && !kept.contains(&name) && (removed.contains(&name) || fresh || (ours && !view.exists(&target)));
        if gone || is_hash_link(&name) {
            run.writes.push(Write::remove(format!("{CERTS}/{name}")));
        }
    }
    run.hash_links(&kept)?;
    run.writes.push(Write::file(BUNDLE, run.bundle));
    Ok(run.writes)
}

struct Run<'a> {
    view: &'a dyn View,
    writes: Vec<Write>,
    bundle: Vec<u8>,
    /// Names of the links in `/etc/ssl/certs` and what they point to.
    links: Vec<(String, String)>,
}

impl Run<'_> {
    /// Adds one certificate to the bundle and a link to it; a file that is absent is only warned about by the command.
    fn add(&mut self, path: &str) -> Result<()> {
        let Some(bytes) = self.view.read(path)? else { return Ok(()) };
        let name = pem_name(path);
        let link = format!("{CERTS}/{name}");
        if self.view.status(&link) != Some(Status::Symlink(path.to_owned())) {
            self.writes.push(Write::symlink(link, path));
        }
        self.links.push((name, path.to_owned()));
        self.bundle.extend_from_slice(&bytes);
        if !self.bundle.ends_with(b"\n") {
            self.bundle.push(b'\n');
        }
        Ok(())
    }
    /// The links of `openssl rehash`, for every certificate in the directory, others' own files included.
    fn hash_links(&mut self, ours: &[String]) -> Result<()> {
        let is_certificate =
            |name: &String| [".pem", ".crt", ".cer"].iter().any(|end| name.ends_with(end)) && name != name_of(BUNDLE);
        let gone = |name: &String| self.writes.iter().any(|w| w == &Write::remove(format!("{CERTS}/{name}")));
        let mut names: Vec<String> = self.view.list(CERTS).into_iter().filter(|n| is_certificate(n) && !gone(n)).collect();
        names.extend(ours.iter().cloned());
        names.sort_unstable();
        names.dedup();
        let mut taken = std::collections::BTreeMap::<String, usize>::new();
        for name in names {
            let path =
                self.links.iter().find(|(link, _)| *link == name).map_or_else(|| format!("{CERTS}/{name}"), |(_, p)| p.clone());
            let Some(hash) = self.view.read(&path)?.and_then(|bytes| subject_hash(&bytes)) else { continue };
            let count = taken.entry(hash.clone()).or_default();
            if *count >= MAX_COLLISIONS {
                return Err(SystemError::malformed(CERTS, "too many certificates have one subject"));
            }
            self.writes.push(Write::symlink(format!("{CERTS}/{hash}.{count}"), name));
            *count += 1;
        }
        Ok(())
    }
}

/// The `.crt` files below a directory, folders sorted with files, as `find | sort` gives them.
fn local(view: &dyn View, directory: &str, depth: usize) -> Result<Vec<String>> {
    if depth > MAX_DEPTH {
        return Err(SystemError::malformed(directory, "nested too deeply"));
    }
    let mut found = Vec::new();
    for name in view.list(directory) {
        let path = format!("{directory}/{name}");
        if view.status(&path) == Some(Status::Directory) {
            found.extend(local(view, &path, depth + 1)?);
        } else if name.ends_with(".crt") && view.is_file(&path) {
            found.push(path);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The link's name for a certificate's path.
fn pem_name(path: &str) -> String {
    let base = name_of(path);
    let base = base.strip_suffix(".crt").unwrap_or(base);
    base.replace(' ', "_").replace(['(', ')'], "=").replace(',', "_") + ".pem"
}

fn is_hash_link(name: &str) -> bool {
    name.split_once('.').is_some_and(|(hash, count)| {
        hash.len() == 8
            && hash.bytes().all(|b| b.is_ascii_hexdigit())
            && !count.is_empty()
            && count.bytes().all(|b| b.is_ascii_digit())
    })
}

/// The DER of a file's first certificate; `None` if there is none.
pub fn certificate(pem: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(pem);
    let labels = [("-----BEGIN CERTIFICATE-----", "-----END"), ("-----BEGIN TRUSTED CERTIFICATE-----", "-----END")];
    let body = labels.iter().find_map(|(begin, end)| text.split_once(begin)?.1.split_once(end).map(|(body, _)| body))?;
    STANDARD.decode(body.split_whitespace().collect::<String>()).ok()
}

/// OpenSSL's hash of the subject of a file's first certificate; `None` if there is none.
pub fn subject_hash(pem: &[u8]) -> Option<String> {
    let der = certificate(pem)?;
    let digest = Sha1::digest(canonical_name(subject(&der)?)?);
    let first = digest.first_chunk::<4>()?;
    Some(format!("{:08x}", u32::from_le_bytes(*first)))
}

/// One value of DER: tag, content, the whole of it, and what follows.
struct Value<'a> {
    tag: u8,
    content: &'a [u8],
    whole: &'a [u8],
    rest: &'a [u8],
}

fn value(bytes: &[u8]) -> Option<Value<'_>> {
    let (&tag, after) = bytes.split_first()?;
    let (&first, mut after) = after.split_first()?;
    let mut length = usize::from(first);
    if first & 0x80 != 0 {
        let count = usize::from(first & 0x7f);
        if count == 0 || count > 4 {
            return None;
        }
        let (digits, more) = after.split_at_checked(count)?;
        length = digits.iter().fold(0, |n, d| n << 8 | usize::from(*d));
        after = more;
    }
    let (content, rest) = after.split_at_checked(length)?;
    let whole = &bytes[..bytes.len() - rest.len()];
    Some(Value { tag, content, whole, rest })
}

/// The content of the subject's name in a certificate.
fn subject(der: &[u8]) -> Option<&[u8]> {
    let mut fields = value(value(der)?.content)?.content;
    let first = value(fields)?;
    if first.tag == 0xa0 {
        fields = first.rest;
    }
    // Serial number, signature algorithm, issuer, validity.
    for _ in 0..4 {
        fields = value(fields)?.rest;
    }
    Some(value(fields)?.content)
}

/// `X509_NAME`'s canonical form: the sets of attributes, strings folded.
fn canonical_name(mut name: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    while !name.is_empty() {
        let set = value(name)?;
        name = set.rest;
        let mut attributes = Vec::new();
        let mut rest = set.content;
        while !rest.is_empty() {
            let sequence = value(rest)?;
            rest = sequence.rest;
            let kind = value(sequence.content)?;
            let mut attribute = kind.whole.to_vec();
            attribute.extend(canonical_value(&value(kind.rest)?));
            attributes.push(encoded(0x30, &attribute));
        }
        attributes.sort_unstable();
        out.extend(encoded(0x31, &attributes.concat()));
    }
    Some(out)
}

fn canonical_value(value: &Value<'_>) -> Vec<u8> {
    const UTF8: u8 = 12;
    const BMP: u8 = 30;
    const UNIVERSAL: u8 = 28;
    let text: String = match value.tag {
        UTF8 => String::from_utf8_lossy(value.content).into_owned(),
        BMP => value.content.chunks_exact(2).filter_map(|c| char::from_u32(u32::from(u16::from_be_bytes([c[0], c[1]])))).collect(),
        UNIVERSAL => {
            value.content.chunks_exact(4).filter_map(|c| char::from_u32(u32::from_be_bytes([c[0], c[1], c[2], c[3]]))).collect()
        }
        // PrintableString, T61String, IA5String, VisibleString: a byte is a character.
        19 | 20 | 22 | 26 => value.content.iter().copied().map(char::from).collect(),
        _ => return value.whole.to_vec(),
    };
    let blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r');
    let folded = text.split(blank).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    encoded(UTF8, folded.as_bytes())
}

fn encoded(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    if content.len() < 128 {
        out.push(content.len() as u8);
    } else {
        let digits = content.len().to_be_bytes();
        let significant = &digits[digits.iter().position(|d| *d != 0).unwrap_or(digits.len())..];
        out.push(0x80 | significant.len() as u8);
        out.extend_from_slice(significant);
    }
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tree::Tree;
    use super::*;

    /// A certificate's frame with this subject, unsigned.
    fn certificate(attributes: &[(u8, &str)]) -> String {
        let set = |(tag, text): &(u8, &str)| {
            encoded(0x31, &encoded(0x30, &[encoded(6, &[0x55, 4, 3]), encoded(*tag, text.as_bytes())].concat()))
        };
        let name = encoded(0x30, &attributes.iter().flat_map(set).collect::<Vec<u8>>());
        let empty = encoded(0x30, &[]);
        let body = [encoded(0xa0, &encoded(2, &[2])), encoded(2, &[1]), empty.clone(), empty.clone(), empty, name].concat();
        let der = encoded(0x30, &encoded(0x30, &body));
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----", STANDARD.encode(der))
    }

    #[test]
    fn blanks_case_and_string_type_do_not_change_the_hash() {
        let hash = |attributes| subject_hash(certificate(attributes).as_bytes());
        let one = hash(&[(19, " My  Root CA ")]);
        assert!(one.is_some());
        assert_eq!(one, hash(&[(12, "my root\tca")]));
        assert_ne!(one, hash(&[(12, "my rootca")]));
        assert_eq!(subject_hash(b"nothing"), None);
    }

    #[test]
    fn the_bundle_follows_the_conf_and_then_the_local_ones() {
        let mut tree = Tree::with_files([
            (CONF, "# c\nmozilla/B_(x),y z.crt\n!mozilla/off.crt\nmozilla/absent.crt\n"),
            ("/usr/share/ca-certificates/mozilla/B_(x),y z.crt", certificate(&[(19, "b")]).as_str()),
            ("/usr/share/ca-certificates/mozilla/off.crt", certificate(&[(19, "off")]).as_str()),
            ("/usr/local/share/ca-certificates/own/a.crt", certificate(&[(12, "B")]).as_str()),
            ("/usr/local/share/ca-certificates/note.txt", ""),
        ]);
        tree.apply(&Write::symlink("/etc/ssl/certs/off.pem", "/usr/share/ca-certificates/mozilla/off.crt"));
        let writes = update(&tree, false).expect("updated");
        tree.apply_all(&writes);
        let names = tree.list(CERTS);
        assert_eq!(
            names.iter().filter(|n| !is_hash_link(n)).collect::<Vec<_>>(),
            ["B_=x=_y_z.pem", "a.pem", "ca-certificates.crt"]
        );
        let bundle = tree.text(BUNDLE).expect("bytes").unwrap_or_default();
        assert_eq!(bundle, certificate(&[(19, "b")]) + "\n" + &certificate(&[(12, "B")]) + "\n");
        let hash = subject_hash(bundle.as_bytes()).expect("a hash");
        assert_eq!(tree.status(&format!("{CERTS}/{hash}.1")), Some(Status::Symlink("a.pem".into())));
        let again = update(&tree, false).expect("updated");
        let before = tree.clone();
        tree.apply_all(&again);
        assert_eq!(tree, before);
    }

    proptest! {
        #[test]
        fn hostile_der_is_only_read(der in proptest::collection::vec(any::<u8>(), 0..120)) {
            let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END", STANDARD.encode(&der));
            let _ = subject_hash(pem.as_bytes());
            let _ = canonical_name(&der);
        }
    }
}
