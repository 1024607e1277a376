//! The few machine instructions that a module's description of itself is made of, evaluated.
//!
//! Invariant: nothing is run: registers and memory are values here, and what is not in the short list of instructions and
//! functions below ends the evaluation. At most [`STEPS`] steps.

use std::collections::BTreeMap;

use super::decode::{Instruction, Place};
use super::elf::{Image, Target};

/// Instructions that one call may take.
const STEPS: u32 = 2000;
/// Where the stack begins, where a function returns to, and where imports and new memory are.
const STACK: u64 = 0x7000_0000_0000;
const RETURN: u64 = 0x7100_0000_0000;
const IMPORTS: u64 = 0x7200_0000_0000;
const HEAP: u64 = 0x7300_0000_0000;

/// Registers by number.
const RAX: usize = 0;
const RSP: usize = 4;
const RBP: usize = 5;
const RSI: usize = 6;
const RDI: usize = 7;

/// A machine with a module in it.
#[derive(Debug)]
pub(super) struct Machine<'i, 'd> {
    image: &'i Image<'d>,
    registers: [u64; 16],
    vectors: [[u64; 2]; 16],
    written: BTreeMap<u64, u8>,
    imports: Vec<String>,
    heap: u64,
    next: u64,
    is_zero: bool,
}

impl<'i, 'd> Machine<'i, 'd> {
    pub(super) fn new(image: &'i Image<'d>) -> Self {
        let mut registers = [0; 16];
        registers[RSP] = STACK - 8;
        let mut machine = Self {
            image,
            registers,
            vectors: [[0; 2]; 16],
            written: BTreeMap::new(),
            imports: Vec::new(),
            heap: HEAP,
            next: 0,
            is_zero: false,
        };
        machine.store(STACK - 8, 8, RETURN);
        machine
    }
    /// Calls a function with up to two arguments; what it returns.
    pub(super) fn call(&mut self, function: &str, arguments: [u64; 2]) -> Option<u64> {
        self.registers[RDI] = arguments[0];
        self.registers[RSI] = arguments[1];
        self.next = self.image.symbol(function)?;
        for _ in 0..STEPS {
            if self.next == RETURN {
                return Some(self.registers[RAX]);
            }
            if self.next >= IMPORTS {
                self.import()?;
                continue;
            }
            let code: Vec<u8> = (self.next..self.next + 15).map_while(|at| self.image.byte(at)).collect();
            let instruction = Instruction::read(&code)?;
            self.next += instruction.length;
            self.execute(&instruction)?;
        }
        None
    }
    /// A function of `GLib` that only copies.
    fn import(&mut self) -> Option<()> {
        let name = self.imports.get(usize::try_from(self.next - IMPORTS).ok()?)?.clone();
        let argument = self.registers[RDI];
        self.registers[RAX] = match name.as_str() {
            "g_strdup" | "g_strdupv" | "g_intern_static_string" => argument,
            "g_strsplit" => {
                let (text, mark) = (self.text(argument)?, self.text(self.registers[RSI])?);
                if mark.is_empty() || text.contains(&mark) || text.is_empty() {
                    return None;
                }
                let list = self.heap;
                self.heap += 16;
                self.store(list, 8, argument);
                self.store(list + 8, 8, 0);
                list
            }
            _ => return None,
        };
        self.next = self.pop()?;
        Some(())
    }
    fn pop(&mut self) -> Option<u64> {
        let value = self.load(self.registers[RSP], 8)?;
        self.registers[RSP] = self.registers[RSP].wrapping_add(8);
        Some(value)
    }
    fn push(&mut self, value: u64) {
        self.registers[RSP] = self.registers[RSP].wrapping_sub(8);
        self.store(self.registers[RSP], 8, value);
    }
    /// A number in memory.
    pub(super) fn load(&mut self, address: u64, size: u64) -> Option<u64> {
        if let Some(target) = self.image.pointer(address).filter(|_| size == 8 && !self.written.contains_key(&address)) {
            return Some(match target {
                Target::Address(address) => *address,
                Target::Import(name) => {
                    self.imports.push(name.clone());
                    IMPORTS + self.imports.len() as u64 - 1
                }
            });
        }
        let byte = |at: u64| self.written.get(&at).copied().or_else(|| if at < STACK / 2 { self.image.byte(at) } else { Some(0) });
        (0..size).rev().try_fold(0, |number, index| Some((number << 8) | u64::from(byte(address.checked_add(index)?)?)))
    }
    fn store(&mut self, address: u64, size: u64, value: u64) {
        for (index, byte) in (0..size).zip(value.to_le_bytes()) {
            self.written.insert(address.wrapping_add(index), byte);
        }
    }
    /// A text in the module.
    pub(super) fn text(&self, address: u64) -> Option<String> {
        self.image.text(address)
    }
    fn address(&self, place: &Place) -> Option<u64> {
        let Place::Memory { base, index, scale, offset, is_relative, is_thread } = place else { return None };
        if *is_thread {
            // The guard of the stack, whatever it is: it is only compared with itself.
            return Some(STACK / 2);
        }
        let from = if *is_relative { self.next } else { base.map_or(0, |base| self.registers[base]) };
        let index = index.map_or(0, |index| self.registers[index].wrapping_mul(*scale));
        Some(from.wrapping_add(index).wrapping_add_signed(*offset))
    }
    fn get(&mut self, place: &Place, size: u64) -> Option<u64> {
        match place {
            Place::Register(register) => {
                Some(if size == 8 { self.registers[*register] } else { self.registers[*register] & 0xffff_ffff })
            }
            memory @ Place::Memory { .. } => {
                let address = self.address(memory)?;
                self.load(address, size)
            }
        }
    }
    fn set(&mut self, place: &Place, size: u64, value: u64) -> Option<()> {
        match place {
            Place::Register(register) => self.registers[*register] = if size == 8 { value } else { value & 0xffff_ffff },
            memory @ Place::Memory { .. } => {
                let address = self.address(memory)?;
                self.store(address, size, value);
            }
        }
        Some(())
    }
    fn vector(&mut self, place: &Place) -> Option<[u64; 2]> {
        match place {
            Place::Register(register) => Some(self.vectors[*register]),
            memory @ Place::Memory { .. } => {
                let address = self.address(memory)?;
                Some([self.load(address, 8)?, self.load(address.wrapping_add(8), 8)?])
            }
        }
    }
    fn execute(&mut self, code: &Instruction) -> Option<()> {
        let (size, register, place) = (code.size, code.register, &code.place);
        match code.opcode {
            0x90 | 0x0f1e | 0x0f1f => {}
            0x31 | 0x01 | 0x29 | 0x33 | 0x03 | 0x2b => {
                let (left, right) = (self.get(place, size)?, self.get(&Place::Register(register), size)?);
                let to_register = code.opcode & 2 != 0;
                let (left, right) = if to_register { (right, left) } else { (left, right) };
                let value = match code.opcode & !2 {
                    0x31 => left ^ right,
                    0x01 => left.wrapping_add(right),
                    _ => left.wrapping_sub(right),
                };
                self.is_zero = value == 0;
                self.set(&if to_register { Place::Register(register) } else { place.clone() }, size, value)?;
            }
            0x81 | 0x83 => {
                let left = self.get(place, size)?;
                let value = match register & 7 {
                    0 => left.wrapping_add_signed(code.immediate),
                    5 | 7 => left.wrapping_sub(code.immediate.cast_unsigned()),
                    _ => return None,
                };
                self.is_zero = value == 0;
                if register & 7 != 7 {
                    self.set(place, size, value)?;
                }
            }
            0x89 => {
                let value = self.get(&Place::Register(register), size)?;
                self.set(place, size, value)?;
            }
            0x8b => {
                let value = self.get(place, size)?;
                self.set(&Place::Register(register), size, value)?;
            }
            0x8d => {
                let value = self.address(place)?;
                self.set(&Place::Register(register), size, value)?;
            }
            0xb8 | 0xc7 => self.set(place, size, code.immediate.cast_unsigned())?,
            _ => return self.flow(code).or_else(|| self.wide(code)),
        }
        Some(())
    }
    /// Jumps, calls, the stack.
    fn flow(&mut self, code: &Instruction) -> Option<()> {
        let to = self.next.wrapping_add_signed(code.immediate);
        match code.opcode {
            0x50 => {
                let value = self.get(&code.place, 8)?;
                self.push(value);
            }
            0x68 | 0x6a => self.push(code.immediate.cast_unsigned()),
            0xc9 => {
                self.registers[RSP] = self.registers[RBP];
                self.registers[RBP] = self.pop()?;
            }
            0x58 => {
                let value = self.pop()?;
                self.set(&code.place, 8, value)?;
            }
            0x74 | 0x0f84 if self.is_zero => self.next = to,
            0x75 | 0x0f85 if !self.is_zero => self.next = to,
            0x74 | 0x75 | 0x0f84 | 0x0f85 => {}
            0xc3 => self.next = self.pop()?,
            0xe8 => {
                self.push(self.next);
                self.next = to;
            }
            0xe9 | 0xeb => self.next = to,
            0xff => {
                let to = self.get(&code.place, 8)?;
                match code.register & 7 {
                    2 => self.push(self.next),
                    4 => {}
                    _ => return None,
                }
                self.next = to;
            }
            _ => return None,
        }
        Some(())
    }
    /// Moves of two numbers at once.
    fn wide(&mut self, code: &Instruction) -> Option<()> {
        let (place, register) = (&code.place, code.register);
        match (code.opcode, code.mark) {
            (0x0f6e, 0x66) => self.vectors[register] = [self.get(place, code.size)?, 0],
            (0x0f7e, 0xf3) => self.vectors[register] = [self.vector(place)?[0], 0],
            (0x0f6c, 0x66) => self.vectors[register][1] = self.vector(place)?[0],
            (0x0f16, 0) => {
                let address = self.address(place)?;
                self.vectors[register][1] = self.load(address, 8)?;
            }
            (0x0f10 | 0x0f28, _) | (0x0f6f, 0x66 | 0xf3) => self.vectors[register] = self.vector(place)?,
            (0x0fef, 0x66) => {
                let (left, right) = (self.vectors[register], self.vector(place)?);
                self.vectors[register] = [left[0] ^ right[0], left[1] ^ right[1]];
            }
            (0x0f11 | 0x0f29, _) | (0x0f7f, 0x66 | 0xf3) => {
                let [low, high] = self.vectors[register];
                let address = self.address(place)?;
                self.store(address, 8, low);
                self.store(address.wrapping_add(8), 8, high);
            }
            (0x0fd6, 0x66) => {
                let address = self.address(place)?;
                self.store(address, 8, self.vectors[register][0]);
            }
            _ => return None,
        }
        Some(())
    }
}
