//! What can go wrong in a scenario, and what it can expect: names and one line each.

/// Faults, by the name that the `faults` section gives them.
pub(super) const FAULTS: &[(&str, &str)] = &[
    ("kill", "a process ends at once; its host lives and resets its connections"),
    ("start", "a process that is down is started"),
    ("stop", "a server is asked to end: in good order (QUIESCE) or at once (FORCE)"),
    ("power_off", "an image or host loses power: its peers meet silence, its disks lose what was not forced"),
    ("take_offline", "an image leaves the sysplex in good order, after its queue managers have stopped"),
    ("pause", "a process is stopped in the middle of everything, and goes on later"),
    ("cut", "a link is cut, in one direction or in both"),
    ("degrade", "a link is slow, lossy or narrow for a while"),
    ("disk", "a server's disk loses a force, tears a write, is slow, full, or lets the last records rot"),
    ("one_of", "one of several faults, drawn by weight"),
];

/// What the `expect` section can say.
pub(super) const EXPECTATIONS: &[(&str, &str)] = &[
    ("reach", "events and steps that a sweep must see at least once, or it is vacuous"),
    ("allow", "violations that documented behaviour brings about, after the event that is named"),
    ("ordered", "queues on which the messages of one producer must arrive in their order"),
    ("active", "where a messaging engine is to be active at a moment, or that it is to be active nowhere"),
    ("recovery_time", "for how long after a fault no queue may be without successful gets"),
];
