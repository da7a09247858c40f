//! What members of a core group say to each other.

/// A frame between two members.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CoreGroupFrame {}

impl CoreGroupFrame {
    /// Length on the wire, in bytes.
    #[must_use]
    pub fn length(&self) -> u32 {
        match *self {}
    }
}
