//! From the tree of a text to the model: every field known, every value sensible, every name resolved.
//!
//! A decoder returns nothing only after it has reported why; its caller goes on with a default, so that one mistake does
//! not hide the next.

mod administration;
mod bus;
mod calls;
mod cell;
mod context;
mod expectations;
mod faults;
mod fields;
mod groups;
mod moments;
mod names;
mod quality;
mod queue_managers;
mod roles;
mod stores;
mod topology;
mod values;
mod workload;

use std::path::Path;

use super::check;
use super::diagnostics::Problems;
use super::model::Scenario;
use super::syntax::ast::Node;
use context::Context;
use fields::Fields;

pub(super) use context::likely;
pub(super) use faults::Placed;
pub(super) use names::field;

/// The whole scenario, or nothing after reporting why.
pub(super) fn scenario(path: &Path, source: &str, tree: &Node, problems: &mut Problems) -> Option<Scenario> {
    let names = names::gather(tree, problems);
    let mut context = Context { problems, names };
    let cx = &mut context;
    let mut fields = Fields::of(tree, "a scenario", cx)?;
    let about = fields.require("about", cx).and_then(|node| values::prose(node, cx));
    let documented = fields.or("documented", Vec::new(), cx, |node, cx| values::list(node, cx, values::prose));
    let recorded_node = fields.take("recorded");
    let recorded = recorded_node.map(|node| expectations::recorded(node, cx));
    let topology = fields.require("topology", cx).and_then(|node| topology::topology(node, cx));
    let topology = topology.unwrap_or_default();
    let workload = fields.require("workload", cx).and_then(|node| workload::workload(node, &topology, cx));
    let workload = workload.unwrap_or_default();
    let placed = fields.or("faults", Vec::new(), cx, |node, cx| faults::faults(node, source, &topology, cx));
    let expect = fields.or("expect", Default::default(), cx, expectations::expectations);
    let run = fields.or("run", expectations::RUN, cx, expectations::run);
    fields.finish(cx);
    let mut scenario = Scenario {
        name: path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default(),
        path: path.to_owned(),
        source: source.to_owned(),
        about: about.unwrap_or_default(),
        documented,
        topology,
        workload,
        faults: Vec::new(),
        expect,
        run,
        recorded: recorded.flatten(),
    };
    check::check(&scenario, &placed, tree, recorded_node.is_some(), cx.problems);
    scenario.faults = placed.into_iter().map(|placed| placed.fault).collect();
    Some(scenario)
}
