//! Random commands against a model so naive that it is evidently right: one list of entries, searched from end to end.

use proptest::prelude::*;

use super::*;
use crate::coupling_facility::command::{BrowseCursor, QueueDepth};

#[derive(Clone, Copy, Debug)]
enum Selector {
    Any,
    Identity(u64),
    Correlation(u128),
}

#[derive(Clone, Debug)]
enum Step {
    Write { member: usize, queue: usize, unit: Option<u64>, priority: u8, correlation: u128 },
    Take { member: usize, queue: usize, unit: u64, selector: Selector },
    Browse { member: usize, queue: usize, after: Option<(u8, u64)> },
    CommitPut { member: usize, entry: u64, unit: u64 },
    Delete { member: usize, entry: u64, unit: u64 },
    Return { member: usize, entry: u64, unit: u64, count: bool },
}

const MEMBERS: [&str; 2] = ["QM01", "QM02"];
const QUEUES: [&str; 2] = ["A", "B"];

fn selector() -> impl Strategy<Value = Selector> {
    prop_oneof![
        3 => Just(Selector::Any),
        1 => (1..20_u64).prop_map(Selector::Identity),
        2 => (0..3_u128).prop_map(Selector::Correlation),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let (member, queue, unit, entry) = (0..2_usize, 0..2_usize, 1..3_u64, 1..20_u64);
    prop_oneof![
        4 => (member.clone(), queue.clone(), proptest::option::of(unit.clone()), 0..3_u8, 0..3_u128)
            .prop_map(|(member, queue, unit, priority, correlation)| Step::Write { member, queue, unit, priority, correlation }),
        2 => (member.clone(), queue.clone(), unit.clone(), selector())
            .prop_map(|(member, queue, unit, selector)| Step::Take { member, queue, unit, selector }),
        1 => (member.clone(), queue, proptest::option::of((6..10_u8, 0..20_u64)))
            .prop_map(|(member, queue, after)| Step::Browse { member, queue, after }),
        3 => (member.clone(), entry.clone(), unit.clone())
            .prop_map(|(member, entry, unit)| Step::CommitPut { member, entry, unit }),
        2 => (member.clone(), entry.clone(), unit.clone())
            .prop_map(|(member, entry, unit)| Step::Delete { member, entry, unit }),
        2 => (member, entry, unit, any::<bool>())
            .prop_map(|(member, entry, unit, count)| Step::Return { member, entry, unit, count }),
    ]
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Uncommitted(UnitOfWorkId),
    Committed,
    Got(UnitOfWorkId),
}

#[derive(Clone, Debug)]
struct ModelEntry {
    id: u64,
    queue: usize,
    message: Message,
    state: State,
}

#[derive(Default)]
struct Model {
    last: u64,
    entries: Vec<ModelEntry>,
    signals: Vec<(usize, Option<u128>)>,
}

const ENTRIES: usize = 8;

impl Model {
    fn visible(&self, queue: usize) -> Vec<(u8, u64, usize)> {
        let visible = |(at, entry): (usize, &ModelEntry)| {
            (entry.queue == queue && entry.state == State::Committed)
                .then(|| (9 - entry.message.descriptor.priority.get(), entry.id, at))
        };
        let mut visible: Vec<_> = self.entries.iter().enumerate().filter_map(visible).collect();
        visible.sort_unstable();
        visible
    }

    fn first(&self, queue: usize, selector: Selector) -> Option<usize> {
        let fits = |&(_, _, at): &(u8, u64, usize)| {
            let descriptor = &self.entries[at].message.descriptor;
            match selector {
                Selector::Any => true,
                Selector::Identity(wanted) => descriptor.message_id == MessageId(u128::from(wanted)),
                Selector::Correlation(wanted) => descriptor.correlation_id == CorrelationId(wanted),
            }
        };
        self.visible(queue).into_iter().find(fits).map(|(_, _, at)| at)
    }

    /// What happens when an entry becomes visible, just before it does.
    fn about_to_show(&mut self, queue: usize, message: &Message) {
        let CorrelationId(correlation) = message.descriptor.correlation_id;
        if queue == 0 && self.first(0, Selector::Any).is_none() {
            self.signals.push((0, None));
        }
        if queue == 1 && correlation == 1 && self.first(1, Selector::Correlation(1)).is_none() {
            self.signals.push((1, Some(1)));
        }
    }

    fn read(entry: &ModelEntry) -> ListAnswer {
        ListAnswer::Entry { entry: EntryId(entry.id), message: Box::new(entry.message.clone()) }
    }

    fn position(&self, entry: u64) -> Option<usize> {
        self.entries.iter().position(|candidate| candidate.id == entry)
    }

    fn execute(&mut self, step: &Step) -> ListAnswer {
        let owner = |member: usize, sequence| unit(MEMBERS[member], 1, sequence);
        match *step {
            Step::Write { member, queue, unit, priority, correlation } => {
                if self.entries.len() >= ENTRIES {
                    return ListAnswer::Full;
                }
                self.last += 1;
                let message = *message(self.last, priority, correlation);
                if unit.is_none() {
                    self.about_to_show(queue, &message);
                }
                let state = unit.map_or(State::Committed, |unit| State::Uncommitted(owner(member, unit)));
                self.entries.push(ModelEntry { id: self.last, queue, message, state });
                ListAnswer::Written { entry: EntryId(self.last) }
            }
            Step::Take { member, queue, unit, selector } => match self.first(queue, selector) {
                None => ListAnswer::NothingThere,
                Some(at) => {
                    self.entries[at].state = State::Got(owner(member, unit));
                    Self::read(&self.entries[at])
                }
            },
            Step::Browse { queue, after, .. } => {
                let behind = |key: &(u8, u64, usize)| after.is_none_or(|after| (key.0, key.1) > after);
                let found = self.visible(queue).into_iter().find(behind);
                found.map_or(ListAnswer::NothingThere, |(_, _, at)| Self::read(&self.entries[at]))
            }
            Step::CommitPut { member, entry, unit } => match self.position(entry) {
                Some(at) if self.entries[at].state == State::Uncommitted(owner(member, unit)) => {
                    let (queue, message) = (self.entries[at].queue, self.entries[at].message.clone());
                    self.about_to_show(queue, &message);
                    self.entries[at].state = State::Committed;
                    ListAnswer::Done
                }
                _ => ListAnswer::NotThere,
            },
            Step::Delete { member, entry, unit } => match self.position(entry) {
                Some(at)
                    if [State::Uncommitted(owner(member, unit)), State::Got(owner(member, unit))]
                        .contains(&self.entries[at].state) =>
                {
                    self.entries.remove(at);
                    ListAnswer::Done
                }
                _ => ListAnswer::NotThere,
            },
            Step::Return { member, entry, unit, count } => match self.position(entry) {
                Some(at) if self.entries[at].state == State::Got(owner(member, unit)) => {
                    let (queue, message) = (self.entries[at].queue, self.entries[at].message.clone());
                    self.about_to_show(queue, &message);
                    self.entries[at].state = State::Committed;
                    self.entries[at].message.descriptor.backout_count += u32::from(count);
                    ListAnswer::Done
                }
                _ => ListAnswer::NotThere,
            },
        }
    }

    fn depths(&self, names: &[QueueName]) -> Vec<QueueDepth> {
        let count = |queue: usize, which: fn(&State) -> bool| {
            let counted = self.entries.iter().filter(|entry| entry.queue == queue && which(&entry.state));
            u32::try_from(counted.count()).unwrap()
        };
        let depth = |(queue, name): (usize, &QueueName)| QueueDepth {
            queue: name.clone(),
            committed: count(queue, |state| *state == State::Committed),
            uncommitted_puts: count(queue, |state| matches!(state, State::Uncommitted(_))),
            on_get_lists: count(queue, |state| matches!(state, State::Got(_))),
        };
        names.iter().enumerate().map(depth).collect()
    }
}

/// The same step as a command, and who sends it. `next` is the identity that a message written now has.
fn command(step: &Step, next: u64) -> (usize, ListOperation) {
    let name = |at: usize| queue(QUEUES[at]);
    let owner = |member: usize, sequence| unit(MEMBERS[member], 1, sequence);
    let selection = |selector| match selector {
        Selector::Any => Match::Any,
        Selector::Identity(identity) => Match::MessageId(MessageId(u128::from(identity))),
        Selector::Correlation(correlation) => Match::CorrelationId(CorrelationId(correlation)),
    };
    match *step {
        Step::Write { member, queue, unit, priority, correlation } => {
            let owner = unit.map(|unit| owner(member, unit));
            let range = if owner.is_some() { KeyRange::Uncommitted } else { KeyRange::Committed };
            let message = message(next, priority, correlation);
            (member, ListOperation::Write { queue: name(queue), range, owner, message, maximum_depth: u32::MAX })
        }
        Step::Take { member, queue, unit, selector } => {
            let (queue, selection, owner) = (name(queue), selection(selector), owner(member, unit));
            (member, ListOperation::MoveToGetList { queue, selection, owner, locked: None })
        }
        Step::Browse { member, queue, after } => {
            let cursor = |(inverted_priority, entry)| BrowseCursor { inverted_priority, entry: EntryId(entry) };
            (member, ListOperation::Browse { queue: name(queue), after: after.map(cursor) })
        }
        Step::CommitPut { member, entry, unit } => {
            (member, ListOperation::CommitPut { entry: EntryId(entry), owner: owner(member, unit) })
        }
        Step::Delete { member, entry, unit } => {
            (member, ListOperation::Delete { entry: EntryId(entry), owner: owner(member, unit) })
        }
        Step::Return { member, entry, unit, count } => {
            let owner = owner(member, unit);
            (member, ListOperation::Return { entry: EntryId(entry), owner, count_backout: count })
        }
    }
}

proptest! {
    #[test]
    fn a_structure_answers_as_a_naive_list_does(steps in prop::collection::vec(step(), 1..80)) {
        // Two elements for each message: entries run out first.
        let definition = StructureDefinition { entries: u32::try_from(ENTRIES).unwrap(), elements: 100 };
        let mut world = World::with(definition, 0);
        let members = MEMBERS.map(|member| world.connect(member, 1, "SYSA"));
        let watcher = world.connect("QM03", 1, "SYSA");
        for (name, correlation) in [(QUEUES[0], None), (QUEUES[1], Some(CorrelationId(1)))] {
            world.command(watcher, ListOperation::Monitor { queue: queue(name), correlation_id: correlation, on: true });
        }
        let mut model = Model::default();
        for step in &steps {
            let (member, operation) = command(step, model.last + 1);
            let answer = world.command(members[member], operation);
            prop_assert_eq!(answer, model.execute(step), "{:?}", step);
            world.facility.check();
            let signalled: Vec<_> = world.responses(watcher).into_iter().map(|response| match response {
                CouplingResponse::Transition { queue, correlation_id, .. } => {
                    (usize::from(queue.as_str() == QUEUES[1]), correlation_id.map(|CorrelationId(id)| id))
                }
                other => panic!("unexpected {other:?}"),
            }).collect();
            prop_assert_eq!(signalled, std::mem::take(&mut model.signals), "{:?}", step);
        }
        let depths = world.command(watcher, ListOperation::QueryDepths);
        prop_assert_eq!(depths, ListAnswer::Depths(model.depths(&QUEUES.map(queue))));
    }
}
