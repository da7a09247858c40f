//! Core groups and the high availability manager (HAManager).

pub mod frame;
