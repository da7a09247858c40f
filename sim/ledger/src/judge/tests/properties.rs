//! A queue that works, driven at random: it is always acquitted, and convicted as soon as one delivery is tampered with.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

/// A unit of work of the producer or the consumer, or operations outside of one.
#[derive(Clone, Copy, Debug)]
enum Act {
    Put { messages: usize, end: End },
    Get { messages: usize, end: End },
    PutAlone { outcome: u8 },
    GetAlone,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Committed,
    BackedOut,
    /// The outcome is not told; it is this.
    Unknown {
        committed: bool,
        resolved: bool,
    },
    /// The application never asked.
    Forgotten,
}

fn ends() -> impl Strategy<Value = End> {
    prop_oneof![
        5 => Just(End::Committed),
        1 => Just(End::BackedOut),
        1 => any::<(bool, bool)>().prop_map(|(committed, resolved)| End::Unknown { committed, resolved }),
        1 => Just(End::Forgotten),
    ]
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        (1_usize..4, ends()).prop_map(|(messages, end)| Act::Put { messages, end }),
        (1_usize..4, ends()).prop_map(|(messages, end)| Act::Get { messages, end }),
        (0_u8..6).prop_map(|outcome| Act::PutAlone { outcome }),
        Just(Act::GetAlone),
    ];
    prop::collection::vec(act, 1..60)
}

/// How one delivery is tampered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tampering {
    None,
    /// The n-th final delivery is handed out a second time at the end.
    Again(usize),
    /// The n-th final delivery vanishes: nobody gets the message.
    Dropped(usize),
}

struct World {
    tale: Tale,
    queue: VecDeque<u64>,
    next: u64,
    finals: usize,
    tampering: Tampering,
    again: Option<u64>,
}

impl World {
    fn put(&mut self, unit: Option<UnitIndex>, completion: Completion) -> u64 {
        self.next += 1;
        self.tale.put(self.next, unit, completion);
        self.next
    }

    /// A get; final ones may be tampered with.
    fn get(&mut self, unit: Option<UnitIndex>, is_final: bool) -> Option<u64> {
        let message = self.queue.pop_front()?;
        if is_final {
            self.finals += 1;
            match self.tampering {
                Tampering::Dropped(which) if which + 1 == self.finals => return None,
                Tampering::Again(which) if which + 1 == self.finals => self.again = Some(message),
                _ => {}
            }
        }
        self.tale.get(message, unit);
        Some(message)
    }

    /// Ends a unit of work; returns whether it took effect.
    fn end(&mut self, process: ProcessIndex, unit: UnitIndex, end: End) -> bool {
        match end {
            End::Committed => self.tale.commit(process, unit, Done),
            End::BackedOut => self.tale.backout(process, unit),
            End::Unknown { committed, resolved } => {
                self.tale.commit(process, unit, Unknown);
                if resolved {
                    let outcome = if committed { UnitOutcome::Committed } else { UnitOutcome::BackedOut };
                    let at = self.tale.tick();
                    self.tale.history.resolved(at, unit, outcome);
                }
            }
            End::Forgotten => {}
        }
        matches!(end, End::Committed | End::Unknown { committed: true, .. })
    }
}

fn run(acts: &[Act], tampering: Tampering) -> (Tale, usize) {
    let mut tale = Tale::new();
    // Backed out messages are overtaken by later units of work: no order is promised here.
    tale.contract.queues[0].ordered = None;
    let mut world = World { tale, queue: VecDeque::new(), next: 0, finals: 0, tampering, again: None };
    for act in acts {
        match *act {
            Act::PutAlone { outcome } => {
                let (completion, kept) = match outcome {
                    0 => (Failed, false),
                    1 => (Unknown, false),
                    2 => (Unknown, true),
                    _ => (Done, true),
                };
                let message = world.put(None, completion);
                world.queue.extend(kept.then_some(message));
            }
            Act::GetAlone => {
                world.get(None, true);
            }
            Act::Put { messages, end } => {
                let unit = world.tale.producers_unit();
                let put: Vec<u64> = (0..messages).map(|_| world.put(Some(unit), Done)).collect();
                if world.end(world.tale.producer, unit, end) {
                    world.queue.extend(put);
                }
            }
            Act::Get { messages, end } => {
                let unit = world.tale.consumers_unit();
                let is_final = matches!(end, End::Committed | End::Unknown { committed: true, resolved: true });
                let got: Vec<u64> = (0..messages).filter_map(|_| world.get(Some(unit), is_final)).collect();
                if !world.end(world.tale.consumer, unit, end) {
                    got.into_iter().rev().for_each(|message| world.queue.push_front(message));
                }
            }
        }
    }
    if let Some(message) = world.again {
        world.tale.get(message, None);
    }
    // Nobody drains the queue: what remains is there.
    world.tale.contract.queues[0].drained = false;
    for message in std::mem::take(&mut world.queue) {
        world.tale.left(message);
    }
    (world.tale, world.finals)
}

proptest! {
    #[test]
    fn a_correct_execution_is_acquitted(acts in acts()) {
        let judgement = run(&acts, Tampering::None).0.judged();
        prop_assert_eq!(judgement.verdict, Verdict::Pass, "{:#?}", judgement.findings);
        let account = judgement.account;
        prop_assert_eq!(account.sent, account.acknowledged + account.unknown + account.refused);
        prop_assert!(account.delivered + account.remaining >= account.acknowledged);
    }

    #[test]
    fn a_delivery_repeated_is_convicted(acts in acts(), which in any::<prop::sample::Index>()) {
        let (_, finals) = run(&acts, Tampering::None);
        // Nothing to tamper with.
        if finals == 0 {
            return Ok(());
        }
        let judgement = run(&acts, Tampering::Again(which.index(finals))).0.judged();
        prop_assert_eq!(judgement.account.duplicated, 1);
        prop_assert!(judgement.findings.iter().any(|finding| finding.kind == FindingKind::Duplicated));
    }

    #[test]
    fn a_delivery_left_out_is_convicted(acts in acts(), which in any::<prop::sample::Index>()) {
        // Puts of unknown outcome and gets of unknown outcome may explain a message that is missing.
        let told: Vec<Act> = acts
            .into_iter()
            .filter(|act| !matches!(act, Act::PutAlone { outcome: 1 | 2 }))
            .filter(|act| !matches!(act, Act::Put { end: End::Unknown { .. }, .. } | Act::Get { end: End::Unknown { .. }, .. }))
            .collect();
        let (_, finals) = run(&told, Tampering::None);
        // Nothing to tamper with.
        if finals == 0 {
            return Ok(());
        }
        let judgement = run(&told, Tampering::Dropped(which.index(finals))).0.judged();
        prop_assert_eq!(judgement.account.lost, 1);
        prop_assert_eq!(judgement.verdict, Verdict::Fail);
    }
}
