//! The permission matrix of the documentation and the function that decides say the same, for every role, grant, kind of
//! workspace and operation.

#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

mod matrix;

use std::collections::BTreeSet;

use proptest::prelude::*;
use tenantry_domain::permission::{Decision, Grant, Operation, Place, Role, decide};

#[test]
fn the_matrix_has_one_row_for_each_operation() {
    let named: Vec<Operation> = matrix::rows().into_iter().map(|row| row.operation).collect();
    let unique: BTreeSet<Operation> = named.iter().copied().collect();
    assert_eq!(unique.len(), named.len(), "an operation has two rows");
    assert_eq!(unique, Operation::ALL.iter().copied().collect());
}

#[test]
fn the_matrix_and_the_decision_agree() {
    let mut compared = 0;
    for row in matrix::rows() {
        assert_eq!(row.operation.subject(), row.subject, "{}", row.operation);
        for role in Role::ALL {
            for place in places() {
                let expected = row.decision(*role, place);
                let decided = decide(*role, row.operation, place);
                assert_eq!(decided, expected, "{role} {} at {place:?}: {}", row.operation, row.cell(*role));
                compared += 1;
            }
        }
    }
    assert_eq!(compared, Operation::ALL.len() * Role::ALL.len() * 8);
}

#[test]
fn every_mutation_stands_in_the_table_once() {
    let mutations = matrix::mutations();
    let unique: BTreeSet<&str> = mutations.iter().map(|(name, _)| name.as_str()).collect();
    assert!(!unique.is_empty());
    assert_eq!(unique.len(), mutations.len());
}

fn places() -> impl Iterator<Item = Place> {
    let grants = || [None].into_iter().chain(Grant::ALL.iter().copied().map(Some));
    [false, true].into_iter().flat_map(move |is_private| grants().map(move |grant| Place { is_private, grant }))
}

fn strength(decision: Decision) -> u8 {
    match decision {
        Decision::Hidden => 0,
        Decision::Forbidden => 1,
        Decision::Allowed => 2,
    }
}

proptest! {
    /// A grant adds to a role and never takes anything away.
    #[test]
    fn a_stronger_grant_never_allows_less(role in prop::sample::select(Role::ALL), operation in prop::sample::select(Operation::ALL),
        is_private: bool, weak in 0_usize..4, strong in 0_usize..4) {
        let grant = |n: usize| n.checked_sub(1).map(|n| Grant::ALL[n]);
        let at = |n| strength(decide(role, operation, Place { is_private, grant: grant(n) }));
        prop_assert!(at(weak.max(strong)) >= at(weak.min(strong)));
    }

    /// Making a workspace private never lets anybody do more in it.
    #[test]
    fn privacy_never_allows_more(role in prop::sample::select(Role::ALL), operation in prop::sample::select(Operation::ALL),
        grant in prop::option::of(prop::sample::select(Grant::ALL))) {
        let at = |is_private| strength(decide(role, operation, Place { is_private, grant }));
        prop_assert!(at(true) <= at(false));
    }

    /// A role that ranks higher may never do less.
    #[test]
    fn a_higher_role_never_may_less(a in prop::sample::select(Role::ALL), b in prop::sample::select(Role::ALL),
        operation in prop::sample::select(Operation::ALL), is_private: bool, grant in prop::option::of(prop::sample::select(Grant::ALL))) {
        let at = |role| decide(role, operation, Place { is_private, grant }) == Decision::Allowed;
        // A viewer only reads, so the guest whose grant lets it write tasks may do more there than a viewer.
        prop_assume!(operation != Operation::WriteTask || (a != Role::Viewer && b != Role::Viewer));
        prop_assert!(at(a.min(b)) || !at(a.max(b)));
    }
}
