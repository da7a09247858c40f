//! What is there: queues, what units of work hold, descriptors, locks, the log.

use super::*;

impl World {
    /// Commands of somebody who is neither queue manager nor image.
    fn inspect(&mut self, operations: Vec<(&str, ListOperation)>) -> Vec<ListAnswer> {
        let mut requests = Vec::new();
        if !self.inspector_attached {
            self.inspector_attached = true;
            let connector = Connector { name: "INSP".into(), incarnation: Incarnation(1) };
            requests.push(CouplingRequest::Attach { image: "NONE".into(), connector });
            for structure in ["APP1", "APP2", "APPN", ADMIN_STRUCTURE] {
                let (tag, structure, operation) = (CommandTag(0), structure.into(), ListOperation::Connect);
                requests.push(CouplingRequest::Command { tag, structure, operation });
            }
        }
        let first = self.last_inspection + 1;
        let count = operations.len();
        for (structure, operation) in operations {
            self.last_inspection += 1;
            let (tag, structure) = (CommandTag(self.last_inspection), structure.into());
            requests.push(CouplingRequest::Command { tag, structure, operation });
        }
        for request in requests {
            let frame = Frame::CouplingRequest(Box::new(request));
            self.arrive(LATENCY, Arrival::Input(FACILITY, Input::Frame { connection: INSPECTOR, frame }));
        }
        self.run_for(Duration::from_micros(50));
        let answers: Vec<ListAnswer> = std::mem::take(&mut self.inspected)
            .into_iter()
            .filter(|(tag, _)| *tag >= first)
            .map(|(_, answer)| answer)
            .collect();
        assert_eq!(answers.len(), count);
        answers
    }

    fn structure_of(queue: &str) -> Option<&'static str> {
        match &queues()[&queue.into()].place {
            QueuePlace::Private => None,
            QueuePlace::Shared(structure) => {
                ["APP1", "APP2", "APPN"].into_iter().find(|name| *name == structure.as_str())
            }
        }
    }

    /// What is visible on a queue, in the order of delivery: identity and backout count. A private queue is that of the
    /// first member.
    pub(in crate::queue_manager::tests) fn visible(&mut self, queue: &str) -> Vec<(u64, u32)> {
        let identify = |message: &Message| (message.payload.identity, message.descriptor.backout_count);
        let Some(structure) = Self::structure_of(queue) else {
            let store = &self.queue_manager("QM01").queues[&queue.into()];
            let available = store.messages().filter(|(_, _, state)| **state == MessageState::Available);
            return available.map(|(_, message, _)| identify(message)).collect();
        };
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let browse = ListOperation::Browse { queue: queue.into(), after };
            let ListAnswer::Entry { entry, message } = self.inspect(vec![(structure, browse)]).remove(0) else {
                return found;
            };
            let inverted_priority = 9 - message.descriptor.priority.get();
            after = Some(BrowseCursor { inverted_priority, entry });
            found.push(identify(&message));
        }
    }

    pub(in crate::queue_manager::tests) fn identities(&mut self, queue: &str) -> Vec<u64> {
        self.visible(queue).into_iter().map(|(identity, _)| identity).collect()
    }

    /// Entries of the application structures that units of work hold.
    pub(in crate::queue_manager::tests) fn held(&mut self) -> Vec<EntryStatus> {
        let mut operations = Vec::new();
        for structure in ["APP1", "APP2", "APPN"] {
            for member in MEMBERS {
                let connector = Connector { name: member.into(), incarnation: Incarnation(u32::MAX - 1) };
                operations.push((structure, ListOperation::ListHeld { connector }));
            }
        }
        let entries = |answer| match answer {
            ListAnswer::Entries(entries) => entries,
            other => panic!("answered {other:?}"),
        };
        self.inspect(operations).into_iter().flat_map(entries).collect()
    }

    pub(in crate::queue_manager::tests) fn descriptors(&mut self) -> Vec<UnitOfWorkDescriptor> {
        let read = ListOperation::ReadDescriptors { queue_manager: None };
        match self.inspect(vec![(ADMIN_STRUCTURE, read)]).remove(0) {
            ListAnswer::Descriptors(descriptors) => descriptors,
            other => panic!("answered {other:?}"),
        }
    }

    /// Whether anybody holds the right to recover anybody, in any structure.
    pub(in crate::queue_manager::tests) fn recovery_locks_held(&mut self) -> usize {
        let mut operations = Vec::new();
        for structure in ["APP1", "APP2", "APPN", ADMIN_STRUCTURE] {
            for member in MEMBERS {
                for life in 1..6 {
                    let failed = Connector { name: member.into(), incarnation: Incarnation(life) };
                    let lock = crate::coupling_facility::command::LockName::PeerRecovery(structure.into(), failed);
                    operations.push((structure, ListOperation::Lock { lock: lock.clone() }));
                    operations.push((structure, ListOperation::Unlock { lock }));
                }
            }
        }
        self.inspect(operations).iter().filter(|answer| **answer != ListAnswer::Done).count() / 2
    }

    pub(in crate::queue_manager::tests) fn happened(&self, name: &str) -> usize {
        self.events.iter().filter(|(_, event)| event.name() == name).count()
    }

    pub(in crate::queue_manager::tests) fn log_size(&self, member: Node) -> usize {
        self.disks[member][&LOG].bytes.len()
    }
}
