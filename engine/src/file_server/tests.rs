//! Claims about the file server alone: what a write leaves behind wherever the server is stopped, and who may write.

use super::frame::*;
use super::*;
use crate::frame::Frame;
use crate::machine::{
    Broken, ConnectionId, Effect, Effects, Ended, File, ForceId, Incarnation, Input, Machine, StoredFile,
};
use crate::name::{Address, DirectoryName, ProcessName};
use crate::time::Time;

const A: ConnectionId = ConnectionId(1);
const B: ConnectionId = ConnectionId(2);

fn definition(capacity: Option<u64>) -> FileServerDefinition {
    FileServerDefinition {
        name: ProcessName::from("FS"),
        address: Address::from("files"),
        kind: FileSystemKind::default(),
        capacity,
        directories: vec![DirectoryName::from("/a"), DirectoryName::from("/b")],
    }
}

fn path(directory: &str, file: &str) -> FilePath {
    FilePath { directory: DirectoryName::from(directory), file: file.into() }
}

fn content(bytes: &[u8]) -> Content {
    Content { bytes: bytes.to_vec(), payload: 0 }
}

fn lock() -> FileOperation {
    FileOperation::Lock { path: path("/a", "Log"), reclaim: None }
}

fn write(offset: u64, bytes: &[u8], stability: Stability) -> FileOperation {
    FileOperation::Write { path: path("/a", "Log"), offset, content: content(bytes), stability }
}

fn read() -> FileOperation {
    FileOperation::Read { path: path("/a", "Log") }
}

/// A server on its disk; answers are kept until they are asked for.
struct Alone {
    server: FileServer,
    effects: Effects,
    start: u64,
    bytes: Vec<u8>,
    forced: usize,
    forces: Vec<(File, ForceId)>,
    answers: Vec<FileAnswer>,
    file: Option<File>,
}

impl Alone {
    fn new(life: u32, capacity: Option<u64>, file: Option<File>, start: u64, bytes: Vec<u8>) -> Self {
        let mut alone = Alone {
            server: FileServer::new(definition(capacity)),
            effects: Effects::new(),
            start,
            forced: bytes.len(),
            bytes,
            forces: Vec::new(),
            answers: Vec::new(),
            file,
        };
        let files =
            file.map(|file| (file, StoredFile::Content { start, bytes: alone.bytes.clone() })).into_iter().collect();
        alone.input(Input::Started { incarnation: Incarnation(life), files });
        alone.run(usize::MAX);
        alone.hello(A, "server1", life);
        alone.hello(B, "server2", life);
        alone
    }

    fn hello(&mut self, connection: ConnectionId, process: &str, life: u32) {
        let client = FileClient {
            host: HostName(format!("host of {process}")),
            process: ProcessName::from(process),
            incarnation: Incarnation(life),
        };
        self.input(Input::Frame { connection, frame: Frame::FileRequest(Box::new(FileRequest::Hello { client })) });
        self.run(usize::MAX);
    }

    fn input(&mut self, input: Input) {
        self.server.handle(Time::START, input, &mut self.effects);
    }

    fn request(&mut self, connection: ConnectionId, operation: FileOperation) {
        let request = FileRequest::Operation { number: RequestNumber(1), operation };
        self.input(Input::Frame { connection, frame: Frame::FileRequest(Box::new(request)) });
    }

    /// Executes effects, at most so many, and completes forces; says how many were executed.
    fn run(&mut self, limit: usize) -> usize {
        let mut done = 0;
        loop {
            for effect in self.effects.drain().collect::<Vec<_>>() {
                if done == limit {
                    return done;
                }
                done += 1;
                match effect {
                    Effect::Append { file, bytes } => {
                        self.file = Some(file);
                        self.bytes.extend(bytes);
                    }
                    Effect::Force { file, request } => self.forces.push((file, request)),
                    Effect::CutFrom { offset, .. } => {
                        self.bytes.truncate(usize::try_from(offset - self.start).unwrap());
                    }
                    Effect::Send { frame: Frame::FileResponse(response), .. } => self.answers.push(response.answer),
                    Effect::Step(_) => {}
                    Effect::Listen { .. } | Effect::SetTimer { .. } | Effect::Report(_) => {}
                    other => panic!("a file server does not ask for {other:?} here"),
                }
            }
            let Some((file, request)) = self.forces.pop() else { return done };
            self.forced = self.bytes.len();
            self.input(Input::Forced { file, request });
        }
    }

    fn ask(&mut self, connection: ConnectionId, operation: FileOperation) -> FileAnswer {
        self.request(connection, operation);
        self.run(usize::MAX);
        self.answers.pop().expect("each request is answered")
    }

    /// What the next life finds in the file if the disk holds its first `length` bytes.
    fn next_life_reads(&self, length: usize) -> Vec<u8> {
        let mut next = Alone::new(2, None, self.file, self.start, self.bytes[..length].to_vec());
        match next.ask(A, read()) {
            FileAnswer::Read(bytes) => bytes,
            other => panic!("not read but {other:?}"),
        }
    }
}

fn alone(capacity: Option<u64>) -> Alone {
    let mut alone = Alone::new(1, capacity, None, 0, Vec::new());
    assert_eq!(alone.ask(A, lock()), FileAnswer::Locked(Grant(1)));
    assert_eq!(alone.ask(A, write(0, b"before", Stability::FileSync)), FileAnswer::Done);
    alone
}

#[test]
fn wherever_the_server_stops_in_a_write_all_of_it_is_there_or_nothing_and_what_was_answered_is_there() {
    let replace = FileOperation::Replace { path: path("/a", "Log"), content: content(b"replaced") };
    for (operation, after) in
        [(write(6, b" after", Stability::FileSync), b"before after".as_slice()), (replace, b"replaced")]
    {
        let (mut answered, mut lost, mut limit) = (0, 0, 0);
        loop {
            let mut server = alone(None);
            server.answers.clear();
            server.request(A, operation.clone());
            let done = server.run(limit);
            let is_answered = server.answers == [FileAnswer::Done];
            for length in server.forced..=server.bytes.len() {
                let found = server.next_life_reads(length);
                assert!(
                    found == after || (found == b"before" && !is_answered),
                    "stopped after {limit} effects: {found:?}"
                );
                lost += usize::from(found == b"before");
            }
            answered += usize::from(is_answered);
            if done < limit {
                break;
            }
            limit += 1;
        }
        assert!(answered > 0 && lost > 20, "every crash point was met: {answered}, {lost}");
    }
}

#[test]
fn an_unstable_write_is_answered_at_once_and_durable_when_it_is_forced() {
    let mut server = alone(None);
    server.request(A, write(6, b" after", Stability::Unstable));
    server.run(usize::MAX);
    assert_eq!(server.answers.pop(), Some(FileAnswer::Done));
    assert_eq!(server.next_life_reads(server.forced), b"before");
    assert_eq!(server.ask(A, FileOperation::Force { path: path("/a", "Log") }), FileAnswer::Done);
    assert_eq!(server.next_life_reads(server.forced), b"before after");
}

#[test]
fn what_is_read_is_not_forgotten() {
    let mut server = alone(None);
    server.request(A, write(6, b" after", Stability::Unstable));
    assert_eq!(server.ask(B, read()), FileAnswer::Read(b"before after".to_vec()));
    assert_eq!(server.next_life_reads(server.forced), b"before after");
}

#[test]
fn a_write_that_is_sent_twice_is_made_once_and_one_at_the_wrong_place_not_at_all() {
    let mut server = alone(None);
    assert_eq!(server.ask(A, write(0, b"before", Stability::FileSync)), FileAnswer::Done);
    assert_eq!(server.ask(A, write(7, b"x", Stability::FileSync)), FileAnswer::Failed(FileError::Invalid));
    assert_eq!(server.ask(A, write(3, b"x", Stability::FileSync)), FileAnswer::Failed(FileError::Invalid));
    assert_eq!(server.ask(A, read()), FileAnswer::Read(b"before".to_vec()));
}

#[test]
fn only_who_holds_a_lock_in_a_directory_writes_there() {
    let mut server = alone(None);
    let not_holder = FileAnswer::Failed(FileError::NotHolder);
    assert_eq!(server.ask(B, lock()), FileAnswer::Failed(FileError::Held));
    assert_eq!(server.ask(B, write(6, b"x", Stability::FileSync)), not_holder);
    let elsewhere = FileOperation::Replace { path: path("/b", "Log"), content: content(b"x") };
    assert_eq!(server.ask(A, elsewhere), not_holder, "a lock in another directory does not count");
    assert_eq!(server.ask(A, FileOperation::Unlock { path: path("/a", "Log") }), FileAnswer::Done);
    assert_eq!(server.ask(A, write(6, b"x", Stability::FileSync)), not_holder);
    assert_eq!(server.ask(B, lock()), FileAnswer::Locked(Grant(2)));
    assert_eq!(server.ask(A, FileOperation::Renew { path: path("/a", "Log") }), FileAnswer::Renewed { held: false });
    assert_eq!(server.ask(B, write(6, b"x", Stability::FileSync)), FileAnswer::Done);
}

#[test]
fn the_end_of_an_old_connection_of_the_holder_does_not_end_its_lock_on_the_new_one() {
    let mut server = alone(None);
    let again = ConnectionId(3);
    server.hello(again, "server1", 1);
    let reclaim = FileOperation::Lock { path: path("/a", "Log"), reclaim: Some(Grant(1)) };
    assert_eq!(server.ask(again, reclaim), FileAnswer::Locked(Grant(1)));
    server.input(Input::Broken { connection: A, how: Broken::Reset });
    assert_eq!(server.ask(B, lock()), FileAnswer::Failed(FileError::Held));
    assert_eq!(server.ask(again, write(6, b"x", Stability::FileSync)), FileAnswer::Done);
}

#[test]
fn a_full_file_system_refuses_to_grow_and_counts_payloads() {
    let mut server = alone(Some(1_000));
    let large = Content { bytes: b"x".to_vec(), payload: 990 };
    let large = |offset| FileOperation::Write {
        path: path("/a", "Log"),
        offset,
        content: large.clone(),
        stability: Stability::FileSync,
    };
    assert_eq!(server.ask(A, large(6)), FileAnswer::Done);
    assert_eq!(server.ask(A, large(7)), FileAnswer::Failed(FileError::NoSpace));
    let empty = FileOperation::Replace { path: path("/a", "Log"), content: content(b"") };
    assert_eq!(server.ask(A, empty), FileAnswer::Done);
    assert_eq!(server.ask(A, large(0)), FileAnswer::Done);
}

#[test]
fn a_disk_that_cannot_be_read_ends_the_server() {
    let mut server = FileServer::new(definition(None));
    let mut effects = Effects::new();
    let files = vec![(File("files"), StoredFile::Unreadable)];
    server.handle(Time::START, Input::Started { incarnation: Incarnation(2), files }, &mut effects);
    assert_eq!(effects.as_slice(), [Effect::End(Ended::Abnormally("file system cannot be read"))]);
}
