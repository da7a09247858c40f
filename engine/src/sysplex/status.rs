//! Status updates of the other images, and what their absence means.
//!
//! z/OS MVS Setting Up a Sysplex, "Controlling system availability and recovery": an image whose status updates are missing
//! for the failure detection interval is isolated after `ISOLATETIME` and partitioned out of the sysplex after the cleanup
//! interval. Address spaces of other images learn of its death only then.

use std::collections::BTreeMap;

use super::definition::ImageDefinition;
use crate::coupling_facility::command::Connector;
use crate::machine::Incarnation;
use crate::name::{Address, ImageName, ProcessName, QueueManagerName};
use crate::time::{Duration, Time};

/// Where another image stands, as far as this one knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Never heard of.
    Unheard,
    /// A member of the sysplex.
    Alive {
        /// Which load.
        incarnation: Incarnation,
        /// Its last status update.
        last_seen: Time,
    },
    /// Its status updates are missing; it may still be alive.
    Missing {
        /// Which load.
        incarnation: Incarnation,
        /// Whether it is isolated: then there is no way back.
        isolated: bool,
    },
    /// Partitioned out of the sysplex.
    Partitioned {
        /// Which load, and all before it.
        incarnation: Incarnation,
    },
    /// Left in good order.
    Left {
        /// Which load, and all before it.
        incarnation: Incarnation,
    },
}

/// Another image.
#[derive(Debug)]
pub(super) struct OtherImage {
    /// Where it receives signals.
    pub(super) address: Address,
    /// Where it stands.
    pub(super) standing: Standing,
    members: Vec<(Connector, ProcessName)>,
    /// Of which load and which change its members are.
    members_from: (Incarnation, u32),
}

/// What a status update means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// All is well, or the update is an old one.
    Nothing,
    /// An image has come.
    New,
    /// It has come again, and its former load had not been partitioned yet.
    Again {
        /// The former load.
        former: Incarnation,
    },
    /// It is isolated, or out of the sysplex already, and does not know.
    Zombie,
}

/// All other images.
#[derive(Debug)]
pub(super) struct OtherImages {
    by_name: BTreeMap<ImageName, OtherImage>,
}

impl OtherImages {
    /// None of them heard of yet.
    pub(super) fn new(definition: &ImageDefinition) -> Self {
        let other = |(name, address): &(ImageName, Address)| {
            let address = address.clone();
            let members_from = (Incarnation(0), 0);
            (name.clone(), OtherImage { address, standing: Standing::Unheard, members: Vec::new(), members_from })
        };
        OtherImages { by_name: definition.others.iter().map(other).collect() }
    }

    /// One of them.
    pub(super) fn get(&self, image: &ImageName) -> Option<&OtherImage> {
        self.by_name.get(image)
    }

    /// Where all of them receive signals, by name.
    pub(super) fn addresses(&self) -> impl Iterator<Item = Address> + '_ {
        self.by_name.values().map(|other| other.address.clone())
    }

    /// A status update.
    pub(super) fn heard(&mut self, now: Time, image: &ImageName, update: Incarnation) -> Heard {
        let Some(other) = self.by_name.get_mut(image) else { return Heard::Nothing };
        let heard = match &mut other.standing {
            Standing::Unheard => Heard::New,
            Standing::Alive { incarnation, last_seen } if *incarnation == update => {
                *last_seen = now;
                return Heard::Nothing;
            }
            Standing::Missing { incarnation, isolated: true } if *incarnation == update => return Heard::Zombie,
            Standing::Missing { incarnation, isolated: false } if *incarnation == update => Heard::Nothing,
            Standing::Alive { incarnation, .. } | Standing::Missing { incarnation, .. } if *incarnation < update => {
                Heard::Again { former: *incarnation }
            }
            Standing::Alive { .. } | Standing::Missing { .. } => return Heard::Zombie,
            Standing::Partitioned { incarnation } if *incarnation >= update => return Heard::Zombie,
            Standing::Left { incarnation } if *incarnation >= update => return Heard::Nothing,
            Standing::Partitioned { .. } | Standing::Left { .. } => Heard::New,
        };
        other.standing = Standing::Alive { incarnation: update, last_seen: now };
        heard
    }

    /// Until when the next status update has to come, if the image is a member.
    pub(super) fn deadline(&self, image: &ImageName, interval: Duration) -> Option<Time> {
        match self.by_name.get(image)?.standing {
            Standing::Alive { last_seen, .. } => Some(last_seen + interval),
            _ => None,
        }
    }

    /// This image was stopped itself: nobody's silence means anything.
    pub(super) fn excuse_all(&mut self, now: Time) {
        for other in self.by_name.values_mut() {
            if let Standing::Alive { last_seen, .. } = &mut other.standing {
                *last_seen = now;
            }
        }
    }

    /// The deadline has passed. Tells which load of the image is missing.
    pub(super) fn missing(&mut self, image: &ImageName) -> Option<Incarnation> {
        let other = self.by_name.get_mut(image)?;
        let Standing::Alive { incarnation, .. } = other.standing else { return None };
        other.standing = Standing::Missing { incarnation, isolated: false };
        Some(incarnation)
    }

    /// A missing image is isolated now. `false` if it is not missing any more.
    #[must_use]
    pub(super) fn isolated(&mut self, image: &ImageName, which: Incarnation) -> bool {
        let Some(other) = self.by_name.get_mut(image) else { return false };
        match &mut other.standing {
            Standing::Missing { incarnation, isolated } if *incarnation == which => {
                *isolated = true;
                true
            }
            _ => false,
        }
    }

    /// An image is out of the sysplex. `false` if it is known already, or a later load is there.
    #[must_use]
    pub(super) fn partitioned(&mut self, image: &ImageName, which: Incarnation) -> bool {
        let Some(other) = self.by_name.get_mut(image) else { return false };
        match other.standing {
            Standing::Alive { incarnation, .. } | Standing::Missing { incarnation, .. } if incarnation <= which => {}
            _ => return false,
        }
        other.standing = Standing::Partitioned { incarnation: which };
        true
    }

    /// An image leaves in good order.
    pub(super) fn leaves(&mut self, image: &ImageName, which: Incarnation) {
        let Some(other) = self.by_name.get_mut(image) else { return };
        match other.standing {
            Standing::Alive { incarnation, .. } | Standing::Missing { incarnation, isolated: false }
                if incarnation <= which => {}
            Standing::Unheard => {}
            _ => return,
        }
        other.standing = Standing::Left { incarnation: which };
        other.members.clear();
    }

    /// The address spaces of an image have changed.
    pub(super) fn set_members(
        &mut self,
        image: &ImageName,
        incarnation: Incarnation,
        change: u32,
        members: Vec<(Connector, ProcessName)>,
    ) {
        if let Some(other) = self.by_name.get_mut(image)
            && other.members_from < (incarnation, change)
        {
            other.members_from = (incarnation, change);
            other.members = members;
        }
    }

    /// What ran on this load of an image when it was last heard of.
    pub(super) fn elements_of(&self, image: &ImageName, incarnation: Incarnation) -> Vec<ProcessName> {
        match self.by_name.get(image) {
            Some(other) if other.members_from.0 == incarnation => {
                other.members.iter().map(|(_, process)| process.clone()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether an image is a member of the sysplex.
    pub(super) fn is_alive(&self, image: &ImageName) -> bool {
        self.by_name.get(image).is_some_and(OtherImage::is_alive)
    }

    /// Whether a process runs on an image that is alive.
    pub(super) fn runs(&self, process: &ProcessName) -> bool {
        let here = |other: &OtherImage| other.is_alive() && other.members.iter().any(|(_, runs)| runs == process);
        self.by_name.values().any(here)
    }

    /// Members of the sysplex, by name.
    pub(super) fn alive(&self) -> impl Iterator<Item = (&ImageName, &OtherImage)> {
        self.by_name.iter().filter(|(_, other)| other.is_alive())
    }

    /// Where the image of a queue manager receives signals.
    pub(super) fn image_of(&self, queue_manager: &QueueManagerName) -> Option<Address> {
        let runs = |other: &&OtherImage| {
            other.is_alive() && other.members.iter().any(|(connector, _)| connector.name == *queue_manager)
        };
        self.by_name.values().find(runs).map(|other| other.address.clone())
    }

    /// Whether `here` and the images heard of lately are the part of the sysplex that goes on when it falls apart: the
    /// bigger one; of two equal ones, that with the first name.
    pub(super) fn is_in_the_bigger_part(&self, here: &ImageName, now: Time, lately: Duration) -> bool {
        let (mut with, mut without, mut first_without) = (1, 0, None);
        for (name, other) in &self.by_name {
            match other.standing {
                Standing::Alive { last_seen, .. } if now.since(last_seen) <= lately => with += 1,
                Standing::Alive { .. } | Standing::Missing { .. } => {
                    without += 1;
                    first_without = first_without.or(Some(name));
                }
                _ => {}
            }
        }
        let first_with = self.by_name.iter().find(
            |(_, other)| matches!(other.standing, Standing::Alive { last_seen, .. } if now.since(last_seen) <= lately),
        );
        let first_with = first_with.map_or(here, |(name, _)| name.min(here));
        with > without || (with == without && first_without.is_none_or(|other| first_with < other))
    }
}

impl OtherImage {
    const fn is_alive(&self) -> bool {
        matches!(self.standing, Standing::Alive { .. })
    }
}
