//! A data store by its claims.

mod ownership;
mod strategies;
mod world;
