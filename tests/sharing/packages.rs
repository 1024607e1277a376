//! The packages: what a base has of them, and what the archive brings.
//!
//! Every ply has a path below `lib/`, so that an unmerged `/usr` moves something in each.

use crate::deb::Deb;
use crate::elf::library;

/// Bytes that do not compress to nothing, from a fixed generator.
pub(crate) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

/// A certificate's file, as far as bundles are concerned; `size` in bytes.
pub(crate) fn certificate(name: &str, size: usize) -> String {
    let line = format!("{:0<63}\n", name.to_uppercase());
    format!("-----BEGIN CERTIFICATE-----\n{}-----END CERTIFICATE-----\n", line.repeat(size / 64))
}

/// What is installed in the bases.
pub(crate) fn installed() -> Vec<Deb> {
    vec![
        Deb::new("adduser", "3.134").field("Architecture: all"),
        Deb::new("libc-bin", "2.36-9")
            .field("Essential: yes")
            .control("triggers", "interest-noawait ldconfig\n")
            .script("postinst", "if [ \"$1\" = triggered ]; then\n    ldconfig\nfi"),
        Deb::new("indexer", "1.0")
            .control("triggers", "interest-noawait /usr/share/indexed\n")
            .script("postinst", "if [ \"$1\" = triggered ]; then\n    cat /usr/share/indexed/* > /var/lib/indexer/all\nfi")
            .directory("usr/share/indexed", 0o755)
            .directory("var/lib/indexer", 0o755),
        Deb::new("old", "1.0").file("usr/share/old/kept", 0o644, "1.0\n").file("usr/share/old/gone/vanished", 0o644, "1.0\n"),
        Deb::new("conf", "1.0")
            .control("conffiles", "/etc/conf/followed\n/etc/conf/kept\n")
            .file("etc/conf/followed", 0o644, "shipped 1.0\n")
            .file("etc/conf/kept", 0o644, "shipped\n"),
        Deb::new("keeper", "1.0").file("usr/share/keeper/own", 0o644, "keeper\n").file("usr/share/keeper/taken", 0o644, "keeper\n"),
    ]
}

/// What the archive has.
pub(crate) fn archive() -> Vec<Deb> {
    vec![spool(), old(), conf(), taker(), editor(), shared_library(), certs(), local()]
}

/// Files and a directory of a group that its own script makes.
fn spool() -> Deb {
    Deb::new("spool", "1.0")
        .field("Pre-Depends: adduser")
        .field("Depends: old (>= 2.0)")
        .script("preinst", "addgroup --system --quiet spool")
        .file_of("usr/bin/spool-large", 0o2755, ("spool", 42), noise(40 << 10, 1))
        .file_of("usr/bin/spool-small", 0o2755, ("spool", 42), "small\n")
        .file("usr/bin/spool-changed", 0o755, "changed\n")
        .file("lib/spool/helper", 0o755, "helper\n")
        .file("usr/share/doc/spool/copyright", 0o644, "free\n")
        .directory("var/spool/probe", 0o755)
        .file("var/spool/probe/README", 0o644, "queue\n")
        .script(
            "postinst",
            "chgrp spool /usr/bin/spool-changed /var/spool/probe\nchmod 2755 /usr/bin/spool-changed\nchmod 2775 /var/spool/probe",
        )
}

fn old() -> Deb {
    Deb::new("old", "2.0").file("usr/share/old/kept", 0o644, "2.0\n").file("usr/share/old/new", 0o644, "2.0\n")
}

fn conf() -> Deb {
    Deb::new("conf", "2.0")
        .control("conffiles", "/etc/conf/followed\n/etc/conf/kept\n/etc/conf/fresh\n")
        .file("etc/conf/followed", 0o644, "shipped 2.0\n")
        .file("etc/conf/kept", 0o644, "shipped\n")
        .file("etc/conf/fresh", 0o640, "shipped 2.0\n")
}

fn taker() -> Deb {
    Deb::new("taker", "1.0").field("Replaces: keeper (<< 2)").file("usr/share/keeper/taken", 0o644, "taker\n").file(
        "usr/share/doc/taker/copyright",
        0o644,
        "free\n",
    )
}

fn editor() -> Deb {
    Deb::new("editor", "1.0")
        .file("usr/bin/edit.probe", 0o755, "edit\n")
        .script("postinst", "update-alternatives --install /usr/bin/edit edit /usr/bin/edit.probe 50")
}

fn shared_library() -> Deb {
    Deb::new("libprobe1", "1.0")
        .control("triggers", "activate-noawait ldconfig\n")
        .file("usr/lib/x86_64-linux-gnu/libprobe.so.1.2", 0o644, library("libprobe.so.1"))
        .symlink("usr/lib/x86_64-linux-gnu/libprobe.so.1", "libprobe.so.1.2")
        .file("lib/probe/plugin", 0o644, "plugin\n")
        .file("usr/share/indexed/probe", 0o644, "probe\n")
}

fn certs() -> Deb {
    Deb::new("certs", "1.0")
        .field("Architecture: all")
        .file("usr/sbin/update-ca-certificates", 0o755, "#!/bin/sh\n")
        .file("usr/share/ca-certificates/probe/one.crt", 0o644, certificate("one", 30 << 10))
        .file("usr/share/ca-certificates/probe/two.crt", 0o644, certificate("two", 30 << 10))
        .directory("etc/ssl/certs", 0o755)
        .script("postinst", "printf 'probe/one.crt\\nprobe/two.crt\\n' > /etc/ca-certificates.conf\nupdate-ca-certificates")
}

fn local() -> Deb {
    Deb::new("local", "1.0")
        .file("usr/local/share/local/text", 0o644, "local\n")
        .file("usr/share/indexed/local", 0o644, "local\n")
        .file("lib/local/helper", 0o755, "helper\n")
}

/// Ships a file of `keeper` without saying so. Not in the archive of the golden digests.
pub(crate) fn thief() -> Deb {
    Deb::new("thief", "1.0").file("usr/share/keeper/own", 0o644, "thief\n")
}
