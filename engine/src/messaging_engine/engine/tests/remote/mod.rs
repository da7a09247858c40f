//! Engines of one bus, each over a store that outlives it, in a world that can stop one of them between any two effects.

mod exceptions;
mod get;
mod put;
mod world;
