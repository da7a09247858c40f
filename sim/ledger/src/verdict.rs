//! What the ledger says in the end.

/// The ledger's judgement of one history.
#[derive(Clone, Debug, Default)]
pub struct Judgement {}
