//! File store: three files in one directory.
