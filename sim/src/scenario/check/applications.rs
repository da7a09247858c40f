//! What applications make impossible: units of work in doubt without a way back, situations that cannot come about.

use indoubt_engine::event::{Event, Reporter};
use indoubt_engine::step::Step;

use crate::scenario::decode::{Placed, field};
use crate::scenario::diagnostics::Problems;
use crate::scenario::model::{
    Application, Cell, ConnectTarget, Consumer, FaultAction, OperatorCommand, Producer, Role, Scenario, Server, Site,
    Syncpointing, When,
};
use crate::scenario::syntax::ast::{Node, Span, Value};

/// More processes than this are refused: most likely a slip of the keyboard.
const MOST_PROCESSES: u64 = 10_000;

/// More messages than this are refused, for the same reason.
const MOST_MESSAGES: u64 = 10_000_000;

/// `judge_faults` is false for a tape: it is what really happened.
pub(super) fn check(scenario: &Scenario, faults: &[Placed], judge_faults: bool, tree: &Node, problems: &mut Problems) {
    too_much(scenario, tree, problems);
    exclusive_input_from_shared_queue(scenario, tree, problems);
    for application in scenario.workload.iter().filter(|application| is_two_phase(application)) {
        way_back_through_group(scenario, application, tree, problems);
        for fault in faults.iter().filter(|_| judge_faults) {
            way_back_after_kill(scenario, application, fault, faults, problems);
        }
    }
    for application in &scenario.workload {
        commands_nobody_takes(application, tree, problems);
    }
    for (name, span) in named_situations(faults, tree) {
        if let Some(lacking) = impossible(scenario, &name) {
            problems.add(span, format!("{name} can never come about: {lacking}"), "impossible here", None);
        }
    }
    for fault in faults {
        wrong_process_for_step(scenario, fault, problems);
    }
}

/// More than a run can be expected to finish.
fn too_much(scenario: &Scenario, tree: &Node, problems: &mut Problems) {
    let span = field(tree, "workload").map_or(tree.span, |node| node.span);
    let (mut processes, mut messages) = (0_u64, 0_u64);
    for application in &scenario.workload {
        let own = u64::from(application.instances) * application.runs_on.len() as u64;
        let each = match &application.role {
            Role::Requester(requester) => u64::from(requester.count),
            Role::Producer(producer) => {
                u64::from(producer.count) * u64::from(producer.batch) * producer.queues.len() as u64
            }
            Role::Server(_) | Role::Consumer(_) | Role::Operator(_) => 0,
        };
        processes = processes.saturating_add(own);
        messages = messages.saturating_add(own.saturating_mul(each));
    }
    if processes > MOST_PROCESSES {
        problems.add(span, format!("these are {processes} applications; at most {MOST_PROCESSES}"), "too many", None);
    }
    if messages > MOST_MESSAGES {
        problems.add(span, format!("these put {messages} messages; at most {MOST_MESSAGES}"), "too many", None);
    }
}

/// Exclusive input from a shared queue holds within the whole group in the product; here a queue manager knows of its own
/// applications only, so two members would both grant it.
fn exclusive_input_from_shared_queue(scenario: &Scenario, tree: &Node, problems: &mut Problems) {
    let groups = &scenario.topology.sysplex.queue_sharing_groups;
    for application in &scenario.workload {
        let Role::Consumer(Consumer { queue, exclusive: true, .. }) = &application.role else { continue };
        if groups.iter().any(|group| group.queues.contains_key(queue)) {
            let message = format!("{queue} is a shared queue, and exclusive input within a group is not modelled yet");
            let help = "leave `exclusive` out; for one getter at a time give the application a conntag".to_owned();
            problems.add(place_of(tree, application, "exclusive"), message, "not modelled", Some(help));
        }
    }
}

fn is_two_phase(application: &Application) -> bool {
    match &application.role {
        Role::Server(Server { syncpoint, .. })
        | Role::Producer(Producer { syncpoint, .. })
        | Role::Consumer(Consumer { syncpoint, .. }) => *syncpoint == Syncpointing::TwoPhase,
        Role::Requester(_) | Role::Operator(_) => false,
    }
}

/// Where an application's field stands.
fn place_of(tree: &Node, application: &Application, name: &str) -> Span {
    let Some(Node { value: Value::List(all), .. }) = field(tree, "workload") else { return tree.span };
    let own = all.iter().find(
        |node| matches!(field(node, "name"), Some(Node { value: Value::Text(text), .. }) if *text == application.name),
    );
    own.map_or(tree.span, |node| field(node, name).unwrap_or(node).span)
}

/// An operator who is connected to somebody who does not take such commands: they would be typed for nothing.
fn commands_nobody_takes(application: &Application, tree: &Node, problems: &mut Problems) {
    let Role::Operator(actions) = &application.role else { return };
    let target = &application.connect.target;
    let is_taken = |command: &OperatorCommand| match command {
        OperatorCommand::Administer { .. } => *target == ConnectTarget::Administration,
        OperatorCommand::ResolveIndoubt { .. } => {
            !matches!(target, ConnectTarget::Administration | ConnectTarget::Bus(_))
        }
    };
    let Some(action) = actions.iter().find(|action| !is_taken(&action.command)) else { return };
    let (message, help) = match &action.command {
        OperatorCommand::Administer { .. } => {
            ("commands to servers and their engines are typed with wsadmin", "write connect: administration()")
        }
        OperatorCommand::ResolveIndoubt { .. } => {
            ("RESOLVE INDOUBT is a command to a queue manager", "connect to a queue manager: client(\"..\") or local()")
        }
    };
    problems.add(place_of(tree, application, "connect"), message, "not taken here", Some(help.into()));
}

/// A client that connects with the group's name comes back to any member; only group units of recovery let that member
/// resolve what another one has in doubt.
fn way_back_through_group(scenario: &Scenario, application: &Application, tree: &Node, problems: &mut Problems) {
    let ConnectTarget::Group(name) = &application.connect.target else { return };
    let group = scenario.topology.sysplex.queue_sharing_groups.iter().find(|group| group.name == *name);
    if group.is_some_and(|group| !group.group_unit_of_recovery) {
        let message = format!(
            "a TWO_PHASE application that connects to any member of {name} may come back to another one, which cannot resolve \
             its units of work in doubt"
        );
        let help = format!("give {name} groupur: ENABLED, or connect to one queue manager");
        problems.add(place_of(tree, application, "connect"), message, "no way back", Some(help));
    }
}

/// A coordinator that dies and never returns leaves its units of work in doubt for good.
fn way_back_after_kill(
    scenario: &Scenario,
    application: &Application,
    placed: &Placed,
    faults: &[Placed],
    problems: &mut Problems,
) {
    let processes = application.processes();
    let Some(process) = killed_for_good(&placed.fault.what, &processes) else { return };
    let started =
        faults.iter().any(|fault| matches!(&fault.fault.what, FaultAction::Start { process: name } if name == process));
    let by_hand = scenario.workload.iter().any(|application| matches!(&application.role, Role::Operator(_)));
    let expected = scenario.expect.allow.iter().any(|allowed| allowed.kind == "unresolved");
    if !started && !by_hand && !expected {
        let message = format!("{process} is TWO_PHASE and never comes back: what it leaves in doubt stays in doubt");
        let help = "give it restart_after, let an operator resolve, or allow `unresolved`";
        problems.add(placed.what, message, "no way back", Some(help.into()));
    }
}

/// Which of these processes a fault may kill without starting it again.
fn killed_for_good<'a>(action: &'a FaultAction, processes: &[(String, &Site)]) -> Option<&'a String> {
    match action {
        FaultAction::Kill { process, restart_after: None } => {
            processes.iter().any(|(name, _)| name == process).then_some(process)
        }
        FaultAction::OneOf(choices) => choices.iter().find_map(|(_, action)| killed_for_good(action, processes)),
        _ => None,
    }
}

/// Every event and step that the scenario waits for, with its place.
fn named_situations(faults: &[Placed], tree: &Node) -> Vec<(String, Span)> {
    let mut named = Vec::new();
    let reach = field(tree, "expect").and_then(|node| field(node, "reach"));
    if let Some(Node { value: Value::List(all), .. }) = reach {
        for node in all {
            if let Value::Text(name) = &node.value {
                named.push((name.clone(), node.span));
            }
        }
    }
    for placed in faults {
        match &placed.fault.when {
            When::Step { step, .. } => named.push((step.name().to_owned(), placed.when)),
            When::Event { event, .. } => named.push((event.clone(), placed.when)),
            _ => {}
        }
    }
    named
}

/// What a situation lacks, if it cannot come about in this scenario.
fn impossible(scenario: &Scenario, name: &str) -> Option<&'static str> {
    let two_phase = scenario.workload.iter().any(is_two_phase);
    let operator = scenario.workload.iter().any(|application| matches!(&application.role, Role::Operator(_)));
    let tagged = scenario.workload.iter().any(|application| application.connect.tag.is_some());
    let group = |wanted: &dyn Fn(&crate::scenario::model::QueueSharingGroup) -> bool| {
        scenario.topology.sysplex.queue_sharing_groups.iter().any(wanted)
    };
    let members = |group: &crate::scenario::model::QueueSharingGroup| {
        scenario
            .topology
            .sysplex
            .queue_managers
            .iter()
            .filter(|manager| manager.group.as_ref() == Some(&group.name))
            .count()
    };
    match name {
        "prepared" | "peer_left_in_doubt" | "restart_kept_in_doubt" | "in_doubt_resolved" | "coordinator.decided"
            if !two_phase =>
        {
            Some("no application has syncpoint: TWO_PHASE")
        }
        _ if name.starts_with("prepare.") && !two_phase => Some("no application has syncpoint: TWO_PHASE"),
        "group_resolved" if !two_phase => Some("no application has syncpoint: TWO_PHASE"),
        "group_resolved" if !group(&|group| group.group_unit_of_recovery) => Some("no group has groupur: ENABLED"),
        "resolved_by_command" | "resolve_refused" if !operator => Some("there is no operator to type RESOLVE INDOUBT"),
        "tag_refused" | "tag_taken_over" if !tagged => Some("no application has a conntag"),
        _ if name.starts_with("peer_") && !group(&|group| members(group) > 1) => {
            Some("there is no queue-sharing group with two members")
        }
        "restarted_in_place" | "restarted_across" | "restart_attempts_exhausted"
            if scenario.topology.sysplex.automatic_restart.is_empty() =>
        {
            Some("there is no ARM policy (arm)")
        }
        _ => without_reporter(scenario, name),
    }
}

/// What is missing, if nobody reports this event or passes this step.
fn without_reporter(scenario: &Scenario, name: &str) -> Option<&'static str> {
    let step = Step::ALL.iter().find(|step| step.name() == name);
    let topology = &scenario.topology;
    let cell = topology.cell.as_ref();
    match step.map(|step| step.reporter()).or_else(|| Event::reporter_of(name))? {
        Reporter::Sysplex => topology.sysplex.is_empty().then_some("there is no queue manager"),
        Reporter::CoreGroup | Reporter::MessagingEngine | Reporter::ApplicationServer => {
            cell.is_none().then_some("there is no cell")
        }
        Reporter::Database | Reporter::DataStore => {
            cell.is_none_or(|cell| cell.databases.is_empty()).then_some("there is no database")
        }
        Reporter::FileServer | Reporter::FileStore => {
            cell.is_none_or(|cell| cell.file_servers.is_empty()).then_some("there is no file server")
        }
        Reporter::MessageEndpoint => {
            let none = scenario.workload.iter().all(|application| !is_bean(application));
            none.then_some("there is no message-driven bean")
        }
        Reporter::Application => None,
    }
}

fn is_bean(application: &Application) -> bool {
    matches!(application.connect.target, ConnectTarget::ActivationSpecification(_))
}

/// Whose step it is: each protocol is spoken by processes of one kind, and only the coordinator's decision is an
/// application's.
fn wrong_process_for_step(scenario: &Scenario, placed: &Placed, problems: &mut Problems) {
    let When::Step { process: Some(process), step, .. } = &placed.fault.when else { return };
    let queue_managers = &scenario.topology.sysplex.queue_managers;
    let is_queue_manager = queue_managers.iter().any(|manager| manager.name.as_str() == process);
    let in_cell = |is: &dyn Fn(&Cell) -> bool| scenario.topology.cell.as_ref().is_some_and(is);
    let is_server = |cell: &Cell| cell.servers().any(|(server, _)| server.name == *process);
    let (who, is_one) = match step.reporter() {
        Reporter::Application => {
            let mut instances = scenario.workload.iter().flat_map(Application::processes);
            ("an application", instances.any(|(name, _)| name == *process))
        }
        Reporter::MessageEndpoint => {
            let beans = scenario.workload.iter().filter(|application| is_bean(application));
            let mut instances = beans.flat_map(Application::processes);
            ("a message-driven bean", instances.any(|(name, _)| name == *process))
        }
        Reporter::DataStore | Reporter::FileStore | Reporter::MessagingEngine | Reporter::ApplicationServer => {
            ("an application server", in_cell(&is_server))
        }
        Reporter::CoreGroup => {
            let is_agent = |cell: &Cell| cell.node_agents.iter().any(|agent| agent.name == *process);
            let is_manager = |cell: &Cell| cell.deployment_manager.iter().any(|manager| manager.name == *process);
            ("a member of a core group", in_cell(&|cell| is_server(cell) || is_agent(cell) || is_manager(cell)))
        }
        Reporter::Database => ("a database", in_cell(&|cell| cell.databases.iter().any(|one| one.name == *process))),
        Reporter::FileServer => {
            ("a file server", in_cell(&|cell| cell.file_servers.iter().any(|one| one.name == *process)))
        }
        Reporter::Sysplex => ("a queue manager", is_queue_manager),
    };
    if !is_one {
        let message = format!("{step} is a step of {who}, which {process} is not");
        problems.add(placed.when, message, "never passes this step", None);
    }
}
