//! The command line: words become requests, results become lines.
//!
//! Invariant: environment, clock, terminal and configuration files are read here and nowhere below, into one [`host::Host`];
//! stdout is data, stderr is talk; the exit status is the class of the failure.

mod args;
mod commands;
mod failure;
mod host;
mod output;
mod plain;
mod report;
mod request;
mod runtime;
mod sandbox_name;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

/// Runs the program with its arguments, the first of which is its own name.
pub fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match args::Cli::try_parse_from(words) {
        Ok(cli) => cli,
        Err(told) => {
            // A reader that has gone away has seen enough of a help text.
            let _ = told.print();
            return ExitCode::from(u8::try_from(told.exit_code()).unwrap_or(2));
        }
    };
    let host = host::Host::read(cli.global);
    match commands::run(cli.command, &host) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::tell(&error, host.colours()),
    }
}
