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
