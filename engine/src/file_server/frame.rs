//! What a host and the file server say to each other.

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FileRequest {}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FileResponse {}

impl FileRequest {
    /// Length on the wire, in bytes.
    #[must_use]
    pub fn length(&self) -> u32 {
        match *self {}
    }
}

impl FileResponse {
    /// Length on the wire, in bytes.
    #[must_use]
    pub fn length(&self) -> u32 {
        match *self {}
    }
}
