//! Gzip out: members of fixed input size, compressed in parallel, joined in order (RFC 1952 allows many members).
//!
//! Invariant: the bytes depend on the input alone, never on the number of threads or the sizes of the writes. What is
//! dropped unfinished has no last member: nothing is written in `Drop`.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use libdeflater::{CompressionLvl, Compressor};

/// Input bytes of each member but the last.
pub const MEMBER_SIZE: usize = 1024 * 1024;
/// Compression level of libdeflate.
const LEVEL: i32 = 6;
/// Names all that decides the bytes: library version, level, input bytes of a member. Part of a layer's memo key.
pub const ENCODER: &str = "gzip libdeflater=1.26.1 level=6 member=1048576";
/// Members in flight for each thread: one at work and one waiting.
const IN_FLIGHT: usize = 2;
/// More threads than this bring nothing but memory.
const MAX_THREADS: usize = 64;

/// A member on its way to a worker, with the place for the result.
struct Job {
    input: Vec<u8>,
    output: Vec<u8>,
    done: Sender<io::Result<Member>>,
}

/// A compressed member, and its input buffer for the next one.
struct Member {
    input: Vec<u8>,
    output: Vec<u8>,
}

/// Writes gzip to `W`. Memory: about 5 MiB for each thread.
#[derive(Debug)]
pub struct GzipWriter<W> {
    out: W,
    threads: usize,
    /// Started by the first full member; small streams need none.
    jobs: Option<Sender<Job>>,
    /// Results to come, in order.
    pending: VecDeque<Receiver<io::Result<Member>>>,
    /// Buffers to use again.
    spare: Vec<Vec<u8>>,
    input: Vec<u8>,
    /// Whether any member was handed on.
    started: bool,
}

impl<W: Write> GzipWriter<W> {
    /// Compresses on `threads` worker threads (at least one).
    pub fn new(out: W, threads: usize) -> Self {
        Self {
            out,
            threads: threads.clamp(1, MAX_THREADS),
            jobs: None,
            pending: VecDeque::new(),
            spare: Vec::new(),
            input: Vec::new(),
            started: false,
        }
    }
    /// Writes all that is left and gives the inner writer back. Empty input gives one empty member.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.started {
            let mut output = Vec::new();
            compress(&mut compressor()?, &self.input, &mut output)?;
            self.out.write_all(&output)?;
        } else if !self.input.is_empty() {
            self.hand_on()?;
        }
        while let Some(member) = self.pending.pop_front() {
            self.join(&member)?;
        }
        Ok(self.out)
    }
    /// Gives the full input buffer to a worker; first writes the oldest member if too many are in flight.
    fn hand_on(&mut self) -> io::Result<()> {
        if self.pending.len() >= self.threads * IN_FLIGHT
            && let Some(oldest) = self.pending.pop_front()
        {
            self.join(&oldest)?;
        }
        let (done, result) = bounded(1);
        let next = self.spare.pop().unwrap_or_default();
        let output = self.spare.pop().unwrap_or_default();
        let job = Job { input: std::mem::replace(&mut self.input, next), output, done };
        self.input.clear();
        self.started = true;
        if self.jobs.is_none() {
            self.jobs = Some(start_workers(self.threads)?);
        }
        self.jobs.as_ref().and_then(|jobs| jobs.send(job).ok()).ok_or_else(worker_ended)?;
        self.pending.push_back(result);
        Ok(())
    }
    /// Waits for one member and writes it.
    fn join(&mut self, member: &Receiver<io::Result<Member>>) -> io::Result<()> {
        let Member { input, output } = member.recv().map_err(|_| worker_ended())??;
        self.out.write_all(&output)?;
        self.spare.push(output);
        self.spare.push(input);
        Ok(())
    }
}

impl<W: Write> Write for GzipWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.input.len() == MEMBER_SIZE {
            self.hand_on()?;
        }
        let n = bytes.len().min(MEMBER_SIZE - self.input.len());
        self.input.extend_from_slice(&bytes[..n]);
        Ok(n)
    }
    /// Does nothing: a member ends only where its size says.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn worker_ended() -> io::Error {
    io::Error::other("a compression thread ended early")
}

/// Threads that end when the sender is dropped.
fn start_workers(threads: usize) -> io::Result<Sender<Job>> {
    let (sender, jobs) = bounded::<Job>(threads * IN_FLIGHT);
    for _ in 0..threads {
        let jobs = jobs.clone();
        thread::Builder::new().name("gzip".into()).spawn(move || work(&jobs))?;
    }
    Ok(sender)
}

fn work(jobs: &Receiver<Job>) {
    let Ok(mut compressor) = compressor() else { return };
    for Job { input, mut output, done } in jobs {
        let result = compress(&mut compressor, &input, &mut output).map(|()| Member { input, output });
        // The writer may have been dropped; then nobody waits.
        let _ = done.send(result);
    }
}

fn compressor() -> io::Result<Compressor> {
    let level = CompressionLvl::new(LEVEL).map_err(|_| io::Error::other("libdeflate does not know its level"))?;
    Ok(Compressor::new(level))
}

/// One member. libdeflate writes its header without name, with time 0 and operating system "unknown" (255).
fn compress(compressor: &mut Compressor, input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
    output.resize(compressor.gzip_compress_bound(input.len()), 0);
    let size =
        compressor.gzip_compress(input, output).map_err(|_| io::Error::other("libdeflate wants more room than its bound"))?;
    output.truncate(size);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::MultiGzDecoder;
    use proptest::prelude::*;

    use super::*;
    use crate::oci::Digest;

    /// Bytes that compress about as well as text does.
    fn text(size: usize) -> Vec<u8> {
        (0..size as u32).map(|i| b"etaoin shrdlu"[(i.wrapping_mul(2_654_435_761) >> 27) as usize % 13]).collect()
    }

    fn gzip(bytes: &[u8], piece: usize, threads: usize) -> Vec<u8> {
        let mut writer = GzipWriter::new(Vec::new(), threads);
        for piece in bytes.chunks(piece) {
            writer.write_all(piece).expect("compresses");
        }
        writer.finish().expect("compresses")
    }

    fn gunzip(bytes: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        MultiGzDecoder::new(bytes).read_to_end(&mut plain).expect("gzip");
        plain
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bytes() {
        for size in [0, 1, MEMBER_SIZE - 1, MEMBER_SIZE, MEMBER_SIZE + 1, 5 * MEMBER_SIZE, 9 * MEMBER_SIZE + 17] {
            let plain = text(size);
            let one = gzip(&plain, 65_536, 1);
            assert_eq!(gunzip(&one), plain, "{size}");
            for threads in 2..=8 {
                assert_eq!(Digest::of(&gzip(&plain, 8191 * threads, threads)), Digest::of(&one), "{size} {threads}");
            }
        }
    }

    #[test]
    fn empty_input_is_one_empty_member_with_a_neutral_header() {
        let empty = gzip(b"", 1, 2);
        assert_eq!(empty[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
        assert_eq!(gunzip(&empty), b"");
    }

    #[test]
    fn the_encoder_id_names_what_is_used() {
        assert_eq!(ENCODER, format!("gzip libdeflater=1.26.1 level={LEVEL} member={MEMBER_SIZE}"));
        assert!(include_str!("../../Cargo.toml").contains("libdeflater = \"=1.26.1\""));
    }

    #[test]
    fn the_bytes_of_this_encoder_are_known() {
        let digest = Digest::of(&gzip(&text(3 * MEMBER_SIZE), 4096, 2));
        assert_eq!(digest.short(), "f9b3a1218844");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_goes_in_comes_out(plain in proptest::collection::vec(any::<u8>(), 0..70_000), piece in 1_usize..9000) {
            prop_assert_eq!(gunzip(&gzip(&plain, piece, 2)), plain);
        }
    }

    #[test]
    fn a_full_disk_is_told_and_no_thread_hangs() {
        let mut room = [0; 100];
        let mut writer = GzipWriter::new(&mut room[..], 2);
        let failed = writer.write_all(&text(20 * MEMBER_SIZE)).is_err();
        assert!(failed || writer.finish().is_err());
    }
}
