//! Data store: tables of a relational database.
