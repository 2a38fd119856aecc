//! Shrinks a request with a difference from the reference implementation, as long as the difference remains.

use crate::{
    breaking,
    compare::{self, Request, Subjects},
    node::Reference,
};

/// The smallest request that was found, if any is smaller: parts of the text are removed, large ones first.
pub(crate) fn shrink(request: &Request, subjects: &Subjects, reference: &mut Reference) -> Option<Request> {
    let verdicts = |request: &Request, reference: &mut Reference| {
        let answer = reference.ask(vec![request.question(0)]).remove(0);
        let different = subjects.compare(request, &answer).is_err();
        different.then(|| (compare::stage(&subjects.check(request)), compare::stage(&compare::verdict(&answer))))
    };
    let wanted = verdicts(request, reference)?;
    let mut smallest = request.clone();
    let mut tokens = breaking::split(&request.query);
    let mut length = tokens.len() / 2;
    while length > 0 {
        let mut at = 0;
        while at + length <= tokens.len() {
            let mut fewer = tokens.clone();
            fewer.drain(at..at + length);
            let candidate = Request { query: fewer.concat(), ..smallest.clone() };
            if verdicts(&candidate, reference) == Some(wanted) {
                tokens = fewer;
                smallest = candidate;
            } else {
                at += 1;
            }
        }
        length /= 2;
    }
    (smallest.query.len() < request.query.len()).then_some(smallest)
}
