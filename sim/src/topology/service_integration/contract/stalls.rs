//! When an instance of an engine could write nothing: what it had not written by then waits, and is lost if it fails before
//! it can write again.

use indoubt_engine::name::MessagingEngineName;
use indoubt_ledger::contract::{PROCESS_ENDED, PROCESS_PAUSED, PROCESS_RESUMED};
use indoubt_ledger::history::{History, Span};

use super::{FAILED, FAILED_GLOBALLY, LAZY_WRITE_NS, LOCK_ACQUIRED, LOCK_LOST, STARTED, STATE};
use crate::scenario::model::{Cell, MessageStore, MessagingEngine};

/// After what silence a session with a database is given up (its read time-out): what was asked for while something was
/// wrong is answered by then, or the session is lost.
const ANSWERED_OR_GIVEN_UP_NS: u64 = 30_000_000_000;

/// When something was wrong with the server of an engine's message store, its host or a link of that, as if there were
/// nothing to be noticed and done once it is over.
pub(super) fn of_store(engine: &MessagingEngine, cell: &Cell, history: &History) -> Vec<Span> {
    let (server, host) = match &engine.message_store {
        MessageStore::DataStore { database, .. } => {
            let host = cell.databases.iter().find(|known| known.name == *database).map(|known| known.host.as_str());
            (database, host)
        }
        MessageStore::FileStore { file_server, .. } => {
            let known = cell.file_servers.iter().find(|known| known.name == *file_server);
            (file_server, known.map(|known| known.host.as_str()))
        }
    };
    let names: Vec<&str> = host.into_iter().chain([server.as_str()]).collect();
    history.troubled(&names)
}

/// Who stood still, and whose session was given up meanwhile, is told so by the kernel of its host when it goes on: with the
/// first input that it takes.
pub(super) const WAKING_NS: u64 = 1_000_000;

/// The moments after this server went on, if its store was in trouble while it stood still.
pub(super) fn wakings(server: &str, of_store: &[Span], history: &History) -> Vec<Span> {
    let mut wakings = Vec::new();
    let mut paused = Stall::default();
    for event in history.events().filter(|event| event.subject == server) {
        match event.name {
            PROCESS_PAUSED => paused.begins(event.at_ns),
            PROCESS_ENDED => paused = Stall::default(),
            PROCESS_RESUMED => {
                let stood_still = paused.from_ns.take().unwrap_or(event.at_ns);
                if of_store.iter().any(|span| span.from_ns < event.at_ns && stood_still < span.to_ns) {
                    wakings.push(Span { from_ns: event.at_ns, to_ns: event.at_ns.saturating_add(WAKING_NS) });
                }
            }
            _ => {}
        }
    }
    wakings
}

/// These times, each longer by this.
pub(super) fn extended(spans: &[Span], by_ns: u64) -> Vec<Span> {
    let longer = spans.iter().map(|span| Span { to_ns: span.to_ns.saturating_add(by_ns), ..*span });
    Span::merged(longer.collect())
}

/// When the instance of an engine in this server could write nothing: its store was in trouble, it did not have it, it
/// stood still, or another instance had taken the store over. Once it can write again it needs a moment to.
pub(super) fn of_instance(
    engine: &MessagingEngineName,
    server: &str,
    of_store: &[Span],
    history: &History,
) -> Vec<Span> {
    let mut spans = extended(of_store, ANSWERED_OR_GIVEN_UP_NS);
    let (mut lost, mut paused, mut taken_over) = (Stall::default(), Stall::default(), Stall::default());
    let mut runs = false;
    for event in history.events() {
        let at_ns = event.at_ns;
        let is_of_engine = event.subject == engine.as_str();
        let is_here = if event.by.is_empty() { event.subject == server } else { event.by == server };
        match event.name {
            PROCESS_PAUSED if is_here => paused.begins(at_ns),
            PROCESS_RESUMED if is_here => paused.ends(at_ns.saturating_add(LAZY_WRITE_NS), &mut spans),
            LOCK_LOST if is_here && is_of_engine => lost.begins(at_ns),
            LOCK_ACQUIRED if is_here && is_of_engine => lost.ends(at_ns.saturating_add(LAZY_WRITE_NS), &mut spans),
            STARTED if is_here && is_of_engine => runs = true,
            STARTED if is_of_engine && runs => taken_over.begins(at_ns),
            PROCESS_ENDED if is_here => {
                runs = false;
                [&mut lost, &mut paused, &mut taken_over].into_iter().for_each(|stall| stall.ends(at_ns, &mut spans));
            }
            FAILED | FAILED_GLOBALLY | STATE if is_here && is_of_engine => {
                runs = false;
                [&mut lost, &mut taken_over].into_iter().for_each(|stall| stall.ends(at_ns, &mut spans));
            }
            _ => {}
        }
    }
    [lost, paused, taken_over].into_iter().for_each(|mut stall| stall.ends(u64::MAX, &mut spans));
    Span::merged(spans)
}

/// A time that may have begun.
#[derive(Default)]
struct Stall {
    from_ns: Option<u64>,
}

impl Stall {
    fn begins(&mut self, at_ns: u64) {
        self.from_ns.get_or_insert(at_ns);
    }

    fn ends(&mut self, at_ns: u64, spans: &mut Vec<Span>) {
        spans.extend(self.from_ns.take().map(|from_ns| Span { from_ns, to_ns: at_ns }));
    }
}
