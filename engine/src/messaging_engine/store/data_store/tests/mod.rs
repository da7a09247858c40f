//! A data store by its claims.

#[cfg(feature = "defects")]
mod defects;
mod ownership;
mod spilling;
mod strategies;
mod world;
