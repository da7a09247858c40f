//! The part of a topology that is a sysplex: images, coupling facilities, queue-sharing groups, queue managers.
//!
//! Whole or empty: a scenario of another family has none of it.

use super::place::{ClockError, Disk, LinkQuality};
use indoubt_engine::coupling_facility::definition::StructureDefinition;
use indoubt_engine::name::CouplingFacilityName;
use indoubt_engine::name::ImageName;
use indoubt_engine::name::QueueManagerName;
use indoubt_engine::name::QueueName;
use indoubt_engine::name::QueueSharingGroupName;
use indoubt_engine::name::StructureName;
use indoubt_engine::queue_manager::definition::ConnectivityLoss;
use indoubt_engine::queue_manager::definition::QueueDefinition;
use indoubt_engine::queue_manager::definition::SharedQueueManagerName;
use indoubt_engine::sysplex::definition::FailureManagement;
use std::collections::BTreeMap;
use std::time::Duration;

/// z/OS images, their coupling facilities and their queue managers.
#[derive(Clone, Debug, Default)]
pub struct Sysplex {
    /// z/OS images.
    pub images: Vec<Image>,
    /// Coupling facilities.
    pub coupling_facilities: Vec<CouplingFacility>,
    /// Failure management of the sysplex.
    pub failure_management: FailureManagement,
    /// Automatic restart policy, by queue manager.
    pub automatic_restart: Vec<AutomaticRestart>,
    /// Queue-sharing groups.
    pub queue_sharing_groups: Vec<QueueSharingGroup>,
    /// Queue managers.
    pub queue_managers: Vec<QueueManager>,
    /// Coupling links between images and coupling facilities.
    pub coupling_link: LinkQuality,
}

impl Sysplex {
    /// Whether the scenario has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.images.is_empty() && self.coupling_facilities.is_empty() && self.queue_managers.is_empty()
    }
}

/// A z/OS image.
#[derive(Clone, Debug)]
pub struct Image {
    /// Its name.
    pub name: ImageName,
    /// Its clock. The sysplex timer keeps images of one sysplex together: default none.
    pub clock: ClockError,
}

/// A coupling facility.
#[derive(Clone, Debug)]
pub struct CouplingFacility {
    /// Its name.
    pub name: CouplingFacilityName,
    /// Time of one command.
    pub command_time: Duration,
    /// Delay of a list transition signal.
    pub signal_delay: Duration,
    /// Every n-th list transition is signalled twice; 0 never.
    pub spurious_signal_every: u32,
}

/// ARM policy of one queue manager.
#[derive(Clone, Debug)]
pub struct AutomaticRestart {
    /// Which.
    pub queue_manager: QueueManagerName,
    /// Whether on the same image.
    pub in_place: bool,
    /// On which other images, in order.
    pub target_systems: Vec<ImageName>,
    /// Attempts within the interval.
    pub restart_attempts: u32,
    /// The interval.
    pub attempt_interval: Duration,
    /// Delay.
    pub delay: Duration,
}

/// A queue-sharing group.
#[derive(Clone, Debug)]
pub struct QueueSharingGroup {
    /// Its name.
    pub name: QueueSharingGroupName,
    /// Its coupling facility.
    pub coupling_facility: CouplingFacilityName,
    /// Its structures; the admin structure is always among them (`CSQ_ADMIN`, sized by default if not written).
    pub structures: BTreeMap<StructureName, Structure>,
    /// Its shared queues.
    pub queues: BTreeMap<QueueName, Queue>,
    /// `GROUPUR(ENABLED)`.
    pub group_unit_of_recovery: bool,
}

/// `CFSTRUCT`.
#[derive(Clone, Debug)]
pub struct Structure {
    /// Capacity.
    pub capacity: StructureDefinition,
    /// `CFCONLOS`.
    pub connectivity_loss: ConnectivityLoss,
    /// `RECOVER(YES)` and a CFLEVEL of 3 or higher: may hold persistent messages.
    pub recover: bool,
}

/// A queue and what applications are to make of it.
#[derive(Clone, Debug)]
pub struct Queue {
    /// For the queue manager.
    pub definition: QueueDefinition,
    /// `BOTHRESH`: the queue manager does nothing with it; applications that honour it do.
    pub backout_threshold: Option<u32>,
    /// `BOQNAME`.
    pub backout_queue: Option<QueueName>,
}

/// A queue manager.
#[derive(Clone, Debug)]
pub struct QueueManager {
    /// Its name.
    pub name: QueueManagerName,
    /// The image it runs on at first.
    pub image: ImageName,
    /// Its group.
    pub group: Option<QueueSharingGroupName>,
    /// Private queues.
    pub queues: BTreeMap<QueueName, Queue>,
    /// `DEADQ`.
    pub dead_letter_queue: Option<QueueName>,
    /// `MAXUMSGS`.
    pub maximum_uncommitted_messages: u32,
    /// `SQQMNAME`.
    pub shared_queue_manager_name: SharedQueueManagerName,
    /// Client heartbeat: after how long a silence a client connection is given up.
    pub client_silence: Duration,
    /// How long its start takes.
    pub start_duration: Duration,
    /// How often it retries what it could not do.
    pub retry_interval: Duration,
    /// The disk of its log.
    pub log_disk: Disk,
}
