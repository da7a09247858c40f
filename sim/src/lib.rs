//! The world that the middleware runs in, and the ways to run it.

#[cfg(not(madsim))]
compile_error!(
    "the simulator is switched off: build with `--cfg madsim`, as .cargo/config.toml does; an exported RUSTFLAGS, even an \
     empty one, overrides that file, so unset it"
);

pub mod scenario;

pub mod fabric;

pub mod topology;

pub mod workload;

pub mod nemesis;

pub mod run;

pub mod trace;

pub mod report;

pub mod sweep;

pub mod command_line;
