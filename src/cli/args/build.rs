//! The words of `build` and `plan`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::oci::Platform;

/// What happens to an account that has the wanted UID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(in crate::cli) enum UidTaken {
    /// The build stops and names the owner
    #[default]
    Fail,
    /// The account that is there is used
    Reuse,
    /// The account that is there gets the new name and home
    Rename,
    /// The account that is there is removed with its home
    Replace,
}

/// What happens where a package's script is not covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(in crate::cli) enum Scripts {
    /// The build stops and names the line
    #[default]
    Stop,
    /// The package is left unpacked for dpkg in the container
    Defer,
}

/// All that can be said of a build.
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct BuildArgs {
    /// The image to start from, in any place that can be read (default: `base` of plywood.toml)
    #[arg(value_name = "BASE")]
    pub(in crate::cli) base: Option<String>,
    /// Project file (without BASE: plywood.toml)
    #[arg(long = "project", short = 'f', value_name = "FILE")]
    pub(in crate::cli) file: Option<PathBuf>,
    /// Name of the image; repeatable
    #[arg(long, short, value_name = "NAME")]
    pub(in crate::cli) tag: Vec<String>,

    /// Profile, or none (default: openhands; with a project file: none)
    #[arg(long, value_name = "NAME", help_heading = "What goes in")]
    pub(in crate::cli) profile: Option<String>,
    /// Recipes to add; repeatable, or with commas between
    #[arg(long, value_name = "RECIPE", value_delimiter = ',', help_heading = "What goes in")]
    pub(in crate::cli) with: Vec<String>,
    /// Recipes to leave out; repeatable, or with commas between
    #[arg(long, value_name = "RECIPE", value_delimiter = ',', help_heading = "What goes in")]
    pub(in crate::cli) without: Vec<String>,
    /// Value of a parameter; repeatable
    #[arg(long, value_name = "KEY=VALUE", help_heading = "What goes in")]
    pub(in crate::cli) set: Vec<String>,
    /// Debian packages as apt-get install takes them; repeatable, or with commas between
    #[arg(long, value_name = "PKG", value_delimiter = ',', help_heading = "What goes in")]
    pub(in crate::cli) apt: Vec<String>,
    /// Install recommended packages too
    #[arg(long, overrides_with = "no_recommends", help_heading = "What goes in")]
    pub(in crate::cli) recommends: bool,
    /// Do not install recommended packages
    #[arg(long, overrides_with = "recommends", help_heading = "What goes in")]
    pub(in crate::cli) no_recommends: bool,
    /// A file or tree of this machine; repeatable
    #[arg(long = "file", value_name = "SRC:DST[,owner=U:G][,mode=M]", help_heading = "What goes in")]
    pub(in crate::cli) add_file: Vec<String>,
    /// A ready layer; repeatable
    #[arg(long, value_name = "FILE.tar", help_heading = "What goes in")]
    pub(in crate::cli) layer: Vec<PathBuf>,
    /// UID of the user, as --set uid=N
    #[arg(long, value_name = "N", help_heading = "What goes in")]
    pub(in crate::cli) user_id: Option<u32>,
    /// What happens to an account that has the UID already: fail, reuse it, rename it, or replace it
    #[arg(long, value_name = "POLICY", default_value = "fail", hide_possible_values = true, help_heading = "What goes in")]
    pub(in crate::cli) uid_taken: UidTaken,
    /// What happens where a package's script does something that is not covered: stop, or defer it to the container's next dpkg or apt run
    #[arg(long, value_name = "POLICY", default_value = "stop", hide_possible_values = true, help_heading = "What goes in")]
    pub(in crate::cli) scripts: Scripts,
    /// The Miniforge installer, in place of the recipe's
    #[arg(long, value_name = "FILE|URL", help_heading = "What goes in")]
    pub(in crate::cli) miniforge_installer: Option<String>,
    /// Folder with NAME/layer.toml and profiles/NAME.toml, which win over the built-in ones
    #[arg(long, value_name = "DIR", help_heading = "What goes in")]
    pub(in crate::cli) layers_dir: Option<PathBuf>,

    /// Environment variable of the image; repeatable
    #[arg(long, value_name = "K=V", help_heading = "Config of the image")]
    pub(in crate::cli) env: Vec<String>,
    /// Label of the image; repeatable
    #[arg(long, value_name = "K=V", help_heading = "Config of the image")]
    pub(in crate::cli) label: Vec<String>,
    /// User of the image
    #[arg(long, value_name = "U[:G]", help_heading = "Config of the image")]
    pub(in crate::cli) user: Option<String>,
    /// Working directory of the image
    #[arg(long, value_name = "DIR", help_heading = "Config of the image")]
    pub(in crate::cli) workdir: Option<String>,
    /// Entrypoint: a JSON array, or words between blanks; empty clears
    #[arg(long, value_name = "WORDS", help_heading = "Config of the image")]
    pub(in crate::cli) entrypoint: Option<String>,
    /// Cmd: a JSON array, or words between blanks; empty clears
    #[arg(long, value_name = "WORDS", help_heading = "Config of the image")]
    pub(in crate::cli) cmd: Option<String>,
    /// Platforms, one image each (default: the engine's with --load, else this machine's)
    #[arg(long, value_name = "OS/ARCH", value_delimiter = ',', help_heading = "Config of the image")]
    pub(in crate::cli) platform: Vec<Platform>,

    /// Load into Docker or Podman under all names; ENGINE is docker, podman or a socket
    #[arg(long, value_name = "ENGINE", num_args = 0..=1, require_equals = true, default_missing_value = "auto", help_heading = "Where it goes")]
    pub(in crate::cli) load: Option<String>,
    /// Push under the names that have a `/`
    #[arg(long, help_heading = "Where it goes")]
    pub(in crate::cli) push: bool,
    /// An OCI layout, a tar that Docker, Podman and skopeo read, or - for a tar on stdout; repeatable
    #[arg(long, short, value_name = "oci:DIR[:TAG]|FILE.tar|-", help_heading = "Where it goes")]
    pub(in crate::cli) output: Vec<String>,
    /// Write the digest of the image or index to a file
    #[arg(long, value_name = "FILE", help_heading = "Where it goes")]
    pub(in crate::cli) digest_file: Option<PathBuf>,
    /// Write the JSON document to a file
    #[arg(long, value_name = "FILE", help_heading = "Where it goes")]
    pub(in crate::cli) metadata_file: Option<PathBuf>,

    /// Lock file; written if it is absent, else used
    #[arg(long, value_name = "FILE", help_heading = "Inputs")]
    pub(in crate::cli) lock: Option<PathBuf>,
    /// Fail if the lock is absent or stale
    #[arg(long, help_heading = "Inputs")]
    pub(in crate::cli) locked: bool,
    /// Ask no archive and no installer's host
    #[arg(long, conflicts_with = "refresh", help_heading = "Inputs")]
    pub(in crate::cli) offline: bool,
    /// Ask the archives even if their indexes are young
    #[arg(long, help_heading = "Inputs")]
    pub(in crate::cli) refresh: bool,
    /// Age in seconds up to which indexes are not asked for again
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, help_heading = "Inputs")]
    pub(in crate::cli) max_age: u64,
    /// Accept archive indexes past their Valid-Until; the lock says so
    #[arg(long, help_heading = "Inputs")]
    pub(in crate::cli) allow_expired: bool,
    /// Ask TO where an archive's address begins with FROM; repeatable, the longest FROM wins
    #[arg(long, value_name = "FROM=TO", help_heading = "Inputs")]
    pub(in crate::cli) apt_mirror: Vec<String>,
    /// The same for addresses of conda packages and installers
    #[arg(long, value_name = "FROM=TO", help_heading = "Inputs")]
    pub(in crate::cli) conda_mirror: Vec<String>,
    /// Build on a base with ONBUILD triggers, which are not run
    #[arg(long, help_heading = "Inputs")]
    pub(in crate::cli) ignore_onbuild: bool,
    /// One layer of ours in place of several
    #[arg(long, help_heading = "Inputs")]
    pub(in crate::cli) fold: bool,
}
