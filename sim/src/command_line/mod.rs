//! The command line: verbs, exit status, what goes to standard output and what to standard error.
//!
//! Results go to standard output (as text, or as JSON with one object on each line), diagnostics and progress to standard
//! error. Everything that can be wrong with the input is found before anything runs.

mod arguments;
mod catalogue;
mod check;
mod defects;
mod detail;
mod files;
mod judge;
mod list;
mod output;
mod power;
mod progress;
mod replay;
mod run;
mod status;
mod sweep;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Verb};
use status::Status;

use crate::run::{RunOutcome, RunRequest};

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    // Clap ends the process itself: status 2 on usage errors, 0 after --help.
    let arguments = Arguments::parse();
    match std::panic::catch_unwind(|| dispatch(&arguments)) {
        Ok(Ok(status)) => status.into(),
        Ok(Err(BadInput)) => Status::BadInput.into(),
        // The panic's own message has been written by the hook.
        Err(_) => Status::TestbedFailed.into(),
    }
}

/// The input is bad; what is wrong with it has been written to standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct BadInput;

impl BadInput {
    /// Writes what is wrong.
    fn because(message: impl std::fmt::Display) -> BadInput {
        output::complain(format_args!("error: {message}"));
        BadInput
    }
}

fn dispatch(arguments: &Arguments) -> Result<Status, BadInput> {
    let format = arguments.format;
    match &arguments.verb {
        Verb::Run(run) => run::run(run, format, &simulate),
        Verb::Sweep(sweep) => sweep::sweep(sweep, format, &simulate),
        Verb::Replay(replay) => replay::replay(replay, format, &simulate),
        Verb::Check { paths } => check::check(paths, format),
        Verb::List { topic } => list::list(*topic, format),
        Verb::Judge(judge) => judge::judge(judge, format),
        Verb::Power(power) => power::power(power, format, &simulate),
    }
}

/// One run, however it is made; an error is a failure of the testbed itself, as text.
type Simulate<'a> = &'a (dyn Fn(&RunRequest) -> Result<RunOutcome, String> + Sync);

/// One run in the simulated world.
fn simulate(request: &RunRequest) -> Result<RunOutcome, String> {
    crate::run::run(request).map_err(|error| error.to_string())
}
