//! What travels on connections: one enum, one variant for each protocol.
//!
//! Frames are values, not bytes; their wire length is computed, because links have a bandwidth.

use crate::coupling_facility::command::{CouplingRequest, CouplingResponse};
use crate::mqi::{MqiCall, MqiReply};
use crate::sysplex::frame::SysplexFrame;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Frame {
    /// An application calls a queue manager.
    MqiCall(Box<MqiCall>),
    /// A queue manager answers an application.
    MqiReply(Box<MqiReply>),
    /// A z/OS image or a connector commands the coupling facility.
    CouplingRequest(Box<CouplingRequest>),
    /// The coupling facility answers or notifies.
    CouplingResponse(Box<CouplingResponse>),
    /// Between z/OS images, and between an image and its address spaces (XCF, XES).
    Sysplex(Box<SysplexFrame>),
}

impl Frame {
    /// Length on the wire, in bytes.
    #[must_use]
    pub fn length(&self) -> u32 {
        match self {
            Frame::MqiCall(call) => call.length(),
            Frame::MqiReply(reply) => reply.length(),
            Frame::CouplingRequest(request) => request.length(),
            Frame::CouplingResponse(response) => response.length(),
            Frame::Sysplex(_) => 256,
        }
    }

    /// What a log line calls it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Frame::MqiCall(_) => "mqi call",
            Frame::MqiReply(_) => "mqi reply",
            Frame::CouplingRequest(_) => "coupling request",
            Frame::CouplingResponse(_) => "coupling response",
            Frame::Sysplex(_) => "sysplex signal",
        }
    }
}
