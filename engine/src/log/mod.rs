//! Recovery log.
