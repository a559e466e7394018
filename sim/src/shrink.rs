//! Making a failing seed smaller.

use crate::plan::Plan;

/// The most plans that are tried.
const TRIES: usize = 400;

/// Leaves acts out of a plan as long as it fails in the same way: first half of them at a time, then
/// fewer and fewer. Gives the numbers of those that are needed.
pub(crate) fn shrink(plan: &Plan, fails: impl Fn(&Plan) -> bool) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..plan.acts.len()).collect();
    let mut size = kept.len().div_ceil(2);
    let mut tries = 0;
    while size > 0 && tries < TRIES {
        let mut at = 0;
        let mut smaller = false;
        while at < kept.len() && tries < TRIES {
            let mut fewer = kept.clone();
            fewer.drain(at..(at + size).min(fewer.len()));
            tries += 1;
            if fails(&only(plan, &fewer)) {
                kept = fewer;
                smaller = true;
            } else {
                at += size;
            }
        }
        if size == 1 && !smaller {
            break;
        }
        size = if size == 1 { 1 } else { size / 2 };
    }
    kept
}

/// The plan with these acts only.
pub(crate) fn only(plan: &Plan, acts: &[usize]) -> Plan {
    Plan {
        acts: acts.iter().filter_map(|act| plan.acts.get(*act)).cloned().collect(),
        ..plan.clone()
    }
}
