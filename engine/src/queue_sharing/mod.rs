//! Queue sharing.
