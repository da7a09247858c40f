//! Histories of about ten lines, written by hand, for every kind of violation; each with a healthy twin.

use super::*;
use crate::audit::{Availability, DoubleOwner, Holder, HolderState, LeftInDoubt, LeftMessage, LeftQueue, QueueRole};
use crate::contract::{PermittedLoss, QueueContract};
use crate::history::{
    Completion, Delivery, MessageIdentity, OperationIndex, Origin, ProcessIndex, Put, ResourceIndex, UnitIndex,
    UnitOutcome,
};

mod properties;

const MS: u64 = 1_000_000;

/// A history under way: each step takes a millisecond.
struct Tale {
    history: History,
    audit: Audit,
    contract: Contract,
    now: u64,
    producer: ProcessIndex,
    consumer: ProcessIndex,
    queue: QueueIndex,
}

use Completion::{Failed, Ok as Done, Unknown};

impl Tale {
    fn new() -> Self {
        let mut history = History::new();
        let (producer, consumer) = (history.process("producer"), history.process("consumer"));
        let queue = history.queue("ORDERS");
        let contract =
            Contract { queues: vec![QueueContract { queue, ordered: true, drained: true }], ..Contract::default() };
        let audit = Audit { at_ns: 100_000 * MS, healed_at_ns: 50_000 * MS, ..Audit::default() };
        Tale { history, audit, contract, now: 0, producer, consumer, queue }
    }

    fn tick(&mut self) -> u64 {
        self.now += MS;
        self.now
    }

    fn invoke(&mut self, process: ProcessIndex, operation: Operation) -> OperationIndex {
        let at = self.tick();
        self.history.invoke(at, process, operation)
    }

    fn call(&mut self, process: ProcessIndex, operation: Operation, completion: Completion) {
        let call = self.invoke(process, operation);
        let at = self.tick();
        self.history.complete(at, call, completion);
    }

    fn message(&self, message: u64, unit: Option<UnitIndex>) -> Put {
        Put {
            queue: self.queue,
            message: MessageIdentity(message),
            unit,
            persistent: true,
            priority: 0,
            expires_at_ns: None,
            digest: 7,
            origin: Origin::New,
            reply_to: None,
        }
    }

    fn put(&mut self, message: u64, unit: Option<UnitIndex>, completion: Completion) {
        let put = self.message(message, unit);
        self.call(self.producer, Operation::Put(put), completion);
    }

    fn get_by(&mut self, process: ProcessIndex, message: u64, unit: Option<UnitIndex>) {
        let get = Get { queue: self.queue, unit, reply_to: None, wait_ns: 0 };
        let delivery = Delivery { message: MessageIdentity(message), digest: 7, backout_count: 0 };
        self.call(process, Operation::Get(get), Completion::Delivered(delivery));
    }

    fn get(&mut self, message: u64, unit: Option<UnitIndex>) {
        self.get_by(self.consumer, message, unit);
    }

    fn get_nothing(&mut self, completion: Completion) {
        let get = Get { queue: self.queue, unit: None, reply_to: None, wait_ns: 0 };
        self.call(self.consumer, Operation::Get(get), completion);
    }

    fn commit(&mut self, process: ProcessIndex, unit: UnitIndex, completion: Completion) {
        self.call(process, Operation::Commit { unit }, completion);
    }

    fn backout(&mut self, process: ProcessIndex, unit: UnitIndex) {
        self.call(process, Operation::Backout { unit }, Done);
    }

    fn event(&mut self, name: &str, subject: &str) {
        let at = self.tick();
        let (name, subject) = (name.to_owned(), subject.to_owned());
        self.history.world(at, WorldHappening::Event { name, subject, text: String::new() });
    }

    fn fault(&mut self, text: &str) {
        let at = self.tick();
        self.history.world(at, WorldHappening::Fault(text.to_owned()));
    }

    fn left_as(&mut self, message: u64, role: QueueRole, availability: Availability) -> &mut LeftMessage {
        let message = LeftMessage {
            message: MessageIdentity(message),
            digest: 7,
            availability,
            backout_count: 0,
            expired: false,
        };
        let queue = LeftQueue { queue: self.queue, role, messages: vec![message] };
        self.audit.queues.push(queue);
        let queue = self.audit.queues.last_mut().expect("just pushed");
        &mut queue.messages[0]
    }

    fn left(&mut self, message: u64) {
        self.left_as(message, QueueRole::Application, Availability::Available);
    }

    fn producers_unit(&mut self) -> UnitIndex {
        self.history.unit(self.producer)
    }

    fn consumers_unit(&mut self) -> UnitIndex {
        self.history.unit(self.consumer)
    }

    fn judged(&self) -> Judgement {
        judge(&self.history, &self.audit, &self.contract)
    }

    fn kinds(&self) -> Vec<&'static str> {
        self.judged().findings.iter().map(|finding| finding.kind.name()).collect()
    }

    #[track_caller]
    fn passes(&self) {
        let judgement = self.judged();
        assert_eq!(judgement.verdict, Verdict::Pass, "{judgement:#?}");
    }
}

fn tale(tell: impl FnOnce(&mut Tale)) -> Tale {
    let mut tale = Tale::new();
    tell(&mut tale);
    tale
}

fn holder(state: HolderState) -> Holder {
    Holder { text: "QM01.1.7".to_owned(), state }
}

#[test]
fn a_message_consumed_once_passes() {
    let tale = tale(|t| {
        t.put(1, None, Done);
        t.get(1, None);
    });
    tale.passes();
    let account = tale.judged().account;
    assert_eq!((account.sent, account.acknowledged, account.delivered, account.remaining), (1, 1, 1, 0));
}

#[test]
fn an_acknowledged_message_that_is_nowhere_is_lost_and_its_story_is_told() {
    let tale = tale(|t| {
        let unit = t.producers_unit();
        t.put(1, Some(unit), Done);
        t.fault("QM01 killed");
        t.commit(t.producer, unit, Done);
    });
    let judgement = tale.judged();
    assert_eq!((judgement.verdict, judgement.account.lost), (Verdict::Fail, 1));
    let story = &judgement.findings[0].detail;
    for wanted in [
        "      0.001000s  producer  put of message 1 (persistent) to ORDERS, in unit of work 1 of producer",
        "      0.003000s  fault     QM01 killed",
        "      0.005000s  producer  commit of unit of work 1 of producer: ok",
        "    100.000000s  audit     message 1 is nowhere, and nobody ever got it",
    ] {
        assert!(story.lines().any(|line| line.trim() == wanted.trim()), "{story}");
    }
}

#[test]
fn what_remains_is_dead_lettered_or_has_expired_is_not_lost() {
    let dead_lettered = tale(|t| {
        t.put(1, None, Done);
        t.left_as(1, QueueRole::DeadLetter, Availability::Available);
    });
    dead_lettered.passes();
    assert_eq!(dead_lettered.judged().account.dead_lettered, 1);
    let expired = tale(|t| {
        let put = Put { expires_at_ns: Some(500 * MS), ..t.message(1, None) };
        t.call(t.producer, Operation::Put(put), Done);
    });
    expired.passes();
    assert_eq!(expired.judged().account.expired, 1);
    let not_yet = tale(|t| {
        let put = Put { expires_at_ns: Some(t.audit.at_ns + 1), ..t.message(1, None) };
        t.call(t.producer, Operation::Put(put), Done);
    });
    assert_eq!(not_yet.kinds(), ["lost"]);
    let remaining = tale(|t| {
        t.put(1, None, Done);
        t.left(1);
    });
    remaining.passes();
    assert_eq!(remaining.judged().account.remaining, 1);
}

#[test]
fn a_put_of_unknown_outcome_need_not_be_anywhere() {
    for completion in [Failed, Unknown] {
        tale(|t| t.put(1, None, completion)).passes();
    }
    tale(|t| {
        t.put(1, None, Unknown);
        t.get(1, None);
    })
    .passes();
    let backed_out_and_gone = tale(|t| {
        t.put(1, None, Unknown);
        let unit = t.consumers_unit();
        t.get(1, Some(unit));
        t.backout(t.consumer, unit);
    });
    assert_eq!(backed_out_and_gone.kinds(), ["lost"]);
}

#[test]
fn a_get_that_is_backed_out_does_not_consume() {
    let backed_out = |again: bool| {
        tale(|t| {
            t.put(1, None, Done);
            let unit = t.consumers_unit();
            t.get(1, Some(unit));
            t.backout(t.consumer, unit);
            if again {
                t.get(1, None);
            }
        })
    };
    assert_eq!(backed_out(false).kinds(), ["lost"]);
    backed_out(true).passes();
}

#[test]
fn a_message_in_a_get_whose_commit_is_unknown_may_be_gone_or_come_again() {
    for again in [false, true] {
        tale(|t| {
            t.put(1, None, Done);
            let unit = t.consumers_unit();
            t.get(1, Some(unit));
            t.commit(t.consumer, unit, Unknown);
            if again {
                t.get(1, None);
            }
        })
        .passes();
    }
}

#[test]
fn two_final_consumptions_are_a_duplicate() {
    let twice = tale(|t| {
        t.put(1, None, Done);
        t.get(1, None);
        t.get(1, None);
    });
    assert_eq!(twice.kinds(), ["duplicated"]);
    assert_eq!((twice.judged().account.duplicated, twice.judged().account.delivered), (1, 1));
}

#[test]
fn a_message_that_comes_again_or_stays_after_it_was_consumed_is_a_duplicate() {
    let again = tale(|t| {
        t.put(1, None, Done);
        t.get(1, None);
        let unit = t.consumers_unit();
        t.get(1, Some(unit));
        t.backout(t.consumer, unit);
    });
    assert_eq!(again.kinds(), ["duplicated"]);
    let stays = tale(|t| {
        t.contract.queues[0].drained = false;
        t.put(1, None, Done);
        t.get(1, None);
        t.left(1);
    });
    assert_eq!(stays.kinds(), ["duplicated"]);
}

#[test]
fn a_resend_that_arrives_too_is_a_possible_duplicate_and_no_violation() {
    let tale = tale(|t| {
        t.put(1, None, Unknown);
        let put = Put { origin: Origin::ResendOf(MessageIdentity(1)), ..t.message(2, None) };
        t.call(t.producer, Operation::Put(put), Done);
        t.get(1, None);
        t.get(2, None);
    });
    tale.passes();
    assert_eq!(tale.judged().account.possible_duplicates, 1);
}

#[test]
fn a_message_moved_to_a_backout_queue_is_counted_there_once() {
    let moved = |copy_is_left: bool| {
        tale(|t| {
            t.put(1, None, Done);
            let unit = t.consumers_unit();
            t.get(1, Some(unit));
            let put = Put { origin: Origin::MovedFrom(MessageIdentity(1)), ..t.message(2, Some(unit)) };
            t.call(t.consumer, Operation::Put(put), Done);
            t.commit(t.consumer, unit, Done);
            if copy_is_left {
                t.left_as(2, QueueRole::BackoutQueue, Availability::Available);
            }
        })
    };
    moved(true).passes();
    let account = moved(true).judged().account;
    assert_eq!((account.sent, account.acknowledged, account.delivered, account.dead_lettered), (1, 1, 0, 1));
    assert_eq!(moved(false).kinds(), ["lost", "torn"]);
}

#[test]
fn a_message_that_nobody_put_is_a_phantom() {
    assert_eq!(tale(|t| t.get(9, None)).kinds(), ["phantom"]);
    assert_eq!(tale(|t| t.left(9)).kinds(), ["phantom"]);
}

#[test]
fn a_message_that_was_refused_or_backed_out_is_a_phantom_if_seen() {
    let refused = tale(|t| {
        t.put(1, None, Failed);
        t.get(1, None);
    });
    assert_eq!(refused.kinds(), ["phantom"]);
    let backed_out = |seen: bool| {
        tale(|t| {
            let unit = t.producers_unit();
            t.put(1, Some(unit), Done);
            t.backout(t.producer, unit);
            if seen {
                t.get(1, None);
            }
        })
    };
    assert_eq!(backed_out(true).kinds(), ["phantom"]);
    backed_out(false).passes();
    assert_eq!(backed_out(false).judged().account.refused, 1);
    let never_committed = tale(|t| {
        let unit = t.producers_unit();
        t.put(1, Some(unit), Done);
        let at = t.tick();
        t.history.ended(at, t.producer);
        t.left(1);
    });
    assert_eq!(never_committed.kinds(), ["phantom"]);
}

#[test]
fn an_uncommitted_put_that_is_visible_is_a_phantom() {
    let visible = |before: bool| {
        tale(|t| {
            let unit = t.producers_unit();
            t.put(1, Some(unit), Done);
            if before {
                t.get(1, None);
            }
            t.commit(t.producer, unit, Done);
            if !before {
                t.get(1, None);
            }
        })
    };
    assert_eq!(visible(true).kinds(), ["phantom"]);
    visible(false).passes();
    // While the commit is under way it may be seen.
    tale(|t| {
        let unit = t.producers_unit();
        t.put(1, Some(unit), Done);
        let commit = t.invoke(t.producer, Operation::Commit { unit });
        t.get(1, None);
        let at = t.tick();
        t.history.complete(at, commit, Done);
    })
    .passes();
}

#[test]
fn content_that_changed_is_corrupted() {
    let arrived = |digest: u32| {
        tale(|t| {
            t.put(1, None, Done);
            let get = Get { queue: t.queue, unit: None, reply_to: None, wait_ns: 0 };
            let delivery = Delivery { message: MessageIdentity(1), digest, backout_count: 0 };
            t.call(t.consumer, Operation::Get(get), Completion::Delivered(delivery));
        })
    };
    assert_eq!(arrived(8).kinds(), ["corrupted"]);
    arrived(7).passes();
    let stored = tale(|t| {
        t.put(1, None, Done);
        t.left_as(1, QueueRole::Application, Availability::Available).digest = 8;
    });
    assert_eq!(stored.kinds(), ["corrupted"]);
}

#[test]
fn messages_that_change_places_on_an_ordered_queue_are_out_of_order() {
    let swapped = |ordered: bool, priority: u8| {
        tale(|t| {
            t.contract.queues[0].ordered = ordered;
            t.put(1, None, Done);
            let put = Put { priority, ..t.message(2, None) };
            t.call(t.producer, Operation::Put(put), Done);
            t.get(2, None);
            t.get(1, None);
        })
    };
    assert_eq!(swapped(true, 0).kinds(), ["out_of_order"]);
    swapped(false, 0).passes();
    swapped(true, 9).passes();
}

#[test]
fn a_message_overtaken_while_it_was_backed_out_is_out_of_order() {
    let overtaken = tale(|t| {
        t.put(1, None, Done);
        t.put(2, None, Done);
        let unit = t.consumers_unit();
        t.get(1, Some(unit));
        let other = t.history.process("other consumer");
        t.get_by(other, 2, None);
        t.backout(t.consumer, unit);
        t.get(1, None);
    });
    assert_eq!(overtaken.kinds(), ["out_of_order"]);
}

#[test]
fn a_message_that_was_committed_late_is_not_out_of_order() {
    tale(|t| {
        let unit = t.producers_unit();
        t.put(1, Some(unit), Done);
        t.put(2, None, Done);
        t.get(2, None);
        t.commit(t.producer, unit, Done);
        t.get(1, None);
    })
    .passes();
}

#[test]
fn a_message_left_behind_by_live_consumers_is_marooned() {
    let left = |lives: bool, waits: bool| {
        tale(|t| {
            t.put(1, None, Done);
            t.left(1);
            if waits {
                t.get_nothing(Done);
            }
            if !lives {
                let at = t.tick();
                t.history.ended(at, t.consumer);
            }
        })
    };
    assert_eq!(left(true, true).kinds(), ["marooned"]);
    left(true, false).passes();
    left(false, true).passes();
}

#[test]
fn a_message_held_by_the_dead_is_marooned() {
    let held = |state: HolderState| {
        tale(|t| {
            t.put(1, None, Done);
            t.left_as(1, QueueRole::Application, Availability::Held(holder(state)));
        })
    };
    assert_eq!(held(HolderState::Dead).kinds(), ["marooned"]);
    held(HolderState::Live).passes();
    let not_visible = tale(|t| {
        let unit = t.producers_unit();
        t.put(1, Some(unit), Done);
        t.commit(t.producer, unit, Done);
        t.left_as(1, QueueRole::Application, Availability::UncommittedPut(holder(HolderState::Live)));
    });
    assert_eq!(not_visible.kinds(), ["marooned"]);
    assert_eq!(tale(|t| t.audit.orphaned_locks.push("tag APP1".to_owned())).kinds(), ["marooned"]);
}

#[test]
fn a_unit_of_work_in_doubt_after_healing_is_unresolved() {
    let in_doubt = |resolved: bool| {
        tale(|t| {
            let unit = t.producers_unit();
            t.put(1, Some(unit), Done);
            t.commit(t.producer, unit, Unknown);
            if resolved {
                t.left(1);
            } else {
                t.left_as(1, QueueRole::Application, Availability::UncommittedPut(holder(HolderState::InDoubt)));
                t.audit.in_doubt.push(LeftInDoubt { text: "QM01.1.7".to_owned(), since_ns: 5 * MS, unit: Some(unit) });
            }
        })
    };
    assert_eq!(in_doubt(false).kinds(), ["unresolved"]);
    in_doubt(true).passes();
}

#[test]
fn what_a_coordinator_decides_counts() {
    let resolved = |outcome: UnitOutcome, left: bool| {
        tale(|t| {
            let unit = t.producers_unit();
            t.put(1, Some(unit), Done);
            t.commit(t.producer, unit, Unknown);
            let at = t.tick();
            t.history.resolved(at, unit, outcome);
            if left {
                t.left(1);
            }
        })
    };
    assert_eq!(resolved(UnitOutcome::Committed, false).kinds(), ["lost"]);
    resolved(UnitOutcome::Committed, true).passes();
    assert_eq!(resolved(UnitOutcome::BackedOut, true).kinds(), ["phantom"]);
    resolved(UnitOutcome::BackedOut, false).passes();
}

#[test]
fn an_old_owner_that_is_still_served_is_a_split_brain() {
    let owners = |act: bool, release: bool| {
        tale(|t| {
            let resource: ResourceIndex = t.history.resource("tag APP1");
            t.call(t.producer, Operation::Acquire { resource }, Done);
            if release {
                t.call(t.producer, Operation::Release { resource }, Unknown);
            }
            t.call(t.consumer, Operation::Acquire { resource }, Done);
            t.put(1, None, if act { Done } else { Unknown });
            t.get(1, None);
        })
    };
    assert_eq!(owners(true, false).kinds(), ["split_brain"]);
    owners(false, false).passes();
    owners(true, true).passes();
    let told = |owners: &[&str]| {
        let owners = owners.iter().map(|owner| (*owner).to_owned()).collect();
        tale(|t| t.audit.double_owners.push(DoubleOwner { what: "IMS1".to_owned(), owners }))
    };
    assert_eq!(told(&["MVS1", "MVS2"]).kinds(), ["split_brain"]);
}

#[test]
fn an_operation_that_never_ends_is_stuck() {
    let pending = |tell: fn(&mut Tale)| {
        tale(|t| {
            let put = t.message(1, None);
            t.invoke(t.producer, Operation::Put(put));
            tell(t);
        })
    };
    assert_eq!(pending(|_| ()).kinds(), ["stuck"]);
    pending(|t| {
        let at = t.tick();
        t.history.ended(at, t.producer);
    })
    .passes();
    pending(|t| t.audit.at_ns = t.audit.healed_at_ns + t.contract.patience_ns - 1).passes();
    let waiting = |wait_ns: u64| {
        tale(|t| {
            let get = Get { queue: t.queue, unit: None, reply_to: None, wait_ns };
            t.invoke(t.consumer, Operation::Get(get));
        })
    };
    assert_eq!(waiting(1).kinds(), ["stuck"]);
    waiting(99_999 * MS).passes();
}

#[test]
fn a_process_that_stopped_before_its_work_was_done_is_stuck() {
    let working = |done: bool| {
        tale(|t| {
            t.history.has_work(t.producer);
            t.put(1, None, Done);
            t.get(1, None);
            if done {
                let at = t.tick();
                t.history.done(at, t.producer);
            }
        })
    };
    assert_eq!(working(false).kinds(), ["stuck"]);
    working(true).passes();
}

#[test]
fn work_that_waited_longer_than_the_objective_is_late() {
    let served_after = |ms: u64, objective_ms: u64| {
        tale(|t| {
            t.contract.recovery_time_ns = Some(objective_ms * MS);
            t.put(1, None, Done);
            t.get(1, None);
            t.fault("QM01 killed");
            t.put(2, None, Done);
            t.now += ms * MS;
            t.get(2, None);
        })
    };
    assert_eq!(served_after(500, 400).kinds(), ["late"]);
    served_after(300, 400).passes();
    let never_again = |drained: bool| {
        tale(|t| {
            t.contract.recovery_time_ns = Some(400 * MS);
            t.contract.queues[0].drained = drained;
            t.put(1, None, Done);
            t.get(1, None);
            t.fault("QM01 killed");
            t.put(2, None, Done);
            t.left(2);
        })
    };
    assert_eq!(never_again(true).kinds(), ["marooned", "late"]);
    never_again(false).passes();
    // Nothing waited: no outage, however long nobody got anything.
    tale(|t| {
        t.contract.recovery_time_ns = Some(400 * MS);
        t.put(1, None, Done);
        t.get(1, None);
        t.fault("QM01 killed");
        t.now += 5_000 * MS;
        t.put(2, None, Done);
        t.get(2, None);
    })
    .passes();
}

#[test]
fn a_unit_of_work_that_took_effect_in_part_is_torn() {
    let unit_with = |seen: &[u64], completion: Completion| {
        tale(|t| {
            let unit = t.producers_unit();
            t.put(1, Some(unit), Done);
            t.put(2, Some(unit), Done);
            t.commit(t.producer, unit, completion);
            for message in seen {
                t.get(*message, None);
            }
        })
    };
    assert_eq!(unit_with(&[1], Unknown).kinds(), ["torn"]);
    assert_eq!(unit_with(&[1], Done).kinds(), ["lost", "torn"]);
    assert_eq!(unit_with(&[1], Failed).kinds(), ["phantom", "torn"]);
    unit_with(&[], Unknown).passes();
    unit_with(&[1, 2], Unknown).passes();
    unit_with(&[1, 2], Done).passes();
    unit_with(&[], Failed).passes();
}

#[test]
fn a_get_and_a_put_of_one_unit_stand_or_fall_together() {
    let served = |again: bool, reply: bool| {
        tale(|t| {
            t.put(1, None, Done);
            let unit = t.consumers_unit();
            t.get(1, Some(unit));
            let put = t.message(2, Some(unit));
            t.call(t.consumer, Operation::Put(put), Done);
            t.commit(t.consumer, unit, Unknown);
            if again {
                t.get(1, None);
            }
            if reply {
                t.get_by(t.producer, 2, None);
            }
        })
    };
    served(false, true).passes();
    served(true, false).passes();
    assert_eq!(served(true, true).kinds(), ["torn"]);
    assert_eq!(served(false, false).kinds(), ["torn"]);
}

fn discarded(persistent: bool, before_put: bool, subject: &str) -> Tale {
    tale(|t| {
        t.contract.permitted_losses.push(PermittedLoss {
            nonpersistent_only: true,
            queues: Some(vec![t.queue]),
            event: "queue_manager_starting".to_owned(),
            subject: Some("QM01".to_owned()),
            rule: "nonpersistent messages do not survive a restart".to_owned(),
        });
        if before_put {
            t.event("queue_manager_starting", subject);
        }
        let put = Put { persistent, ..t.message(1, None) };
        t.call(t.producer, Operation::Put(put), Done);
        if !before_put {
            t.event("queue_manager_starting", subject);
        }
    })
}

#[test]
fn a_loss_is_permitted_only_under_its_rule_and_after_its_event() {
    let permitted = discarded(false, false, "QM01").judged();
    assert_eq!((permitted.verdict, permitted.account.permitted, permitted.account.lost), (Verdict::Pass, 1, 0));
    assert_eq!(permitted.permitted[0].count, 1);
    assert!(permitted.permitted[0].example.contains("QM01      queue_manager_starting"), "{:?}", permitted.permitted);
    assert_eq!(discarded(true, false, "QM01").kinds(), ["lost"]);
    assert_eq!(discarded(false, true, "QM01").kinds(), ["lost"]);
    assert_eq!(discarded(false, false, "QM02").kinds(), ["lost"]);
}

#[test]
fn a_message_seen_after_the_event_was_not_lost_by_it() {
    let mut tale = discarded(false, false, "QM01");
    let unit = tale.consumers_unit();
    tale.get(1, Some(unit));
    tale.backout(tale.consumer, unit);
    assert_eq!(tale.kinds(), ["lost"]);
}

#[test]
fn a_get_of_unknown_outcome_outside_syncpoint_takes_one_message_with_it() {
    let gets = |count: u64, completion: Completion| {
        tale(|t| {
            t.put(1, None, Done);
            t.put(2, None, Done);
            (0..count).for_each(|_| t.get_nothing(completion));
        })
    };
    assert_eq!(gets(1, Unknown).judged().account.lost, 1);
    let both = gets(2, Unknown).judged();
    assert_eq!((both.verdict, both.account.permitted), (Verdict::Pass, 2));
    assert_eq!(gets(2, Failed).kinds(), ["lost", "lost"]);
}

#[test]
fn an_allowed_violation_is_expected_only_if_its_cause_was_seen() {
    let lost = |seen: bool| {
        tale(|t| {
            let (kind, because, rule) = (FindingKind::Lost, "resolved_by_command".to_owned(), "heuristic".to_owned());
            t.contract.allow.push(AllowedFinding { kind, queue: Some(t.queue), because, rule });
            t.put(1, None, Done);
            if seen {
                t.event("resolved_by_command", "QM01.1.7");
            }
        })
    };
    let judgement = lost(true).judged();
    assert_eq!((judgement.verdict, judgement.expected.len(), judgement.findings.len()), (Verdict::Pass, 1, 0));
    assert_eq!(lost(false).kinds(), ["lost"]);
}

#[test]
fn what_an_incomplete_audit_did_not_find_is_unknown() {
    let tale = tale(|t| {
        t.audit.incomplete.push("QM01 did not start".to_owned());
        t.put(1, None, Done);
    });
    let judgement = tale.judged();
    assert_eq!((judgement.verdict, judgement.account.lost), (Verdict::Unknown, 0));
    assert!(judgement.unknown_reasons[0].contains("QM01 did not start"));
}

#[test]
fn a_violation_outranks_an_incomplete_audit() {
    let tale = tale(|t| {
        t.audit.incomplete.push("QM01 did not start".to_owned());
        t.get(9, None);
    });
    assert_eq!(tale.judged().verdict, Verdict::Fail);
}

#[test]
fn events_to_be_reached_that_were_not_seen_are_named() {
    let tale = tale(|t| {
        t.contract.reach = vec!["torn_tail".to_owned(), "expired".to_owned()];
        t.event("expired", "QM01");
    });
    assert_eq!(tale.judged().unreached, ["torn_tail"]);
}

#[test]
fn names_of_kinds_are_their_names_in_json() {
    for kind in FindingKind::ALL {
        assert_eq!(serde_json::to_string(kind).expect("JSON"), format!("\"{}\"", kind.name()));
        assert_eq!(FindingKind::from_name(kind.name()), Some(*kind));
    }
}
