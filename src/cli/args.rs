//! What can be typed: one table for help, completions and man pages. Nothing is decided here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod build;

pub(super) use build::{BuildArgs, UidTaken};

/// Assembles OCI images without a daemon: a base image plus prebuilt layers
#[derive(Debug, Parser)]
#[command(name = "plywood", version, max_term_width = 110, disable_help_subcommand = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
    #[command(flatten)]
    pub(super) global: Global,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
pub(super) struct Global {
    /// Folder of the local store (default: $PLYWOOD_STORE, else plywood below the XDG cache folder)
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) store: Option<PathBuf>,
    /// Registry that may be reached over plain HTTP or with an unknown certificate's host (loopback always may use plain HTTP)
    #[arg(long, global = true, value_name = "HOST[:PORT]")]
    pub(super) insecure: Vec<String>,
    /// Further CA certificates, PEM
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) cacert: Vec<PathBuf>,
    /// One JSON document on stdout
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Only errors and warnings on stderr
    #[arg(long, short, global = true)]
    pub(super) quiet: bool,
    /// When colour is used; it never carries the meaning
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make an image: resolve the base, link layers, write a manifest, deliver it
    Build(Box<BuildArgs>),
    /// Say what build would do, with byte counts and reasons; nothing is linked or sent
    Plan(Box<BuildArgs>),
    /// Copy an image or index from any transport to any other
    Copy {
        /// docker.io/library/debian:12, docker://…, oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE, docker-daemon:NAME, store:NAME
        source: String,
        /// As SRC, but a file that exists is never overwritten
        destination: String,
        /// Only this platform of an index
        #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
        platform: Option<String>,
    },
    /// Show an image: digest, platform, config, layers
    Inspect {
        image: String,
        #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
        platform: Option<String>,
        /// The manifest or index itself, byte for byte
        #[arg(long, conflicts_with = "config")]
        raw: bool,
        /// The config itself, byte for byte
        #[arg(long)]
        config: bool,
    },
    /// List files of an image
    Ls {
        image: String,
        /// A folder or file; the root without it
        path: Option<String>,
        #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
        platform: Option<String>,
        /// Everything below, not only the folder itself
        #[arg(long, short)]
        recursive: bool,
    },
    /// Write a file of an image to stdout
    Cat {
        image: String,
        path: String,
        #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
        platform: Option<String>,
    },
    /// Read every blob of an image and check it against digest, size and diff ID
    Verify {
        image: String,
        #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
        platform: Option<String>,
    },
    /// Recipes and linked layers
    #[command(subcommand)]
    Layers(LayersCommand),
    /// Check credentials of a registry and keep them where Docker keeps them
    Login {
        registry: String,
        #[arg(long, short)]
        username: String,
        /// Read the password from stdin
        #[arg(long)]
        password_stdin: bool,
    },
    /// Forget the credentials of a registry
    Logout { registry: String },
    /// The local store
    #[command(subcommand)]
    Store(StoreCommand),
    /// Print the JSON schema of plywood.toml, recipes and profiles
    Schema,
    /// Print completions for a shell
    Completions { shell: clap_complete::Shell },
    /// Write man pages into a folder
    Man { folder: PathBuf },
}

#[derive(Debug, Subcommand)]
pub(super) enum LayersCommand {
    /// Recipes, profiles and linked plies
    List {
        #[arg(long, value_name = "DIR")]
        layers_dir: Option<PathBuf>,
    },
    /// A recipe's or profile's text
    Show {
        name: String,
        #[arg(long, value_name = "DIR")]
        layers_dir: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum StoreCommand {
    /// Print the store's folder
    Path,
    /// Read every blob and check it against its name
    Check,
    /// Remove what no image and no recent build needs
    Gc {
        /// Days that unused results are kept
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        keep: u64,
    },
}
