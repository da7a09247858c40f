//! The middleware as pure state machines.
//!
//! Nothing here reads a clock, opens a socket, touches a disk or draws a random number: a machine is handed inputs and
//! says what it wants done. Where a comment says *reference A1.4*, it means that row of `FIDELITY.md`, which names the
//! source. Modules in the order in which a message meets them:

#[cfg(not(madsim))]
compile_error!(
    "the simulator is switched off: build with `--cfg madsim`, as .cargo/config.toml does; an exported RUSTFLAGS, even an \
     empty one, overrides that file, so unset it"
);

pub mod event;
pub mod frame;
pub mod machine;
pub mod message;
pub mod name;
pub mod step;
pub mod time;
pub mod unit_of_work;

pub mod mqi;

pub mod queue_manager;

pub mod log;
pub mod queue;

pub mod queue_sharing;

pub mod coupling_facility;

pub mod sysplex;

pub mod application_server;

pub mod ha_manager;

pub mod messaging_engine;

pub mod database;

pub mod file_server;

pub mod defect;
