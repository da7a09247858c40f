//! The file server as a process: connections, requests, locks and the end of those who held them.

use std::collections::BTreeMap;

use super::definition::{FileServerDefinition, FileSystemKind};
use super::directory::{Directories, FileRecord};
use super::frame::{
    FileAnswer, FileClient, FileError, FileOperation, FilePath, FileRequest, FileResponse, Grant, RequestNumber,
    Stability,
};
use crate::defect::Defect;
use crate::event::Event;
use crate::frame::Frame;
use crate::log::RecoveryLog;
use crate::machine::{
    Broken, ConnectionId, Effect, Effects, Ended, File, Incarnation, Input, Machine, StoredFile, TimerId,
};
use crate::name::DirectoryName;
use crate::step::Step;
use crate::time::Time;

/// Everything is in one file: directories, their files and the locks.
const DISK: File = File("files");

/// Ends the grace period.
const GRACE: TimerId = TimerId(1);

/// Who waits for a force.
#[derive(Debug)]
struct Waiter {
    connection: ConnectionId,
    response: FileResponse,
    /// It has written something.
    written: bool,
}

/// A file server.
#[derive(Debug)]
pub struct FileServer {
    definition: FileServerDefinition,
    /// `None` before the first input.
    log: Option<RecoveryLog<FileRecord, Waiter>>,
    directories: Directories,
    /// Who is at the other end.
    sessions: BTreeMap<ConnectionId, FileClient>,
    /// On which connection the holder of a lock is; nothing for a holder that is away.
    holders: BTreeMap<FilePath, ConnectionId>,
}

impl Machine for FileServer {
    fn handle(&mut self, now: Time, input: Input, effects: &mut Effects) {
        match input {
            Input::Started { incarnation, files } => self.start(now, incarnation, &files, effects),
            Input::Frame { connection, frame: Frame::FileRequest(request) } => match *request {
                FileRequest::Hello { client } => self.hello(connection, client, effects),
                FileRequest::Operation { number, operation } => self.request(connection, number, operation, effects),
            },
            Input::Broken { connection, how } => self.broken(connection, how, effects),
            Input::Timer { timer: GRACE } => self.grace_is_over(effects),
            Input::Forced { request, .. } => {
                let Some(log) = &mut self.log else { return };
                for waiter in log.forced(request, effects) {
                    if waiter.written {
                        effects.step(Step::FileWriteForced);
                    }
                    effects.send(waiter.connection, Frame::FileResponse(Box::new(waiter.response)));
                }
            }
            Input::DeviceError { .. } => effects.push(Effect::End(Ended::Abnormally("disk failed"))),
            Input::Stop(_) => effects.push(Effect::End(Ended::Normally)),
            _ => {}
        }
        if let Some(log) = &mut self.log
            && log.checkpoint_due()
        {
            log.checkpoint(self.directories.records(), effects);
        }
    }
}

impl FileServer {
    /// A file server before its first input.
    #[must_use]
    pub fn new(definition: FileServerDefinition) -> Self {
        FileServer {
            definition,
            log: None,
            directories: Directories::default(),
            sessions: BTreeMap::new(),
            holders: BTreeMap::new(),
        }
    }

    fn start(&mut self, now: Time, life: Incarnation, files: &[(File, StoredFile)], effects: &mut Effects) {
        let stored = files.iter().find(|(file, _)| *file == DISK).map(|(_, stored)| stored);
        match RecoveryLog::replay(DISK, life, stored, effects) {
            Ok((log, replay)) => {
                self.log = Some(log);
                replay.records.into_iter().for_each(|record| self.directories.apply(record));
            }
            Err(_) => return effects.push(Effect::End(Ended::Abnormally("file system cannot be read"))),
        }
        if self.directories.held().next().is_some() {
            effects.push(Effect::SetTimer { timer: GRACE, at: now + self.definition.kind.grace() });
        }
        let silence = self.definition.kind.silence();
        effects.push(Effect::Listen { address: self.definition.address.clone(), silence });
    }

    fn hello(&mut self, connection: ConnectionId, client: FileClient, effects: &mut Effects) {
        self.release(|_, holder| client.is_later_life_of(holder), "its process has restarted", effects);
        self.sessions.insert(connection, client);
    }

    fn request(
        &mut self,
        connection: ConnectionId,
        number: RequestNumber,
        operation: FileOperation,
        effects: &mut Effects,
    ) {
        let (durable, written) = match operation {
            FileOperation::Write { stability, .. } => (stability == Stability::FileSync, true),
            FileOperation::Replace { .. } => (true, true),
            _ => (true, false),
        };
        let answer = self.operation(connection, operation, effects).unwrap_or_else(FileAnswer::Failed);
        let written = written && answer == FileAnswer::Done;
        if written {
            effects.step(Step::FileWriteAppended);
        }
        let response = FileResponse { number, answer };
        let Some(log) = &mut self.log else { return };
        // Not even what is read may be forgotten later: everything but an unstable write waits for the medium.
        let waiter = Waiter { connection, response, written };
        let told = if durable { log.force(log.end(), waiter, effects) } else { Some(waiter) };
        if let Some(waiter) = told {
            effects.send(connection, Frame::FileResponse(Box::new(waiter.response)));
        }
    }

    fn operation(
        &mut self,
        connection: ConnectionId,
        operation: FileOperation,
        effects: &mut Effects,
    ) -> Result<FileAnswer, FileError> {
        let client = self.sessions.get(&connection).cloned().ok_or(FileError::Invalid)?;
        match operation {
            FileOperation::Lock { path, reclaim } => {
                self.check_directory(&path.directory)?;
                self.lock(connection, client, path, reclaim, effects).map(FileAnswer::Locked)
            }
            FileOperation::Unlock { path } => {
                if self.holders.get(&path) == Some(&connection) {
                    self.release(|released, _| *released == path, "", effects);
                }
                Ok(FileAnswer::Done)
            }
            FileOperation::Renew { path } => {
                let held = self.holders.get(&path) == Some(&connection) || Defect::StoreLockIgnored.is_planted();
                Ok(FileAnswer::Renewed { held })
            }
            FileOperation::Read { path } => {
                self.check_directory(&path.directory)?;
                Ok(FileAnswer::Read(self.directories.read(&path).to_vec()))
            }
            FileOperation::Write { path, offset, content, .. } => {
                self.check_write(connection, &path.directory)?;
                if self.directories.check_write(&path, offset, &content, self.definition.capacity)? {
                    self.change(FileRecord::Write(path, content), effects);
                }
                Ok(FileAnswer::Done)
            }
            FileOperation::Replace { path, content } => {
                self.check_write(connection, &path.directory)?;
                self.change(FileRecord::Replace(path, content), effects);
                Ok(FileAnswer::Done)
            }
            FileOperation::Force { path } => {
                self.check_directory(&path.directory)?;
                Ok(FileAnswer::Done)
            }
        }
    }

    fn check_directory(&self, directory: &DirectoryName) -> Result<(), FileError> {
        if self.definition.directories.contains(directory) { Ok(()) } else { Err(FileError::NoSuchDirectory) }
    }

    /// Only who holds a lock in a directory, on this very connection, can write there.
    fn check_write(&self, connection: ConnectionId, directory: &DirectoryName) -> Result<(), FileError> {
        self.check_directory(directory)?;
        let holds = self.holders.iter().any(|(path, &holder)| path.directory == *directory && holder == connection);
        if holds || Defect::StoreLockIgnored.is_planted() { Ok(()) } else { Err(FileError::NotHolder) }
    }

    fn lock(
        &mut self,
        connection: ConnectionId,
        client: FileClient,
        path: FilePath,
        reclaim: Option<Grant>,
        effects: &mut Effects,
    ) -> Result<Grant, FileError> {
        let lock = self.directories.lock(&path).cloned().unwrap_or_default();
        let is_own = lock.holder.as_ref().is_none_or(|holder| *holder == client)
            || (reclaim.is_none() && Defect::StoreLockIgnored.is_planted());
        let grant = match reclaim {
            Some(had) if is_own && had == lock.grant => had,
            Some(_) => return Err(FileError::NotHolder),
            None if is_own => Grant(lock.grant.0 + 1),
            None => return Err(FileError::Held),
        };
        if lock.holder.is_none() || grant != lock.grant {
            self.change(FileRecord::Lock(path.clone(), grant, client), effects);
        }
        self.holders.insert(path, connection);
        Ok(grant)
    }

    /// Gives up locks, those that `which` picks by file and holder. `why` is for the report; empty if the holder asked.
    fn release(&mut self, which: impl Fn(&FilePath, &FileClient) -> bool, why: &'static str, effects: &mut Effects) {
        let released: Vec<_> = self
            .directories
            .held()
            .filter(|(path, _, holder)| which(path, holder))
            .map(|(path, grant, holder)| (path.clone(), grant, holder.clone()))
            .collect();
        for (path, grant, holder) in released {
            self.holders.remove(&path);
            self.change(FileRecord::Unlock(path.clone(), grant), effects);
            if !why.is_empty() {
                effects.report(Event::FileLockReleased { file: path, holder, why });
            }
        }
    }

    fn broken(&mut self, connection: ConnectionId, how: Broken, effects: &mut Effects) {
        let Some(client) = self.sessions.remove(&connection) else { return };
        let was_here: Vec<_> =
            self.holders.iter().filter(|(_, at)| **at == connection).map(|(path, _)| path.clone()).collect();
        for path in &was_here {
            self.holders.remove(path);
        }
        let why = match (how, self.definition.kind) {
            (Broken::Reset | Broken::Closed, _) => "its host has closed the file",
            (Broken::Silence, FileSystemKind::Nfs4 { .. }) => "its lease has run out",
            (Broken::Silence, FileSystemKind::ClusterFileSystem { .. }) => "its node has been expelled",
            (Broken::Silence, FileSystemKind::Nfs3) => return,
        };
        self.release(|path, holder| *holder == client && was_here.contains(path), why, effects);
    }

    /// Whoever has not come back after the restart of the server has no lock any more.
    fn grace_is_over(&mut self, effects: &mut Effects) {
        let here = core::mem::take(&mut self.holders);
        self.release(|path, _| !here.contains_key(path), "its holder has not taken it back", effects);
        self.holders = here;
    }

    /// Writes a change down, and makes it.
    fn change(&mut self, record: FileRecord, effects: &mut Effects) {
        let log = self.log.as_mut().expect("no request before the start");
        log.append(&record, effects);
        self.directories.apply(record);
    }
}
