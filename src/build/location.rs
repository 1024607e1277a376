//! Places as users write them: skopeo's transport names, or a reference alone for a registry.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::oci::Reference;

use super::BuildError;

/// Where an image lies or shall lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// `docker://NAME`, or a name alone.
    Registry(Reference),
    /// `oci:DIR[:TAG]`
    Layout(PathBuf, Option<String>),
    /// `oci-archive:FILE[:TAG]`
    OciArchive(PathBuf, Option<String>),
    /// `docker-archive:FILE[:NAME]`
    DockerArchive(PathBuf, Option<String>),
    /// `docker-daemon:NAME`
    Engine(Reference),
    /// `store:NAME`: a result of an earlier build.
    Store(String),
}

impl FromStr for Location {
    type Err = crate::Error;
    fn from_str(text: &str) -> Result<Self, crate::Error> {
        let (transport, rest) = match text.split_once(':') {
            Some((t @ ("docker" | "oci" | "oci-archive" | "docker-archive" | "docker-daemon" | "store"), rest)) => (t, rest),
            _ => ("", text),
        };
        let path = |rest: &str| {
            if rest.is_empty() { Err(BuildError::Words(format!("{text:?} names no file"))) } else { Ok(PathBuf::from(rest)) }
        };
        Ok(match transport {
            "docker" => match rest.strip_prefix("//") {
                Some(name) => Self::Registry(name.parse()?),
                // `docker:24` is an image of the Hub.
                None => Self::Registry(text.parse()?),
            },
            "oci" if rest.starts_with("//") => {
                return Err(BuildError::Words(format!("{text:?}: oci takes a folder, not a URL")).into());
            }
            "oci" => {
                // A tag has no slash, so `oci:a/b` and `oci:/a:b/c` name folders.
                let (folder, tag) = match rest.rsplit_once(':') {
                    Some((folder, tag)) if !tag.contains('/') => (folder, Some(tag.to_owned())),
                    _ => (rest, None),
                };
                Self::Layout(path(folder)?, tag.filter(|t| !t.is_empty()))
            }
            // As skopeo reads it: what stands behind the first colon is the name inside.
            "oci-archive" | "docker-archive" => {
                let (file, name) = rest.split_once(':').map_or((rest, None), |(file, name)| (file, Some(name.to_owned())));
                let (file, name) = (path(file)?, name.filter(|n| !n.is_empty()));
                if transport == "oci-archive" { Self::OciArchive(file, name) } else { Self::DockerArchive(file, name) }
            }
            "docker-daemon" => Self::Engine(rest.parse()?),
            "store" => Self::Store(rest.to_owned()),
            _ => Self::Registry(text.parse()?),
        })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(name) => write!(f, "{name}"),
            Self::Layout(folder, None) => write!(f, "oci:{}", folder.display()),
            Self::Layout(folder, Some(tag)) => write!(f, "oci:{}:{tag}", folder.display()),
            Self::OciArchive(file, None) => write!(f, "oci-archive:{}", file.display()),
            Self::OciArchive(file, Some(name)) => write!(f, "oci-archive:{}:{name}", file.display()),
            Self::DockerArchive(file, None) => write!(f, "docker-archive:{}", file.display()),
            Self::DockerArchive(file, Some(name)) => write!(f, "docker-archive:{}:{name}", file.display()),
            Self::Engine(name) => write!(f, "docker-daemon:{name}"),
            Self::Store(name) => write!(f, "store:{name}"),
        }
    }
}

impl Location {
    /// The name that goes into lock and record: canonical for registries, no path of this machine else.
    pub fn canonical(&self) -> String {
        match self {
            Self::Registry(name) | Self::Engine(name) => name.to_string(),
            Self::Layout(_, tag) => format!("oci:{}", tag.as_deref().unwrap_or("latest")),
            Self::OciArchive(_, name) => format!("oci-archive:{}", name.as_deref().unwrap_or("latest")),
            Self::DockerArchive(_, name) => format!("docker-archive:{}", name.as_deref().unwrap_or("latest")),
            Self::Store(name) => name.clone(),
        }
    }

    /// The reference that others can pull, for annotations: only a registry's image has one.
    pub fn reference(&self) -> Option<String> {
        match self {
            Self::Registry(name) => Some(name.to_string()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_named_as_skopeo_names_them() {
        for (text, shown) in [
            ("debian:12", "docker.io/library/debian:12"),
            ("docker://debian", "docker.io/library/debian:latest"),
            ("docker:24", "docker.io/library/docker:24"),
            ("localhost:5000/a/b:c", "localhost:5000/a/b:c"),
            ("oci:base-layout:debian", "oci:base-layout:debian"),
            ("oci:/a:b/c", "oci:/a:b/c"),
            ("oci:dir", "oci:dir"),
            ("oci-archive:x.tar", "oci-archive:x.tar"),
            ("docker-archive:x.tar", "docker-archive:x.tar"),
            ("docker-archive:x.tar:debian:12", "docker-archive:x.tar:debian:12"),
            ("oci-archive:x.tar:t", "oci-archive:x.tar:t"),
            ("docker-daemon:debian:12", "docker-daemon:docker.io/library/debian:12"),
        ] {
            assert_eq!(text.parse::<Location>().map(|l| l.to_string()).map_err(|e| e.to_string()), Ok(shown.into()), "{text}");
        }
        for (text, named) in
            [("debian:12", true), ("oci:dir:debian", false), ("docker-daemon:debian:12", false), ("store:x", false)]
        {
            assert_eq!(text.parse::<Location>().expect("a place").reference().is_some(), named, "{text}");
        }
        for bad in ["oci:", "oci://x", "docker://", "UPPER/x", ""] {
            assert!(bad.parse::<Location>().is_err(), "{bad}");
        }
    }
}
