//! Satisfiability of clauses over variables that are true or false: unit propagation, and from each conflict a clause that
//! keeps the search from running into it again (conflict-driven clause learning).
//!
//! Invariant: complete: it ends with an assignment that breaks no clause, or with the certainty that there is none, or
//! because the bound on conflicts was met. Variables that nobody decides count as false.

/// A variable or its negation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Literal(u32);

impl Literal {
    pub(super) fn is(variable: usize) -> Self {
        Self((variable as u32) << 1)
    }

    pub(super) fn is_not(variable: usize) -> Self {
        Self(((variable as u32) << 1) | 1)
    }

    pub(super) fn variable(self) -> usize {
        (self.0 >> 1) as usize
    }

    fn is_positive(self) -> bool {
        self.0 & 1 == 0
    }

    fn negated(self) -> Self {
        Self(self.0 ^ 1)
    }

    fn at(self) -> usize {
        self.0 as usize
    }
}

/// How the search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The assignment stands.
    Satisfied,
    /// There is none.
    Impossible,
    /// The bound was met.
    Unknown,
}

/// What is known of a variable.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    value: Option<bool>,
    level: usize,
    /// The clause that forced it.
    reason: Option<usize>,
}

/// The clauses and the present assignment.
#[derive(Debug, Default)]
pub(super) struct Clauses {
    listed: Vec<Vec<Literal>>,
    /// By literal: the clauses in which it is one of the first two.
    watchers: Vec<Vec<usize>>,
    states: Vec<State>,
    trail: Vec<Literal>,
    /// Length of the trail before each decision.
    decisions: Vec<usize>,
    propagated: usize,
    undone: usize,
    /// An empty clause was added, or units that contradict each other.
    contradicted: bool,
}

impl Clauses {
    pub(super) fn new(variables: usize) -> Self {
        Self { watchers: vec![Vec::new(); variables * 2], states: vec![State::default(); variables], ..Self::default() }
    }

    /// The value of a variable so far.
    pub(super) fn value(&self, variable: usize) -> Option<bool> {
        self.states.get(variable).and_then(|state| state.value)
    }

    /// What was decided and followed, in order.
    pub(super) fn trail(&self) -> &[Literal] {
        &self.trail
    }

    /// How often decisions were taken back.
    pub(super) fn undone(&self) -> usize {
        self.undone
    }

    fn holds(&self, literal: Literal) -> Option<bool> {
        self.value(literal.variable()).map(|value| value == literal.is_positive())
    }

    /// Adds a clause before the search.
    pub(super) fn add(&mut self, mut literals: Vec<Literal>) {
        literals.sort_unstable();
        literals.dedup();
        if literals.windows(2).any(|pair| pair[0] == pair[1].negated()) {
            return;
        }
        match literals.as_slice() {
            [] => self.contradicted = true,
            [only] => match self.holds(*only) {
                Some(true) => {}
                Some(false) => self.contradicted = true,
                None => self.assign(*only, None),
            },
            _ => self.watch(literals),
        }
    }

    fn watch(&mut self, literals: Vec<Literal>) {
        let number = self.listed.len();
        for literal in literals.iter().take(2) {
            self.watchers[literal.at()].push(number);
        }
        self.listed.push(literals);
    }

    fn assign(&mut self, literal: Literal, reason: Option<usize>) {
        let level = self.decisions.len();
        self.states[literal.variable()] = State { value: Some(literal.is_positive()), level, reason };
        self.trail.push(literal);
    }

    /// Searches; `decide` names the next literal to be tried, or nothing if all is decided that matters.
    pub(super) fn search(&mut self, most_conflicts: usize, mut decide: impl FnMut(&Self) -> Option<Literal>) -> Outcome {
        if self.contradicted {
            return Outcome::Impossible;
        }
        let mut conflicts = 0;
        loop {
            if let Some(conflict) = self.propagate() {
                if self.decisions.is_empty() {
                    return Outcome::Impossible;
                }
                conflicts += 1;
                if conflicts > most_conflicts {
                    return Outcome::Unknown;
                }
                self.learn(conflict);
                continue;
            }
            let Some(next) = decide(self) else { return Outcome::Satisfied };
            self.decisions.push(self.trail.len());
            self.assign(next, None);
        }
    }

    /// Follows what is forced; the clause that cannot hold, if there is one.
    fn propagate(&mut self) -> Option<usize> {
        while let Some(literal) = self.trail.get(self.propagated).copied() {
            self.propagated += 1;
            let wrong = literal.negated();
            let mut watching = std::mem::take(&mut self.watchers[wrong.at()]);
            let mut at = 0;
            while let Some(number) = watching.get(at).copied() {
                match self.look_at(number, wrong) {
                    Watched::Elsewhere => drop(watching.swap_remove(at)),
                    Watched::Here => at += 1,
                    Watched::Broken => {
                        self.watchers[wrong.at()] = watching;
                        return Some(number);
                    }
                }
            }
            self.watchers[wrong.at()] = watching;
        }
        None
    }

    /// A clause one of whose two watched literals has become wrong.
    fn look_at(&mut self, number: usize, wrong: Literal) -> Watched {
        if self.listed[number][0] == wrong {
            self.listed[number].swap(0, 1);
        }
        let other = self.listed[number][0];
        if self.holds(other) == Some(true) {
            return Watched::Here;
        }
        let found = (2..self.listed[number].len()).find(|at| self.holds(self.listed[number][*at]) != Some(false));
        if let Some(at) = found {
            self.listed[number].swap(1, at);
            let watched = self.listed[number][1];
            self.watchers[watched.at()].push(number);
            return Watched::Elsewhere;
        }
        if self.holds(other) == Some(false) {
            return Watched::Broken;
        }
        self.assign(other, Some(number));
        Watched::Here
    }

    /// Learns from a conflict: goes back to where the learned clause forces its first literal.
    fn learn(&mut self, conflict: usize) {
        let level = self.decisions.len();
        let mut seen = vec![false; self.states.len()];
        let (mut learned, mut open, mut at) = (Vec::new(), 0, self.trail.len());
        let mut clause = Some(conflict);
        let asserting = loop {
            for literal in clause.into_iter().flat_map(|number| &self.listed[number]) {
                let state = self.states[literal.variable()];
                // What holds without any decision needs no mention; the forced literal itself is true.
                if state.level == 0 || self.holds(*literal) == Some(true) || std::mem::replace(&mut seen[literal.variable()], true)
                {
                    continue;
                }
                if state.level == level {
                    open += 1;
                } else {
                    learned.push(*literal);
                }
            }
            let literal = loop {
                at -= 1;
                if seen[self.trail[at].variable()] {
                    break self.trail[at];
                }
            };
            open -= 1;
            if open == 0 {
                break literal.negated();
            }
            clause = self.states[literal.variable()].reason;
        };
        learned.sort_by_key(|literal| std::cmp::Reverse(self.states[literal.variable()].level));
        let back = learned.first().map_or(0, |literal| self.states[literal.variable()].level);
        self.undo(back);
        learned.insert(0, asserting);
        let reason = (learned.len() > 1).then_some(self.listed.len());
        if reason.is_some() {
            self.watch(learned);
        }
        self.assign(asserting, reason);
    }

    fn undo(&mut self, level: usize) {
        let Some(length) = self.decisions.get(level).copied() else { return };
        for literal in self.trail.drain(length..) {
            self.states[literal.variable()] = State::default();
        }
        self.decisions.truncate(level);
        self.propagated = self.propagated.min(length);
        self.undone += 1;
    }
}

/// Where a clause is watched after a look at it.
enum Watched {
    /// By the same literals.
    Here,
    /// By another literal.
    Elsewhere,
    /// No literal is left.
    Broken,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn solved(variables: usize, clauses: &[Vec<i32>]) -> Option<Vec<bool>> {
        let literal = |number: &i32| {
            let variable = number.unsigned_abs() as usize - 1;
            if *number > 0 { Literal::is(variable) } else { Literal::is_not(variable) }
        };
        let mut all = Clauses::new(variables);
        for clause in clauses {
            all.add(clause.iter().map(literal).collect());
        }
        let decide = |all: &Clauses| (0..variables).find(|v| all.value(*v).is_none()).map(Literal::is);
        match all.search(10_000, decide) {
            Outcome::Satisfied => Some((0..variables).map(|v| all.value(v) == Some(true)).collect()),
            Outcome::Impossible => None,
            Outcome::Unknown => panic!("ten thousand conflicts among {variables} variables"),
        }
    }

    fn hold(clauses: &[Vec<i32>], values: &[bool]) -> bool {
        clauses.iter().all(|clause| clause.iter().any(|n| values[n.unsigned_abs() as usize - 1] == (*n > 0)))
    }

    proptest! {
        #[test]
        fn the_answer_is_that_of_trying_everything(clauses in prop::collection::vec(prop::collection::vec((1_i32..=7, any::<bool>()), 0..4), 0..40)) {
            let clauses: Vec<Vec<i32>> =
                clauses.into_iter().map(|c| c.into_iter().map(|(n, positive)| if positive { n } else { -n }).collect()).collect();
            let possible = (0_u32..1 << 7).any(|bits| hold(&clauses, &(0..7).map(|v| bits >> v & 1 == 1).collect::<Vec<_>>()));
            let found = solved(7, &clauses);
            prop_assert_eq!(found.is_some(), possible);
            prop_assert!(found.is_none_or(|values| hold(&clauses, &values)));
        }
    }

    #[test]
    fn a_search_without_leave_for_conflicts_does_not_know() {
        let mut all = Clauses::new(2);
        all.add(vec![Literal::is_not(0), Literal::is(1)]);
        all.add(vec![Literal::is_not(0), Literal::is_not(1)]);
        let decide = |all: &Clauses| all.value(0).is_none().then_some(Literal::is(0));
        assert_eq!(all.search(0, decide), Outcome::Unknown);
    }
}
