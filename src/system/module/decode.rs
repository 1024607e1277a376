//! Instructions of x86-64 out of their bytes: only as many as the evaluation knows.
//!
//! Invariant: an instruction that is not known is none; its length is never guessed.

/// What an instruction works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Register(usize),
    Memory { base: Option<usize>, index: Option<usize>, scale: u64, offset: i64, is_relative: bool, is_thread: bool },
}

/// One instruction.
#[derive(Clone, Debug)]
pub(super) struct Instruction {
    /// Its code, 0x0f.. for those of two bytes.
    pub(super) opcode: u16,
    /// The prefix that changes its meaning: 0x66, 0xf2, 0xf3, or 0.
    pub(super) mark: u8,
    /// Bytes of its operands: 4 or 8.
    pub(super) size: u64,
    pub(super) register: usize,
    pub(super) place: Place,
    pub(super) immediate: i64,
    pub(super) length: u64,
}

/// Codes with an operand byte.
const WITH_OPERAND: &[u16] = &[
    0x01, 0x03, 0x29, 0x2b, 0x31, 0x33, 0x81, 0x83, 0x89, 0x8b, 0x8d, 0xc7, 0xff, 0x0f10, 0x0f11, 0x0f16, 0x0f1e, 0x0f1f, 0x0f28,
    0x0f29, 0x0f6c, 0x0f6e, 0x0f6f, 0x0f7e, 0x0f7f, 0x0fd6, 0x0fef,
];

struct Bytes<'c> {
    code: &'c [u8],
    at: usize,
}

impl Bytes<'_> {
    fn byte(&mut self) -> Option<u8> {
        self.at += 1;
        self.code.get(self.at - 1).copied()
    }
    fn number(&mut self, size: usize) -> Option<i64> {
        let bytes = self.code.get(self.at..self.at + size)?;
        self.at += size;
        let number = bytes.iter().rev().fold(0_i64, |number, byte| (number << 8) | i64::from(*byte));
        let unused = 64 - 8 * u32::try_from(size).ok()?;
        Some((number << unused) >> unused)
    }
}

impl Instruction {
    /// The instruction at the front.
    pub(super) fn read(code: &[u8]) -> Option<Self> {
        let mut bytes = Bytes { code, at: 0 };
        let (mut mark, mut is_thread, mut rex) = (0, false, 0);
        let first = loop {
            match bytes.byte()? {
                prefix @ (0x66 | 0xf2 | 0xf3) => mark = prefix,
                0x64 => is_thread = true,
                prefix @ 0x40..=0x4f => {
                    rex = prefix;
                    break bytes.byte()?;
                }
                other => break other,
            }
        };
        let mut opcode = if first == 0x0f { 0x0f00 | u16::from(bytes.byte()?) } else { u16::from(first) };
        let mut size = if rex & 8 == 0 { 4 } else { 8 };
        let (mut register, mut place) = (0, Place::Register(0));
        if WITH_OPERAND.contains(&opcode) {
            (register, place) = operand(&mut bytes, rex, is_thread)?;
        } else if let 0x50..=0x5f | 0xb8..=0xbf = opcode {
            place = Place::Register(usize::from(opcode & 7) | (usize::from(rex & 1) << 3));
            opcode &= 0xfff8;
        }
        let immediate = match opcode {
            0x6a | 0x83 | 0x74 | 0x75 | 0xeb => bytes.number(1)?,
            0x68 | 0x81 | 0xc7 | 0xe8 | 0xe9 | 0x0f84 | 0x0f85 => bytes.number(4)?,
            0xb8 => bytes.number(if size == 8 { 8 } else { 4 })?,
            0x50 | 0x58 => {
                size = 8;
                0
            }
            0x90 | 0xc3 | 0xc9 => 0,
            known if WITH_OPERAND.contains(&known) => 0,
            _ => return None,
        };
        // Sixteen-bit operands are not known; there the prefix is part of a vector's code.
        if mark == 0x66 && opcode < 0x0f00 && opcode != 0x90 {
            return None;
        }
        Some(Self { opcode, mark, size, register, place, immediate, length: u64::try_from(bytes.at).ok()? })
    }
}

/// The register and the other operand.
fn operand(bytes: &mut Bytes<'_>, rex: u8, is_thread: bool) -> Option<(usize, Place)> {
    let byte = bytes.byte()?;
    let extended = |low: u8, bit: u8| usize::from(low & 7) | (usize::from((rex >> bit) & 1) << 3);
    let (kind, register, low) = (byte >> 6, extended(byte >> 3, 2), byte & 7);
    if kind == 3 {
        return Some((register, Place::Register(extended(low, 0))));
    }
    let (mut base, mut index, mut scale, mut is_relative, mut is_wide) = (Some(extended(low, 0)), None, 1, false, kind == 2);
    if low == 4 {
        let byte = bytes.byte()?;
        scale = 1 << (byte >> 6);
        index = Some(extended(byte >> 3, 1)).filter(|index| *index != 4);
        base = Some(extended(byte, 0));
        if byte & 7 == 5 && kind == 0 {
            (base, is_wide) = (None, true);
        }
    } else if low == 5 && kind == 0 {
        (base, is_relative, is_wide) = (None, true, true);
    }
    let offset = if is_wide {
        bytes.number(4)?
    } else if kind == 1 {
        bytes.number(1)?
    } else {
        0
    };
    // A relative place counts from the end of the instruction, which an immediate follows: the caller's next is that end.
    Some((register, Place::Memory { base, index, scale, offset, is_relative, is_thread }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_have_their_length_and_operands() {
        for (code, opcode, length) in [
            (&[0x48, 0x8d, 0x05, 0xd9, 0x27, 0, 0][..], 0x8d, 7),
            (&[0xc7, 0x47, 0x30, 6, 0, 0, 0], 0xc7, 7),
            (&[0x66, 0x48, 0x0f, 0x6e, 0xc8], 0x0f6e, 5),
            (&[0xf3, 0x0f, 0x1e, 0xfa], 0x0f1e, 4),
            (&[0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0], 0x8b, 9),
            (&[0x0f, 0x11, 0x47, 0x18], 0x0f11, 4),
            (&[0xc3], 0xc3, 1),
        ] {
            let read = Instruction::read(code).expect("an instruction");
            assert_eq!((read.opcode, read.length), (opcode, length), "{code:x?}");
        }
        assert!(Instruction::read(&[0x48, 0x8d]).is_none() && Instruction::read(&[0xcc]).is_none());
    }
}
