//! What an administrator defines: queue managers and queues, with the product's attribute names and defaults.

use std::collections::BTreeMap;

use crate::message::{Persistence, Priority};
use crate::name::{
    Address, CouplingFacilityName, ImageName, ProcessName, QueueManagerName, QueueName, QueueSharingGroupName,
    StructureName,
};
use crate::time::Duration;

/// Where the messages of a queue lie.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum QueuePlace {
    /// `QSGDISP(QMGR)`: on the queue manager's own log and page sets.
    Private,
    /// `QSGDISP(SHARED)`, `CFSTRUCT(name)`: in a structure, for all members of the group.
    Shared(StructureName),
}

/// `MSGDLVSQ`: in which order messages are delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliverySequence {
    /// Highest priority first, first-in-first-out within a priority (the product's default).
    #[default]
    Priority,
    /// First in, first out: every message is taken to have the queue's default priority.
    Fifo,
}

/// `DEFINE QLOCAL`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct QueueDefinition {
    /// Where it lies.
    pub place: QueuePlace,
    /// `DEFPSIST`; the product's default is NO.
    pub default_persistence: Persistence,
    /// `DEFPRTY`; default 0.
    pub default_priority: Priority,
    /// `MSGDLVSQ`.
    pub delivery_sequence: DeliverySequence,
    /// `MAXDEPTH`; the product's default on z/OS is 999,999,999. Uncommitted messages count.
    pub maximum_depth: u32,
    /// `MAXMSGL`, bytes; default 4,194,304. On a shared queue at most 63 KB is supported (no offload yet).
    pub maximum_message_length: u32,
    /// `HARDENBO`: whether the backout count of a private queue survives a restart. Always on for shared queues.
    pub harden_backout: bool,
    /// `SHARE`: whether several applications may get from it.
    pub share: bool,
}

impl Default for QueueDefinition {
    fn default() -> Self {
        QueueDefinition {
            place: QueuePlace::Private,
            default_persistence: Persistence::Nonpersistent,
            default_priority: Priority::default(),
            delivery_sequence: DeliverySequence::Priority,
            maximum_depth: 999_999_999,
            maximum_message_length: 4_194_304,
            harden_backout: false,
            share: true,
        }
    }
}

/// `CFCONLOS`: what a queue manager does when it loses the connection to a structure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConnectivityLoss {
    /// The queue manager ends itself, so that work goes to members that still have the structure (the product's default
    /// for structures below CFLEVEL 5).
    #[default]
    Terminate,
    /// The queue manager stays up; calls for the structure's queues fail with 2345 until it is back.
    Tolerate,
}

/// `SQQMNAME`: what opening a shared queue by another member's name means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SharedQueueManagerName {
    /// The message is for that queue manager. Needs intra-group queuing, which is not there yet: the open fails with 2086.
    #[default]
    Use,
    /// The shared queue is opened here.
    Ignore,
}

/// What a member knows of its queue-sharing group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDefinition {
    /// Its name; applications may connect with it.
    pub name: QueueSharingGroupName,
    /// All members, this one included.
    pub members: Vec<QueueManagerName>,
    /// Application structures (`CFSTRUCT`).
    pub structures: BTreeMap<StructureName, StructureUse>,
    /// Where its coupling facility is reached from the image.
    pub coupling_facility: CouplingFacilityName,
    /// `GROUPUR`: whether units of work of applications that connect with the group's name can be resolved by any member.
    pub group_unit_of_recovery: bool,
}

/// `CFSTRUCT` as a queue manager sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StructureUse {
    /// `CFCONLOS`.
    pub connectivity_loss: ConnectivityLoss,
    /// Whether it may hold persistent messages (CFLEVEL 3 or higher with `RECOVER(YES)`).
    pub persistent: bool,
}

/// A queue manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueManagerDefinition {
    /// Its name.
    pub name: QueueManagerName,
    /// Its process in the world: what ARM restarts.
    pub process: ProcessName,
    /// The addresses at which it takes connections: its own and, in a group, the generic one.
    pub listeners: Vec<Address>,
    /// Local queues, private and shared.
    pub queues: BTreeMap<QueueName, QueueDefinition>,
    /// Its group, if it is a member of one.
    pub group: Option<GroupDefinition>,
    /// `MAXUMSGS`: messages in a unit of work; default 10,000.
    pub maximum_uncommitted_messages: u32,
    /// `SQQMNAME`.
    pub shared_queue_manager_name: SharedQueueManagerName,
    /// How long a client connection may be silent before it is given up (`HBINT` and its grace); default 360 s (300 s
    /// and 60 s).
    pub client_silence: Duration,
    /// How often a member looks again at what it could not do: reconnecting to a structure, recovering a connector.
    /// Default 5 s.
    pub retry_interval: Duration,
}

/// Where a queue manager runs in one of its lives: it may be restarted on another image.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Placement {
    /// The image.
    pub image: ImageName,
    /// Where the image's system services take its connection.
    pub image_services: Address,
    /// Where its group's coupling facility takes commands; `None` without a group.
    pub coupling_facility: Option<Address>,
}

/// Where applications on an image that connect with the group's name find the members that run there.
#[must_use]
pub fn local_group_address(group: &QueueSharingGroupName, image: &ImageName) -> Address {
    Address::from(format!("{group}@{image}"))
}
