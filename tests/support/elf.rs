//! The smallest shared object that the loader's cache would name: one segment, a dynamic section with a soname.

/// An object for x86-64 (System V ABI, ELF-64, little endian).
pub(crate) fn library(soname: &str) -> Vec<u8> {
    const HEADERS: u64 = 64 + 2 * 56;
    const DYNAMIC: u64 = 3 * 16;
    let strings = HEADERS + DYNAMIC;
    let end = strings + soname.len() as u64 + 2;
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(16, 0);
    let words = |bytes: &mut Vec<u8>, width: usize, values: &[u64]| {
        for value in values {
            bytes.extend(&value.to_le_bytes()[..width]);
        }
    };
    // Type, machine; version; entry, program headers, section headers; flags; sizes and counts.
    words(&mut bytes, 2, &[3, 62]);
    words(&mut bytes, 4, &[1]);
    words(&mut bytes, 8, &[0, 64, 0]);
    words(&mut bytes, 4, &[0]);
    words(&mut bytes, 2, &[64, 56, 2, 0, 0, 0]);
    for (kind, offset, size) in [(1, 0, end), (2, HEADERS, DYNAMIC)] {
        words(&mut bytes, 4, &[kind, 4]);
        words(&mut bytes, 8, &[offset, offset, offset, size, size, 8]);
    }
    // DT_STRTAB, DT_SONAME at 1, DT_NULL.
    words(&mut bytes, 8, &[5, strings, 14, 1, 0, 0]);
    bytes.push(0);
    bytes.extend(soname.bytes());
    bytes.push(0);
    bytes
}
