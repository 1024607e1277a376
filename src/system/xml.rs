//! XML documents as trees: what the registries of packages are written in.
//!
//! Invariant: bounded depth; what is not understood (other encodings, entities of its own) is an error, never guessed.

/// Elements in elements.
const DEPTH: usize = 200;

/// What XML's own prefix stands for.
pub const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";

/// An element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Name as written, with its prefix.
    pub name: String,
    /// What its prefix, or the default, stands for.
    pub namespace: Option<String>,
    /// Attributes as written, in order; values with entities resolved.
    pub attributes: Vec<(String, String)>,
    /// What is in it, without instructions.
    pub children: Vec<Node>,
    /// Line of its start tag, from 1.
    pub line: usize,
}

/// What stands in an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// An element.
    Element(Element),
    /// Text, entities resolved.
    Text(String),
    /// A comment.
    Comment,
}

impl Element {
    /// The value of an attribute without prefix.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
    /// The elements in it.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) | Node::Comment => None,
        })
    }
    /// Whether it has this name without prefix in this namespace.
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.namespace.as_deref() == Some(namespace) && self.local_name() == name
    }
    /// The name without prefix.
    pub fn local_name(&self) -> &str {
        self.name.rsplit(':').next().unwrap_or(&self.name)
    }
}

/// The document's element, or what is wrong with the document.
pub fn parse(bytes: &[u8]) -> Result<Element, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
    let mut reader = Reader { text: &text, at: 0, open: Vec::new(), scopes: Vec::new(), root: None, lines: (0, 1) };
    while reader.at < text.len() {
        reader.step().map_err(|cause| format!("line {}: {cause}", reader.line()))?;
    }
    match reader.root {
        Some(root) if reader.open.is_empty() => Ok(root),
        _ => Err("the document ends within an element".into()),
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    open: Vec<Element>,
    /// Prefixes of each open element.
    scopes: Vec<Vec<(String, String)>>,
    root: Option<Element>,
    /// A place, and its line.
    lines: (usize, usize),
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }
    fn line(&mut self) -> usize {
        let (from, line) = self.lines;
        let passed = self.text.as_bytes().get(from..self.at).unwrap_or_default();
        self.lines = (self.at, line + passed.split(|byte| *byte == b'\n').count() - 1);
        self.lines.1
    }
    /// What stands before `end`, which is passed.
    fn until(&mut self, end: &str) -> Result<&'t str, String> {
        let length = self.rest().find(end).ok_or_else(|| format!("`{end}` is missing"))?;
        let part = self.rest().get(..length).unwrap_or_default();
        self.at += length + end.len();
        Ok(part)
    }
    fn skip(&mut self, start: &str) -> bool {
        let is_there = self.rest().starts_with(start);
        self.at += if is_there { start.len() } else { 0 };
        is_there
    }
    fn step(&mut self) -> Result<(), String> {
        if self.skip("<!--") {
            self.until("-->")?;
            if self.open.is_empty() { Ok(()) } else { self.add(Node::Comment) }
        } else if self.skip("<![CDATA[") {
            let text = self.until("]]>")?.to_owned();
            self.text_node(text)
        } else if self.skip("<?") {
            let instruction = self.until("?>")?.to_ascii_lowercase();
            let other = instruction.starts_with("xml ") && instruction.contains("encoding") && !instruction.contains("utf-8");
            if other { Err("an encoding other than UTF-8".into()) } else { Ok(()) }
        } else if self.skip("<!DOCTYPE") {
            self.doctype()
        } else if self.skip("</") {
            let name = self.until(">")?.trim_end();
            let element = self.open.pop().filter(|open| open.name == name).ok_or_else(|| format!("`</{name}>` closes nothing"))?;
            self.scopes.pop();
            self.add(Node::Element(element))
        } else if self.skip("<") {
            self.start()
        } else {
            let length = self.rest().find('<').unwrap_or(self.rest().len());
            let text = resolved(self.rest().get(..length).unwrap_or_default())?;
            self.at += length;
            self.text_node(text)
        }
    }
    fn text_node(&mut self, text: String) -> Result<(), String> {
        match self.open.last_mut().map(|open| &mut open.children) {
            None if text.trim().is_empty() => Ok(()),
            None => Err("text outside of the document's element".into()),
            Some(children) => {
                if let Some(Node::Text(before)) = children.last_mut() {
                    before.push_str(&text);
                } else {
                    children.push(Node::Text(text));
                }
                Ok(())
            }
        }
    }
    fn add(&mut self, node: Node) -> Result<(), String> {
        match (self.open.last_mut(), node) {
            (Some(parent), node) => parent.children.push(node),
            (None, Node::Element(element)) if self.root.is_none() => self.root = Some(element),
            _ => return Err("a second element of the document".into()),
        }
        Ok(())
    }
    /// A document type says what may be where; a default that it gives to an attribute would be needed.
    fn doctype(&mut self) -> Result<(), String> {
        let mut depth = 0_usize;
        while let Some(next) = self.rest().chars().next() {
            if self.skip("<!--") {
                self.until("-->")?;
                continue;
            }
            self.at += next.len_utf8();
            match next {
                '[' => depth += 1,
                ']' => depth = depth.saturating_sub(1),
                '"' | '\'' => drop(self.until(&next.to_string())?),
                '>' if depth == 0 => return Ok(()),
                '<' if self.skip("!ENTITY") => return Err("entities of its own".into()),
                '<' => drop(self.until(">")?),
                _ => {}
            }
        }
        Err("the document type does not end".into())
    }
    fn start(&mut self) -> Result<(), String> {
        let mut element = Element { line: self.line(), ..Element::default() };
        element.name = self.name()?;
        let closes = loop {
            let before = self.at;
            self.at += self.rest().len() - self.rest().trim_start().len();
            if self.skip("/>") {
                break true;
            } else if self.skip(">") {
                break false;
            } else if self.at == before {
                return Err(format!("the start tag of `{}` does not end", element.name));
            }
            let name = self.name()?;
            self.until("=")?;
            self.at += self.rest().len() - self.rest().trim_start().len();
            let quote = self.rest().chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or("a value without quotes")?;
            self.at += 1;
            let raw = self.until(&quote.to_string())?.replace(['\n', '\t'], " ");
            element.attributes.push((name, resolved(&raw)?));
        };
        let prefixes = element.attributes.iter().filter_map(|(name, value)| {
            let prefix = if name == "xmlns" { "" } else { name.strip_prefix("xmlns:")? };
            Some((prefix.to_owned(), value.clone()))
        });
        self.scopes.push(prefixes.collect());
        element.namespace = self.namespace(&element.name)?;
        if self.open.len() >= DEPTH {
            return Err("elements are too deep".into());
        }
        if closes {
            self.scopes.pop();
            return self.add(Node::Element(element));
        }
        self.open.push(element);
        Ok(())
    }
    fn name(&mut self) -> Result<String, String> {
        let is_end = |c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/' | '<' | '"' | '\'');
        let length = self.rest().find(is_end).unwrap_or(self.rest().len());
        let name = self.rest().get(..length).filter(|name| !name.is_empty()).ok_or("a name is missing")?;
        self.at += length;
        Ok(name.to_owned())
    }
    fn namespace(&self, name: &str) -> Result<Option<String>, String> {
        let prefix = name.split_once(':').map_or("", |(prefix, _)| prefix);
        if prefix == "xml" {
            return Ok(Some(XML_NAMESPACE.into()));
        }
        let known = self.scopes.iter().rev().flatten().find(|(known, _)| known == prefix).map(|(_, uri)| uri.clone());
        if known.is_none() && !prefix.is_empty() {
            return Err(format!("the prefix `{prefix}` is not known"));
        }
        Ok(known.filter(|uri| !uri.is_empty()))
    }
}

/// Text with its entities replaced.
fn resolved(text: &str) -> Result<String, String> {
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, after) = part.split_once(';').ok_or("an `&` that begins nothing")?;
        let number = name.strip_prefix('#').map(|number| match number.strip_prefix('x') {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        });
        let character = match (name, number) {
            ("amp", _) => '&',
            ("lt", _) => '<',
            ("gt", _) => '>',
            ("quot", _) => '"',
            ("apos", _) => '\'',
            (_, Some(Ok(number))) => char::from_u32(number).filter(|c| *c != '\0').ok_or("a character that is none")?,
            _ => return Err(format!("the entity `{name}` is not known")),
        };
        out.push(character);
        out.push_str(after);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_with_its_namespaces() {
        let text = "<?xml version='1.0' encoding='UTF-8'?>\n<!DOCTYPE a [ <!ELEMENT a (b)> <!-- ]> -->\n]>\n<a xmlns='u' xmlns:p='v'>x&amp;y<!-- no --><p:b c='1 &lt;\n2'/><![CDATA[<z>]]></a>\n";
        let root = parse(text.as_bytes()).expect("a document");
        assert!(root.is("u", "a") && root.line == 4);
        let [Node::Text(first), Node::Comment, Node::Element(inner), Node::Text(last)] = &root.children[..] else {
            panic!("{root:?}")
        };
        assert!(inner.is("v", "b") && inner.attribute("c") == Some("1 < 2"));
        assert_eq!((first.as_str(), last.as_str()), ("x&y", "<z>"));
    }

    #[test]
    fn what_is_no_document_is_an_error() {
        let deep = "<a>".repeat(300);
        for text in
            ["", "<a>", "</a>", "<a></b>", "<a/><b/>", "<a b=c/>", "<a>&b;</a>", "<a>&#0;</a>", "<p:a/>", "text", "<a b", &deep]
        {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>").is_err());
        assert!(parse(b"<?xml version='1.0' encoding='latin1'?><a/>").is_err());
    }
}
