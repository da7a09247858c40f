//! Links.

/// Over which kind of link something travels. Each pair of hosts has one of each kind in each direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkKind {
    /// The network between hosts.
    Network,
    /// A coupling link: between a z/OS image and a coupling facility.
    Coupling,
}
