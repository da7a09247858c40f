//! What an administrator (wsadmin, the console) can have a server do.

use super::ApplicationServer;
use crate::application_server::frame::{AdministrationRequest, AdministrationResponse, EngineStatus};
use crate::application_server::instance::Instance;
use crate::ha_manager;
use crate::machine::{Effect, Effects};

impl ApplicationServer {
    pub(super) fn administer(
        &mut self,
        request: AdministrationRequest,
        effects: &mut Effects,
    ) -> AdministrationResponse {
        const NO_SUCH_ENGINE: AdministrationResponse =
            AdministrationResponse::Refused("this server has no instance of that engine");
        let now = self.now;
        let engine = match &request {
            AdministrationRequest::ChangePolicies(change) => {
                self.ha_manager.change_policies(now, change, effects);
                return AdministrationResponse::Done;
            }
            AdministrationRequest::DisplayEngines => {
                let status = |instance: &Instance| EngineStatus {
                    engine: instance.definition.engine.name.clone(),
                    state: instance.engine.state(),
                };
                return AdministrationResponse::Engines(self.instances.iter().map(status).collect());
            }
            AdministrationRequest::StartEngine(engine)
            | AdministrationRequest::StopEngine(engine, _)
            | AdministrationRequest::EnableMember(engine)
            | AdministrationRequest::DisableMember(engine)
            | AdministrationRequest::ActivateMember(engine)
            | AdministrationRequest::DeactivateMember(engine) => engine,
        };
        let Some(place) = self.instance_named(engine) else { return NO_SUCH_ENGINE };
        let (server, life) = (self.definition.process.clone(), self.life);
        let instance = &mut self.instances[place];
        let group = instance.definition.group.clone();
        match request {
            AdministrationRequest::StartEngine(_) => {
                let incarnation = instance.next_incarnation(&server, life);
                instance.engine.start(now, incarnation, effects);
            }
            AdministrationRequest::StopEngine(_, mode) => instance.engine.stop(now, mode, effects),
            AdministrationRequest::EnableMember(_) => self.ha_manager.enable(now, &group, effects),
            AdministrationRequest::DisableMember(_) => {
                // What an administrator disables is not enabled again by itself.
                effects.push(Effect::CancelTimer { timer: instance.reenable_timer });
                self.ha_manager.disable(now, &group, effects);
            }
            AdministrationRequest::ActivateMember(_) => {
                return operated(self.ha_manager.activate_member(now, &group, &server, effects));
            }
            AdministrationRequest::DeactivateMember(_) => {
                return operated(self.ha_manager.deactivate_member(now, &group, &server, effects));
            }
            AdministrationRequest::ChangePolicies(_) | AdministrationRequest::DisplayEngines => {}
        }
        AdministrationResponse::Done
    }
}

fn operated(result: Result<(), ha_manager::NotOperated>) -> AdministrationResponse {
    match result {
        Ok(()) => AdministrationResponse::Done,
        Err(ha_manager::NotOperated::Governed) => {
            AdministrationResponse::Refused("the group is governed by a policy other than No operation")
        }
        Err(ha_manager::NotOperated::NotInView) => {
            AdministrationResponse::Refused("the server is not in the view of its core group")
        }
    }
}
