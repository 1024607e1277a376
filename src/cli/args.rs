//! What can be typed: one table for help, completions and man pages. Nothing is decided here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::oci::Platform;

mod build;

pub(super) use build::{BuildArgs, Scripts, UidTaken};

/// What `--help` says of places.
const PLACES: &str = "\
Places of images:
  debian:12, HOST:PORT/NAME:TAG, docker://NAME   a registry
  oci:DIR[:TAG]                                  an OCI layout
  oci-archive:FILE, docker-archive:FILE          a tar file
  docker-daemon:NAME                             Docker or Podman
  store:NAME                                     a result of build in the local store (to read)";
/// What `--help` says of the exit status.
const STATUS: &str = "\
Exit status:
  0 done; 2 usage; 3 bad input or integrity; 4 authentication; 5 not found;
  6 network, registry or engine; 7 local input or output; 130, 143 signal;
  8 refused by policy (output exists, UID taken, ...)";

/// Assembles OCI images without a daemon: a base image plus prebuilt layers
#[derive(Debug, Parser)]
#[command(name = "plywood", version, max_term_width = 110, disable_help_subcommand = true, after_help = STATUS)]
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
    /// Folder of the local store (default: `$PLYWOOD_STORE`, else plywood below the XDG cache folder)
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) store: Option<PathBuf>,
    /// Registry that is asked over plain HTTP; loopback hosts always are; repeatable
    #[arg(long, global = true, value_name = "HOST[:PORT]")]
    pub(super) insecure: Vec<String>,
    /// Host with an internal address that a base's sources or a server's answer may name; repeatable
    #[arg(long, global = true, value_name = "HOST[:PORT]")]
    pub(super) allow_private: Vec<String>,
    /// Logins for archives and installers, as apt's auth.conf has them; repeatable
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) apt_auth: Vec<PathBuf>,
    /// More CA certificates, PEM; repeatable
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) cacert: Vec<PathBuf>,
    /// One JSON document on stdout
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Only errors and warnings on stderr
    #[arg(long, short, global = true)]
    pub(super) quiet: bool,
    /// Colour of messages: auto, always or never; it never carries the meaning
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    pub(super) color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The image that a reading command means.
#[derive(Debug, Clone, Args)]
pub(super) struct Image {
    /// The image, in any place that can be read
    #[arg(value_name = "IMAGE")]
    pub(super) name: String,
    #[command(flatten)]
    pub(super) choice: Choice,
}

/// Which image of an index.
#[derive(Debug, Clone, Args)]
pub(super) struct Choice {
    /// The image of an index that is meant
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    pub(super) platform: Option<Platform>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make an image: base, linked layers, config; then load, push or write it
    #[command(after_help = PLACES)]
    Build(Box<BuildArgs>),
    /// Say what build would do, with byte counts and reasons; nothing is linked or sent
    #[command(after_help = PLACES)]
    Plan(Box<BuildArgs>),
    /// Copy an image or index from one place to another, byte for byte
    #[command(after_help = PLACES)]
    Copy {
        /// Where it is
        #[arg(value_name = "SRC")]
        source: String,
        /// Where it goes; a file that exists is never replaced
        #[arg(value_name = "DST")]
        destination: String,
        #[command(flatten)]
        choice: Choice,
    },
    /// Show an image: digest, platforms, config, layers
    #[command(after_help = PLACES)]
    Inspect {
        #[command(flatten)]
        image: Image,
        /// The manifest or index itself, byte for byte
        #[arg(long, conflicts_with_all = ["config", "json"])]
        raw: bool,
        /// The config itself, byte for byte
        #[arg(long, conflicts_with = "json")]
        config: bool,
    },
    /// List files of an image
    #[command(after_help = PLACES)]
    Ls {
        #[command(flatten)]
        image: Image,
        /// A directory or file
        #[arg(default_value = "/")]
        path: String,
        /// Everything below
        #[arg(long, short)]
        recursive: bool,
    },
    /// Write a file of an image to stdout
    #[command(after_help = PLACES)]
    Cat {
        #[command(flatten)]
        image: Image,
        /// The file; links are followed within the image
        path: String,
    },
    /// Read all that an image is made of and compare digests, sizes and diff IDs
    #[command(after_help = PLACES)]
    Verify {
        #[command(flatten)]
        image: Image,
    },
    /// Recipes and profiles
    #[command(subcommand)]
    Layers(LayersCommand),
    /// Check a login at a registry and keep it where Docker keeps it
    Login {
        /// Host, or host and port; docker.io is Docker Hub
        #[arg(value_name = "REGISTRY")]
        registry: String,
        /// The user
        #[arg(long, short, value_name = "USER")]
        username: String,
        /// The password is the first line of stdin; there is no other way to give it
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Forget the login at a registry
    Logout {
        /// Host, or host and port
        #[arg(value_name = "REGISTRY")]
        registry: String,
    },
    /// The local store
    #[command(subcommand)]
    Store(StoreCommand),
    /// Print the JSON schema of plywood.toml, recipes and profiles
    Schema,
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the man pages into a folder
    Man {
        /// The folder; made if it is not there
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

/// Where recipes come from.
#[derive(Debug, Clone, Args)]
pub(super) struct Recipes {
    /// Folder with NAME/layer.toml and profiles/NAME.toml, which win over the built-in ones
    #[arg(long, value_name = "DIR")]
    pub(super) layers_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum LayersCommand {
    /// List profiles, recipes, and the plies that the store has
    List(Recipes),
    /// Print the text of a recipe, or else of a profile; of a ply what is known of it
    Show {
        /// Its name; profiles/NAME for a profile; a ply's key or its beginning
        name: String,
        #[command(flatten)]
        recipes: Recipes,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum StoreCommand {
    /// Print the store's folder
    Path,
    /// Compare every blob with its digest, and look for blobs that images lack
    Check {
        /// Names and lengths only
        #[arg(long)]
        quick: bool,
    },
    /// Remove what no image and no recent build needs
    Gc {
        /// Days that unused results are kept
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        keep: u64,
    },
}
