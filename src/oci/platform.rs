//! Where an image runs: `os/architecture[/variant]` (image-spec, image-index.md; Go's GOOS and GOARCH names).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Class, Fault, Side};

/// A platform. Without a variant, `arm64` means `v8` and `arm` means `v7`, as engines read it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// GOARCH: `amd64`, `arm64`, ...
    pub architecture: String,
    /// GOOS: `linux`.
    pub os: String,
    /// CPU variant: `v8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Windows only.
    #[serde(default, rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// Windows only.
    #[serde(default, rename = "os.features", skip_serializing_if = "Vec::is_empty")]
    pub os_features: Vec<String>,
}

/// Why a text is no platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a platform (expected os/architecture or os/architecture/variant, such as linux/amd64)")]
pub struct PlatformError(pub String);

impl Fault for PlatformError {
    fn class(&self) -> Class {
        Class::Usage
    }
    fn side(&self) -> Side {
        Side::Recipe
    }
}

impl Platform {
    /// `linux/ARCHITECTURE`.
    pub fn linux(architecture: &str) -> Self {
        Self { architecture: architecture.into(), os: "linux".into(), variant: None, os_version: None, os_features: Vec::new() }
    }
    /// The variant that is meant when none is written.
    pub fn effective_variant(&self) -> Option<&str> {
        match (self.variant.as_deref(), self.architecture.as_str()) {
            (Some(v), _) if !v.is_empty() => Some(v),
            (_, "arm64") => Some("v8"),
            (_, "arm") => Some("v7"),
            _ => None,
        }
    }
    /// Whether an image of `self` is what someone who asked for `wanted` means.
    pub fn satisfies(&self, wanted: &Self) -> bool {
        self.os == wanted.os && self.architecture == wanted.architecture && self.effective_variant() == wanted.effective_variant()
    }
    /// Debian's name of the architecture (`amd64`, `arm64`, `armhf`, ...), where Debian has it.
    pub fn debian_architecture(&self) -> Option<&'static str> {
        Some(match (self.architecture.as_str(), self.effective_variant()) {
            ("amd64", _) => "amd64",
            ("arm64", _) => "arm64",
            ("arm", Some("v7")) => "armhf",
            ("arm", _) => "armel",
            ("386", _) => "i386",
            ("ppc64le", _) => "ppc64el",
            ("s390x", _) => "s390x",
            ("riscv64", _) => "riscv64",
            ("mips64le", _) => "mips64el",
            ("loong64", _) => "loong64",
            _ => return None,
        })
    }
    /// `uname -m` of the architecture (`x86_64`, `aarch64`, ...), where known.
    pub fn machine(&self) -> Option<&'static str> {
        Some(match self.architecture.as_str() {
            "amd64" => "x86_64",
            "arm64" => "aarch64",
            "arm" => "armv7l",
            "386" => "i686",
            "ppc64le" => "ppc64le",
            "s390x" => "s390x",
            "riscv64" => "riscv64",
            _ => return None,
        })
    }
}

impl FromStr for Platform {
    type Err = PlatformError;
    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let parts: Vec<&str> = text.split('/').collect();
        let plain =
            |s: &&str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b));
        if !matches!(parts.len(), 2 | 3) || !parts.iter().all(plain) {
            return Err(PlatformError(text.chars().take(80).collect()));
        }
        let architecture = match parts[1] {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        Ok(Self { os: parts[0].into(), variant: parts.get(2).map(|v| (*v).into()), ..Self::linux(architecture) })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |v| write!(f, "/{v}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unwritten_variant_is_the_common_one() {
        let arm64: Platform = "linux/arm64".parse().expect("a platform");
        assert!("linux/arm64/v8".parse::<Platform>().expect("a platform").satisfies(&arm64));
        assert!(!"linux/arm/v6".parse::<Platform>().expect("a platform").satisfies(&"linux/arm".parse().expect("a platform")));
        for bad in ["linux", "", "linux/", "linux/a/b/c", "LINUX/amd64", "linux/am d"] {
            assert!(bad.parse::<Platform>().is_err(), "{bad}");
        }
    }
}
