//! `id`, `getent`, and the look-up of names for `chown` and `stat`, in the root's own files.
//!
//! Invariant: an id below 100 is the same in every Debian system (Policy 9.2.2) and is no datum of the base; any other is.

use crate::layer::root::VirtualRoot;
use crate::script::call::{Call, Table};
use crate::script::options::Options;
use crate::script::text::split_lines;
use crate::script::uncovered::Uncovered;
use crate::script::value::{ExitStatus, Value};

pub(super) const PROGRAMS: Table = &[("id", &id), ("getent", &getent)];

/// Ids from here on are given by each system itself.
const FIRST_OWN: u32 = 100;

/// An id and whether it is a datum of the base.
pub(super) type Id = (u32, bool);

fn records(root: &VirtualRoot, file: &[u8]) -> (Vec<Vec<Vec<u8>>>, bool) {
    let Ok((bytes, base)) = root.read(file) else { return (Vec::new(), true) };
    (split_lines(&bytes).map(|line| line.split(|b| *b == b':').map(<[u8]>::to_vec).collect()).collect(), base)
}

fn number(field: Option<&Vec<u8>>) -> Option<u32> {
    std::str::from_utf8(field?).ok()?.parse().ok()
}

fn is_base(id: u32, base: bool) -> bool {
    base && id >= FIRST_OWN
}

/// The user's number and that of its group, by name.
pub(super) fn user(root: &VirtualRoot, name: &[u8]) -> Option<(Id, Id)> {
    let (records, base) = records(root, b"/etc/passwd");
    let record = records.iter().find(|record| record.first().is_some_and(|known| known == name))?;
    let (user, group) = (number(record.get(2))?, number(record.get(3))?);
    Some(((user, is_base(user, base)), (group, is_base(group, base))))
}

/// The group's number, by name.
pub(super) fn group(root: &VirtualRoot, name: &[u8]) -> Option<Id> {
    let (records, base) = records(root, b"/etc/group");
    let record = records.iter().find(|record| record.first().is_some_and(|known| known == name))?;
    let group = number(record.get(2))?;
    Some((group, is_base(group, base)))
}

/// The name of a number in one of the two files; `UNKNOWN` where there is none.
pub(super) fn name_of(root: &VirtualRoot, file: &[u8], id: u32) -> Vec<u8> {
    let (records, _) = records(root, file);
    let record = records.into_iter().find(|record| number(record.get(2)) == Some(id));
    record.and_then(|record| record.into_iter().next()).unwrap_or_else(|| b"UNKNOWN".to_vec())
}

/// A user by name, else by number.
pub(super) fn user_or_number(root: &VirtualRoot, text: &[u8]) -> Option<Id> {
    user(root, text).map(|(user, _)| user).or_else(|| number(Some(&text.to_vec())).map(|id| (id, false)))
}

/// A group by name, else by number.
pub(super) fn group_or_number(root: &VirtualRoot, text: &[u8]) -> Option<Id> {
    group(root, text).or_else(|| number(Some(&text.to_vec())).map(|id| (id, false)))
}

fn id(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let options = Options::read(call, "ugGn", &[("user", 'u'), ("group", 'g'), ("groups", 'G'), ("name", 'n')])?;
    let root_user = Value::from("root");
    let name = options.operands.first().unwrap_or(&root_user);
    let Some((user_id, group_id)) = user(call.root, &name.bytes) else {
        let message = [b"'", &name.bytes[..], b"': no such user"].concat();
        call.complain(message);
        return Ok(ExitStatus::FAILURE);
    };
    let (groups, groups_base) = records(call.root, b"/etc/group");
    let mut member: Vec<u32> = vec![group_id.0];
    for record in &groups {
        let is_member = record.get(3).is_some_and(|members| members.split(|b| *b == b',').any(|m| m == &name.bytes[..]));
        member.extend(number(record.get(2)).filter(|id| is_member && *id != group_id.0));
    }
    let names = options.has('n');
    let group_text =
        |call: &Call<'_>, id: u32| if names { name_of(call.root, b"/etc/group", id) } else { id.to_string().into_bytes() };
    let (line, base) = match options.last_of("ugG") {
        Some('u') if names => (name.bytes.clone(), name.base),
        Some('u') => (user_id.0.to_string().into_bytes(), user_id.1),
        Some('g') => (group_text(call, group_id.0), group_id.1),
        Some('G') => {
            let texts: Vec<Vec<u8>> = member.iter().map(|id| group_text(call, *id)).collect();
            (texts.join(&b' '), groups_base)
        }
        // Without options everything is shown; scripts only ask whether the user is there.
        _ => {
            let mut line = Vec::new();
            line.extend_from_slice(format!("uid={}(", user_id.0).as_bytes());
            line.extend_from_slice(&name.bytes);
            line.extend_from_slice(format!(") gid={}(", group_id.0).as_bytes());
            line.extend(name_of(call.root, b"/etc/group", group_id.0));
            line.extend_from_slice(b") groups=");
            for (index, id) in member.iter().enumerate() {
                line.extend_from_slice(if index > 0 { b"," } else { b"" });
                line.extend_from_slice(format!("{id}(").as_bytes());
                line.extend(name_of(call.root, b"/etc/group", *id));
                line.push(b')');
            }
            (line, groups_base)
        }
    };
    call.out(&[&line[..], b"\n"].concat(), base)?;
    Ok(ExitStatus::SUCCESS)
}

fn getent(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let Some((database, keys)) = call.arguments.split_first() else { return Ok(ExitStatus::FAILURE) };
    let file: &[u8] = match &database.bytes[..] {
        b"passwd" => b"/etc/passwd",
        b"group" => b"/etc/group",
        b"shadow" => b"/etc/shadow",
        _ => return Err(call.uncovered("this database is not covered")),
    };
    let (records, base) = records(call.root, file);
    let show = |call: &mut Call<'_>, record: &Vec<Vec<u8>>| call.out(&[&record.join(&b':')[..], b"\n"].concat(), base);
    if keys.is_empty() {
        for record in records.iter().filter(|record| record.len() > 1) {
            show(call, record)?;
        }
        return Ok(ExitStatus::SUCCESS);
    }
    let mut status = ExitStatus::SUCCESS;
    for key in keys {
        let numeric = !key.is_empty() && key.bytes.iter().all(u8::is_ascii_digit) && database.bytes != b"shadow";
        let field = if numeric { 2 } else { 0 };
        match records.iter().find(|record| record.get(field).is_some_and(|known| *known == key.bytes)) {
            Some(record) => show(call, record)?,
            None => status = ExitStatus::TROUBLE,
        }
    }
    Ok(status)
}
