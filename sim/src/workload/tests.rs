//! Tests of applications against a scripted queue manager.
