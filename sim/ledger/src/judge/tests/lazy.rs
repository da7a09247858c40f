//! An engine that writes and deletes lazily, driven at random: what it does to messages is permitted, and anything beyond
//! the last moments before a failure is not.

use proptest::prelude::*;

use super::*;

const LATENCY_MS: u64 = 50;

#[derive(Clone, Copy, Debug)]
enum Act {
    Put,
    Get,
    Wait(u64),
    Fail,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => Just(Act::Put),
        4 => Just(Act::Get),
        2 => (1_u64..80).prop_map(Act::Wait),
        1 => Just(Act::Fail),
    ];
    prop::collection::vec(act, 1..80)
}

/// A message that is stored, or was: when its put, and its delete, were acknowledged.
#[derive(Clone, Copy, Debug)]
struct Stored {
    message: u64,
    put_at: u64,
    deleted_at: Option<u64>,
}

/// What failures did.
#[derive(Clone, Copy, Debug, Default)]
struct Harm {
    lost: u64,
    came_back: u64,
    /// Of these, those that were older than the documented latency.
    beyond: u64,
}

/// Failures undo everything of the last moments, as of a latency in milliseconds.
fn run(acts: &[Act], latency_ms: u64) -> (Tale, Harm) {
    let mut tale = tale(|t| {
        let permission = Permission {
            event: "engine_failed".to_owned(),
            subject: Whom::Named("ME1".to_owned()),
            window: Window::After { within_ns: Some(LATENCY_MS * MS) },
            rule: "written lazily".to_owned(),
            ..Permission::default()
        };
        t.contract.permitted_duplicates.push(permission.clone());
        t.contract.permitted_losses.push(permission);
        t.contract.queues[0].ordered = None;
        t.contract.queues[0].drained = false;
    });
    let mut stored: Vec<Stored> = Vec::new();
    let (mut next, mut harm) = (0, Harm::default());
    for act in acts {
        match *act {
            Act::Put => {
                next += 1;
                tale.put(next, None, Done);
                stored.push(Stored { message: next, put_at: tale.now, deleted_at: None });
            }
            Act::Get => {
                let Some(first) = stored.iter_mut().find(|stored| stored.deleted_at.is_none()) else { continue };
                let message = first.message;
                tale.get(message, None);
                first.deleted_at = Some(tale.now);
            }
            Act::Wait(ms) => tale.wait_ms(ms),
            Act::Fail => {
                tale.event("engine_failed", "ME1");
                let recent = |at: u64| at + latency_ms * MS >= tale.now;
                let beyond = |at: u64| u64::from(at + LATENCY_MS * MS < tale.now);
                for one in &mut stored {
                    if let Some(deleted_at) = one.deleted_at.filter(|at| recent(*at) && !recent(one.put_at)) {
                        one.deleted_at = None;
                        harm.came_back += 1;
                        harm.beyond += beyond(deleted_at);
                    }
                }
                let gone = |one: &Stored| one.deleted_at.is_none() && recent(one.put_at);
                for one in stored.iter().filter(|one| gone(one)) {
                    harm.lost += 1;
                    harm.beyond += beyond(one.put_at);
                }
                stored.retain(|one| !gone(one));
                // What is deleted for good is of no interest any more.
                stored.retain(|one| one.deleted_at.is_none());
            }
        }
    }
    for one in stored.iter().filter(|one| one.deleted_at.is_none()) {
        tale.left(one.message);
    }
    (tale, harm)
}

proptest! {
    #[test]
    fn what_a_lazy_engine_loses_and_repeats_is_permitted(acts in acts()) {
        let (tale, harm) = run(&acts, LATENCY_MS);
        let judgement = tale.judged();
        prop_assert_eq!(judgement.verdict, Verdict::Pass, "{:#?}", judgement.findings);
        prop_assert_eq!(judgement.account.permitted, harm.lost);
        prop_assert_eq!(judgement.account.permitted_duplicates, harm.came_back);
    }

    #[test]
    fn an_engine_that_is_lazier_than_documented_is_convicted_of_what_it_harms_too_late(acts in acts()) {
        let (tale, harm) = run(&acts, 4 * LATENCY_MS);
        let kinds = tale.kinds();
        prop_assert_eq!(kinds.is_empty(), harm.beyond == 0);
        prop_assert!(kinds.iter().all(|kind| ["lost", "duplicated"].contains(kind)));
    }
}
