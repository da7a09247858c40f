//! Queue managers as pure machines: each verb and rule, and every crash between two effects.

mod connections;
mod crashes;
mod group;
mod histories;
mod lessons;
mod verbs;
mod world;
