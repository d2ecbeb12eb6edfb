//! Questions that are asked before their answers are needed, together with others: a batch waits for few round trips, however
//! much it asks.
//!
//! An answer counts for the very same question in the same transaction, once, and not after a write.

use std::cell::RefCell;

use tokio_postgres::Row;

use crate::value::{Owned, Value};

/// How many questions may be usual.
const USUAL: usize = 8;

/// A statement, and the sets of parameters for each of which it is asked.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) sql: &'static str,
    sets: Vec<Vec<Owned>>,
}

impl Question {
    pub(super) fn of(sql: &'static str, sets: &[Vec<Value<'_>>]) -> Self {
        let owned = |set: &Vec<Value<'_>>| set.iter().copied().map(Owned::from).collect();
        Self { sql, sets: sets.iter().map(owned).collect() }
    }

    pub(super) fn sets(&self) -> Vec<Vec<Value<'_>>> {
        self.sets.iter().map(|set| set.iter().map(Owned::value).collect()).collect()
    }

    fn is(&self, sql: &str, sets: &[Vec<Value<'_>>]) -> bool {
        let same =
            |(own, set): (&Vec<Owned>, &Vec<Value<'_>>)| own.iter().map(Owned::value).eq(set.iter().copied());
        self.sql == sql && self.sets.len() == sets.len() && self.sets.iter().zip(sets).all(same)
    }
}

/// What was asked before it was needed.
#[derive(Default)]
pub(super) struct Early {
    answers: RefCell<Vec<(Question, Vec<Vec<Row>>)>>,
    /// What one transaction asks as the one before, and whether this one has.
    usual: RefCell<Vec<(Question, bool)>>,
}

impl Early {
    /// Whether there is nothing, so that nobody has to compare.
    pub(super) fn is_empty(&self) -> bool {
        self.answers.borrow().is_empty()
    }

    pub(super) fn keep(&self, question: Question, rows: Vec<Vec<Row>>) {
        self.answers.borrow_mut().push((question, rows));
    }

    /// The answer, if that was asked.
    pub(super) fn take(&self, sql: &str, sets: &[Vec<Value<'_>>]) -> Option<Vec<Vec<Row>>> {
        let mut answers = self.answers.borrow_mut();
        let at = answers.iter().position(|(question, _)| question.is(sql, sets))?;
        Some(answers.swap_remove(at).1)
    }

    /// A write, or another transaction: what was answered may be out of date.
    pub(super) fn forget(&self) {
        self.answers.borrow_mut().clear();
    }

    /// The answers to this statement.
    pub(super) fn forget_about(&self, sql: &str) {
        self.answers.borrow_mut().retain(|(question, _)| question.sql != sql);
    }

    /// This is asked in one transaction as in the one before.
    pub(super) fn is_usual(&self, sql: &'static str, values: &[Value<'_>]) {
        let (mut usual, sets) = (self.usual.borrow_mut(), [values.to_vec()]);
        if let Some((_, asked)) = usual.iter_mut().find(|(question, _)| question.is(sql, &sets)) {
            *asked = true;
        } else if usual.len() < USUAL {
            usual.push((Question::of(sql, &sets), true));
        }
    }

    /// What the last transaction with usual questions has asked.
    pub(super) fn usual(&self) -> Vec<Question> {
        let mut usual = self.usual.borrow_mut();
        usual.retain_mut(|(_, asked)| std::mem::take(asked));
        usual.iter().map(|(question, _)| question.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(numbers: &[i64]) -> Vec<Vec<Value<'static>>> {
        numbers.iter().map(|number| vec![Value::Number(*number)]).collect()
    }

    #[test]
    fn an_answer_is_for_the_same_question_and_once() {
        let early = Early::default();
        early.keep(Question::of("a", &sets(&[1, 2])), vec![Vec::new(), Vec::new()]);
        for (sql, other) in
            [("b", sets(&[1, 2])), ("a", sets(&[1])), ("a", sets(&[2, 1])), ("a", sets(&[1, 2, 3]))]
        {
            assert!(early.take(sql, &other).is_none(), "{sql} {other:?}");
        }
        assert!(early.take("a", &[vec![Value::Number(1), Value::Null], vec![Value::Number(2)]]).is_none());
        assert_eq!(early.take("a", &sets(&[1, 2])).map(|rows| rows.len()), Some(2));
        assert!(early.take("a", &sets(&[1, 2])).is_none() && early.is_empty());
    }

    #[test]
    fn what_is_asked_anew_or_written_is_forgotten() {
        let early = Early::default();
        let keep = |sql| early.keep(Question::of(sql, &sets(&[1])), vec![Vec::new()]);
        keep("a");
        keep("b");
        early.forget_about("a");
        assert!(early.take("a", &sets(&[1])).is_none());
        assert!(early.take("b", &sets(&[1])).is_some());
        keep("a");
        early.forget();
        assert!(early.take("a", &sets(&[1])).is_none());
    }

    #[test]
    fn what_one_transaction_does_not_ask_the_next_one_is_not_asked_for() {
        let early = Early::default();
        let asks = |number| early.is_usual("a", &[Value::Number(number)]);
        let asked =
            || -> Vec<Vec<Vec<Owned>>> { early.usual().into_iter().map(|question| question.sets).collect() };
        [1, 2, 1].into_iter().for_each(asks);
        assert_eq!(asked(), [[[Owned::Number(1)]], [[Owned::Number(2)]]]);
        asks(2);
        assert_eq!(asked(), [[[Owned::Number(2)]]]);
        assert!(asked().is_empty());
        (0..100).for_each(asks);
        assert_eq!(asked().len(), USUAL);
    }
}
