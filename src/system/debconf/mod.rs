//! debconf: the database of questions, and its answers to a package's script when nobody can be asked.
//!
//! Invariant: the frontend is `noninteractive`: no question is shown, none is marked as seen but by the script itself, and
//! answers that are there stay. Unknown commands and questions get debconf's own error codes.

mod items;
mod session;
mod template;

pub use items::{Item, Items};
pub use session::{Reply, Session};
pub use template::{Template, parse as parse_templates};

use super::error::Result;
use super::view::{View, Write};

const DIRECTORY: &str = "/var/cache/debconf";

/// The three files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Debconf {
    config: Items,
    passwords: Items,
    templates: Items,
    /// As they were read, to tell what changed.
    read: [Vec<u8>; 3],
}

impl Debconf {
    /// Reads the database of a tree; absent files are empty.
    pub fn of(view: &dyn View) -> Result<Self> {
        let read = [view.bytes(&path("config"))?, view.bytes(&path("passwords"))?, view.bytes(&path("templates"))?];
        let [config, passwords, templates] = [0, 1, 2].map(|n| Items::parse(&path(NAMES[n]), &read[n]));
        Ok(Self { config: config?, passwords: passwords?, templates: templates?, read })
    }
    /// The changed files.
    pub fn writes(&self) -> Vec<Write> {
        let files = [&self.config, &self.passwords, &self.templates].into_iter().zip(NAMES).zip(&self.read);
        let mode = |name: &str| if name == "passwords" { 0o600 } else { 0o644 };
        let write = |((items, name), read): ((&Items, &str), &Vec<u8>)| {
            let bytes = items.bytes();
            (bytes != *read).then(|| Write::file(path(name), bytes).mode(mode(name)))
        };
        files.filter_map(write).collect()
    }
    /// Loads a package's `templates` file: its templates, and a question for each.
    pub fn load_templates(&mut self, document: &str, bytes: &[u8], owner: &str) -> Result<()> {
        for template in parse_templates(document, bytes)? {
            let kind = template.fields.get("type").cloned().unwrap_or_default();
            self.own(&template.name, owner, &kind, &template.name);
            let item = self.templates.0.entry(template.name.clone()).or_default();
            item.owners.insert(template.name.clone());
            item.fields = template.fields;
        }
        Ok(())
    }
    /// Makes `owner` an owner of a question; a new one is made from a template.
    fn own(&mut self, question: &str, owner: &str, kind: &str, template: &str) {
        if let Some(item) = self.question_mut(question) {
            item.owners.insert(owner.into());
            return;
        }
        let file = if kind == "password" { &mut self.passwords } else { &mut self.config };
        let item = file.0.entry(question.into()).or_default();
        item.owners.insert(owner.into());
        item.fields.insert("template".into(), template.into());
    }
    /// A question.
    pub fn question(&self, name: &str) -> Option<&Item> {
        self.config.0.get(name).or_else(|| self.passwords.0.get(name))
    }
    fn question_mut(&mut self, name: &str) -> Option<&mut Item> {
        if self.config.0.contains_key(name) { self.config.0.get_mut(name) } else { self.passwords.0.get_mut(name) }
    }
    /// A field of the question's template, in the C locale.
    fn template_field(&self, question: &str, field: &str) -> Option<&str> {
        let template = self.templates.0.get(self.question(question)?.fields.get("template")?)?;
        template.fields.get(field).map(String::as_str)
    }
    /// The value of a question: the answer, else the template's default.
    pub fn value(&self, question: &str) -> Option<String> {
        let answer = self.question(question)?.fields.get("value");
        Some(answer.cloned().or_else(|| self.template_field(question, "default").map(Into::into)).unwrap_or_default())
    }
    /// Takes `owner` off a question; one without owners goes, and so does its template's mention of it.
    fn disown(&mut self, question: &str, owner: &str) {
        let Some(item) = self.question_mut(question) else { return };
        item.owners.remove(owner);
        if !item.owners.is_empty() {
            return;
        }
        let template = item.fields.get("template").cloned().unwrap_or_default();
        self.config.0.remove(question);
        self.passwords.0.remove(question);
        if let Some(item) = self.templates.0.get_mut(&template) {
            item.owners.remove(question);
            if item.owners.is_empty() {
                self.templates.0.remove(&template);
            }
        }
    }
}

const NAMES: [&str; 3] = ["config", "passwords", "templates"];

fn path(name: &str) -> String {
    format!("{DIRECTORY}/{name}.dat")
}

#[cfg(test)]
mod tests;
