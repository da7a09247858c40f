//! What an administrator and an application server say to each other.

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AdministrationRequest {}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AdministrationResponse {}

impl AdministrationRequest {
    /// Length on the wire, in bytes.
    #[must_use]
    pub fn length(&self) -> u32 {
        match *self {}
    }
}

impl AdministrationResponse {
    /// Length on the wire, in bytes.
    #[must_use]
    pub fn length(&self) -> u32 {
        match *self {}
    }
}
