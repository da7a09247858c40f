//! The links of an image to the coupling facilities.
//!
//! The image's own connection to a coupling facility stands for the link: when it is silent for too long, the link is
//! lost, for its address spaces too. It is tried again every second.

use crate::coupling_facility::command::CouplingRequest;
use crate::frame::Frame;
use crate::machine::{ConnectionId, Effects, Incarnation, Silence};
use crate::name::{Address, CouplingFacilityName, ImageName};
use crate::time::Duration;

/// How long until a link is tried again.
pub(super) const RETRY: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Tried again when its time has come.
    Down,
    Opening(ConnectionId),
    Attaching(ConnectionId),
    Attached(ConnectionId),
}

/// What the sysplex has been told of a link that is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    /// The link is there, or never was.
    None,
    /// Another image has to tell the coupling facility.
    ToBeReported,
    /// One has.
    Reported,
}

/// A link.
#[derive(Debug)]
pub(super) struct CouplingLink {
    /// To which coupling facility.
    pub(super) coupling_facility: CouplingFacilityName,
    address: Address,
    state: State,
    loss: Loss,
    losses: u32,
}

/// What the end of a connection means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Down {
    /// The link is lost.
    Lost,
    /// It was not there anyway.
    StillDown,
}

impl CouplingLink {
    /// Not tried yet.
    pub(super) const fn new(coupling_facility: CouplingFacilityName, address: Address) -> Self {
        CouplingLink { coupling_facility, address, state: State::Down, loss: Loss::None, losses: 0 }
    }

    /// Tries it.
    pub(super) fn open(&mut self, timeout: Duration, effects: &mut Effects) {
        assert_eq!(self.state, State::Down, "a link that is up or tried is not tried again");
        self.state = State::Opening(effects.connect(self.address.clone(), Silence::Prompt { timeout }));
    }

    /// Whether the connection is this link's.
    pub(super) fn is_on(&self, connection: ConnectionId) -> bool {
        match self.state {
            State::Down => false,
            State::Opening(own) | State::Attaching(own) | State::Attached(own) => own == connection,
        }
    }

    /// The connection is there.
    pub(super) fn connected(&mut self, image: &ImageName, incarnation: Incarnation, effects: &mut Effects) {
        let State::Opening(connection) = self.state else { unreachable!("only a connection being opened is opened") };
        self.state = State::Attaching(connection);
        let request = CouplingRequest::AttachImage { image: image.clone(), incarnation };
        effects.send(connection, Frame::CouplingRequest(Box::new(request)));
    }

    /// The coupling facility knows the image. Whether the link had been lost.
    pub(super) fn attached(&mut self) -> bool {
        let State::Attaching(connection) = self.state else { return false };
        self.state = State::Attached(connection);
        std::mem::replace(&mut self.loss, Loss::None) != Loss::None
    }

    /// The connection is broken, or could not be opened.
    pub(super) fn down(&mut self) -> Down {
        let was = std::mem::replace(&mut self.state, State::Down);
        if !matches!(was, State::Attached(_)) {
            return Down::StillDown;
        }
        self.loss = Loss::ToBeReported;
        self.losses += 1;
        Down::Lost
    }

    /// Sends a request, if the link is there.
    pub(super) fn request(&self, request: &CouplingRequest, effects: &mut Effects) {
        if let State::Attached(connection) = self.state {
            effects.send(connection, Frame::CouplingRequest(Box::new(request.clone())));
        }
    }

    /// Whether the coupling facility can be reached.
    pub(super) const fn is_attached(&self) -> bool {
        matches!(self.state, State::Attached(_))
    }

    /// Whether the link was there and is not.
    pub(super) fn is_lost(&self) -> bool {
        self.loss != Loss::None
    }

    /// The number of a loss that still has to be reported.
    pub(super) fn to_be_reported(&self) -> Option<u32> {
        (self.loss == Loss::ToBeReported).then_some(self.losses)
    }

    /// Another image has reported a loss.
    pub(super) fn reported(&mut self, loss: u32) {
        if self.loss == Loss::ToBeReported && loss == self.losses {
            self.loss = Loss::Reported;
        }
    }
}
