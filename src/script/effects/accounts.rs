//! `adduser`, `useradd` and their kin, `systemd-sysusers`.
//!
//! Invariant: the account files count as the base's, whatever is written into them.

use super::bridge::{RootView, apply, finish, told, words};
use crate::script::call::{Call, Table};
use crate::script::uncovered::Uncovered;
use crate::script::value::ExitStatus;
use crate::system::accounts::{
    Accounts, AddSystemUser, Declaration, Defaults, Gecos, GroupAdd, Grouping, UserAdd, UserMod, apply_sysusers,
    home_from_skeleton, parse_sysusers,
};
use crate::system::{SystemError, View, Write};

pub(super) const PROGRAMS: Table = &[
    ("adduser", &adduser),
    ("addgroup", &adduser),
    ("useradd", &useradd),
    ("groupadd", &groupadd),
    ("usermod", &usermod),
    ("gpasswd", &gpasswd),
    ("userdel", &userdel),
    ("systemd-sysusers", &systemd_sysusers),
];

/// The base's accounts and settings, as they are now.
pub(super) fn accounts(call: &mut Call<'_>) -> Result<(Accounts, Defaults), Uncovered> {
    let day = call.answers.shadow_day.and_then(|day| u32::try_from(day).ok());
    let view = RootView(call.root);
    let both = Accounts::of(&view, day).and_then(|accounts| Ok((accounts, Defaults::of(&view)?)));
    both.map_err(|error| call.uncovered(error.to_string()))
}

/// Runs a change of the accounts and writes them, and what else it wants.
fn change(
    call: &mut Call<'_>,
    command: impl FnOnce(&mut Accounts, &mut Defaults, &dyn View) -> Result<Vec<Write>, SystemError>,
) -> Result<ExitStatus, Uncovered> {
    let (mut accounts, mut defaults) = accounts(call)?;
    let result = command(&mut accounts, &mut defaults, &RootView(call.root));
    match told(call, result)? {
        Ok(mut writes) => {
            writes.splice(0..0, accounts.writes());
            apply(call, &writes, true).map(|()| ExitStatus::SUCCESS)
        }
        Err(status) => Ok(status),
    }
}

/// Options with their values, and operands; `flags` take none.
struct Given {
    options: Vec<(String, String)>,
    operands: Vec<String>,
}

impl Given {
    fn read(call: &Call<'_>, flags: &[&str], values: &[&str]) -> Result<Self, Uncovered> {
        let (mut options, mut operands) = (Vec::new(), Vec::new());
        let mut words = words(call).into_iter();
        while let Some(word) = words.next() {
            let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(n, v)| (n, Some(v.to_owned())));
            if !word.starts_with('-') {
                operands.push(word);
            } else if flags.contains(&word.as_str()) {
                options.push((word, String::new()));
            } else if values.contains(&name) {
                let value = value.or_else(|| words.next()).ok_or_else(|| call.uncovered(format!("{name} without a value")))?;
                options.push((name.to_owned(), value));
            } else {
                return Err(call.uncovered(format!("option {word} is not covered")));
            }
        }
        Ok(Self { options, operands })
    }
    fn has(&self, names: &[&str]) -> bool {
        self.options.iter().any(|(name, _)| names.contains(&name.as_str()))
    }
    fn value(&self, names: &[&str]) -> Option<String> {
        self.options.iter().rev().find(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value.clone())
    }
    fn number(&self, call: &Call<'_>, names: &[&str]) -> Result<Option<u32>, Uncovered> {
        let bad = |text: &String| call.uncovered(format!("'{text}' is no number"));
        self.value(names).map(|text| text.parse().map_err(|_| bad(&text))).transpose()
    }
    fn list(&self, names: &[&str]) -> Vec<String> {
        self.value(names).map(|list| list.split(',').map(Into::into).collect()).unwrap_or_default()
    }
}

fn adduser(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let flags = [
        "--system",
        "--group",
        "--no-create-home",
        "--disabled-password",
        "--disabled-login",
        "--quiet",
        "--force-badname",
        "--allow-badname",
        "--allow-bad-names",
        "--allow-all-names",
        "-q",
    ];
    let values = ["--home", "--shell", "--gecos", "--comment", "--ingroup", "--gid", "--uid"];
    let given = Given::read(call, &flags, &values)?;
    let (uid, gid) = (given.number(call, &["--uid"])?, given.number(call, &["--gid"])?);
    let group_only = call.name == "addgroup" || (given.has(&["--group"]) && !given.has(&["--system"]));
    match &given.operands[..] {
        [user, group] => {
            let (user, group) = (user.clone(), group.clone());
            change(call, |accounts, _, _| accounts.add_member(&user, &group).map(|()| Vec::new()))
        }
        [name] if group_only => {
            if !given.has(&["--system"]) {
                return Err(call.uncovered("a group that is no system group"));
            }
            change(call, |accounts, defaults, _| accounts.add_system_group(name, gid, defaults).map(|_| Vec::new()))
        }
        [name] if given.has(&["--system"]) => {
            let grouping = match (given.value(&["--ingroup"]), gid) {
                (Some(group), _) => Grouping::In(group),
                (None, Some(gid)) => Grouping::Gid(gid),
                (None, None) if given.has(&["--group"]) => Grouping::Own,
                (None, None) => Grouping::Nogroup,
            };
            let user = AddSystemUser {
                name: name.clone(),
                uid,
                grouping,
                home: given.value(&["--home"]),
                no_create_home: given.has(&["--no-create-home"]),
                shell: given.value(&["--shell"]),
                comment: given.value(&["--gecos", "--comment"]),
            };
            let how = comment_style(call)?;
            change(call, |accounts, defaults, view| Ok(accounts.add_system_user(&user, how, defaults, view)?.1))
        }
        _ => Err(call.uncovered("an ordinary user")),
    }
}

/// adduser before 3.135 sets the comment with `chfn`; its script says which.
fn comment_style(call: &Call<'_>) -> Result<Gecos, Uncovered> {
    let view = RootView(call.root);
    match view.text("/usr/sbin/adduser") {
        Ok(Some(text)) if text.contains("'chfn'") || text.contains("/chfn") => Ok(Gecos::FullName),
        Ok(_) => Ok(Gecos::Plain),
        // The catalogue keeps no programs; what dpkg noted of the package tells as much.
        Err(_) => {
            let status = view.text("/var/lib/dpkg/status").map_err(|error| call.uncovered(error.to_string()))?.unwrap_or_default();
            let stanza = status.split("\n\n").find(|stanza| stanza.starts_with("Package: adduser\n")).unwrap_or_default();
            let version = stanza.lines().find_map(|line| line.strip_prefix("Version: 3.")).unwrap_or_default();
            let minor: String = version.chars().take_while(char::is_ascii_digit).collect();
            Ok(if minor.parse::<u32>().is_ok_and(|minor| minor < 135) { Gecos::FullName } else { Gecos::Plain })
        }
    }
}

fn useradd(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let flags =
        ["-r", "--system", "-m", "--create-home", "-M", "--no-create-home", "-N", "--no-user-group", "-o", "--non-unique", "-U"];
    let values = [
        "-u",
        "--uid",
        "-g",
        "--gid",
        "-G",
        "--groups",
        "-d",
        "--home-dir",
        "--home",
        "-s",
        "--shell",
        "-c",
        "--comment",
        "-K",
        "-p",
        "--password",
    ];
    let given = Given::read(call, &flags, &values)?;
    let [name] = &given.operands[..] else { return Err(call.uncovered("not one name")) };
    let user = UserAdd {
        name: name.clone(),
        uid: given.number(call, &["-u", "--uid"])?,
        non_unique: given.has(&["-o", "--non-unique"]),
        group: given.value(&["-g", "--gid"]),
        no_user_group: given.has(&["-N", "--no-user-group"]),
        groups: given.list(&["-G", "--groups"]),
        comment: given.value(&["-c", "--comment"]).unwrap_or_default(),
        home: given.value(&["-d", "--home-dir", "--home"]),
        shell: given.value(&["-s", "--shell"]),
        system: given.has(&["-r", "--system"]),
        create_home: given.has(&["-m", "--create-home"]),
        password: given.value(&["-p", "--password"]),
    };
    let settings = given.value(&["-K"]);
    change(call, |accounts, defaults, view| {
        if let Some((key, value)) = settings.as_deref().and_then(|s| s.split_once('=')) {
            defaults.set_login(key, value);
        }
        let owner = accounts.user_add(&user, defaults)?;
        if !user.create_home {
            return Ok(Vec::new());
        }
        let home = user.home.clone().unwrap_or_else(|| format!("{}/{}", defaults.useradd("HOME").unwrap_or("/home"), user.name));
        home_from_skeleton(view, &home, owner, defaults)
    })
}

fn groupadd(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let given = Given::read(call, &["-r", "--system", "-f", "--force", "-o", "--non-unique"], &["-g", "--gid"])?;
    let [name] = &given.operands[..] else { return Err(call.uncovered("not one name")) };
    let group = GroupAdd {
        name: name.clone(),
        gid: given.number(call, &["-g", "--gid"])?,
        system: given.has(&["-r", "--system"]),
        force: given.has(&["-f", "--force"]),
        non_unique: given.has(&["-o", "--non-unique"]),
    };
    change(call, |accounts, defaults, _| accounts.group_add(&group, defaults).map(|_| Vec::new()))
}

fn usermod(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let values = [
        "-G",
        "--groups",
        "-aG",
        "-l",
        "--login",
        "-d",
        "--home",
        "-s",
        "--shell",
        "-c",
        "--comment",
        "-g",
        "--gid",
        "-e",
        "--expiredate",
    ];
    let given = Given::read(call, &["-a", "--append", "-U", "--unlock", "-L", "--lock"], &values)?;
    let [name] = &given.operands[..] else { return Err(call.uncovered("not one name")) };
    let groups = given.has(&["-G", "--groups"]);
    if groups && !given.has(&["-a", "--append"]) {
        return Err(call.uncovered("groups that are set, not added to"));
    }
    let user = UserMod {
        name: name.clone(),
        join: given.list(&["-G", "--groups", "-aG"]),
        rename: given.value(&["-l", "--login"]),
        home: given.value(&["-d", "--home"]),
        shell: given.value(&["-s", "--shell"]),
        comment: given.value(&["-c", "--comment"]),
        group: given.value(&["-g", "--gid"]),
        lock: if given.has(&["-L", "--lock"]) { Some(true) } else { given.has(&["-U", "--unlock"]).then_some(false) },
    };
    if given.value(&["-e", "--expiredate"]).is_some_and(|date| !date.is_empty()) {
        return Err(call.uncovered("a day on which the account expires"));
    }
    change(call, |accounts, _, _| accounts.user_modify(&user).map(|()| Vec::new()))
}

fn gpasswd(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let given = Given::read(call, &[], &["-a", "--add"])?;
    match (given.value(&["-a", "--add"]), &given.operands[..]) {
        (Some(user), [group]) => change(call, |accounts, _, _| accounts.add_member(&user, group).map(|()| Vec::new())),
        _ => Err(call.uncovered("anything but --add")),
    }
}

fn userdel(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let given = Given::read(call, &["-r", "--remove", "-f", "--force"], &[])?;
    let [name] = &given.operands[..] else { return Err(call.uncovered("not one name")) };
    let remove = given.has(&["-r", "--remove"]);
    change(call, |accounts, defaults, view| {
        let home = accounts.user_delete(name, defaults)?;
        let there = remove && home.len() > 1 && view.is_directory(&home);
        Ok(if there { vec![Write::remove(home)] } else { Vec::new() })
    })
}

fn systemd_sysusers(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let mut names = Vec::new();
    for word in words(call) {
        match word.as_str() {
            option if option.starts_with('-') => return Err(call.uncovered(format!("option {option} is not covered"))),
            file => names.push(file.to_owned()),
        }
    }
    let directories = ["/etc/sysusers.d", "/run/sysusers.d", "/usr/local/lib/sysusers.d", "/usr/lib/sysusers.d"];
    let declarations = match read_all(&RootView(call.root), &names, &directories) {
        Ok(texts) => texts.iter().map(|(name, text)| parse_sysusers(name, text)).collect::<Result<Vec<Vec<Declaration>>, _>>(),
        Err(error) => Err(error),
    };
    let declarations = declarations.map_err(|error| call.uncovered(error.to_string()))?.concat();
    change(call, |accounts, defaults, _| {
        apply_sysusers(accounts, &declarations, defaults, "/usr/sbin/nologin").map(|()| Vec::new())
    })
}

/// The named files of a systemd-style set of directories, or all; the first directory wins.
pub(super) fn read_all(view: &dyn View, names: &[String], directories: &[&str]) -> Result<Vec<(String, String)>, SystemError> {
    let mut wanted: Vec<String> = names.to_vec();
    if wanted.is_empty() {
        wanted = directories.iter().flat_map(|directory| view.list(directory)).filter(|name| name.ends_with(".conf")).collect();
        wanted.sort();
        wanted.dedup();
    }
    let mut texts = Vec::new();
    for name in wanted {
        let candidates: Vec<String> =
            if name.starts_with('/') { vec![name.clone()] } else { directories.iter().map(|d| format!("{d}/{name}")).collect() };
        let path = candidates.into_iter().find(|path| view.is_file(path));
        let path = path.ok_or_else(|| SystemError::Refused { command: "systemd", message: format!("Failed to open '{name}'") })?;
        texts.push((name, view.text(&path)?.unwrap_or_default()));
    }
    Ok(texts)
}

/// `systemd-tmpfiles --create FILE...`.
pub(super) fn systemd_tmpfiles(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let mut names = Vec::new();
    for word in words(call) {
        match word.as_str() {
            "--create" => {}
            option if option.starts_with('-') => return Err(call.uncovered(format!("option {option} is not covered"))),
            file => names.push(file.to_owned()),
        }
    }
    let (accounts, _) = accounts(call)?;
    let view = RootView(call.root);
    let directories = ["/etc/tmpfiles.d", "/run/tmpfiles.d", "/usr/local/lib/tmpfiles.d", "/usr/lib/tmpfiles.d"];
    let result = read_all(&view, &names, &directories).and_then(|texts| {
        let mut lines = Vec::new();
        for (name, text) in &texts {
            lines.extend(crate::system::tmpfiles::parse(name, text)?);
        }
        crate::system::tmpfiles::create(&view, &lines, &accounts)
    });
    finish(call, result, false)
}
