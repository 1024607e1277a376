//! `setcap`: the text of file capabilities and the bytes of `security.capability`.
//!
//! Invariant: revision 2 of the attribute (no root of a user namespace); the effective bit is one for the whole file, as the
//! kernel has it.

use super::error::{Result, SystemError};

const COMMAND: &str = "setcap";

/// The capabilities in the order of their numbers (`linux/capability.h`).
const NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// The three sets as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Capabilities {
    /// May be used.
    pub permitted: u64,
    /// Is handed on.
    pub inheritable: u64,
    /// Is in use from the start.
    pub effective: u64,
}

impl Capabilities {
    /// Reads `cap_net_raw,cap_net_admin+ep`: clauses separated by blanks, each a list and operators.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = || SystemError::refused(COMMAND, format!("fatal error: Invalid argument '{}'", text.escape_debug()));
        let mut sets = Self::default();
        for clause in text.split_whitespace() {
            let at = clause.find(['=', '+', '-']).ok_or_else(bad)?;
            let (names, mut operations) = clause.split_at(at);
            let bits = Self::bits(names).ok_or_else(bad)?;
            while let Some(operator) = operations.chars().next() {
                let rest = &operations[1..];
                let end = rest.find(['=', '+', '-']).unwrap_or(rest.len());
                let flags = &rest[..end];
                operations = &rest[end..];
                if !flags.chars().all(|f| matches!(f, 'e' | 'i' | 'p')) || (flags.is_empty() && operator != '=') {
                    return Err(bad());
                }
                for (flag, set) in [('e', &mut sets.effective), ('i', &mut sets.inheritable), ('p', &mut sets.permitted)] {
                    match (operator, flags.contains(flag)) {
                        ('+' | '=', true) => *set |= bits,
                        ('-', true) | ('=', false) => *set &= !bits,
                        _ => {}
                    }
                }
            }
        }
        Ok(sets)
    }
    /// Reads the bytes of `security.capability`, revision 2 or 3; `None` for others.
    pub fn of_attribute(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u64::from(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?)));
        let magic = word(0)?;
        if !matches!(magic >> 24, 2 | 3) {
            return None;
        }
        let permitted = word(4)? | word(12)? << 32;
        let inheritable = word(8)? | word(16)? << 32;
        Some(Self { permitted, inheritable, effective: if magic & 1 == 1 { permitted | inheritable } else { 0 } })
    }
    /// As `getcap` prints them (`cap_net_admin,cap_net_raw=ep`), where all have the same flags; `None` where they differ.
    pub fn text(&self) -> Option<String> {
        let all = self.permitted | self.inheritable;
        let named: Vec<String> =
            NAMES.iter().enumerate().filter(|(n, _)| all >> n & 1 == 1).map(|(_, name)| format!("cap_{name}")).collect();
        let flags = [('e', self.effective), ('i', self.inheritable), ('p', self.permitted)];
        if all >> NAMES.len() != 0 || named.len() == NAMES.len() || flags.iter().any(|(_, set)| *set != 0 && *set != all) {
            return None;
        }
        let flags: String = flags.iter().filter(|(_, set)| *set != 0).map(|(flag, _)| flag).collect();
        Some(format!("{}={flags}", named.join(",")))
    }
    fn bits(names: &str) -> Option<u64> {
        if names.is_empty() || names.eq_ignore_ascii_case("all") {
            return Some((1 << NAMES.len()) - 1);
        }
        names.split(',').try_fold(0, |bits, name| {
            let name = name.to_ascii_lowercase();
            let number = NAMES.iter().position(|known| name.strip_prefix("cap_") == Some(known))?;
            Some(bits | 1 << number)
        })
    }
    /// The bytes of `security.capability`; refused if some, but not all, of what is permitted or inherited is effective.
    pub fn attribute(&self) -> Result<[u8; 20]> {
        const REVISION_2: u32 = 0x0200_0000;
        let all = self.permitted | self.inheritable;
        if self.effective != 0 && self.effective != all {
            return Err(SystemError::refused(COMMAND, "fatal error: effective set differs from permitted and inheritable"));
        }
        let halves = [self.permitted, self.inheritable, self.permitted >> 32, self.inheritable >> 32];
        let mut bytes = [0; 20];
        let words = [REVISION_2 | u32::from(self.effective != 0)].into_iter().chain(halves.map(|half| half as u32));
        for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pings_capability_is_the_kernels_bytes() {
        let bytes = Capabilities::parse("cap_net_raw+ep").and_then(|c| c.attribute()).expect("valid");
        assert_eq!(bytes, [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let high = Capabilities::parse("CAP_BPF,cap_chown=p").and_then(|c| c.attribute()).expect("valid");
        assert_eq!((high[0], high[4], high[12]), (0, 1, 0x80));
        assert_eq!(Capabilities::parse("all=ep cap_chown-ep").map(|c| c.permitted & 1), Ok(0));
    }

    #[test]
    fn what_is_set_is_told_again() {
        let text =
            |set| Capabilities::parse(set).and_then(|c| c.attribute()).ok().and_then(|b| Capabilities::of_attribute(&b)?.text());
        assert_eq!(text("cap_net_raw,cap_net_admin+ep").as_deref(), Some("cap_net_admin,cap_net_raw=ep"));
        assert_eq!(text("cap_bpf+p").as_deref(), Some("cap_bpf=p"));
        assert_eq!(text("cap_bpf+p cap_chown+pi"), None);
        assert_eq!(Capabilities::of_attribute(b"short"), None);
    }

    #[test]
    fn what_setcap_refuses_is_refused() {
        for bad in ["cap_none+ep", "cap_chown", "cap_chown+x", "cap_chown+", "chown+p"] {
            assert!(Capabilities::parse(bad).is_err(), "{bad}");
        }
        assert!(Capabilities::parse("cap_chown,cap_kill+p cap_kill+e").is_ok_and(|c| c.attribute().is_err()));
    }
}
