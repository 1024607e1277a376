//! An image config, read from its raw bytes (image-spec, config.md; Docker's image config has the same fields and more).
//!
//! Invariant: `raw` is the document byte for byte; edits start from [`Config::value`], which keeps what is unknown here.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use super::json::{self, DOCUMENT_LIMIT, DocumentError, Fields};
use super::{DiffId, Manifest, Platform};

const WHAT: &str = "image config";

/// What an image runs, where, and the uncompressed digests of its layers.
#[derive(Clone, Debug)]
pub struct Config {
    /// The document, byte for byte.
    pub raw: Bytes,
    /// Where it runs.
    pub platform: Platform,
    /// The layers, bottom to top.
    pub diff_ids: Vec<DiffId>,
    /// History entries that stand for a layer; nothing where there is no history.
    pub history_layers: Option<usize>,
    /// `created`, as written.
    pub created: Option<String>,
    /// `KEY=VALUE`, in order.
    pub env: Vec<String>,
    /// Who runs it; empty means root.
    pub user: String,
    /// Where it starts.
    pub workdir: String,
    /// The program, where set and not empty.
    pub entrypoint: Option<Vec<String>>,
    /// The program or its words, where set and not empty.
    pub cmd: Option<Vec<String>>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    onbuild: Vec<String>,
    value: Value,
}

impl Config {
    /// Reads `raw`.
    pub fn parse(raw: Bytes) -> Result<Self, DocumentError> {
        let value = json::read(WHAT, &raw, DOCUMENT_LIMIT)?;
        let fields = Fields::of(WHAT, &value)?;
        fields.spelled(&["architecture", "os", "rootfs", "history", "created"])?;
        let required = |name: &str| match fields.text(name)? {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => Err(fields.wrong(name, "is missing")),
        };
        let platform = Platform {
            architecture: required("architecture")?,
            os: required("os")?,
            variant: fields.text("variant")?.filter(|v| !v.is_empty()).map(str::to_owned),
            os_version: fields.text("os.version")?.map(str::to_owned),
            os_features: fields.texts("os.features")?.unwrap_or_default().into_iter().map(str::to_owned).collect(),
        };
        let nothing = Value::Object(serde_json::Map::new());
        let run = Fields::of(WHAT, fields.get("config").unwrap_or(&nothing))?;
        let owned = |name: &str| {
            let texts = run.texts(name)?.map(|t| t.into_iter().map(str::to_owned).collect::<Vec<_>>());
            Ok(texts.filter(|t| !t.is_empty()))
        };
        let text = |name: &str| Ok(run.text(name)?.unwrap_or_default().to_owned());
        Ok(Self {
            platform,
            diff_ids: diff_ids(fields)?,
            history_layers: history_layers(fields)?,
            created: fields.text("created")?.map(str::to_owned),
            env: owned("Env")?.unwrap_or_default(),
            user: text("User")?,
            workdir: text("WorkingDir")?,
            entrypoint: owned("Entrypoint")?,
            cmd: owned("Cmd")?,
            labels: run.text_map("Labels")?.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
            onbuild: owned("OnBuild")?.unwrap_or_default(),
            raw,
            value,
        })
    }
    /// The document as a tree in its own order, with everything that this type does not know.
    pub fn value(&self) -> &Value {
        &self.value
    }
    /// The value of an environment variable; the last of equal keys counts.
    pub fn env_value(&self, key: &str) -> Option<&str> {
        self.env.iter().rev().filter_map(|e| e.split_once('=')).find(|(k, _)| *k == key).map(|(_, v)| v)
    }
    /// Instructions that a build on this image would have to run.
    pub fn onbuild(&self) -> &[String] {
        &self.onbuild
    }
    /// Whether Entrypoint or Cmd starts the `OpenHands` agent-server.
    pub fn starts_agent_server(&self) -> bool {
        let words = self.entrypoint.iter().chain(&self.cmd).flatten();
        words.into_iter().any(|w| w.contains("openhands.agent_server") || w.contains("openhands-agent-server"))
    }
    /// Fails unless layers, diff IDs and history speak of the same number of layers.
    pub fn check_against(&self, manifest: &Manifest) -> Result<(), DocumentError> {
        let layers = manifest.layers.len();
        let wrong = |field: &str, n: usize| {
            let cause = format!("speaks of {n} layers, the manifest has {layers}");
            Err(DocumentError::Field { what: WHAT, field: field.into(), cause })
        };
        match (self.diff_ids.len(), self.history_layers) {
            (n, _) if n != layers => wrong("rootfs.diff_ids", n),
            (_, Some(n)) if n != layers => wrong("history", n),
            _ => Ok(()),
        }
    }
}

fn diff_ids(fields: Fields<'_>) -> Result<Vec<DiffId>, DocumentError> {
    let Some(rootfs) = fields.get("rootfs") else { return Err(fields.wrong("rootfs", "is missing")) };
    let rootfs = Fields::of(WHAT, rootfs)?;
    match rootfs.text("type")? {
        Some("layers") => {}
        other => return Err(fields.wrong("rootfs.type", format!("is {:?}, only \"layers\" is known", other.unwrap_or_default()))),
    }
    let parse = |text: &str| text.parse().map(DiffId).map_err(|e| fields.wrong("rootfs.diff_ids", format!("is refused: {e}")));
    rootfs.texts("diff_ids")?.unwrap_or_default().into_iter().map(parse).collect()
}

fn history_layers(fields: Fields<'_>) -> Result<Option<usize>, DocumentError> {
    let mut layers = 0;
    for entry in fields.list("history")? {
        layers += usize::from(!Fields::of(WHAT, entry)?.boolean("empty_layer")?);
    }
    Ok(fields.list("history").ok().filter(|h| !h.is_empty()).map(|_| layers))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(more: &str) -> Result<Config, DocumentError> {
        Config::parse(format!(r#"{{"architecture":"amd64","os":"linux"{more}}}"#).into())
    }
    const EMPTY: &str = r#","rootfs":{"type":"layers","diff_ids":[]}"#;

    #[test]
    fn what_is_no_config_of_an_image_is_refused() {
        for more in [
            "",
            r#","rootfs":{"type":"tree","diff_ids":[]}"#,
            r#","rootfs":{"diff_ids":[]}"#,
            r#","rootfs":{"type":"layers","diff_ids":["sha256:00"]}"#,
            r#","rootfs":{"type":"layers","diff_ids":[7]}"#,
            r#","rootfs":{"type":"layers","diff_ids":[]},"config":{"Env":"A=b"}"#,
            r#","rootfs":{"type":"layers","diff_ids":[]},"history":[{"empty_layer":"yes"}]"#,
            r#","rootfs":{"type":"layers","diff_ids":[]},"history":[7]"#,
        ] {
            assert!(config(more).is_err(), "{more}");
        }
        assert!(Config::parse("{}".into()).is_err());
        for more in [
            EMPTY,
            r#","rootfs":{"type":"layers","diff_ids":null},"config":null,"history":null"#,
            r#","rootfs":{"type":"layers","diff_ids":[]},"config":{"Entrypoint":null,"Env":null,"Healthcheck":{"Test":["NONE"]}}"#,
        ] {
            assert!(config(more).is_ok(), "{more}");
        }
    }

    #[test]
    fn the_counts_must_agree() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let layer = format!(r#"{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{digest}","size":1}}"#);
        let manifest = |layers: usize| {
            let layers = vec![layer.as_str(); layers].join(",");
            let config = format!(r#"{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{digest}","size":1}}"#);
            Manifest::parse(format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{layers}]}}"#).into(), None).expect("valid")
        };
        let with = |history: &str| {
            config(&format!(r#","rootfs":{{"type":"layers","diff_ids":["{digest}"]}},"history":{history}"#)).expect("valid")
        };
        assert!(with("[{}]").check_against(&manifest(1)).is_ok());
        assert!(with(r#"[{"empty_layer":true},{}]"#).check_against(&manifest(1)).is_ok());
        assert!(with("[]").check_against(&manifest(1)).is_ok());
        assert!(with("null").check_against(&manifest(1)).is_ok());
        assert!(with("[{},{}]").check_against(&manifest(1)).is_err());
        assert!(with("null").check_against(&manifest(2)).is_err());
        assert!(with("null").check_against(&manifest(0)).is_err());
    }

    #[test]
    fn an_agent_server_and_onbuild_are_seen() {
        let with = |run: &str| config(&format!(r#"{EMPTY},"config":{run}"#)).expect("valid");
        assert!(with(r#"{"Entrypoint":["python","-m","openhands.agent_server"]}"#).starts_agent_server());
        assert!(with(r#"{"Cmd":["/usr/local/bin/openhands-agent-server","--port","8000"]}"#).starts_agent_server());
        assert!(!with(r#"{"Cmd":["bash"]}"#).starts_agent_server());
        assert_eq!(with(r#"{"OnBuild":["RUN x"]}"#).onbuild(), ["RUN x"]);
        assert_eq!(with(r#"{"Env":["A=1","B","A=2"]}"#).env_value("A"), Some("2"));
    }
}
