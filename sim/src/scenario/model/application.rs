//! Applications: where they run, to whom they connect, and what each role does.

use super::place::Place;
use super::workload::{MessageTemplate, OperatorAction, Pace, QualityOfService, Syncpointing, WhenUnknown};
use indoubt_engine::messaging_engine::activation::Driven;
use indoubt_engine::messaging_engine::frame::{ConnectionProximity, Target, TargetSignificance};
use indoubt_engine::messaging_engine::reliability::ReliabilityMapping;
use indoubt_engine::name::ConnectionTag;
use indoubt_engine::name::QueueManagerName;
use indoubt_engine::name::QueueName;
use indoubt_engine::name::QueueSharingGroupName;
use std::time::Duration;

/// An application, or several of the same kind.
#[derive(Clone, Debug)]
pub struct Application {
    /// Its name; instances are called `name.1`, `name.2` ... if there is more than one.
    pub name: String,
    /// How many instances (on each site, if there are several).
    pub instances: u32,
    /// Where it runs.
    pub runs_on: Vec<Site>,
    /// To whom it connects.
    pub connect: Connect,
    /// What it does.
    pub role: Role,
}

/// Where instances of an application run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The place.
    pub place: Place,
    /// The process in which they live: they start and end with it. `None`: they are processes of their own.
    pub within: Option<String>,
}

impl Application {
    /// Its processes and where each runs: `name` if there is one only, else `name.1`, `name.2` ..., site by site in the
    /// order of `runs_on`.
    #[must_use]
    pub fn processes(&self) -> Vec<(String, &Site)> {
        let instances = self.instances as usize;
        let sites = self.runs_on.iter().flat_map(|site| std::iter::repeat_n(site, instances));
        if instances * self.runs_on.len() == 1 {
            return sites.map(|site| (self.name.clone(), site)).collect();
        }
        sites.zip(1..).map(|(site, number)| (format!("{}.{number}", self.name), site)).collect()
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

impl Connect {
    /// How long an application may rest before it looks again for somebody to connect to, beyond its pauses.
    #[must_use]
    pub fn rest(&self) -> Duration {
        match &self.target {
            ConnectTarget::ActivationSpecification(activation) => activation.retry_interval,
            _ => Duration::ZERO,
        }
    }
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
    /// A connection to an engine of the bus.
    Bus(BusTarget),
    /// A message-driven bean: its server connects it to an engine of the bus.
    ActivationSpecification(Activation),
    /// Administration of a cell (wsadmin): no messages.
    Administration,
}

/// What an administrator says of a message-driven bean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation {
    /// *Target* and *target type*.
    pub target: Target,
    /// *Target significance*.
    pub significance: TargetSignificance,
    /// *Always activate MDBs in all servers*.
    pub driven: Driven,
    /// *Retry interval*.
    pub retry_interval: Duration,
}

/// Where a client of the bus asks for an engine, and for which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusTarget {
    /// *Provider endpoints*: bootstrap servers, in the order in which they are tried.
    pub bootstrap: Vec<String>,
    /// *Target* and *target type*.
    pub target: Target,
    /// *Target significance*.
    pub significance: TargetSignificance,
    /// *Connection proximity*.
    pub proximity: ConnectionProximity,
    /// How what is received within a unit of work becomes final.
    pub session: SessionMode,
    /// *Quality of service mapping* of the connection factory.
    pub mapping: ReliabilityMapping,
}

/// The mode of a session: what ends a unit of work of a client of the bus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionMode {
    /// A transacted session: `commit` and `rollback`, of sends and receives.
    #[default]
    Transacted,
    /// `CLIENT_ACKNOWLEDGE`: messages stay locked until they are acknowledged; `recover` has them delivered again. For
    /// consumers.
    ClientAcknowledge,
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

/// A request/reply client.
#[derive(Clone, Debug)]
pub struct Requester {
    /// Where requests go.
    pub request_queue: QueueName,
    /// Where replies are awaited.
    pub reply_queue: QueueName,
    /// Whose that queue is, as the requester says it (`ReplyToQMgr`): a queue manager or a group. `None`: not said, and
    /// filled in by whom it is connected to.
    pub reply_owner: Option<String>,
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
    /// How what it puts is to be kept; `None` for as the request.
    pub quality: Option<QualityOfService>,
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
