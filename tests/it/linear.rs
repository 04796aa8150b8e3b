//! Were the answers of a concurrent run possible at all? A linearizability checker for the history of one position.
//!
//! After Wing & Gong, with the memoisation of Lowe: an operation takes effect at one instant between its invocation
//! and its response. The search puts one operation after another into that order, each time one of those that
//! were invoked before the earliest response still missing, and remembers (what is placed, state) so that no
//! situation is looked at twice. Of operations that do and say the same, only the one that responded first is tried:
//! swapping two such operations in a legal order leaves it legal.
//!
//! Linearizability is local: the histories of several positions may be checked one by one, as long as each
//! operation concerns one position.

use std::collections::{HashMap, HashSet};

/// What was asked of the position, with the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// Held.
    Reserved { quantity: i64 },
    /// Refused for lack of stock, naming what was available.
    Refused { quantity: i64, available: i64 },
    /// Let go; the caller holds it, so it can't be refused.
    Released { quantity: i64 },
    /// Shipped out of a hold of the caller.
    Fulfilled { quantity: i64 },
    /// Fulfilment refused: too little there.
    NotFulfilled { quantity: i64 },
    /// Came in.
    Received { quantity: i64 },
    /// Went out without a hold: a fact.
    Sold { quantity: i64 },
    /// Was asked for.
    Read { physical: i64, reserved: i64 },
}

/// One operation. Times are any numbers that grow with real time; several may be equal.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    pub call: Call,
    pub invoked: u64,
    /// None where no answer came: it took effect at some time after its invocation, or never.
    pub responded: Option<u64>,
}

/// What a position is to this checker (nothing unsellable, no deadlines).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct State {
    pub physical: i64,
    pub reserved: i64,
}

/// What the search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// An order in which every answer is right: indices of operations.
    Linearizable(Vec<usize>),
    /// There is none; the longest order that was right so far and what could not follow it.
    Illegal { longest: Vec<usize>, stuck: Vec<usize>, state: State },
    /// The bound was reached first.
    Undecided { states: usize },
}

impl State {
    /// The state after the call, where its answer is right in this state.
    fn after(self, call: Call) -> Option<State> {
        let available = self.physical - self.reserved;
        let State { physical, reserved } = self;
        match call {
            Call::Reserved { quantity } if quantity <= available => {
                Some(State { reserved: reserved + quantity, ..self })
            }
            Call::Refused { quantity, available: said } if quantity > available && said == available => Some(self),
            Call::Released { quantity } if quantity <= reserved => {
                Some(State { reserved: reserved - quantity, ..self })
            }
            Call::Fulfilled { quantity } if quantity <= reserved && quantity <= physical => {
                Some(State { physical: physical - quantity, reserved: reserved - quantity })
            }
            Call::NotFulfilled { quantity } if quantity > physical => Some(self),
            Call::Received { quantity } => Some(State { physical: physical + quantity, ..self }),
            Call::Sold { quantity } => Some(State { physical: physical - quantity, ..self }),
            Call::Read { physical: p, reserved: r } if (p, r) == (physical, reserved) => Some(self),
            _ => None,
        }
    }
}

/// Which operations are placed: all before `from`, and these beyond it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
struct Placed {
    from: usize,
    beyond: Vec<usize>,
}

impl Placed {
    fn has(&self, at: usize) -> bool {
        at < self.from || self.beyond.binary_search(&at).is_ok()
    }

    fn with(&self, at: usize) -> Placed {
        let mut next = self.clone();
        if let Err(place) = next.beyond.binary_search(&at) {
            next.beyond.insert(place, at);
        }
        let run = next.beyond.iter().enumerate().take_while(|(n, at)| **at == next.from + n).count();
        next.beyond.drain(..run);
        next.from += run;
        next
    }
}

/// A step of the search: where it stands and what it can still try there.
struct Step {
    placed: Placed,
    state: State,
    candidates: Vec<usize>,
}

struct Search {
    /// Operations by time of invocation.
    operations: Vec<Operation>,
    /// The caller's index of each.
    names: Vec<usize>,
}

impl Search {
    /// Operations that may be next, those with the earliest response first: one of each kind.
    fn candidates(&self, placed: &Placed) -> Vec<usize> {
        let left = || (placed.from..self.operations.len()).filter(|at| !placed.has(*at));
        let deadline = left().filter_map(|at| self.operations[at].responded).min();
        let mut first: HashMap<(Call, bool), usize> = HashMap::new();
        for at in left() {
            let operation = &self.operations[at];
            // An operation invoked after another one has responded can't go before it.
            if deadline.is_some_and(|deadline| operation.invoked > deadline) {
                break;
            }
            let best = first.entry((operation.call, operation.responded.is_none())).or_insert(at);
            if operation.responded < self.operations[*best].responded {
                *best = at;
            }
        }
        let mut candidates: Vec<usize> = first.into_values().collect();
        // Tried from the end. What changes nothing goes first: it only has to fit while it fits.
        candidates.sort_by_key(|at| {
            let operation = &self.operations[*at];
            let changes =
                !matches!(operation.call, Call::Read { .. } | Call::Refused { .. } | Call::NotFulfilled { .. });
            std::cmp::Reverse((operation.responded.is_none(), changes, operation.responded, *at))
        });
        candidates
    }

    /// Nothing is left but what never got an answer and so may never have happened.
    fn is_done(&self, placed: &Placed) -> bool {
        let mut left = (placed.from..self.operations.len()).filter(|at| !placed.has(*at));
        left.all(|at| self.operations[at].responded.is_none())
    }
}

/// Looks for a legal order of the operations from this state, through at most `states_max` situations.
pub fn check(operations: &[Operation], initial: State, states_max: usize) -> Verdict {
    let mut names: Vec<usize> = (0..operations.len()).collect();
    names.sort_by_key(|at| operations[*at].invoked);
    let search = Search { operations: names.iter().map(|at| operations[*at]).collect(), names };
    let step = |placed: Placed, state| Step { candidates: search.candidates(&placed), placed, state };
    let mut seen: HashSet<(Placed, State)> = HashSet::new();
    let mut order: Vec<usize> = Vec::new();
    let mut longest: (Vec<usize>, Vec<usize>, State) = (Vec::new(), search.candidates(&Placed::default()), initial);
    let mut steps = vec![step(Placed::default(), initial)];
    let named = |order: &[usize]| order.iter().map(|at| search.names[*at]).collect::<Vec<usize>>();
    while let Some(current) = steps.last_mut() {
        if search.is_done(&current.placed) {
            return Verdict::Linearizable(named(&order));
        }
        let Some(at) = current.candidates.pop() else {
            steps.pop();
            order.pop();
            continue;
        };
        let Some(state) = current.state.after(search.operations[at].call) else {
            continue;
        };
        let placed = current.placed.with(at);
        if !seen.insert((placed.clone(), state)) {
            continue;
        }
        if seen.len() >= states_max {
            return Verdict::Undecided { states: seen.len() };
        }
        order.push(at);
        let next = step(placed, state);
        if order.len() > longest.0.len() {
            longest = (order.clone(), next.candidates.clone(), state);
        }
        steps.push(next);
    }
    let (longest, stuck, state) = longest;
    Verdict::Illegal { longest: named(&longest), stuck: named(&stuck), state }
}

#[cfg(test)]
mod tests {
    use super::Call::{Fulfilled, NotFulfilled, Read, Received, Refused, Released, Reserved, Sold};
    use super::*;

    const BOUND: usize = 200_000;

    fn at(invoked: u64, responded: u64, call: Call) -> Operation {
        Operation { call, invoked, responded: Some(responded) }
    }

    fn unanswered(invoked: u64, call: Call) -> Operation {
        Operation { call, invoked, responded: None }
    }

    fn legal(operations: &[Operation], physical: i64) {
        let initial = State { physical, reserved: 0 };
        let Verdict::Linearizable(order) = check(operations, initial, BOUND) else {
            panic!("{:?}", check(operations, initial, BOUND));
        };
        // The order is its own proof.
        let mut state = initial;
        let mut begun = 0;
        for at in &order {
            state = state.after(operations[*at].call).expect("the answer is right");
            begun = begun.max(operations[*at].invoked);
            assert!(operations[*at].responded.is_none_or(|responded| responded >= begun), "{order:?}");
        }
        let answered = |at: &usize| operations[*at].responded.is_some();
        assert!((0..operations.len()).filter(answered).all(|at| order.contains(&at)));
    }

    fn illegal(operations: &[Operation], physical: i64) {
        let verdict = check(operations, State { physical, reserved: 0 }, BOUND);
        assert!(matches!(verdict, Verdict::Illegal { .. }), "{verdict:?}");
    }

    #[test]
    fn a_history_one_by_one_is_checked_step_by_step() {
        let history = [
            at(0, 1, Received { quantity: 5 }),
            at(2, 3, Reserved { quantity: 3 }),
            at(4, 5, Refused { quantity: 3, available: 2 }),
            at(6, 7, Fulfilled { quantity: 1 }),
            at(8, 9, Read { physical: 4, reserved: 2 }),
            at(10, 11, Released { quantity: 2 }),
            at(12, 13, Sold { quantity: 5 }),
            at(14, 15, Read { physical: -1, reserved: 0 }),
            at(16, 17, NotFulfilled { quantity: 1 }),
        ];
        legal(&history, 0);
        for broken in 0..history.len() {
            let mut changed = history;
            changed[broken].call = match changed[broken].call {
                Received { quantity } => Received { quantity: quantity + 1 },
                Reserved { quantity } => Reserved { quantity: quantity + 1 },
                Refused { quantity, available } => Refused { quantity, available: available + 1 },
                Fulfilled { quantity } => Fulfilled { quantity: quantity + 1 },
                Released { quantity } => Released { quantity: quantity + 1 },
                Sold { quantity } => Sold { quantity: quantity + 1 },
                Read { physical, reserved } => Read { physical: physical + 1, reserved },
                NotFulfilled { .. } => NotFulfilled { quantity: -1 },
            };
            illegal(&changed, 0);
        }
    }

    #[test]
    fn operations_at_one_time_may_take_either_order() {
        let refused = Refused { quantity: 1, available: 0 };
        legal(&[at(0, 10, refused), at(0, 10, Reserved { quantity: 1 })], 1);
        legal(&[at(0, 10, refused), at(5, 6, Reserved { quantity: 1 })], 1);
        illegal(&[at(0, 4, refused), at(5, 6, Reserved { quantity: 1 })], 1);
    }

    #[test]
    fn the_last_unit_sold_twice_is_seen() {
        illegal(&[at(0, 10, Reserved { quantity: 1 }), at(0, 10, Reserved { quantity: 1 })], 1);
        legal(&[at(0, 10, Reserved { quantity: 1 }), at(0, 10, Reserved { quantity: 1 })], 2);
    }

    #[test]
    fn a_read_of_the_past_is_seen() {
        let stale = [at(0, 1, Reserved { quantity: 1 }), at(2, 3, Read { physical: 5, reserved: 0 })];
        illegal(&stale, 5);
        let overlapping = [at(0, 2, Reserved { quantity: 1 }), at(1, 3, Read { physical: 5, reserved: 0 })];
        legal(&overlapping, 5);
    }

    #[test]
    fn reads_that_go_back_in_time_are_seen() {
        let reserve = at(0, 100, Reserved { quantity: 1 });
        let new = Read { physical: 5, reserved: 1 };
        let old = Read { physical: 5, reserved: 0 };
        legal(&[reserve, at(1, 2, old), at(3, 4, new)], 5);
        illegal(&[reserve, at(1, 2, new), at(3, 4, old)], 5);
    }

    #[test]
    fn a_torn_read_is_seen() {
        // Physical of after the fulfilment, reserved of before it.
        let history = [
            at(0, 1, Reserved { quantity: 2 }),
            at(2, 9, Fulfilled { quantity: 2 }),
            at(3, 8, Read { physical: 3, reserved: 2 }),
        ];
        illegal(&history, 5);
    }

    #[test]
    fn an_answer_that_never_came_may_have_happened_or_not() {
        let lost = unanswered(0, Reserved { quantity: 1 });
        legal(&[lost, at(5, 6, Read { physical: 1, reserved: 0 })], 1);
        legal(&[lost, at(5, 6, Read { physical: 1, reserved: 1 })], 1);
        legal(&[lost, at(5, 6, Read { physical: 1, reserved: 0 }), at(7, 8, Read { physical: 1, reserved: 1 })], 1);
        illegal(&[lost, at(5, 6, Read { physical: 1, reserved: 1 }), at(7, 8, Read { physical: 1, reserved: 0 })], 1);
        // Not before it was asked.
        illegal(&[unanswered(5, Reserved { quantity: 1 }), at(0, 1, Read { physical: 1, reserved: 1 })], 1);
    }

    #[test]
    fn a_lost_acknowledged_write_is_seen() {
        let history = [
            at(0, 1, Received { quantity: 5 }),
            at(0, 2, Reserved { quantity: 2 }),
            at(3, 4, Read { physical: 5, reserved: 0 }),
        ];
        illegal(&history, 0);
    }

    #[test]
    fn a_refusal_that_rests_on_what_never_was_is_seen() {
        // The group that held the unit was dropped, yet somebody was refused because of it.
        illegal(&[at(0, 5, Refused { quantity: 1, available: 0 }), at(6, 7, Read { physical: 1, reserved: 0 })], 1);
    }

    #[test]
    fn a_thousand_at_once_are_decided_quickly() {
        let race = |granted: usize| {
            let mut history: Vec<Operation> = Vec::new();
            for caller in 0..1_000 {
                let call = match caller % (1_000 / granted) {
                    0 => Reserved { quantity: 1 },
                    _ => Refused { quantity: 1, available: 0 },
                };
                history.push(at(caller as u64, 2_000 + (caller as u64 * 7) % 100, call));
            }
            history
        };
        legal(&race(5), 5);
        illegal(&race(10), 5);
        illegal(&race(4), 5);
    }

    #[test]
    fn the_search_is_bounded() {
        // Distinct quantities that all overlap and a read that no order explains.
        let mut history: Vec<Operation> = (0..40).map(|n| at(0, 100, Received { quantity: 1 << n })).collect();
        history.push(at(0, 100, Read { physical: -1, reserved: 0 }));
        assert!(matches!(check(&history, State::default(), 10_000), Verdict::Undecided { .. }));
    }

    /// A random run of callers against a state that takes each call at one instant, and the same run with one lie.
    #[test]
    fn random_runs_pass_and_runs_with_a_lie_fail_or_could_be_true() {
        let mut caught = 0;
        for seed in 0..200 {
            let mut random = Random(seed * 2 + 1);
            let history = honest_run(&mut random, 60, 8);
            legal(&history, 10);
            let mut lie = history.clone();
            let reads: Vec<usize> = (0..lie.len()).filter(|at| matches!(lie[*at].call, Read { .. })).collect();
            let Some(&at) = reads.get(random.below(reads.len().max(1) as u64) as usize) else {
                continue;
            };
            if let Read { physical, reserved } = lie[at].call {
                // A sum of quantities below 10 can't reach this.
                lie[at].call = Read { physical: physical + 10_000, reserved };
                illegal(&lie, 10);
                lie[at].call = Read { physical, reserved: reserved + 1 };
                let verdict = check(&lie, State { physical: 10, reserved: 0 }, BOUND);
                caught += usize::from(matches!(verdict, Verdict::Illegal { .. }));
            }
        }
        assert!(caught > 100, "{caught} of 200 small lies caught");
    }

    /// xorshift64: the same run for the same seed.
    struct Random(u64);

    impl Random {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % limit
        }
    }

    fn honest_run(random: &mut Random, calls: usize, callers: u64) -> Vec<Operation> {
        let mut state = State { physical: 10, reserved: 0 };
        let mut history = Vec::new();
        // Each caller waits for its answer before it asks again.
        let mut free_at = vec![0u64; callers as usize];
        let mut instant = 0;
        for _ in 0..calls {
            let caller = random.below(callers) as usize;
            instant = instant.max(free_at[caller]) + 1 + random.below(3);
            let quantity = 1 + random.below(4) as i64;
            let available = state.physical - state.reserved;
            let call = match random.below(6) {
                0 => Received { quantity },
                1 | 2 if quantity <= available => Reserved { quantity },
                1 | 2 => Refused { quantity, available },
                3 if quantity <= state.reserved => Released { quantity },
                4 if quantity <= state.reserved && quantity <= state.physical => Fulfilled { quantity },
                _ => Read { physical: state.physical, reserved: state.reserved },
            };
            state = state.after(call).expect("the run is honest");
            let invoked = (instant - 1 - random.below(instant.min(20))).max(free_at[caller]);
            let responded = instant + random.below(20);
            free_at[caller] = responded + 1;
            history.push(at(invoked, responded, call));
        }
        history
    }
}
