//! Who is in a view, given the answers.

use std::collections::{BTreeMap, BTreeSet};

use super::world::process;
use crate::ha_manager::frame::{View, ViewId};
use crate::ha_manager::membership::{Answer, Answers};
use crate::name::ProcessName;

fn set(names: &str) -> BTreeSet<ProcessName> {
    names.split_whitespace().map(process).collect()
}

fn view(names: &str) -> View {
    let members = set(names);
    let coordinator = members.first().expect("a view has members").clone();
    View { id: ViewId { number: 7, coordinator }, members }
}

/// What `own` makes of answers: who, of which view, connected to whom. Names are their ranks.
fn members(own: &str, of: &str, answers: &[(&str, &str, &str)], is_time: bool) -> String {
    let answer = |(who, current, connected): &(&str, &str, &str)| (process(who), (view(current), set(connected)));
    let answers: BTreeMap<ProcessName, Answer> = answers.iter().map(answer).collect();
    let (own, of) = (process(own), view(of));
    let given = Answers { own: &own, view: &of, answers: &answers };
    let by_rank: Vec<&ProcessName> = answers.keys().collect();
    let (members, without_place) = given.members(&by_rank, |_| is_time);
    let members: Vec<&str> = members.iter().map(ProcessName::as_str).collect();
    format!("{}, {} without place", members.join(" "), without_place.len())
}

#[test]
fn nobody_makes_way_for_a_newcomer_with_a_better_rank() {
    let answers = [("b", "b", "a b"), ("c", "a c", "a c")];
    assert_eq!(members("a", "a c", &answers, false), "a c, 1 without place");
}

#[test]
fn a_view_comes_along_as_a_whole_or_not_at_all_until_it_is_time() {
    let not_connected = [("c", "c d", "a b c d"), ("b", "a b", "a b c d")];
    assert_eq!(members("a", "a b", &not_connected, false), "a b, 1 without place");
    let partly = [("b", "a b", "a b c"), ("c", "c d", "a b c d"), ("d", "c d", "a c d")];
    assert_eq!(members("a", "a b", &partly, false), "a b, 1 without place");
    assert_eq!(members("a", "a b", &partly, true), "a b c, 1 without place");
    let wholly = [("b", "a b", "a b c d"), ("c", "c d", "a b c d"), ("d", "c d", "a b c d")];
    assert_eq!(members("a", "a b", &wholly, false), "a b c d, 0 without place");
}

#[test]
fn a_member_of_another_view_that_nobody_of_it_can_talk_to_any_more_does_not_hold_it_up() {
    let answers = [("b", "a b", "a b c"), ("c", "c d", "a b c")];
    assert_eq!(members("a", "a b", &answers, false), "a b c, 0 without place");
}

#[test]
fn a_new_life_is_a_newcomer_though_its_name_is_in_the_view() {
    let answers = [("b", "b", "a b"), ("c", "a b c", "a c")];
    assert_eq!(members("a", "a b c", &answers, false), "a c, 1 without place");
}
