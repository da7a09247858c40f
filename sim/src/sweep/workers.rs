//! Worker threads: many independent jobs, results in the order of the jobs.
//!
//! The threads are outside of every run. Which thread does which job, and when, is left to chance; nothing that is
//! printed depends on it, because results are handed on in the order of the jobs.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// How many worker threads there are if nobody says otherwise: one for each core.
#[must_use]
pub fn all_cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Does `count` jobs on `workers` threads. `job` runs on a worker, `take` on this thread, once for each job and in
/// their order, so that no more results wait than jobs overtook the slowest one.
pub fn in_order<T: Send>(
    count: usize,
    workers: usize,
    job: impl Fn(usize) -> T + Sync,
    mut take: impl FnMut(usize, T),
) {
    let next = AtomicUsize::new(0);
    let (done, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..workers.clamp(1, count.max(1)) {
            let done = done.clone();
            let (next, job) = (&next, &job);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count || done.send((index, job(index))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(done);
        let mut waiting = BTreeMap::new();
        let mut expected = 0;
        for (index, result) in results {
            waiting.insert(index, result);
            while let Some(result) = waiting.remove(&expected) {
                take(expected, result);
                expected += 1;
            }
        }
    });
}

/// The first job, in their order, for which `job` gives something; later ones are not begun once it is known. Which one
/// is found does not depend on the number of workers.
pub fn first<T: Send>(count: usize, workers: usize, job: impl Fn(usize) -> Option<T> + Sync) -> Option<(usize, T)> {
    let found_at = AtomicUsize::new(usize::MAX);
    let mut first = None;
    in_order(
        count,
        workers,
        |index| {
            if index > found_at.load(Ordering::Relaxed) {
                return None;
            }
            let found = job(index);
            if found.is_some() {
                found_at.fetch_min(index, Ordering::Relaxed);
            }
            found
        },
        |index, found| {
            if let (None, Some(found)) = (&first, found) {
                first = Some((index, found));
            }
        },
    );
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_jobs_whatever_the_number_of_workers() {
        for workers in [1, 2, 7] {
            let mut taken = Vec::new();
            in_order(
                50,
                workers,
                |index| {
                    // Early jobs take longest, so that with several workers later ones overtake them.
                    std::thread::sleep(std::time::Duration::from_micros(400 / (index as u64 + 1)));
                    index * index
                },
                |index, result| taken.push((index, result)),
            );
            assert_eq!(taken, (0..50).map(|index| (index, index * index)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn no_jobs_are_no_results() {
        in_order(0, 4, |_| (), |_, ()| panic!("there was no job"));
    }

    #[test]
    fn the_first_find_does_not_depend_on_the_number_of_workers() {
        for workers in [1, 2, 8] {
            let found = first(100, workers, |index| (index % 13 == 12).then_some(index * 2));
            assert_eq!(found, Some((12, 24)));
        }
        assert_eq!(first(10, 3, |_| None::<()>), None);
    }
}
