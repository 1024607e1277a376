//! The commands of debconf's protocol (debconf-devel(7)), one script's talk with the noninteractive frontend.
//!
//! Invariant: each command gives one reply, never an error of ours: what the frontend does not know has a code, too.

use super::Debconf;

/// What the frontend answers: `RET` of the shell's confmodule, and the status of `db_...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// 0 is success; 10 bad parameters, 20 syntax, 30 skipped, 100 internal.
    pub code: u8,
    /// The text.
    pub text: String,
}

/// A script's talk.
#[derive(Debug)]
pub struct Session<'a> {
    database: &'a mut Debconf,
    owner: String,
    busy: Vec<String>,
}

impl<'a> Session<'a> {
    /// Begins a talk for the package `owner` (with `:ARCH` for `Multi-Arch: same`).
    pub fn new(database: &'a mut Debconf, owner: impl Into<String>) -> Self {
        Self { database, owner: owner.into(), busy: Vec::new() }
    }
    /// The database, for templates that the script asks to be loaded.
    pub fn database(&mut self) -> &mut Debconf {
        self.database
    }
    /// Goes on where an earlier talk of the same script stopped: questions put, not yet gone through.
    #[must_use]
    pub fn with_busy(mut self, busy: Vec<String>) -> Self {
        self.busy = busy;
        self
    }
    /// The questions put since the last `go`.
    pub fn into_busy(self) -> Vec<String> {
        self.busy
    }
    /// Answers one command, its words as the script gives them: `["get", "a/b"]`.
    pub fn command(&mut self, words: &[&str]) -> Reply {
        let Some((verb, rest)) = words.split_first() else { return reply(20, "empty command") };
        match (verb.to_ascii_lowercase().as_str(), rest) {
            ("version", _) => reply(0, "2.0"),
            ("capb", _) => reply(0, "multiselect escape"),
            ("title" | "settitle" | "info" | "clear" | "beginblock" | "endblock" | "progress" | "data" | "stop", _) => reply(0, ""),
            ("exist", [name]) => reply(0, if self.database.question(name).is_some() { "true" } else { "false" }),
            ("purge", []) => self.purge(),
            ("go", []) => self.go(),
            ("previous_module", _) => reply(30, ""),
            ("register", [template, name]) => self.register(template, name),
            ("input", [_, name]) if self.database.question(name).is_none() => missing(name),
            ("input", [_, name]) => {
                self.busy.push((*name).to_owned());
                reply(30, "question skipped")
            }
            ("get" | "reset" | "unregister", [name]) | ("set" | "fget" | "fset" | "subst" | "metaget", [name, ..])
                if self.database.question(name).is_none() =>
            {
                missing(name)
            }
            ("get", [name]) => reply(0, self.database.value(name).unwrap_or_default()),
            ("set", [name, value @ ..]) => self.set(name, &value.join(" ")),
            ("reset", [name]) => self.reset(name),
            ("unregister", [name]) => {
                self.database.disown(name, &self.owner);
                reply(0, "")
            }
            ("fget", [name, flag]) => {
                let set = self.database.question(name).is_some_and(|item| item.flags.contains(*flag));
                reply(0, if set { "true" } else { "false" })
            }
            ("fset", [name, flag, value @ ..]) if !value.is_empty() => self.set_flag(name, flag, &value.join(" ")),
            ("subst", [name, variable, value @ ..]) => self.substitute(name, variable, &value.join(" ")),
            ("metaget", [name, field]) => self.field(name, field),
            (verb, _) => reply(20, format!("Unsupported command \"{verb}\" or incorrect number of arguments")),
        }
    }
    fn set(&mut self, name: &str, value: &str) -> Reply {
        if let Some(item) = self.database.question_mut(name) {
            item.fields.insert("value".into(), value.into());
        }
        reply(0, "value set")
    }
    fn reset(&mut self, name: &str) -> Reply {
        let default = self.database.template_field(name, "default").unwrap_or_default().to_owned();
        self.set(name, &default);
        self.set_flag(name, "seen", "false");
        reply(0, "")
    }
    fn set_flag(&mut self, name: &str, flag: &str, value: &str) -> Reply {
        if let Some(item) = self.database.question_mut(name) {
            if value == "true" {
                item.flags.insert(flag.into());
            } else {
                item.flags.remove(flag);
            }
        }
        reply(0, value)
    }
    fn substitute(&mut self, name: &str, variable: &str, value: &str) -> Reply {
        if let Some(item) = self.database.question_mut(name) {
            item.variables.insert(variable.into(), value.into());
        }
        reply(0, "")
    }
    fn register(&mut self, template: &str, name: &str) -> Reply {
        let Some(kind) = self.database.template_field(template, "type").map(str::to_owned) else {
            return reply(10, format!("No such template, \"{template}\""));
        };
        self.database.own(name, &self.owner.clone(), &kind, template);
        if let Some(item) = self.database.question_mut(name) {
            item.fields.insert("template".into(), template.into());
        }
        if let Some(item) = self.database.templates.0.get_mut(template) {
            item.owners.insert(name.into());
        }
        reply(0, "")
    }
    fn purge(&mut self) -> Reply {
        let owned: Vec<String> = [&self.database.config, &self.database.passwords]
            .into_iter()
            .flat_map(|items| items.0.iter().filter(|(_, item)| item.owners.contains(&self.owner)).map(|(name, _)| name.clone()))
            .collect();
        for name in owned {
            self.database.disown(&name, &self.owner.clone());
        }
        reply(0, "")
    }
    /// Every question that was put gets the value that it has, or that nobody's answer means.
    fn go(&mut self) -> Reply {
        for name in std::mem::take(&mut self.busy) {
            let value = self.database.value(&name).unwrap_or_default();
            let value = match self.database.template_field(&name, "type").unwrap_or_default() {
                "error" | "text" => String::new(),
                "select" => {
                    let choices = split_choices(&self.choices(&name));
                    if choices.contains(&value) { value } else { choices.into_iter().next().unwrap_or_default() }
                }
                _ => value,
            };
            self.set(&name, &value);
        }
        reply(0, "ok")
    }
    fn choices(&self, name: &str) -> String {
        let field = ["choices-c", "choices"].iter().find_map(|field| self.database.template_field(name, field));
        self.expanded(name, field.unwrap_or_default())
    }
    fn field(&self, name: &str, field: &str) -> Reply {
        let field = field.to_ascii_lowercase();
        let item = self.database.question(name);
        if field == "owners" {
            let owners = item.map(|i| i.owners.iter().map(String::as_str).collect::<Vec<_>>().join(", "));
            return reply(0, owners.unwrap_or_default());
        }
        if let Some(value) = item.and_then(|i| i.fields.get(&field)) {
            return reply(0, value.replace('\n', "\\n"));
        }
        let plain = field.split('-').next().unwrap_or_default();
        let text = [field.as_str(), plain].iter().find_map(|f| self.database.template_field(name, f)).unwrap_or_default();
        let expands = ["description", "extended_description", "choices"].contains(&plain);
        let text = if expands { self.expanded(name, text) } else { text.to_owned() };
        reply(0, text.replace('\n', "\\n"))
    }
    /// `${variable}` replaced; `\${variable}` only loses its backslash.
    fn expanded(&self, name: &str, text: &str) -> String {
        let (mut out, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once("${") {
            let Some((variable, tail)) = after.split_once('}').filter(|(variable, _)| !variable.contains('{')) else {
                out.push_str(before);
                out.push_str("${");
                rest = after;
                continue;
            };
            rest = tail;
            if let Some(before) = before.strip_suffix('\\') {
                out.push_str(before);
                out.push_str(&format!("${{{variable}}}"));
                continue;
            }
            out.push_str(before);
            out.push_str(self.database.question(name).and_then(|i| i.variables.get(variable)).map_or("", String::as_str));
        }
        out + rest
    }
}

/// The choices of a list: separated by a comma and blanks; `\,` and `\ ` stand for themselves.
fn split_choices(text: &str) -> Vec<String> {
    let (mut items, mut item) = (Vec::new(), String::new());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek().copied()) {
            ('\\', Some(next @ (',' | ' '))) => {
                item.push(next);
                chars.next();
            }
            (',', Some(next)) if next.is_whitespace() => {
                while chars.next_if(|c| c.is_whitespace()).is_some() {}
                items.push(std::mem::take(&mut item));
            }
            _ => item.push(c),
        }
    }
    if !item.is_empty() {
        items.push(item);
    }
    items
}

fn missing(name: &str) -> Reply {
    reply(10, format!("{name} doesn't exist"))
}

fn reply(code: u8, text: impl Into<String>) -> Reply {
    Reply { code, text: text.into() }
}
