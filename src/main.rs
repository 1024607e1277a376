//! The `plywood` program.

fn main() -> std::process::ExitCode {
    plywood::cli::run(std::env::args_os())
}
