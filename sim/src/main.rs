//! The command line: see [`indoubt::command_line`].

use std::process::ExitCode;

fn main() -> ExitCode {
    indoubt::command_line::main()
}
