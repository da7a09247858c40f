//! Inputs come out of the inbox, effects go into the world.

use std::hash::Hash;
use std::sync::MutexGuard;
use std::task::Waker;

use indoubt_engine::machine::{Effect, Incarnation, Input, Refused, StoredFile};
use indoubt_engine::time::Time;

use super::Fabric;
use super::connection::{EndState, Side};
use super::disk::Disk;
use super::inbox::Arrival;
use super::process::ProcessId;
use super::state::State;
use crate::trace::Kind;

/// What a process gets when it asks for its next input.
pub(super) enum Next {
    /// An input, and what the host's clock shows.
    Input(Time, Input),
    /// It was paused while it acted: first it finishes that.
    Unfinished(Vec<Effect>),
}

impl State {
    /// The next input of a process, if one is due; otherwise it is woken when one is.
    pub(super) fn next(&mut self, process: ProcessId, incarnation: Incarnation, waker: &Waker) -> Option<Next> {
        if !self.lives(process, incarnation) {
            return None;
        }
        let now = self.time.now();
        let state = &mut self.processes[process.index()];
        state.inbox.awake(now);
        if state.paused {
            state.inbox.suspend(waker);
            return None;
        }
        if !state.unfinished.is_empty() {
            return Some(Next::Unfinished(std::mem::take(&mut state.unfinished)));
        }
        while let Some(arrival) = self.processes[process.index()].inbox.pop(now) {
            if let Some(input) = self.arrive(process, arrival, now) {
                let reading = Time::from_nanoseconds(self.reading(process, now));
                tracing::trace!(time = now, process = %self.processes[process.index()].name, ?input, "input");
                return Some(Next::Input(reading, input));
            }
        }
        let State { processes, time, .. } = self;
        processes[process.index()].inbox.wait(time, waker);
        None
    }

    /// What an arrival is to the process, if anything.
    #[inline]
    fn arrive(&mut self, process: ProcessId, arrival: Arrival, now: u64) -> Option<Input> {
        match arrival {
            Arrival::Stream { connection, to, sequence, item } => {
                self.receive(process, (connection, to), (sequence, item), now)
            }
            Arrival::Timer { timer, .. } => {
                self.trace.record(Kind::Timer, now, process.0, u64::from(timer.0), 0);
                Some(Input::Timer { timer })
            }
            Arrival::Forced { file, request } => {
                self.settle_files(process, now);
                self.trace.record(Kind::Forced, now, process.0, u64::from(request.0), 0);
                Some(Input::Forced { file, request })
            }
            Arrival::Datagram { from, frame } => Some(self.receive_datagram(process, from, frame, now)),
            Arrival::Silence { connection, to, epoch } => self.give_up(process, (connection, to), epoch, now),
            Arrival::Heartbeat { connection, to } => {
                self.answer_orphan(connection, to, now);
                None
            }
            Arrival::Unknown { connection } => {
                let key = self.processes[process.index()].connections.find(connection)?;
                let end = self.connections.get(key)?.end(Side::Opener);
                if end.state != EndState::Connecting {
                    return None;
                }
                self.leave(key, Side::Opener, None, now);
                Some(self.refused(process, connection, Refused::NobodyListens, now))
            }
            Arrival::DeviceError { file, error } => {
                self.trace.record(Kind::DeviceError, now, process.0, error as u64, 0);
                Some(Input::DeviceError { file, error })
            }
            Arrival::Stop(mode) => {
                self.trace.record(Kind::StopAsked, now, process.0, mode as u64, 0);
                Some(Input::Stop(mode))
            }
            Arrival::Started => {
                let state = &self.processes[process.index()];
                let incarnation = state.incarnation;
                let files = state.disk.map(|disk| self.disks[disk.index()].read(process)).unwrap_or_default();
                self.trace.record(Kind::Started, now, process.0, u64::from(incarnation.0), files.len() as u64);
                for (file, stored) in &files {
                    file.hash(&mut self.trace);
                    match stored {
                        StoredFile::Content { start, bytes } => (start, bytes).hash(&mut self.trace),
                        StoredFile::Unreadable => u64::MAX.hash(&mut self.trace),
                    }
                }
                Some(Input::Started { incarnation, files })
            }
        }
    }

    /// Executes an effect that stays within the world.
    #[inline]
    fn execute(&mut self, process: ProcessId, effect: Effect, now: u64) {
        tracing::trace!(time = now, process = %self.processes[process.index()].name, ?effect, "effect");
        match effect {
            Effect::Send { connection, frame } => {
                self.trace.record(Kind::Send, now, process.0, u64::from(connection.0), 0);
                frame.hash(&mut self.trace);
                self.send_frame(process, connection, frame, now);
            }
            Effect::SetTimer { timer, at } => {
                let host = self.processes[process.index()].host;
                let clock = self.hosts[host.index()].clock;
                let at = clock.when(self.clock_base, at.as_nanoseconds()).max(now);
                self.sequence += 1;
                let inbox = &mut self.processes[process.index()].inbox;
                inbox.set_timer(&self.time, at, self.sequence, timer);
            }
            Effect::CancelTimer { timer } => self.processes[process.index()].inbox.cancel_timer(timer),
            Effect::Listen { address, silence } => {
                self.trace.record(Kind::Listen, now, process.0, 0, 0);
                address.hash(&mut self.trace);
                let host = self.processes[process.index()].host;
                self.addresses.listen(&address, process, host, silence);
            }
            Effect::StopListening { address } => {
                self.trace.record(Kind::StopListening, now, process.0, 0, 0);
                address.hash(&mut self.trace);
                self.addresses.stop_listening(&address, process, now);
            }
            Effect::Connect { connection, to, silence } => {
                self.trace.record(Kind::Connect, now, process.0, u64::from(connection.0), 0);
                to.hash(&mut self.trace);
                self.connect(process, connection, &to, silence, now);
            }
            Effect::Close { connection } => {
                self.trace.record(Kind::Close, now, process.0, u64::from(connection.0), 0);
                self.close(process, connection, now);
            }
            Effect::Datagram { to, frame } => {
                self.trace.record(Kind::SendDatagram, now, process.0, 0, 0);
                to.hash(&mut self.trace);
                frame.hash(&mut self.trace);
                self.send_datagram(process, &to, frame, now);
            }
            Effect::Append { file, bytes } => {
                self.trace.record(Kind::Append, now, process.0, bytes.len() as u64, 0);
                bytes.hash(&mut self.trace);
                let outcome = self.disk_of(process).append(process, file, &bytes);
                if let Err(error) = outcome {
                    self.push(process, now, Arrival::DeviceError { file, error });
                }
            }
            Effect::Force { file, request } => {
                self.trace.record(Kind::Force, now, process.0, u64::from(request.0), 0);
                match self.disk_of(process).force(process, file, now) {
                    Ok(at) => self.push(process, at, Arrival::Forced { file, request }),
                    Err(error) => self.push(process, now, Arrival::DeviceError { file, error }),
                }
            }
            Effect::DiscardBefore { file, offset } => {
                self.trace.record(Kind::Discard, now, process.0, offset, 0);
                self.disk_of(process).discard_before(process, file, offset);
            }
            Effect::CutFrom { file, offset } => {
                self.trace.record(Kind::CutFrom, now, process.0, offset, 0);
                self.disk_of(process).cut_from(process, file, offset);
            }
            Effect::Start { .. } | Effect::Step(_) | Effect::Report(_) | Effect::End(_) => {
                unreachable!("executed without the lock")
            }
        }
    }

    fn disk_of(&mut self, process: ProcessId) -> &mut Disk {
        let state = &self.processes[process.index()];
        let Some(disk) = state.disk else { panic!("{} writes, but has no disk", state.name) };
        &mut self.disks[disk.index()]
    }

    fn settle_files(&mut self, process: ProcessId, now: u64) {
        let disk = self.disk_of(process);
        for index in 0..disk.files.len() {
            disk.settle(index, now);
        }
    }
}

impl Fabric {
    /// Executes effects in order, as long as this life of the process goes on.
    pub(super) fn perform(
        &self,
        process: ProcessId,
        incarnation: Incarnation,
        mut effects: impl Iterator<Item = Effect>,
    ) {
        let mut state = self.lock();
        let now = state.time.now();
        let at = Time::from_nanoseconds(now);
        loop {
            if !state.lives(process, incarnation) {
                return;
            }
            let own = &mut state.processes[process.index()];
            if own.paused || !own.unfinished.is_empty() {
                own.unfinished.extend(effects);
                return;
            }
            // Up to the next effect that others may answer, nothing can end or pause the process.
            let outer = loop {
                match effects.next() {
                    None => return,
                    Some(effect @ (Effect::Start { .. } | Effect::Step(_) | Effect::Report(_) | Effect::End(_))) => {
                        break effect;
                    }
                    Some(effect) => state.execute(process, effect, now),
                }
            };
            state = self.perform_outside(state, process, incarnation, outer, at);
        }
    }

    /// Executes an effect that others are told about, without the lock.
    fn perform_outside<'state>(
        &'state self,
        mut state: MutexGuard<'state, State>,
        process: ProcessId,
        incarnation: Incarnation,
        effect: Effect,
        at: Time,
    ) -> MutexGuard<'state, State> {
        let now = at.as_nanoseconds();
        match effect {
            Effect::Step(step) => {
                state.trace.record(Kind::Step, now, process.0, 0, 0);
                step.name().hash(&mut state.trace);
                tracing::debug!(time = now, process = %state.processes[process.index()].name, %step, "step");
                if let Some(observer) = state.observer.clone() {
                    drop(state);
                    observer.step(self, at, process, step);
                    return self.lock();
                }
                state
            }
            Effect::Report(event) => {
                state.trace.record(Kind::Report, now, process.0, 0, 0);
                event.name().hash(&mut state.trace);
                event.hash(&mut state.trace);
                tracing::debug!(time = now, process = %state.processes[process.index()].name, %event, "event");
                if let Some(observer) = state.observer.clone() {
                    drop(state);
                    observer.event(self, at, process, &event);
                    return self.lock();
                }
                state
            }
            Effect::Start { process: name } => {
                let host = state.processes[process.index()].host;
                let Some(other) = state.names.get(&name).copied() else { panic!("no process is called {name}") };
                drop(state);
                self.start_on(other, host);
                self.lock()
            }
            Effect::End(ended) => {
                drop(state);
                self.ended(process, incarnation, ended);
                self.lock()
            }
            _ => unreachable!("executed with the lock"),
        }
    }
}
