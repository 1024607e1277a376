//! One 512-byte tar header, decoded field by field (POSIX.1-1988 ustar, GNU, and the old V7 form).
//!
//! Invariant: a header is taken only if GNU tar, Go's archive/tar and Python's tarfile read it the same way; where they
//! differ it is refused with the reason. Nothing here reads a stream.

/// Bytes of a tar block.
pub(super) const BLOCK: usize = 512;

/// A header's fields, checked but not yet combined with extension headers.
#[derive(Debug)]
pub(super) struct Header {
    /// `typeflag`; 0 in old archives.
    pub(super) flag: u8,
    /// Prefix and name; a trailing slash is kept.
    pub(super) name: Vec<u8>,
    /// `linkname`.
    pub(super) link: Vec<u8>,
    /// Bytes of body that the header declares.
    pub(super) size: u64,
    /// 12 bits.
    pub(super) mode: u32,
    /// Wider than an ID until extension headers had their say.
    pub(super) uid: u64,
    /// See `uid`.
    pub(super) gid: u64,
    /// Seconds since 1970.
    pub(super) mtime: i64,
    /// `uname`.
    pub(super) user_name: Vec<u8>,
    /// `gname`.
    pub(super) group_name: Vec<u8>,
    /// Major and minor number, of device nodes only.
    pub(super) device: (u32, u32),
}

/// Why a header is refused.
pub(super) type Refusal = &'static str;

enum Format {
    V7,
    Ustar,
    Gnu,
}

impl Header {
    /// Decodes a block that is not all zero.
    pub(super) fn decode(block: &[u8; BLOCK]) -> Result<Self, Refusal> {
        check_sum(block)?;
        let format = format(block)?;
        let flag = block[156];
        let named = !matches!(format, Format::V7);
        let device = if named && matches!(flag, b'3' | b'4') {
            (device_number(&block[329..337])?, device_number(&block[337..345])?)
        } else {
            (0, 0)
        };
        Ok(Self {
            flag,
            name: name(block, &format)?,
            link: text(&block[157..257]).to_vec(),
            size: unsigned(&block[124..136])?,
            mode: (unsigned(&block[100..108])? & 0o7777) as u32,
            uid: unsigned(&block[108..116])?,
            gid: unsigned(&block[116..124])?,
            mtime: number(&block[136..148])?,
            user_name: if named { text(&block[265..297]).to_vec() } else { Vec::new() },
            group_name: if named { text(&block[297..329]).to_vec() } else { Vec::new() },
            device,
        })
    }
}

/// The sum of all bytes, the field itself counted as spaces; some old writers summed signed bytes.
fn check_sum(block: &[u8; BLOCK]) -> Result<(), Refusal> {
    let counted = || block.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { b' ' } else { *byte });
    let told = number(&block[148..156]).map_err(|_| "the header's checksum is not a number")?;
    let plain: i64 = counted().map(i64::from).sum();
    let signed: i64 = counted().map(|byte| i64::from(byte as i8)).sum();
    if told == plain || told == signed { Ok(()) } else { Err("the header's checksum is wrong") }
}

fn format(block: &[u8; BLOCK]) -> Result<Format, Refusal> {
    match &block[257..265] {
        b"ustar\x0000" if &block[508..] == b"tar\0" => Err("the header has star's own format"),
        b"ustar\x0000" => Ok(Format::Ustar),
        b"ustar  \0" => Ok(Format::Gnu),
        [0, 0, 0, 0, 0, 0, 0, 0] => Ok(Format::V7),
        _ => Err("the header's magic is unknown"),
    }
}

/// Prefix and name. The old GNU format has times where ustar has the prefix, but Python and an old Go writer took them
/// for one; V7 has nothing there.
fn name(block: &[u8; BLOCK], format: &Format) -> Result<Vec<u8>, Refusal> {
    let (prefix, name) = (text(&block[345..500]), text(&block[..100]));
    let prefix = match format {
        Format::Ustar => prefix,
        Format::Gnu if prefix.is_empty() || number(&block[345..357]).is_ok() => b"",
        Format::Gnu => return Err("the header has a name prefix, which its format does not know"),
        Format::V7 if prefix.is_empty() => b"",
        Format::V7 => return Err("the header has a name prefix but no magic"),
    };
    if prefix.is_empty() {
        return Ok(name.to_vec());
    }
    Ok([prefix, b"/", name].concat())
}

/// A field up to its first NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// An octal number with spaces and NULs around it, or base 256 in two's complement if the first bit is set.
fn number(field: &[u8]) -> Result<i64, Refusal> {
    if let Some((lead @ (0x80 | 0xff), rest)) = field.split_first() {
        let start = if *lead == 0xff { -1i64 } else { 0 };
        return rest.iter().try_fold(start, |sum, byte| {
            sum.checked_mul(256).and_then(|high| high.checked_add(i64::from(*byte))).ok_or("a number does not fit 63 bits")
        });
    }
    let digits = text(field.trim_ascii_start()).trim_ascii_end();
    digits.iter().try_fold(0i64, |sum, digit| match digit {
        b'0'..=b'7' => {
            sum.checked_mul(8).and_then(|high| high.checked_add(i64::from(digit - b'0'))).ok_or("a number does not fit 63 bits")
        }
        _ => Err("a number is not octal"),
    })
}

fn unsigned(field: &[u8]) -> Result<u64, Refusal> {
    u64::try_from(number(field)?).map_err(|_| "a number is negative")
}

fn device_number(field: &[u8]) -> Result<u32, Refusal> {
    u32::try_from(number(field)?).map_err(|_| "a device number does not fit 32 bits")
}
