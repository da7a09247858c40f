//! Queue sharing: what a queue manager does as a member of a queue-sharing group.
//!
//! In the product the members of a group share queues that lie in list structures of a coupling facility. A member puts
//! by writing an entry into the uncommitted key range of a queue's list and gets by moving an entry onto a get list of
//! its own; commit changes keys and deletes entries (reference A1.2, A1.4; US patents 6862595 and 6842763). Because
//! everything a unit of work holds lies in the structures, and its outcome in a descriptor in the admin structure, any
//! other member can finish it: that is peer recovery ([`recovery`]).
//!
//! Modelled: shared queues on application structures, unit-of-work descriptors, list monitoring for waiting gets, peer
//! recovery, group units of recovery, serialised connection tags. Left out so far, and refused by the scenario language:
//! failure, backup and recovery of structures, duplexing, offloaded messages, shared channels, intra-group queuing, Db2.

pub mod monitor;
pub mod recovery;
pub mod structures;
