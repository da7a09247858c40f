//! Names of the things a messaging architect names.
//!
//! Every kind of name is a type of its own, so that a queue's name cannot be given where a queue manager's is wanted.
//! Names are shared text: cloning one costs no allocation.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$about:meta])* $name:ident) => {
        $(#[$about])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as written in definitions and reports.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                $name(Arc::from(name))
            }
        }

        impl From<String> for $name {
            fn from(name: String) -> Self {
                $name(Arc::from(name))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

name! {
    /// A queue: `PAYMENT.REQUEST`.
    QueueName
}
name! {
    /// A queue manager: `QM01`. On z/OS at most four characters, unique in the sysplex.
    QueueManagerName
}
name! {
    /// A queue-sharing group: `QSG1`.
    QueueSharingGroupName
}
name! {
    /// A coupling-facility structure without the group's prefix: `APPLICATION1`, or `CSQ_ADMIN`.
    StructureName
}
name! {
    /// A coupling facility: `CF01`.
    CouplingFacilityName
}
name! {
    /// A z/OS image (a system of the sysplex): `SYSA`.
    ImageName
}
name! {
    /// A process of the world, as the scenario names it: a queue manager, a coupling facility, an application.
    ProcessName
}
name! {
    /// A network address at which a process listens: what a `CONNAME` holds.
    Address
}
name! {
    /// A connection tag (`MQCNO` connection tag): serialises applications in a queue-sharing group.
    ConnectionTag
}
name! {
    /// A service integration bus: `PAYMENTS.BUS`.
    BusName
}
name! {
    /// A messaging engine: `cluster1.000-PAYMENTS.BUS`.
    MessagingEngineName
}
name! {
    /// A destination of a bus: `PAYMENT.REQUEST`.
    DestinationName
}
name! {
    /// A cluster of application servers: `cluster1`.
    ClusterName
}
name! {
    /// A core group: `DefaultCoreGroup`.
    CoreGroupName
}
name! {
    /// A schema of a database: one messaging engine's tables.
    SchemaName
}
name! {
    /// A table of a schema: `SIBOWNER`.
    TableName
}
name! {
    /// A directory of a file server: one messaging engine's file store.
    DirectoryName
}
