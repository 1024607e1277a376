//! Compressed bytes in, plain bytes out, for every compression that layers and packages use.
//!
//! Invariant: the reader reaches its end only after the whole input was read and was well formed: every gzip member, zstd
//! frame and xz stream, checksums included. A truncated input is an error, so is anything but NUL padding behind the last
//! gzip member. Memory is bounded by the constants below, whatever the input declares.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

use crate::oci::Compression;

/// Bytes of compressed input that are asked for at a time.
const BUFFER: usize = 256 << 10;

/// The largest zstd window, as a power of two: what libzstd's streaming decoder takes by default (128 MiB). A frame may
/// declare up to 2 GiB, which would be allocated before the first byte comes out.
const ZSTD_WINDOW_LOG: u32 = 27;

/// Memory for one xz decoder. `xz -9` needs 65 MiB; Debian's packages (`-6`) need 9.
const XZ_MEMORY: u64 = 96 << 20;

/// The plain bytes of `input`.
pub fn decompress<'a>(input: impl Read + Send + 'a, compression: Compression) -> io::Result<Box<dyn Read + Send + 'a>> {
    let input = BufReader::with_capacity(BUFFER, input);
    Ok(match compression {
        Compression::None => Box::new(input),
        Compression::Gzip => Box::new(GzipMembers::new(input)),
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Box::new(decoder)
        }
        Compression::Xz => {
            let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(input, stream))
        }
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(input)),
    })
}

/// The compression that the first bytes of a stream tell (six are enough); a plain tar has no such magic.
pub fn detect(first: &[u8]) -> Compression {
    match first {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        // A frame, or a skippable frame in front of one (RFC 8878, 3.1).
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Compression::Bzip2,
        _ => Compression::None,
    }
}

/// Reads gzip members one after the other (RFC 1952, 2.2), then NUL padding, which some writers append.
struct GzipMembers<R: BufRead> {
    state: Gzip<R>,
}

enum Gzip<R: BufRead> {
    Member(Box<GzDecoder<R>>),
    /// At the end, or after an error.
    Done,
}

impl<R: BufRead> GzipMembers<R> {
    fn new(input: R) -> Self {
        Self { state: Gzip::Member(Box::new(GzDecoder::new(input))) }
    }
}

/// Whether another member follows; if not, the input is at its end.
fn another_member(input: &mut impl BufRead) -> io::Result<bool> {
    let mut padded = false;
    loop {
        let bytes = input.fill_buf()?;
        let (length, zeros) = (bytes.len(), bytes.iter().take_while(|b| **b == 0).count());
        if length == 0 {
            return Ok(false);
        }
        if zeros == 0 && !padded {
            return Ok(true);
        }
        if zeros < length {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "bytes other than NUL padding after the last gzip member"));
        }
        padded = true;
        input.consume(length);
    }
}

impl<R: BufRead> Read for GzipMembers<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let Gzip::Member(decoder) = &mut self.state else { return Ok(0) };
            let read = decoder.read(buffer)?;
            if read > 0 {
                return Ok(read);
            }
            let Gzip::Member(decoder) = std::mem::replace(&mut self.state, Gzip::Done) else { return Ok(0) };
            let mut input = decoder.into_inner();
            if another_member(&mut input)? {
                self.state = Gzip::Member(Box::new(GzDecoder::new(input)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const TEXT: &[u8] = b"the quick brown fox jumps over the lazy dog";

    fn compress(plain: &[u8], compression: Compression) -> Vec<u8> {
        let mut out = Vec::new();
        match compression {
            Compression::None => out.extend_from_slice(plain),
            Compression::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(&mut out, flate2::Compression::fast());
                encoder.write_all(plain).expect("a vector");
                encoder.finish().expect("a vector");
            }
            Compression::Zstd => out = zstd::encode_all(plain, 1).expect("a vector"),
            Compression::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(&mut out, 1);
                encoder.write_all(plain).expect("a vector");
                encoder.finish().expect("a vector");
            }
            Compression::Bzip2 => {
                let mut encoder = bzip2::write::BzEncoder::new(&mut out, bzip2::Compression::fast());
                encoder.write_all(plain).expect("a vector");
                encoder.finish().expect("a vector");
            }
        }
        out
    }

    fn plain(stored: &[u8], compression: Compression) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        decompress(stored, compression)?.read_to_end(&mut out)?;
        Ok(out)
    }

    const ALL: [Compression; 4] = [Compression::Gzip, Compression::Zstd, Compression::Xz, Compression::Bzip2];

    #[test]
    fn several_members_are_one_stream() {
        for compression in ALL {
            let stored = [compress(TEXT, compression), compress(b"", compression), compress(TEXT, compression)].concat();
            assert_eq!(plain(&stored, compression).expect("whole"), [TEXT, TEXT].concat(), "{compression:?}");
            assert_eq!(detect(&stored), compression);
        }
        assert_eq!(detect(b"etc/\0\0"), Compression::None);
    }

    #[test]
    fn a_truncated_stream_is_an_error_at_every_length() {
        for compression in ALL {
            let stored = compress(TEXT, compression);
            for length in 1..stored.len() {
                assert!(plain(&stored[..length], compression).is_err(), "{compression:?} cut to {length}");
            }
        }
    }

    #[test]
    fn a_flipped_byte_in_the_check_is_an_error() {
        for compression in [Compression::Gzip, Compression::Xz, Compression::Bzip2] {
            let mut stored = compress(TEXT, compression);
            let at = stored.len() - if compression == Compression::Gzip { 8 } else { 14 };
            stored[at] ^= 0xff;
            assert!(plain(&stored, compression).is_err(), "{compression:?}");
        }
    }

    #[test]
    fn behind_the_last_gzip_member_only_nul_padding_may_stand() {
        let member = compress(TEXT, Compression::Gzip);
        let padded = [member.clone(), vec![0; 600_000]].concat();
        assert_eq!(plain(&padded, Compression::Gzip).expect("padding"), TEXT);
        for garbage in [b"x".to_vec(), [vec![0; 300_000], b"x".to_vec()].concat(), [vec![0; 3], member.clone()].concat()] {
            assert!(plain(&[member.clone(), garbage].concat(), Compression::Gzip).is_err());
        }
    }

    #[test]
    fn a_zstd_window_beyond_the_limit_is_refused_before_it_is_allocated() {
        // Magic, no checksum and no content size, window descriptor 2^31, one empty last block.
        let header = |log: u8| [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, (log - 10) << 3], [1u8, 0, 0].as_slice()].concat();
        assert!(plain(&header(31), Compression::Zstd).is_err());
        assert_eq!(plain(&header(27), Compression::Zstd).expect("the limit itself"), b"");
    }

    #[test]
    fn a_skippable_zstd_frame_holds_no_content() {
        let frame = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0], b"abc".as_slice()].concat();
        let stored = [frame.clone(), compress(TEXT, Compression::Zstd), frame].concat();
        assert_eq!(plain(&stored, detect(&stored)).expect("whole"), TEXT);
    }
}
