//! Judges a queue history.
//!
//! Each put of a value counts once, however often the same value is put. What was taken is matched with puts so that as
//! few messages as possible are missing and as few as possible are too many; what cannot be matched then is a violation in
//! every reading of the history.
//!
//! - A put of unknown outcome may be delivered once or not at all.
//! - An acknowledged message that is missing is lost if a drain that began after its acknowledgement has completed; before
//!   that nothing is known of it.
//! - A dequeue of unknown outcome may have taken one message, unless it was invoked after such a drain had completed: a
//!   message that may have gone this way is counted as permitted.
//! - A drain of unknown outcome may have taken any number: nothing is known of them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::io::BufRead;

use crate::jsonl::{self, Function, HistoryError, QueueHistoryOptions};
use crate::order::{Taken, inversions};
use crate::queue_history::{At, End, Enqueue, QueueHistory, QueueOperations, Taking, ValueNumber};
use crate::story::seconds;
use crate::verdict::{Finding, FindingKind, Judgement, PermittedGroup, Verdict};

/// How many findings of one kind get their story told.
const STORIES: usize = 20;

/// How many puts and how many takings a story tells at most.
const LINES: usize = 12;

/// Judges a queue history written as JSON lines.
///
/// # Errors
/// If it cannot be read or is not a history.
pub fn judge_queue_history(reader: impl BufRead, options: QueueHistoryOptions) -> Result<Judgement, HistoryError> {
    let mut history = QueueHistory::default();
    jsonl::read(reader, |line| history.line(line))?;
    history.end();

    let mut judgement = Judgement::default();
    for (name, queue) in &history.queues {
        let mut check = QueueCheck {
            history: &history,
            name: name.as_deref(),
            queue,
            values: &by_value(queue),
            judgement: &mut judgement,
            told: BTreeMap::new(),
        };
        check.account();
        if options.ordered {
            check.order();
        }
    }
    if history.last_line == 0 || history.queues.is_empty() {
        judgement.unknown_reasons.push("the history holds no operation".to_owned());
    }
    judgement.findings.sort_by_key(|finding| (finding.at_ns, finding.kind));
    judgement.verdict = if !judgement.findings.is_empty() {
        Verdict::Fail
    } else if !judgement.unknown_reasons.is_empty() {
        Verdict::Unknown
    } else {
        Verdict::Pass
    };
    Ok(judgement)
}

/// Puts and takings of one value, by position in the lists of the queue.
#[derive(Clone, Debug, Default)]
struct OneValue {
    enqueues: Vec<usize>,
    takings: Vec<usize>,
}

fn by_value(queue: &QueueOperations) -> BTreeMap<ValueNumber, OneValue> {
    let mut values: BTreeMap<ValueNumber, OneValue> = BTreeMap::new();
    for (position, enqueue) in queue.enqueues.iter().enumerate() {
        values.entry(enqueue.value).or_default().enqueues.push(position);
    }
    for (position, taking) in queue.takings.iter().enumerate() {
        values.entry(taking.value).or_default().takings.push(position);
    }
    values
}

struct QueueCheck<'h, 'j> {
    history: &'h QueueHistory,
    name: Option<&'h str>,
    queue: &'h QueueOperations,
    values: &'h BTreeMap<ValueNumber, OneValue>,
    judgement: &'j mut Judgement,
    told: BTreeMap<FindingKind, usize>,
}

impl QueueCheck<'_, '_> {
    fn account(&mut self) {
        let account = &mut self.judgement.account;
        for enqueue in &self.queue.enqueues {
            account.sent += 1;
            match enqueue.end {
                End::Ok => account.acknowledged += 1,
                End::Fail => account.refused += 1,
                End::Unknown => account.unknown += 1,
            }
        }
        let mut missing = Vec::new();
        for (value, one) in self.values {
            missing.extend(self.match_value(*value, one));
        }
        self.explain_missing(missing);
    }

    /// Matches what was taken with what was put; returns the acknowledged puts that are left over.
    fn match_value(&mut self, value: ValueNumber, one: &OneValue) -> Vec<Enqueue> {
        let enqueues = one.enqueues.iter().map(|position| self.queue.enqueues[*position]);
        let mut coming: VecDeque<Enqueue> = enqueues.filter(|enqueue| enqueue.end != End::Fail).collect();
        let was_put = !coming.is_empty();
        let was_refused = !was_put && !one.enqueues.is_empty();
        let mut acknowledged: VecDeque<Enqueue> = VecDeque::new();
        let mut unknown: VecDeque<Enqueue> = VecDeque::new();
        let mut unmatched = Vec::new();
        for taking in one.takings.iter().map(|position| self.queue.takings[*position]) {
            while let Some(enqueue) = coming.pop_front_if(|enqueue| enqueue.invoked < taking.completed) {
                if enqueue.end == End::Ok { &mut acknowledged } else { &mut unknown }.push_back(enqueue);
            }
            match acknowledged.pop_front().or_else(|| unknown.pop_front()) {
                Some(_) => self.judgement.account.delivered += 1,
                None => unmatched.push(taking),
            }
        }
        for taking in unmatched {
            // Puts that only came later: the acknowledged ones first, so that they do not also count as missing.
            let later = coming.iter().position(|enqueue| enqueue.end == End::Ok).unwrap_or(0);
            let (kind, what) = if coming.remove(later).is_some() {
                self.judgement.account.delivered += 1;
                (FindingKind::Phantom, "was delivered before it was put")
            } else if was_put {
                self.judgement.account.duplicated += 1;
                (FindingKind::Duplicated, "was delivered more often than it was put")
            } else if was_refused {
                (FindingKind::Phantom, "was delivered although its put was refused")
            } else {
                (FindingKind::Phantom, "was delivered although it was never put")
            };
            let message = format!("message {}{} {what}", self.history.values[value], self.on_queue());
            self.find(kind, taking.completed, message, &[value]);
        }
        acknowledged.extend(coming.into_iter().filter(|enqueue| enqueue.end == End::Ok));
        acknowledged.into()
    }

    /// Acknowledged messages that nobody is known to have taken.
    fn explain_missing(&mut self, missing: Vec<Enqueue>) {
        let mut not_drained = 0_u64;
        let mut proven: Vec<(At, Enqueue)> = Vec::new();
        // The earliest completion of a drain among those invoked after a line.
        let mut drains = self.queue.drains.clone();
        drains.sort_by_key(|drain| drain.invoked);
        for position in (1..drains.len()).rev() {
            drains[position - 1].completed = drains[position - 1].completed.min(drains[position].completed);
        }
        for enqueue in missing {
            let acknowledged = enqueue.completed.expect("an acknowledged enqueue has completed");
            match drains.get(drains.partition_point(|drain| drain.invoked < acknowledged)) {
                Some(drain) => proven.push((drain.completed, enqueue)),
                None => not_drained += 1,
            }
        }
        proven.sort_by_key(|(drained, enqueue)| (*drained, enqueue.invoked));
        let mut taken_by_drain = 0_u64;
        let mut taken_by_dequeue: Vec<(At, Enqueue)> = Vec::new();
        let first_unknown_drain = self.queue.unknown_drains.first().copied();
        let mut dequeues = self.queue.unknown_dequeues.iter().peekable();
        for (drained, enqueue) in proven {
            if first_unknown_drain.is_some_and(|invoked| invoked < drained) {
                taken_by_drain += 1;
            } else if dequeues.next_if(|invoked| **invoked < drained).is_some() {
                taken_by_dequeue.push((drained, enqueue));
            } else {
                self.judgement.account.lost += 1;
                let value = &self.history.values[enqueue.value];
                let message = format!(
                    "message {value}{} was acknowledged in line {} and never delivered; the drain that completed in line \
                     {drained} did not return it",
                    self.on_queue(),
                    enqueue.completed.expect("it is acknowledged")
                );
                self.find(FindingKind::Lost, drained, message, &[enqueue.value]);
            }
        }
        let on_queue = self.on_queue();
        let mut reason = |count: u64, why: &str| {
            if count > 0 {
                let messages = if count == 1 { "message" } else { "messages" };
                let text = format!("{count} acknowledged {messages}{on_queue} missing: {why}");
                self.judgement.unknown_reasons.push(text);
            }
        };
        reason(not_drained, "no drain that began after the acknowledgement has completed");
        reason(taken_by_drain, "a drain of unknown outcome may have taken them");
        if let Some((drained, example)) = taken_by_dequeue.first() {
            let count = taken_by_dequeue.len() as u64;
            self.judgement.account.permitted += count;
            self.judgement.permitted.push(PermittedGroup {
                kind: FindingKind::Lost,
                rule: format!("a dequeue of unknown outcome{on_queue} may have taken one message"),
                event: "dequeue of unknown outcome".to_owned(),
                cause: "dequeue of unknown outcome".to_owned(),
                parts: Vec::new(),
                count,
                longest_ns: None,
                example: self.story(&[example.value], *drained),
            });
        }
    }

    /// Order of each producer's messages. Values that were put or taken several times cannot be told apart, and are left
    /// out.
    fn order(&mut self) {
        let mut sequences: BTreeMap<usize, Vec<(Enqueue, Taking)>> = BTreeMap::new();
        for one in self.values.values() {
            if let ([enqueue], [taking]) = (one.enqueues.as_slice(), one.takings.as_slice()) {
                let (enqueue, taking) = (self.queue.enqueues[*enqueue], self.queue.takings[*taking]);
                if enqueue.end != End::Fail {
                    sequences.entry(enqueue.process).or_default().push((enqueue, taking));
                }
            }
        }
        for mut sequence in sequences.into_values() {
            sequence.sort_by_key(|(enqueue, _)| enqueue.invoked);
            let since = |enqueue: &Enqueue| enqueue.completed.filter(|_| enqueue.end == End::Ok);
            let taken = |(enqueue, taking): &(Enqueue, Taking)| Taken {
                there_since: since(enqueue),
                asked: taking.invoked,
                taken: taking.completed,
            };
            let mut pairs = inversions(&sequence.iter().map(taken).collect::<Vec<_>>());
            pairs.extend(inversions_within_drains(&sequence, since));
            pairs.sort_unstable();
            pairs.dedup_by_key(|(earlier, _)| *earlier);
            for (earlier, later) in pairs {
                let ((one, taking), (other, _)) = (sequence[earlier], sequence[later]);
                let message = format!(
                    "message {}{} was delivered after message {}, which process {} put later",
                    self.history.values[one.value],
                    self.on_queue(),
                    self.history.values[other.value],
                    self.history.processes[one.process]
                );
                self.find(FindingKind::OutOfOrder, taking.completed, message, &[one.value, other.value]);
            }
        }
    }

    fn on_queue(&self) -> String {
        self.name.map_or(String::new(), |name| format!(" on {name}"))
    }

    fn find(&mut self, kind: FindingKind, at: At, message: String, values: &[ValueNumber]) {
        let told = self.told.entry(kind).or_default();
        *told += 1;
        let detail = if *told <= STORIES {
            self.story(values, at)
        } else {
            format!("one of more than {STORIES} of this kind; the first {STORIES} have their stories told")
        };
        let at_ns = self.at_ms(at).saturating_mul(1_000_000);
        self.judgement.findings.push(Finding { kind, message, at_ns, detail, queue: self.name.map(str::to_owned) });
    }

    /// The time of a line, or of the last line before it that has one.
    fn at_ms(&self, at: At) -> u64 {
        self.history.times_ms.range(..=at).next_back().map_or(0, |(_, time_ms)| *time_ms)
    }

    fn story(&self, values: &[ValueNumber], until: At) -> String {
        let mut lines: BTreeSet<(At, String)> = BTreeSet::new();
        let process = |process: usize| format!("process {}", self.history.processes[process]);
        for one in values.iter().filter_map(|value| self.values.get(value)) {
            for position in one.enqueues.iter().take(LINES) {
                let enqueue = self.queue.enqueues[*position];
                let (who, value) = (process(enqueue.process), &self.history.values[enqueue.value]);
                lines.insert((enqueue.invoked, format!("{who}  enqueue of {value} invoked")));
                let end = match enqueue.end {
                    End::Ok => "ok",
                    End::Fail => "failed",
                    End::Unknown => "of unknown outcome",
                };
                match enqueue.completed {
                    Some(at) => lines.insert((at, format!("{who}  enqueue of {value} {end}"))),
                    None => {
                        lines.insert((self.history.last_line, format!("{who}  enqueue of {value} never completed")))
                    }
                };
            }
            for position in one.takings.iter().take(LINES) {
                let taking = self.queue.takings[*position];
                let (who, value) = (process(taking.process), &self.history.values[taking.value]);
                let how = match taking.by {
                    Function::Drain => format!("drain returns {value}, at place {}", taking.place + 1),
                    Function::Dequeue | Function::Enqueue => format!("dequeue returns {value}"),
                };
                lines.insert((taking.completed, format!("{who}  {how} (invoked in line {})", taking.invoked)));
            }
        }
        for drain in &self.queue.drains {
            if drain.completed == until {
                lines.insert((drain.invoked, "drain invoked".to_owned()));
                lines.insert((drain.completed, "drain ok".to_owned()));
            }
        }
        let mut text = String::new();
        for (at, what) in lines {
            let when = match self.history.times_ms.get(&at) {
                Some(time_ms) => seconds(time_ms.saturating_mul(1_000_000)),
                None => "-".to_owned(),
            };
            let _ = writeln!(text, "{when:>14}  line {at}  {what}");
        }
        text.truncate(text.trim_end().len());
        text
    }
}

/// What one drain returned stands in the order of the queue.
fn inversions_within_drains(
    sequence: &[(Enqueue, Taking)],
    since: impl Fn(&Enqueue) -> Option<At>,
) -> Vec<(usize, usize)> {
    let mut drained: BTreeMap<At, Vec<usize>> = BTreeMap::new();
    for (position, (_, taking)) in sequence.iter().enumerate() {
        if taking.by == Function::Drain {
            drained.entry(taking.completed).or_default().push(position);
        }
    }
    let mut pairs = Vec::new();
    for positions in drained.values() {
        // Of those put later: the one that the drain returned first.
        let mut first: Option<usize> = None;
        for position in positions.iter().rev() {
            let (enqueue, taking) = &sequence[*position];
            if let Some(later) = first
                && sequence[later].1.place < taking.place
                && since(enqueue).is_some_and(|since| since < taking.invoked)
            {
                pairs.push((*position, later));
            }
            if first.is_none_or(|first| taking.place < sequence[first].1.place) {
                first = Some(*position);
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests;
