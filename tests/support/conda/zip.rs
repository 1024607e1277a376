//! Zip archives of stored members, and every way in which one can lie about itself.
//!
//! Invariant: [`write`] of members made by [`Member::new`] is a plain archive that any reader takes.

/// A member, and what the archive says of it.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: Vec<u8>,
    /// The bytes after the local header.
    pub(crate) bytes: Vec<u8>,
    /// 0 is stored, 8 deflated.
    pub(crate) method: u16,
    /// Bit 3 says that sizes follow the bytes.
    pub(crate) flags: u16,
    /// Sizes that the local header states: with the compression, without it.
    pub(crate) local: (u32, u32),
    /// Those that the central directory states.
    pub(crate) central: (u32, u32),
    /// CRC-32 that both state.
    pub(crate) crc: u32,
    /// Where the central directory says that the local header is; else where it is.
    pub(crate) offset: Option<u32>,
    /// Name in the local header, if it is another one.
    pub(crate) local_name: Option<Vec<u8>>,
    /// Extra field of both headers.
    pub(crate) extra: Vec<u8>,
}

impl Member {
    pub(crate) fn new(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        let size = u32::try_from(bytes.len()).expect("below 4 GiB");
        let mut crc = flate2::Crc::new();
        crc.update(&bytes);
        Self {
            name: name.into(),
            bytes,
            method: 0,
            flags: 0,
            local: (size, size),
            central: (size, size),
            crc: crc.sum(),
            offset: None,
            local_name: None,
            extra: Vec::new(),
        }
    }
}

fn short(out: &mut Vec<u8>, values: &[u16]) {
    for value in values {
        out.extend(value.to_le_bytes());
    }
}

fn long(out: &mut Vec<u8>, values: &[u32]) {
    for value in values {
        out.extend(value.to_le_bytes());
    }
}

/// Date and time of 1 January 1980.
const TIME: [u16; 2] = [0, 0x21];

/// The archive, with a comment at its end.
pub(crate) fn write_with(members: &[Member], comment: &[u8]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for member in members {
        let at = u32::try_from(out.len()).expect("below 4 GiB");
        let name = member.local_name.as_ref().unwrap_or(&member.name);
        out.extend(b"PK\x03\x04");
        short(&mut out, &[20, member.flags, member.method, TIME[0], TIME[1]]);
        let streamed = member.flags & 8 != 0;
        let (crc, local) = if streamed { (0, (0, 0)) } else { (member.crc, member.local) };
        long(&mut out, &[crc, local.0, local.1]);
        short(&mut out, &[name.len() as u16, member.extra.len() as u16]);
        out.extend(name);
        out.extend(&member.extra);
        out.extend(&member.bytes);
        if streamed {
            out.extend(b"PK\x07\x08");
            long(&mut out, &[member.crc, member.local.0, member.local.1]);
        }
        directory.extend(b"PK\x01\x02");
        short(&mut directory, &[20, 20, member.flags, member.method, TIME[0], TIME[1]]);
        long(&mut directory, &[member.crc, member.central.0, member.central.1]);
        short(&mut directory, &[member.name.len() as u16, member.extra.len() as u16, 0, 0, 0]);
        long(&mut directory, &[0o100_644 << 16, member.offset.unwrap_or(at)]);
        directory.extend(&member.name);
        directory.extend(&member.extra);
    }
    let at = out.len() as u32;
    out.extend(&directory);
    out.extend(b"PK\x05\x06");
    short(&mut out, &[0, 0, members.len() as u16, members.len() as u16]);
    long(&mut out, &[directory.len() as u32, at]);
    short(&mut out, &[comment.len() as u16]);
    out.extend(comment);
    out
}

/// The archive.
pub(crate) fn write(members: &[Member]) -> Vec<u8> {
    write_with(members, b"")
}
