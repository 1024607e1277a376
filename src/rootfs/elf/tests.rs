//! Shared objects made by hand, in both classes and byte orders.

use proptest::prelude::*;

use super::*;

/// Where the parts of a made object lie.
#[derive(Clone, Copy)]
struct Layout {
    wide: bool,
    big: bool,
    kind: u16,
    strings: u64,
    dynamic: u64,
    /// Tag of the entry that would be `DT_SONAME`.
    soname: u64,
}

const PLAIN: Layout = Layout { wide: true, big: false, kind: 3, strings: 400, dynamic: 800, soname: DT_SONAME };

/// An object with a first segment up to the dynamic section, which the second one holds, 4096 addresses further up.
fn object(layout: Layout) -> Vec<u8> {
    let Layout { wide, big, kind, strings, dynamic, soname } = layout;
    let put = |bytes: &mut Vec<u8>, value: u64, width: usize| {
        let little = value.to_le_bytes();
        let field = little[..width].iter().copied();
        if big { bytes.extend(field.rev()) } else { bytes.extend(field) }
    };
    let word = if wide { 8 } else { 4 };
    let mut bytes = vec![0x7f, b'E', b'L', b'F', if wide { 2 } else { 1 }, if big { 2 } else { 1 }, 1];
    bytes.resize(16, 0);
    put(&mut bytes, kind.into(), 2);
    put(&mut bytes, 40, 2);
    put(&mut bytes, 1, 4);
    put(&mut bytes, 0, word);
    put(&mut bytes, if wide { 64 } else { 52 }, word);
    put(&mut bytes, 0, word);
    put(&mut bytes, 0x0500_0400, 4);
    for half in [0, if wide { 56 } else { 32 }, 3, 0, 0, 0] {
        put(&mut bytes, half, 2);
    }
    let end = strings.max(dynamic) + 200;
    for (tag, offset, address, size) in [
        (PT_LOAD, 0, 0, dynamic),
        (PT_LOAD, dynamic, dynamic + 4096, end - dynamic),
        (PT_DYNAMIC, dynamic, dynamic + 4096, 4 * 2 * word as u64),
    ] {
        put(&mut bytes, tag, 4);
        if wide {
            put(&mut bytes, 0, 4);
        }
        for value in [offset, address, address, size, size] {
            put(&mut bytes, value, word);
        }
        bytes.resize(bytes.len() + 8, 0);
    }
    bytes.resize(end as usize, 0);
    let name = b"\0libmade.so.1\0";
    bytes[strings as usize..strings as usize + name.len()].copy_from_slice(name);
    let mut table = Vec::new();
    let address = if strings < dynamic { strings } else { strings + 4096 };
    for (tag, value) in [(soname, 1), (DT_STRTAB, address), (0, 0), (DT_SONAME, 5)] {
        put(&mut table, tag, word);
        put(&mut table, value, word);
    }
    bytes[dynamic as usize..dynamic as usize + table.len()].copy_from_slice(&table);
    bytes
}

fn read(bytes: &[u8]) -> Option<ElfNote> {
    elf_note(bytes, bytes.len() as u64).expect("memory can be read")
}

#[test]
fn the_soname_is_found_in_every_class_byte_order_and_layout() {
    for (wide, big) in [(true, false), (true, true), (false, false), (false, true)] {
        // Small; large with the strings in front; large with the strings behind, as patchelf moves them.
        for (strings, dynamic) in [(400, 800), (400, 3 << 20), (3 << 20, 2 << 20)] {
            let note = read(&object(Layout { wide, big, strings, dynamic, ..PLAIN })).expect("a shared object");
            assert_eq!(note.soname.as_deref(), Some(b"libmade.so.1".as_slice()), "{wide} {big} {strings}");
            assert_eq!((note.bits, note.machine, note.flags), (if wide { 64 } else { 32 }, 40, 0x0500_0400));
        }
    }
}

#[test]
fn a_shared_object_may_have_no_soname() {
    assert_eq!(read(&object(Layout { soname: 1, ..PLAIN })).expect("a shared object").soname, None);
}

#[test]
fn what_ldconfig_would_not_take_has_no_note() {
    assert_eq!(read(b""), None);
    assert_eq!(read(b"/* GNU ld script */ GROUP ( /lib/libc.so.6 )"), None);
    assert_eq!(read(&object(Layout { kind: 2, ..PLAIN })), None, "an executable");
    let whole = object(PLAIN);
    for length in [10, 60, 100, 700, 810] {
        assert_eq!(read(&whole[..length]), None, "cut to {length}");
    }
}

#[test]
fn a_first_segment_beyond_the_buffers_is_given_up() {
    let mut bytes = object(Layout { strings: 400, dynamic: 2 << 20, ..PLAIN });
    bytes[64 + 32..64 + 40].copy_from_slice(&(BUFFERS + 1).to_le_bytes());
    assert_eq!(read(&bytes), None);
}

#[test]
fn a_failed_read_is_no_missing_note() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::InvalidData.into())
        }
    }
    assert!(elf_note(Broken, 5000).is_err());
}

#[test]
fn names_are_those_that_ldconfig_looks_at() {
    let is = |text: &str| is_library_name(&EntryPath::new(text).expect("a path"));
    for name in ["usr/lib/libc.so.6", "lib/ld-linux-x86-64.so.2", "opt/libx.so"] {
        assert!(is(name), "{name}");
    }
    for name in ["usr/lib/libc.a", "usr/lib/python.so", "usr/lib/lib.so.d/x", "usr/bin/ld"] {
        assert!(!is(name), "{name}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(at in 0usize..1000, value in any::<[u8; 8]>(), wide in any::<bool>(), large in any::<bool>()) {
        let dynamic = if large { 2 << 20 } else { 800 };
        let mut bytes = object(Layout { wide, dynamic, ..PLAIN });
        bytes[at..at + 8].copy_from_slice(&value);
        let _ = read(&bytes);
    }
}
