//! A queue history: what its lines mean together.
//!
//! A process is single-threaded: it invokes, and then completes what it invoked. What never completes is unknown.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::jsonl::{Function, HistoryError, Line, Phase};

/// A position in the history: line number. Lines are in the order of time.
pub(crate) type At = u64;

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Ok,
    Fail,
    Unknown,
}

/// A process, by position in [`QueueHistory::processes`].
pub(crate) type ProcessNumber = usize;

/// A message: what was put or taken, by position in [`QueueHistory::values`].
pub(crate) type ValueNumber = usize;

/// One put of a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Enqueue {
    pub(crate) process: ProcessNumber,
    pub(crate) value: ValueNumber,
    pub(crate) invoked: At,
    /// `None` if it never completed.
    pub(crate) completed: Option<At>,
    pub(crate) end: End,
}

/// One message that was taken, by a dequeue or a drain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taking {
    pub(crate) process: ProcessNumber,
    pub(crate) value: ValueNumber,
    pub(crate) invoked: At,
    pub(crate) completed: At,
    /// Its place in what a drain returned.
    pub(crate) place: usize,
    pub(crate) by: Function,
}

/// A drain that completed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drain {
    pub(crate) invoked: At,
    pub(crate) completed: At,
}

/// What happened on one queue, each list in the order of the history (of invocations or completions, as it is named).
#[derive(Clone, Debug, Default)]
pub(crate) struct QueueOperations {
    /// By invocation.
    pub(crate) enqueues: Vec<Enqueue>,
    /// By completion.
    pub(crate) takings: Vec<Taking>,
    /// By completion.
    pub(crate) drains: Vec<Drain>,
    /// Invocations of dequeues of unknown outcome.
    pub(crate) unknown_dequeues: Vec<At>,
    /// Invocations of drains of unknown outcome.
    pub(crate) unknown_drains: Vec<At>,
}

/// A whole history.
#[derive(Clone, Debug, Default)]
pub(crate) struct QueueHistory {
    /// By name; `None` is the queue of lines that name none.
    pub(crate) queues: BTreeMap<Option<String>, QueueOperations>,
    /// As JSON text.
    pub(crate) processes: Vec<String>,
    /// As JSON text.
    pub(crate) values: Vec<String>,
    /// `time_ms` by line number, as far as given.
    pub(crate) times_ms: BTreeMap<At, u64>,
    pub(crate) last_line: At,
    process_numbers: BTreeMap<String, ProcessNumber>,
    value_numbers: BTreeMap<String, ValueNumber>,
    pending: BTreeMap<ProcessNumber, Line>,
}

fn number_of(numbers: &mut BTreeMap<String, usize>, texts: &mut Vec<String>, text: String) -> usize {
    if let Some(number) = numbers.get(&text) {
        return *number;
    }
    texts.push(text.clone());
    numbers.insert(text, texts.len() - 1);
    texts.len() - 1
}

impl QueueHistory {
    /// Takes the next line.
    pub(crate) fn line(&mut self, line: Line) -> Result<(), HistoryError> {
        self.last_line = line.number;
        if let Some(time_ms) = line.time_ms {
            self.times_ms.insert(line.number, time_ms);
        }
        let process = number_of(&mut self.process_numbers, &mut self.processes, line.process.clone());
        if line.phase != Phase::Invoke {
            let Some(invoked) = self.pending.remove(&process) else {
                return Err(line.error(format!(
                    "process {} completes a {} that it has not invoked",
                    line.process,
                    line.function.name()
                )));
            };
            return self.completion(process, invoked, &line);
        }
        if let Some(pending) = self.pending.get(&process) {
            return Err(line.error(format!(
                "process {} invokes a {} while its {} of line {} has not completed",
                line.process,
                line.function.name(),
                pending.function.name(),
                pending.number
            )));
        }
        if line.function == Function::Enqueue && matches!(line.value, None | Some(Value::Null)) {
            return Err(line.error("an `enqueue` needs a `value` other than null, which means that nothing was there"));
        }
        self.pending.insert(process, line);
        Ok(())
    }

    /// No line is left: what is pending is unknown.
    pub(crate) fn end(&mut self) {
        for (process, invoked) in std::mem::take(&mut self.pending) {
            self.unknown(process, &invoked, None);
        }
        for queue in self.queues.values_mut() {
            queue.enqueues.sort_by_key(|enqueue| enqueue.invoked);
            queue.unknown_dequeues.sort_unstable();
            queue.unknown_drains.sort_unstable();
        }
    }

    fn completion(&mut self, process: ProcessNumber, invoked: Line, line: &Line) -> Result<(), HistoryError> {
        if line.function != invoked.function {
            return Err(line.error(format!(
                "process {} completes a {}, but invoked a {} in line {}",
                line.process,
                line.function.name(),
                invoked.function.name(),
                invoked.number
            )));
        }
        if line.queue.is_some() && line.queue != invoked.queue {
            let named =
                |queue: &Option<String>| queue.as_ref().map_or("no queue".to_owned(), |name| format!("{name:?}"));
            return Err(line.error(format!(
                "the completion names {}, its invocation in line {} {}",
                named(&line.queue),
                invoked.number,
                named(&invoked.queue)
            )));
        }
        if invoked.function == Function::Enqueue {
            check_enqueued_value(&invoked, line)?;
        }
        match (line.phase, line.function) {
            (Phase::Invoke, _) => unreachable!("an invocation is not a completion"),
            (Phase::Info, _) => self.unknown(process, &invoked, Some(line.number)),
            (Phase::Ok, Function::Enqueue) => self.enqueued(process, &invoked, Some(line.number), End::Ok),
            (Phase::Fail, Function::Enqueue) => self.enqueued(process, &invoked, Some(line.number), End::Fail),
            (Phase::Fail, Function::Dequeue | Function::Drain) => {
                self.queue(&invoked);
            }
            (Phase::Ok, Function::Dequeue) => match &line.value {
                None | Some(Value::Null) => {
                    self.queue(&invoked);
                }
                Some(value) => self.taken(process, &invoked, line, 0, value),
            },
            (Phase::Ok, Function::Drain) => {
                let Some(Value::Array(values)) = &line.value else {
                    return Err(line.error("a completed `drain` needs a `value`: the list of what it returned"));
                };
                if values.contains(&Value::Null) {
                    return Err(line.error("a `drain` returns a list of messages, and null is none"));
                }
                for (place, value) in values.iter().enumerate() {
                    self.taken(process, &invoked, line, place, value);
                }
                let drain = Drain { invoked: invoked.number, completed: line.number };
                self.queue(&invoked).drains.push(drain);
            }
        }
        Ok(())
    }

    fn queue(&mut self, invoked: &Line) -> &mut QueueOperations {
        // Not `entry`: it would copy the name each time.
        if !self.queues.contains_key(&invoked.queue) {
            self.queues.insert(invoked.queue.clone(), QueueOperations::default());
        }
        self.queues.get_mut(&invoked.queue).expect("it is there now")
    }

    fn value(&mut self, value: &Value) -> ValueNumber {
        number_of(&mut self.value_numbers, &mut self.values, value.to_string())
    }

    fn enqueued(&mut self, process: ProcessNumber, invoked: &Line, completed: Option<At>, end: End) {
        let value = self.value(invoked.value.as_ref().expect("an enqueue without a value was refused"));
        let enqueue = Enqueue { process, value, invoked: invoked.number, completed, end };
        self.queue(invoked).enqueues.push(enqueue);
    }

    fn taken(&mut self, process: ProcessNumber, invoked: &Line, line: &Line, place: usize, value: &Value) {
        let value = self.value(value);
        let by = invoked.function;
        let taking = Taking { process, value, invoked: invoked.number, completed: line.number, place, by };
        self.queue(invoked).takings.push(taking);
    }

    fn unknown(&mut self, process: ProcessNumber, invoked: &Line, completed: Option<At>) {
        match invoked.function {
            Function::Enqueue => self.enqueued(process, invoked, completed, End::Unknown),
            Function::Dequeue => self.queue(invoked).unknown_dequeues.push(invoked.number),
            Function::Drain => self.queue(invoked).unknown_drains.push(invoked.number),
        }
    }
}

/// What was put is told by the invocation; a completion that names something else is of another operation.
fn check_enqueued_value(invoked: &Line, line: &Line) -> Result<(), HistoryError> {
    let text = |value: &Option<Value>| value.as_ref().map_or("none".to_owned(), Value::to_string);
    let may_be_silent = line.phase != Phase::Ok && matches!(line.value, None | Some(Value::Null));
    if line.value == invoked.value || may_be_silent {
        return Ok(());
    }
    Err(line.error(format!(
        "the enqueue invoked in line {} has the value {}, its completion names {}",
        invoked.number,
        text(&invoked.value),
        text(&line.value)
    )))
}
