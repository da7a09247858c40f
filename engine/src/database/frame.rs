//! What a session and the database server say to each other.

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DatabaseRequest {}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DatabaseResponse {}

impl DatabaseRequest {
    /// Length on the wire, in bytes.
    #[must_use]
    pub fn length(&self) -> u32 {
        match *self {}
    }
}

impl DatabaseResponse {
    /// Length on the wire, in bytes.
    #[must_use]
    pub fn length(&self) -> u32 {
        match *self {}
    }
}
