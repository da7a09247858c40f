//! Domain events: what a run tells about itself.
//!
//! Machines report them; the world writes them into the trace with time and process. Scenario files name them in
//! `reach` and in the contract as [`Event::name`] does; reports print them. Nothing reads them to decide anything.

mod reporter;
mod telling;

use core::fmt;

use crate::coupling_facility::command::Connector;
use crate::file_server::frame::{FileClient, FilePath};
use crate::ha_manager::policy::GroupName;
use crate::machine::Incarnation;
use crate::messaging_engine::EngineState;
use crate::messaging_engine::definition::EngineUuid;
use crate::messaging_engine::frame::BusReason;
use crate::messaging_engine::store::StoreFailure;
use crate::messaging_engine::store::file_store::file_store_message;
use crate::name::{
    Address, CouplingFacilityName, DestinationName, ImageName, MessagingEngineName, ProcessName, QueueManagerName,
    QueueName, SchemaName, StructureName, TableName,
};
use crate::time::Duration;
use crate::unit_of_work::{Outcome, UnitOfWorkId, UnitOfWorkState, Xid};

pub use reporter::Reporter;
pub use telling::{FirstStart, LaneState, Milestone, Remedy};

/// How much an event matters to somebody who reads a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// Belongs on the report's timeline.
    Headline,
    /// Likewise, and somebody noticed a failure by it.
    Detection,
    /// Likewise, and something works again, or is settled, by it.
    Recovery,
    /// Belongs into a replay.
    Detail,
}

macro_rules! events {
    ($(by $reporter:ident: $(
        $(#[doc = $about:literal])+
        $weight:ident $variant:ident { $($field:ident: $type:ty),* $(,)? } = $name:literal, $($text:expr),+;
    )*)*) => {
        /// Something worth telling.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Event {
            $($($(#[doc = $about])+ $variant { $(#[doc = stringify!($field)] $field: $type),* },)*)*
        }

        impl Event {
            /// Name and meaning of every event that the engine can report.
            pub const ALL: &'static [(&'static str, &'static str)] = &[$($(($name, concat!($($about),+).trim_ascii_start()),)*)*];

            /// Who reports the event of this name; `None` if there is no such event.
            #[must_use]
            pub fn reporter_of(name: &str) -> Option<Reporter> {
                match name { $($($name => Some(Reporter::$reporter),)*)* _ => None }
            }

            /// The name that scenario files use.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self { $($(Event::$variant { .. } => $name,)*)* }
            }

            /// How much the event of this name matters; `None` if there is no such event.
            #[must_use]
            pub fn weight_of(name: &str) -> Option<Weight> {
                match name { $($($name => Some(Weight::$weight),)*)* _ => None }
            }

            /// How much it matters.
            #[must_use]
            pub const fn weight(&self) -> Weight {
                match self { $($(Event::$variant { .. } => Weight::$weight,)*)* }
            }
        }

        impl fmt::Display for Event {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $($(Event::$variant { $($field),* } => { $(let _ = &$field;)* write!(f, $($text),+) })*)* }
            }
        }
    };
}

events! {
    by Sysplex:
    /// a queue manager starts for the first time or again
    Headline QueueManagerStarting { incarnation: Incarnation } = "queue_manager_starting", "queue manager starting, life {}", incarnation.0;
    /// the log was replayed at restart
    Headline LogReplayed { records: u64, in_flight: u32, in_doubt: u32, in_commit: u32, in_backout: u32 } = "log_replayed",
        "log replayed: {records} records; CSQR004I restart UR counts: in commit={in_commit}, in doubt={in_doubt}, in flight={in_flight}, in backout={in_backout}";
    /// the log ended in a record that was torn or damaged; replay stopped there
    Detection TornTail { discarded: u64 } = "torn_tail", "log replay stopped at a damaged record, {discarded} bytes cut off";
    /// restart is complete and connections are accepted
    Recovery QueueManagerReady { incarnation: Incarnation } = "queue_manager_ready", "queue manager ready (CSQY022I)";
    /// the queue manager lets work end before it stops
    Headline QueueManagerQuiescing { } = "queue_manager_quiescing", "queue manager quiescing";
    /// the queue manager ended in good order
    Headline QueueManagerStopped { } = "queue_manager_stopped", "queue manager stopped";
    /// the queue manager ended itself
    Detection QueueManagerAbend { reason: &'static str } = "queue_manager_abend", "queue manager terminated abnormally: {reason}";
    /// a restarting queue manager backed out a unit of work that was in flight
    Detail RestartBackedOut { unit_of_work: UnitOfWorkId } = "restart_backed_out", "restart backed out {unit_of_work}";
    /// a restarting queue manager finished a unit of work that was in commit or in backout
    Recovery RestartFinished { unit_of_work: UnitOfWorkId, state: UnitOfWorkState } = "restart_finished", "restart finished {unit_of_work}, which was {state:?}";
    /// a restarting queue manager keeps a unit of work in doubt until its coordinator returns
    Headline RestartKeptInDoubt { unit_of_work: UnitOfWorkId } = "restart_kept_in_doubt", "{unit_of_work} kept in doubt, waits for its coordinator";
    /// a restarting queue manager itself recovered what peers had left on shared queues
    Recovery RestartRecoveredShared { structure: StructureName, items: u32 } = "restart_recovered_shared", "restart recovered what was left in {structure} ({items} items)";
    /// a unit of work committed that had both a shared and a private part
    Detail CommitSpanned { unit_of_work: UnitOfWorkId } = "commit_spanned", "{unit_of_work} committed on shared and private queues";
    /// a unit of work was prepared and waits for its coordinator
    Detail Prepared { unit_of_work: UnitOfWorkId } = "prepared", "{unit_of_work} prepared";
    /// a connection ended with work uncommitted, which was backed out
    Detail ConnectionBackedOut { unit_of_work: UnitOfWorkId } = "connection_backed_out", "connection lost, {unit_of_work} backed out";
    /// an application backed out a get
    Detail GetBackedOut { queue: QueueName } = "get_backed_out", "get from {queue} backed out, backout count raised";
    /// a coordinator that came back resolved a unit of work in doubt
    Recovery InDoubtResolved { unit_of_work: UnitOfWorkId, outcome: Outcome } = "in_doubt_resolved", "coordinator resolved {unit_of_work}: {outcome}";
    /// a coordinator that came back to another member resolved the shared part of a unit of work in doubt
    Recovery GroupResolved { unit_of_work: UnitOfWorkId, outcome: Outcome } = "group_resolved", "coordinator resolved {unit_of_work} through the group: {outcome}";
    /// an operator resolved the shared part of a unit of work in doubt
    Recovery ResolvedByCommand { unit_of_work: UnitOfWorkId, outcome: Outcome } = "resolved_by_command", "RESOLVE INDOUBT {unit_of_work}: {outcome}";
    /// RESOLVE INDOUBT was refused, because the queue manager named is active
    Headline ResolveRefused { queue_manager: QueueManagerName } = "resolve_refused", "CSQV435I RESOLVE INDOUBT refused, {queue_manager} is active";
    /// an expired message was met and removed
    Detail Expired { queue: QueueName } = "expired", "expired message on {queue} removed";
    /// a get waiter was woken by a list transition and found nothing
    Detail SpuriousTransition { queue: QueueName } = "spurious_transition", "list transition for {queue}, but nothing there";
    /// a put failed because the queue is full
    Detail QueueFull { queue: QueueName } = "queue_full", "{queue} is full";
    /// a put failed because the structure is full
    Headline StructureFull { structure: StructureName } = "structure_full", "structure {structure} is full";
    /// a connection tag was refused because it is in use or not yet recovered
    Headline TagRefused { tag: String, holder: Connector } = "tag_refused", "connection tag {tag} is in use by {} (2271)", holder.name;
    /// a connection tag was taken over from a failed holder whose recovery is complete
    Headline TagTakenOver { tag: String, from: Connector } = "tag_taken_over", "connection tag {tag} taken over from {}", from.name;
    /// a member learned that a connector of a structure failed
    Detection PeerFailureSeen { structure: StructureName, failed: Connector } = "peer_failure_seen", "{} disconnected abnormally from {structure} (CSQE008I)", failed.name;
    /// a member initiates a peer recovery
    Headline PeerRecoveryStarted { structure: StructureName, failed: Connector } = "peer_recovery_started", "CSQE011I recovery of {} in {structure}: phase 1 started", failed.name;
    /// a peer recovery starts over, because its initiator died
    Headline PeerRecoveryRestarted { structure: StructureName, failed: Connector } = "peer_recovery_restarted", "recovery of {} in {structure} starts over", failed.name;
    /// a peer finished the commit of a unit of work that was in commit
    Headline PeerCommitted { structure: StructureName, unit_of_work: UnitOfWorkId } = "peer_committed", "peer committed {unit_of_work} in {structure}";
    /// a peer finished the backout of a unit of work that was in backout
    Headline PeerBackedOut { structure: StructureName, unit_of_work: UnitOfWorkId } = "peer_backed_out", "peer finished the backout of {unit_of_work} in {structure}";
    /// a peer backed out a get in flight: the message is back on its queue
    Headline PeerBackedOutGet { structure: StructureName, queue: QueueName, unit_of_work: UnitOfWorkId } = "peer_backed_out_get", "peer returned a message of {unit_of_work} to {queue}";
    /// a peer backed out a put in flight
    Headline PeerBackedOutPut { structure: StructureName, queue: QueueName, unit_of_work: UnitOfWorkId } = "peer_backed_out_put", "peer deleted an uncommitted put of {unit_of_work} to {queue}";
    /// a peer left a unit of work in doubt alone
    Headline PeerLeftInDoubt { structure: StructureName, unit_of_work: UnitOfWorkId } = "peer_left_in_doubt", "peer left {unit_of_work} in {structure} alone: in doubt";
    /// a peer did its share of a recovery that another one initiated
    Headline PeerHelped { structure: StructureName, failed: Connector, items: u32 } = "peer_helped", "did a share ({items}) of the recovery of {} in {structure}", failed.name;
    /// a peer recovery is complete
    Recovery PeerRecoveryEnded { structure: StructureName, failed: Connector } = "peer_recovery_ended", "CSQE014I recovery of {} in {structure} complete", failed.name;
    /// a peer recovery gave up: what is left waits for the restart of the failed member
    Headline PeerRecoveryDeferred { structure: StructureName, failed: Connector } = "peer_recovery_deferred", "CSQE015I recovery of {} in {structure} left for its restart", failed.name;
    /// a queue manager lost its image's link to the coupling facility and tolerates it
    Detection StructureConnectivityLost { structure: StructureName } = "structure_connectivity_lost", "connectivity to {structure} lost, tolerated";
    /// a queue manager is connected to a structure again
    Recovery StructureReconnected { structure: StructureName } = "structure_reconnected", "connected to {structure} again";
    /// a failed connection was reported to the coupling facility
    Detail ConnectorFailed { connector: Connector } = "connector_failed", "connector {} failed", connector.name;
    /// an image's commands are no longer accepted
    Headline ImageIsolated { image: ImageName } = "image_isolated", "{image} isolated from the coupling facility";
    /// an address space ended abnormally and its image noticed
    Detection AddressSpaceEnded { connector: Connector } = "address_space_ended", "address space of {} ended abnormally", connector.name;
    /// an image's status updates are missing for longer than the failure detection interval
    Detection StatusUpdateMissing { image: ImageName } = "status_update_missing", "status updates of {image} missing";
    /// an image has been partitioned out of the sysplex
    Headline ImagePartitioned { image: ImageName } = "image_partitioned", "{image} partitioned out of the sysplex";
    /// automatic restart on the same image
    Headline RestartedInPlace { process: ProcessName } = "restarted_in_place", "ARM restarts {process} in place";
    /// automatic restart on another image
    Headline RestartedAcross { process: ProcessName, from: ImageName } = "restarted_across", "ARM restarts {process} of {from} here";
    /// automatic restart has given up after its restart attempts
    Headline RestartAttemptsExhausted { process: ProcessName } = "restart_attempts_exhausted", "ARM gives up on {process}";
    /// an image lost its link to a coupling facility
    Detection CouplingLinkLost { coupling_facility: CouplingFacilityName } = "coupling_link_lost", "link to {coupling_facility} lost";
    /// an image has its link to a coupling facility again
    Recovery CouplingLinkRestored { coupling_facility: CouplingFacilityName } = "coupling_link_restored", "link to {coupling_facility} restored";

    // Core groups and the HA manager.
    by CoreGroup:
    /// a core group member installed a new view
    Headline ViewInstalled { members: usize, coordinator: ProcessName } = "view_installed", "HMGR0218I new view of {members} member{}, coordinator {coordinator}", if *members == 1 { "" } else { "s" };
    /// a process became coordinator of its core group view
    Recovery CoordinatorElected { } = "coordinator_elected", "HMGR0206I elected coordinator of the core group";
    /// a process is no longer coordinator of its core group view
    Headline CoordinatorLost { } = "coordinator_lost", "HMGR0207I no longer coordinator of the core group";
    /// a core group member has found no other one for a discovery interval: alone, the HA manager activates nothing
    Headline SecondMemberAwaited { } = "second_member_awaited", "the HA manager waits for a second member of the core group";
    /// a connection to another core group member is there
    Detail CoreGroupMemberConnected { member: ProcessName } = "core_group_member_connected", "DCSV1032I connected to {member}";
    /// a core group member is suspected: its connection broke, or it did not answer
    Detection CoreGroupMemberSuspected { member: ProcessName, why: &'static str } = "core_group_member_suspected", "DCSV1111W suspects {member}: {why}";
    /// the coordinator orders a member of a group to become active
    Headline ActivationOrdered { group: GroupName, member: ProcessName } = "activation_ordered", "activates {} on {member}", group.called();
    /// the coordinator orders a member of a group to become idle
    Headline DeactivationOrdered { group: GroupName, member: ProcessName } = "deactivation_ordered", "deactivates {} on {member}", group.called();
    /// a member of a group is active
    Recovery GroupMemberActivated { group: GroupName } = "group_member_activated", "{} activated", group.called();
    /// a member of a group is disabled
    Detection GroupMemberDisabled { group: GroupName } = "group_member_disabled", "{} disabled here", group.called();
    /// a disabled member of a group may be activated again
    Detail GroupMemberEnabled { group: GroupName } = "group_member_enabled", "{} enabled here", group.called();
    /// several members of a One of N group are active in one view
    Detection SeveralActiveMembers { group: GroupName, active: usize } = "several_active_members", "{active} active members of {} meet", group.called();
    /// several policies match a group equally well
    Detection AmbiguousPolicy { group: GroupName } = "ambiguous_policy", "several policies match {group} equally well";
    /// a view has no majority of a cluster
    Detection QuorumLost { group: GroupName } = "quorum_lost", "no quorum for {}", group.called();
    /// an active member does not answer is-alive, or says that it is not alive
    Detection MemberNotAlive { group: GroupName } = "member_not_alive", "local member of {} is not alive", group.called();
    /// a node agent starts a server again that ended without having been stopped
    Headline ServerRestarted { process: ProcessName } = "server_restarted", "monitoring policy starts {process} again";

    // Databases and data stores.

    by Database:
    /// the database has replayed its log and accepts sessions; what had not committed is rolled back, nobody holds a lock
    Recovery DatabaseStarted { database: Address, transactions: u64 } = "database_started", "database open, {transactions} log records replayed";
    /// nothing was heard of a session for the keep-alive: it is rolled back and its locks are released
    Headline DatabaseSessionExpired { session: ProcessName } = "database_session_expired", "session of {session} expired: rolled back, locks released";
    /// an operator ended the sessions of a client
    Headline DatabaseSessionKilled { session: ProcessName } = "database_session_killed", "session of {session} killed: rolled back, locks released";
    /// a transaction was refused because the table space is full
    Detail DatabaseFull { schema: SchemaName } = "database_full", "no room in {schema}: transaction rolled back";
    /// a transaction waited longer for a table lock than it wanted
    Detail DatabaseLockTimedOut { table: TableName, session: ProcessName } = "database_lock_timed_out", "{session} gave up waiting for {table}";
    by DataStore:
    /// a messaging engine begins to ask for the lock of its data store
    Detail StoreLockAttempted { engine: MessagingEngineName } = "store_lock_attempted", "CWSIS1538I {engine} is attempting to obtain an exclusive lock on the data store";
    /// a messaging engine waits for the lock of its data store, which somebody else holds
    Headline StoreLockWaiting { engine: MessagingEngineName } = "store_lock_waiting", "{engine} waits: the data store is owned by another instance";
    /// the data store has no owner row yet
    Detail StoreNotOwnedBefore { engine: MessagingEngineName } = "store_not_owned_before", "CWSIS1543I {engine}: nobody has owned the data store before";
    /// the owner row of the data store names an earlier instance of the same engine
    Detail StoreOwnedBefore { engine: MessagingEngineName } = "store_owned_before", "CWSIS1545I {engine}: an earlier instance owned the data store";
    /// a messaging engine owns its data store
    Recovery StoreLockAcquired { engine: MessagingEngineName } = "store_lock_acquired", "CWSIS1537I {engine} has acquired an exclusive lock on the data store";
    /// a messaging engine has lost the lock of its data store
    Detection StoreLockLost { engine: MessagingEngineName } = "store_lock_lost", "CWSIS1594I {engine} has lost the lock on the data store";
    /// a messaging engine could not get the lock of its data store for as long as it waits
    Headline StoreLockRefused { engine: MessagingEngineName } = "store_lock_refused", "CWSIS1519E {engine} cannot obtain the lock on its data store";
    /// a messaging engine could not reach its database for as long as it tries
    Detection StoreUnreachable { engine: MessagingEngineName } = "store_unreachable", "CWSIS1519E {engine} cannot obtain the lock on its data store: the database does not answer";
    /// the data store belongs to another messaging engine
    Headline StoreOfAnotherEngine { engine: MessagingEngineName, own: EngineUuid, found: EngineUuid } = "store_of_another_engine", "CWSIS1535E the data store is not that of {engine}: {} instead of {}", found.0, own.0;
    /// a messaging engine found that another instance of it has taken over the data store
    Detection StoreTakenOver { engine: MessagingEngineName } = "store_taken_over", "CWSIS1535E same ME_UUID, different INC_UUID: another instance of {engine} owns the data store";
    /// an instance took the data store over from one that had not refreshed its ownership
    Headline StoreTakeover { engine: MessagingEngineName } = "store_takeover", "{engine} takes the data store over: its owner has not refreshed ME_LUTS";


    // File servers and file stores.
    by FileServer:
    /// a file server took a lock away from a holder that is gone
    Headline FileLockReleased { file: FilePath, holder: FileClient, why: &'static str } = "file_lock_released", "lock of {holder} on {file} released: {why}";
    by FileStore:
    /// a starting engine found its file store locked by somebody else and tries again
    Headline FileStoreLocked { engine: MessagingEngineName } = "file_store_locked", "CWSIS1579E CWSIS1582I {engine}: log file locked by another process, trying again";
    /// a starting engine could not reach its file store and tries again
    Headline FileStoreUnreachable { engine: MessagingEngineName } = "file_store_unreachable", "CWSIS1592E {engine}: file store cannot be reached, trying again";
    /// a starting engine gave up on its file store
    Detection FileStoreNotOpened { engine: MessagingEngineName, why: StoreFailure } = "file_store_not_opened", "{}{engine}: file store not opened: {why}", file_store_message(*why);
    /// an engine has locked the log of its file store
    Detail FileStoreLockAcquired { engine: MessagingEngineName } = "file_store_lock_acquired", "{engine} has locked the log file of its file store";
    /// an engine has its file store
    Recovery FileStoreOpened { engine: MessagingEngineName, messages: u64, in_doubt: u64 } = "file_store_opened", "{engine}: file store opened, {}, {} in doubt", count(*messages, "message"), count(*in_doubt, "transaction");
    /// a running engine lost the connection to its file store and waits for it
    Detection FileStoreLost { engine: MessagingEngineName } = "file_store_lost", "{engine}: file store does not answer";
    /// a running engine has its file store back, still locked
    Recovery FileStoreRegained { engine: MessagingEngineName } = "file_store_regained", "{engine}: file store answers again, lock taken back";
    /// a running engine lost its file store for good
    Detection FileStoreFailed { engine: MessagingEngineName, why: StoreFailure } = "file_store_failed", "CWSIS1590E {engine}: file store stopped unexpectedly: {why}";
    /// an engine closed its file store
    Headline FileStoreClosed { engine: MessagingEngineName } = "file_store_closed", "CWSIS1589I {engine}: file store stopped";
    /// a file store had no room for what was to be written
    Detail FileStoreFull { engine: MessagingEngineName } = "file_store_full", "CWSOM1042E {engine}: file store full";

    // Messaging engines.
    by MessagingEngine:
    /// a messaging engine's state has changed
    Detail MessagingEngineState { engine: MessagingEngineName, state: EngineState } = "messaging_engine_state", "CWSID0016I messaging engine {engine} is in state {state}";
    /// an activated instance of a messaging engine begins to start
    Headline MessagingEngineStarting { engine: MessagingEngineName } = "messaging_engine_starting", "messaging engine {engine} starting";
    /// a messaging engine owns its store and reconciles its destinations with their definitions
    Detail MessagingEngineReconciling { engine: MessagingEngineName, messages: u32, in_doubt: u32 } = "messaging_engine_reconciling", "CWSIP0212I messaging engine {engine} reconciles its configuration: {}, {} in doubt", count(*messages, "message"), count(*in_doubt, "transaction");
    /// a messaging engine begins to accept work
    Recovery MessagingEngineStarted { engine: MessagingEngineName } = "messaging_engine_started", "messaging engine {engine} started (CWSID0016I)";
    /// an activated instance of a messaging engine could not start
    Detection MessagingEngineStartFailed { engine: MessagingEngineName, failure: StoreFailure } = "messaging_engine_start_failed", "CWSID0039E messaging engine {engine} could not start: {failure}";
    /// a start was refused, because the engine has a common mode error
    Headline MessagingEngineStartRefused { engine: MessagingEngineName } = "messaging_engine_start_refused", "CWSID0027E messaging engine {engine} cannot be restarted: a serious error has been reported";
    /// a messaging engine lets work in progress end before it stops
    Headline MessagingEngineStopping { engine: MessagingEngineName } = "messaging_engine_stopping", "messaging engine {engine} stopping";
    /// a messaging engine no longer accepts work, in good order
    Headline MessagingEngineStopped { engine: MessagingEngineName } = "messaging_engine_stopped", "messaging engine {engine} stopped";
    /// a messaging engine no longer accepts work, because its message store failed: another server may do better
    Detection MessagingEngineFailed { engine: MessagingEngineName, failure: StoreFailure } = "messaging_engine_failed", "CWSID0046E local error in messaging engine {engine}: {failure}";
    /// a messaging engine no longer accepts work, and no other server would do better: it is not failed over
    Detection MessagingEngineFailedGlobally { engine: MessagingEngineName, failure: StoreFailure } = "messaging_engine_failed_globally", "CWSID0029E common mode error in messaging engine {engine}: {failure}";
    /// a starting messaging engine keeps a transaction in doubt until its coordinator returns
    Headline EngineKeptInDoubt { engine: MessagingEngineName, xid: Xid } = "engine_kept_in_doubt", "{xid} kept in doubt by {engine}, waits for its coordinator";
    /// a coordinator resolved a transaction that an earlier instance of the engine had prepared
    Recovery EngineInDoubtResolved { engine: MessagingEngineName, xid: Xid, outcome: Outcome } = "engine_in_doubt_resolved", "coordinator resolved {xid} at {engine}: {outcome}";
    /// a transaction was prepared and waits for its coordinator
    Detail EnginePrepared { engine: MessagingEngineName, xid: Xid } = "engine_prepared", "{xid} prepared by {engine}";
    /// a connection ended with work uncommitted or unacknowledged, which was rolled back
    Detail BusConnectionRolledBack { engine: MessagingEngineName, messages: u32 } = "bus_connection_rolled_back", "connection to {engine} ended, {} rolled back", count(*messages, "message");
    /// a delivery of a message failed
    Detail DeliveryFailed { destination: DestinationName, failed_deliveries: u32 } = "delivery_failed", "delivery of a message from {destination} failed, {failed_deliveries} by now";
    /// a message went to an exception destination after too many failed deliveries
    Headline ExceptionMessage { destination: DestinationName, exception_destination: DestinationName } = "exception_message", "message of {destination} sent to {exception_destination} after too many failed deliveries";
    /// a message that failed too often and has nowhere to go is kept back for the blocked retry interval
    Detail MessageBlocked { destination: DestinationName } = "message_blocked", "message on {destination} kept back for the blocked retry interval";
    /// a send was refused because the destination has reached its high message threshold
    Detail DestinationFull { destination: DestinationName } = "destination_full", "{destination} has reached its high message threshold";
    /// the message store had no room and a transaction was rolled back for it
    Headline MessageStoreFull { engine: MessagingEngineName } = "message_store_full", "message store of {engine} is full, transaction rolled back";
    /// a best effort message was evicted to make room for a newer one
    Detail BestEffortDiscarded { destination: DestinationName } = "best_effort_discarded", "best effort message on {destination} discarded, the buffer is full";
    /// a queue holds more than memory is to hold: nonpersistent messages that come now go to the message store too
    Headline SpillingBegan { destination: DestinationName } = "spilling_began", "{destination} holds more than memory is to hold: nonpersistent messages that come now are to be written to the message store too";
    /// a queue whose nonpersistent messages were spilled holds little again
    Headline SpillingEnded { destination: DestinationName } = "spilling_ended", "{destination} holds little again: nothing more is spilled";
    /// a starting engine purged from its message store the nonpersistent messages that an earlier start had spilled
    Headline SpilledMessagesPurged { engine: MessagingEngineName, messages: u64 } = "spilled_messages_purged", "{engine}: {} purged from the message store", count(*messages, "spilled nonpersistent message");
    /// a message sent one way could not be taken; nobody is told
    Detail OneWayDiscarded { destination: DestinationName, reason: BusReason } = "one_way_discarded", "message sent one way to {destination} discarded: {reason}";
    /// an expired message was met on a queue point and removed
    Detail BusMessageExpired { destination: DestinationName } = "bus_message_expired", "expired message on {destination} removed";

    /// a messaging engine has a connection to another one of its bus
    Detail EngineConnectionStarted { engine: MessagingEngineName, other: MessagingEngineName } = "engine_connection_started", "CWSIT0028I connection of {engine} to {other} started";
    /// the connection of a messaging engine to another one has ended
    Detail EngineConnectionEnded { engine: MessagingEngineName, other: MessagingEngineName } = "engine_connection_ended", "CWSIT0029I connection of {engine} to {other} stopped";
    /// a message was put on a remote message point: it is bound to the queue point of another engine
    Detail RemotePut { destination: DestinationName, engine: MessagingEngineName } = "remote_put", "message for {destination} bound to the queue point on {engine}";
    /// no messaging engine with a queue point runs; a message was bound to one of them and waits for it
    Detail RemotePutWaits { destination: DestinationName, engine: MessagingEngineName } = "remote_put_waits", "message for {destination} waits for {engine}: no messaging engine with a queue point runs";
    /// nonpersistent messages that were on their way to a messaging engine when it failed were discarded
    Detail RemoteMessagesDiscarded { destination: DestinationName, engine: MessagingEngineName, messages: u32 } = "remote_messages_discarded", "{} for {destination} discarded: on the way to {engine} when it failed", count(*messages, "nonpersistent message");

    /// messages are still locked for consumers of an engine that has connected; it is asked what became of them
    Detail RemoteLocksStand { destination: DestinationName, engine: MessagingEngineName, messages: u32 } = "remote_locks_stand", "{} of {destination} remotely locked for {engine}", count(*messages, "message");

    // Application servers.

    by ApplicationServer:
    /// an application server starts for the first time or again
    Recovery ServerStarted { incarnation: Incarnation } = "server_started", "application server started, life {}", incarnation.0;
    /// an application server ended in good order
    Headline ServerStopped { } = "server_stopped", "application server stopped";
    /// an application server ended itself
    Detection ServerTerminated { reason: &'static str } = "server_terminated", "application server terminated: {reason}";
    /// a bootstrap server turns a client away, because it has known of no suitable messaging engine for as long as it lets
    /// clients wait
    Detail NoMessagingEngineKnown { } = "no_messaging_engine_known", "CWSIT0019E no suitable messaging engine is known";
    /// a disabled instance of a messaging engine is enabled again by itself
    Headline EngineReenabled { engine: MessagingEngineName } = "engine_reenabled", "{engine} enabled again on this server";

    // Message endpoints.

    by MessageEndpoint:
    /// a message-driven bean gets messages from its target
    Headline EndpointConnected { engine: MessagingEngineName } = "endpoint_connected", "CWSIV0777I message endpoint connected to {engine}";
    /// a message-driven bean gets messages from another engine than its target, until the target is there
    Headline EndpointConnectedNotPreferred { engine: MessagingEngineName } = "endpoint_connected_not_preferred", "CWSIV0556I message endpoint connected to {engine}, which is not its target";
    /// the connection from which a message-driven bean got its messages has ended
    Detail EndpointConnectionEnded { engine: MessagingEngineName } = "endpoint_connection_ended", "CWSIV0776W connection of the message endpoint to {engine} ended";
    /// no engine was found for a message-driven bean; it is tried again after the retry interval
    Detail EndpointNotConnected { reason: BusReason, retry_interval: Duration } = "endpoint_not_connected", "CWSIV0782W message endpoint not connected: {reason}; tried again after {} s", retry_interval.as_secs();
    /// a message-driven bean is not driven: no engine runs in its server
    Detail EndpointStandsBy { } = "endpoint_stands_by", "message endpoint stands by: no engine runs in its server";
}

/// `1 message`, `2 messages`.
fn count(number: impl Into<u64>, singular: &str) -> String {
    let number = number.into();
    if number == 1 { format!("1 {singular}") } else { format!("{number} {singular}s") }
}
