//! A private queue.
