//! What a scenario says, once it is known to make sense.
//!
//! Read and checked by the modules beside this one; nothing here can dangle: every name that refers to something refers
//! to something that exists.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use indoubt_engine::coupling_facility::definition::StructureDefinition;
use indoubt_engine::event::Event;
use indoubt_engine::message::{Persistence, Priority};
use indoubt_engine::name::{
    ConnectionTag, CouplingFacilityName, ImageName, QueueManagerName, QueueName, QueueSharingGroupName, StructureName,
};
use indoubt_engine::queue_manager::definition::{ConnectivityLoss, QueueDefinition, SharedQueueManagerName};
use indoubt_engine::step::Step;
use indoubt_engine::sysplex::definition::FailureManagement;
use indoubt_engine::unit_of_work::Outcome;

/// A whole scenario file.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The file's name without folder and extension: `peer-recovery`.
    pub name: String,
    /// Where it was read from.
    pub path: PathBuf,
    /// The text as read: a failure file is this text with another `faults` section and the seed.
    pub source: String,
    /// What it shows, in one or a few sentences.
    pub about: String,
    /// Where the behaviour is documented.
    pub documented: Vec<String>,
    /// Who there is.
    pub topology: Topology,
    /// What the applications do.
    pub workload: Vec<Application>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// What is to be true of every run, and of a sweep.
    pub expect: Expectations,
    /// How long it runs.
    pub run: RunLength,
    /// Present in a failure file: the run it was written for.
    pub recorded: Option<Recorded>,
}

/// What a failure file remembers of the run that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The scenario file it came from.
    pub scenario: String,
    /// Seed.
    pub seed: u64,
    /// Fingerprint of the failing run, 16 hexadecimal digits.
    pub fingerprint: u64,
    /// The defect that was planted, if one was.
    pub defect: Option<String>,
}

/// Systems and what connects them.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    /// z/OS images.
    pub images: Vec<Image>,
    /// Hosts in the network, for applications.
    pub hosts: Vec<Host>,
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
    /// Network between all hosts and images, unless a link says otherwise.
    pub network: LinkQuality,
    /// Coupling links between images and coupling facilities.
    pub coupling_link: LinkQuality,
    /// Exceptions for pairs.
    pub links: Vec<Link>,
}

/// A clock's error against true time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockError {
    /// How far it is ahead (positive) or behind at the start, in nanoseconds.
    pub skew_ns: i64,
    /// How fast it gains (positive) or loses, in parts per million.
    pub drift_ppm: i32,
}

/// A z/OS image.
#[derive(Clone, Debug)]
pub struct Image {
    /// Its name.
    pub name: ImageName,
    /// Its clock. The sysplex timer keeps images of one sysplex together: default none.
    pub clock: ClockError,
}

/// A host in the network.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Its clock.
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

/// A disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Time of a force.
    pub force: Latency,
    /// Bytes it can hold; `None` for no limit.
    pub capacity: Option<u64>,
}

/// A latency with jitter: uniformly between `base` and `base + jitter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// At least.
    pub base: Duration,
    /// At most this much more.
    pub jitter: Duration,
}

/// Quality of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkQuality {
    /// One way.
    pub latency: Latency,
    /// How many packets of a million are lost.
    pub loss_ppm: u32,
    /// How many datagrams of a million arrive twice.
    pub duplication_ppm: u32,
    /// How many datagrams of a million are delayed past later ones.
    pub reordering_ppm: u32,
    /// Bytes for each second; `None` for no limit.
    pub bandwidth: Option<u64>,
}

impl Default for LinkQuality {
    /// A local network: 150 to 250 us, no loss.
    fn default() -> Self {
        LinkQuality {
            latency: Latency { base: Duration::from_micros(150), jitter: Duration::from_micros(100) },
            loss_ppm: 0,
            duplication_ppm: 0,
            reordering_ppm: 0,
            bandwidth: None,
        }
    }
}

/// A link that differs from the rest.
#[derive(Clone, Debug)]
pub struct Link {
    /// One end: an image, a host or a coupling facility.
    pub from: Place,
    /// The other end.
    pub to: Place,
    /// Both ways.
    pub quality: LinkQuality,
}

/// Something that has a place in the world: where processes run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A z/OS image.
    Image(ImageName),
    /// A host in the network.
    Host(String),
    /// A coupling facility.
    CouplingFacility(CouplingFacilityName),
}

/// An application, or several of the same kind.
#[derive(Clone, Debug)]
pub struct Application {
    /// Its name; instances are called `name.1`, `name.2` ... if there is more than one.
    pub name: String,
    /// How many instances (on each image, if `runs_on` names several).
    pub instances: u32,
    /// Where it runs.
    pub runs_on: Vec<Place>,
    /// To whom it connects.
    pub connect: Connect,
    /// What it does.
    pub role: Role,
}

impl Application {
    /// Its processes and where each runs: `name` if there is one only, else `name.1`, `name.2` ..., place by place in the
    /// order of `runs_on`.
    #[must_use]
    pub fn processes(&self) -> Vec<(String, &Place)> {
        let instances = self.instances as usize;
        let places = self.runs_on.iter().flat_map(|place| std::iter::repeat_n(place, instances));
        if instances * self.runs_on.len() == 1 {
            return places.map(|place| (self.name.clone(), place)).collect();
        }
        places.zip(1..).map(|(place, number)| (format!("{}.{number}", self.name), place)).collect()
    }
}

/// To whom an application connects, and how often it tries again.
#[derive(Clone, Debug)]
pub struct Connect {
    /// To whom.
    pub target: ConnectTarget,
    /// First pause before another attempt.
    pub retry: Duration,
    /// The pause doubles up to this.
    pub retry_limit: Duration,
    /// Serialised connection tag.
    pub tag: Option<ConnectionTag>,
    /// Client: after how long a silence the connection is given up (heartbeat).
    pub silence: Duration,
}

/// To whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectTarget {
    /// Local bindings, to this queue manager.
    LocalQueueManager(QueueManagerName),
    /// Local bindings, with the group's name: to the member on the application's image.
    LocalGroup(QueueSharingGroupName),
    /// A client connection to this queue manager.
    QueueManager(QueueManagerName),
    /// A client connection to any member of the group, through its generic address.
    Group(QueueSharingGroupName),
}

/// What an application does.
#[derive(Clone, Debug)]
pub enum Role {
    /// Puts requests and waits for their replies.
    Requester(Requester),
    /// Gets requests, works, puts the replies, commits.
    Server(Server),
    /// Puts messages.
    Producer(Producer),
    /// Gets messages.
    Consumer(Consumer),
    /// An operator who types commands at given times.
    Operator(Vec<OperatorAction>),
}

/// How fast work is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Closed loop: the next one this long after the last one is done.
    Closed {
        /// Pause.
        think_time: Duration,
    },
    /// Open loop: one at every interval, whatever became of the last one. (A requester then has several outstanding.)
    Open {
        /// Between the starts.
        interval: Duration,
    },
}

/// What an application does when it cannot know whether a put or commit worked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenUnknown {
    /// Leaves it at that and goes on with the next one.
    GiveUp,
    /// Sends the same content again, marked as a possible duplicate.
    SendAgain,
}

/// How messages are made.
#[derive(Clone, Debug)]
pub struct MessageTemplate {
    /// Bytes, uniformly between the two.
    pub size: (u32, u32),
    /// `None` for the queue's default.
    pub persistence: Option<Persistence>,
    /// Priorities with weights; empty for the queue's default.
    pub priorities: Vec<(Priority, u32)>,
    /// Expiry.
    pub expiry: Option<Duration>,
}

/// Within a unit of work, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Syncpointing {
    /// Outside syncpoint.
    None,
    /// One-phase: `MQCMIT`.
    OnePhase,
    /// Two-phase under the application's own transaction coordinator (a CICS region, say), which keeps a log of its
    /// decisions on a disk of its host.
    TwoPhase,
}

/// A request/reply client.
#[derive(Clone, Debug)]
pub struct Requester {
    /// Where requests go.
    pub request_queue: QueueName,
    /// Where replies are awaited.
    pub reply_queue: QueueName,
    /// What it writes into `ReplyToQMgr`.
    pub reply_queue_manager: ReplyQueueManager,
    /// How many requests each instance makes.
    pub count: u32,
    /// How fast.
    pub pace: Pace,
    /// What they look like.
    pub message: MessageTemplate,
    /// Under syncpoint or not (one-phase: the put is committed by itself, the reply got and committed by itself).
    pub syncpoint: Syncpointing,
    /// How long it waits for a reply before it gives the request up.
    pub reply_wait: Duration,
    /// When a put or commit has an unknown outcome.
    pub when_unknown: WhenUnknown,
}

/// `ReplyToQMgr` as a requester writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyQueueManager {
    /// Blank: filled in by the queue manager with its own name.
    Blank,
    /// The queue-sharing group's name (for shared reply queues).
    Group(QueueSharingGroupName),
    /// A queue manager's.
    QueueManager(QueueManagerName),
}

/// A server application.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where requests come from.
    pub request_queue: QueueName,
    /// A further queue, private say, to which each unit of work also puts (an audit record); so that a unit of work spans
    /// shared and private queues.
    pub also_put: Vec<QueueName>,
    /// Whether it answers to `ReplyToQ`.
    pub reply: bool,
    /// Persistence of what it puts; `None` for that of the request.
    pub persistence: Option<Persistence>,
    /// Bytes of a reply.
    pub reply_size: (u32, u32),
    /// How long it works on a request: between the get and the put, uniformly between the two.
    pub processing_time: (Duration, Duration),
    /// Under syncpoint or not.
    pub syncpoint: Syncpointing,
    /// How many requests make one unit of work.
    pub batch: u32,
    /// How many requests of a hundred it backs out (a failing database call, say), by its own choice.
    pub backout_percent: u32,
    /// Requests whose number in their producer leaves no remainder when divided by this are poison: it always backs them
    /// out. 0 for none.
    pub poison_every: u32,
    /// Whether it honours `BOTHRESH` and `BOQNAME`.
    pub honours_backout_threshold: bool,
}

/// A producer.
#[derive(Clone, Debug)]
pub struct Producer {
    /// Where; each unit of work puts to each of them.
    pub queues: Vec<QueueName>,
    /// How many units of work each instance makes.
    pub count: u32,
    /// How many messages for each queue make one unit of work.
    pub batch: u32,
    /// How fast.
    pub pace: Pace,
    /// What they look like.
    pub message: MessageTemplate,
    /// Under syncpoint or not.
    pub syncpoint: Syncpointing,
    /// How many units of work of a hundred it backs out by its own choice.
    pub backout_percent: u32,
    /// When a put or commit has an unknown outcome.
    pub when_unknown: WhenUnknown,
}

/// A consumer.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// From where.
    pub queue: QueueName,
    /// How many messages make one unit of work.
    pub batch: u32,
    /// How long it works on a message.
    pub processing_time: (Duration, Duration),
    /// Under syncpoint or not.
    pub syncpoint: Syncpointing,
    /// How many units of work of a hundred it backs out by its own choice.
    pub backout_percent: u32,
    /// As for a server.
    pub poison_every: u32,
    /// As for a server.
    pub honours_backout_threshold: bool,
    /// Browses with lock first, then gets what it browsed.
    pub browse_first: bool,
    /// `MQOO_INPUT_EXCLUSIVE`.
    pub exclusive: bool,
}

/// What an operator types.
#[derive(Clone, Debug)]
pub struct OperatorAction {
    /// When.
    pub at: Duration,
    /// What.
    pub command: OperatorCommand,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperatorCommand {
    /// `DISPLAY THREAD(*) TYPE(INDOUBT) QMNAME(name)`, and then `RESOLVE INDOUBT .. QMNAME(name)` for each of them.
    ResolveIndoubt {
        /// The member on which they ran.
        queue_manager: QueueManagerName,
        /// The decision.
        outcome: Decision,
    },
}

/// What an operator decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Always this.
    Always(Outcome),
    /// What the coordinator decided, read from its log (presumed abort if it says nothing).
    AsCoordinator,
    /// The opposite of it.
    AgainstCoordinator,
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Its place in the file: line, for reports and tapes.
    pub line: u32,
    /// When.
    pub when: When,
    /// What.
    pub what: FaultAction,
}

/// When a fault strikes.
#[derive(Clone, Debug)]
pub enum When {
    /// At this time after the start.
    At(Duration),
    /// When a process passes a step for the n-th time (counted from 1 since the start of the run), and this much later.
    Step {
        /// Who passes it; `None` for anybody.
        process: Option<String>,
        /// Which.
        step: Step,
        /// The n-th time.
        nth: u32,
        /// How much later; zero for exactly there.
        after: Duration,
    },
    /// When an event has been reported for the n-th time, and this much later.
    Event {
        /// By whom; `None` for anybody.
        process: Option<String>,
        /// Name of the event.
        event: String,
        /// The n-th time.
        nth: u32,
        /// How much later.
        after: Duration,
    },
    /// At a time drawn uniformly from a window, anew for each seed.
    Between(Duration, Duration),
    /// Again and again within a window, at exponential intervals of this mean.
    Random {
        /// From.
        from: Duration,
        /// To.
        to: Duration,
        /// On average one for each.
        mean_interval: Duration,
    },
}

/// A fault.
#[derive(Clone, Debug)]
pub enum FaultAction {
    /// The process ends at once; its host lives. `name` is a queue manager, coupling facility excluded, or application.
    Kill {
        /// Who.
        process: String,
        /// Started again after this long by hand (besides any automatic restart).
        restart_after: Option<Duration>,
    },
    /// Starts a process that is down. Does nothing if it runs.
    Start {
        /// Who.
        process: String,
    },
    /// `STOP QMGR MODE(QUIESCE)` or `MODE(FORCE)`.
    StopQueueManager {
        /// Who.
        queue_manager: QueueManagerName,
        /// FORCE rather than QUIESCE.
        force: bool,
        /// Started again after this long.
        restart_after: Option<Duration>,
    },
    /// The host or image loses power.
    PowerOff {
        /// Which.
        place: Place,
        /// Power comes back after this long, and what ran there starts again.
        restart_after: Option<Duration>,
    },
    /// An image is taken offline in good order: its queue managers stop (quiesce), then it leaves the sysplex.
    TakeOffline {
        /// Which.
        image: ImageName,
        /// Comes back after this long.
        restart_after: Option<Duration>,
    },
    /// A process is stopped in the middle of everything and goes on later.
    Pause {
        /// Who.
        process: String,
        /// How long.
        duration: Duration,
    },
    /// The link is cut.
    Cut {
        /// From.
        from: Place,
        /// To.
        to: Place,
        /// Only in this direction.
        one_way: bool,
        /// Heals after this long.
        duration: Duration,
    },
    /// The link is bad for a while.
    Degrade {
        /// From.
        from: Place,
        /// To.
        to: Place,
        /// This bad.
        quality: LinkQuality,
        /// How long.
        duration: Duration,
    },
    /// A disk fault on the log of a queue manager.
    Disk {
        /// Whose.
        queue_manager: QueueManagerName,
        /// What.
        fault: DiskFault,
        /// How long; `None` for good (or, for a single event, irrelevant).
        duration: Option<Duration>,
    },
    /// One of several, drawn by weight.
    OneOf(Vec<(u32, FaultAction)>),
}

/// What a disk can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskFault {
    /// The device's cache loses what was forced last, when power fails next.
    LoseForce,
    /// The last write is torn, and the process ends.
    TearLastWrite,
    /// Every force takes this much longer.
    Slow(Duration),
    /// No space is left.
    Full,
    /// A sector of the last records rots: they are read back damaged at the next start, and the process ends.
    RotTail,
}

/// What is to be true.
#[derive(Clone, Debug, Default)]
pub struct Expectations {
    /// Situations this scenario exists for: event names. Each must be seen in at least one run of a sweep.
    pub reach: Vec<String>,
    /// Steps, likewise.
    pub reach_steps: Vec<Step>,
    /// Violations that the documented behaviour brings about: each run may have them, and a sweep must show each of them
    /// at least once.
    pub allow: Vec<AllowedViolation>,
    /// Queues on which order is promised.
    pub ordered: Vec<QueueName>,
    /// No queue may be without successful gets for longer than this after a fault (recovery objective).
    pub recovery_time: Option<Duration>,
}

/// A violation that documented behaviour brings about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedViolation {
    /// Its kind, as the ledger calls it: `out_of_order`, `torn`, `unresolved`...
    pub kind: String,
    /// On which queue; `None` for any.
    pub queue: Option<QueueName>,
    /// Only in a run in which this event was seen.
    pub because: String,
    /// The rule and where it is documented.
    pub rule: String,
}

/// How long a run lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunLength {
    /// When faults end and the world heals at the latest, if the workload is not done before.
    pub horizon: Duration,
    /// How long applications keep working after healing, at most, before the audit.
    pub settle: Duration,
}

impl Expectations {
    /// Whether a name is that of an event the engine can report.
    #[must_use]
    pub fn is_event(name: &str) -> bool {
        Event::ALL.iter().any(|(event, _)| *event == name)
    }
}
