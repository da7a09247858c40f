//! What travels on connections: one enum, one variant for each protocol.
//!
//! Frames are values, not bytes; their wire length is computed, because links have a bandwidth.

use crate::application_server::frame::{AdministrationRequest, AdministrationResponse};
use crate::coupling_facility::command::{CouplingRequest, CouplingResponse};
use crate::database::frame::{DatabaseRequest, DatabaseResponse};
use crate::file_server::frame::{FileRequest, FileResponse};
use crate::ha_manager::frame::CoreGroupFrame;
use crate::messaging_engine::engine_frame::EngineFrame;
use crate::messaging_engine::frame::{BusCall, BusReply};
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
    /// Between members of a core group.
    CoreGroup(Box<CoreGroupFrame>),
    /// A client asks a bootstrap server or a messaging engine.
    BusCall(Box<BusCall>),
    /// A bootstrap server or a messaging engine answers or notifies a client.
    BusReply(Box<BusReply>),
    /// Between messaging engines of one bus.
    BetweenEngines(Box<EngineFrame>),
    /// An administrator commands an application server.
    AdministrationRequest(Box<AdministrationRequest>),
    /// An application server answers an administrator.
    AdministrationResponse(Box<AdministrationResponse>),
    /// A session asks the database server.
    DatabaseRequest(Box<DatabaseRequest>),
    /// The database server answers a session.
    DatabaseResponse(Box<DatabaseResponse>),
    /// A host asks the file server.
    FileRequest(Box<FileRequest>),
    /// The file server answers a host.
    FileResponse(Box<FileResponse>),
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
            Frame::CoreGroup(frame) => frame.length(),
            Frame::BusCall(call) => call.length(),
            Frame::BusReply(reply) => reply.length(),
            Frame::BetweenEngines(frame) => frame.length(),
            Frame::AdministrationRequest(request) => request.length(),
            Frame::AdministrationResponse(response) => response.length(),
            Frame::DatabaseRequest(request) => request.length(),
            Frame::DatabaseResponse(response) => response.length(),
            Frame::FileRequest(request) => request.length(),
            Frame::FileResponse(response) => response.length(),
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
            Frame::CoreGroup(_) => "core group message",
            Frame::BusCall(_) => "bus call",
            Frame::BusReply(_) => "bus reply",
            Frame::BetweenEngines(_) => "between engines",
            Frame::AdministrationRequest(_) => "administration request",
            Frame::AdministrationResponse(_) => "administration response",
            Frame::DatabaseRequest(_) => "database request",
            Frame::DatabaseResponse(_) => "database response",
            Frame::FileRequest(_) => "file request",
            Frame::FileResponse(_) => "file response",
        }
    }
}
