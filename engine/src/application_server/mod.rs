//! Not described yet.

pub mod frame;
