//! A gate in front of one actor's state: while it is shut (the state is being read from the books,
//! or the actor's own change is on its way to the disk) commands wait in line.
//!
//! Two kinds stand in one line: those who wait for the state alone, and those who wait for the gate. Once the
//! state is there, nobody of the first kind may be left in it ([`Gate::reopen_to_all`]): whatever comes
//! later of that kind does not wait, and would overtake them.
//!
//! A wait here is a read and an append at most (a transfer's: the payee's read, the payee's record if that
//! is its end, and its own); everything longer is a state.

use std::{collections::VecDeque, mem};

use super::seat::{Context, Seated};

/// An actor with a gate.
pub(crate) trait Gated: Seated {
    /// Where it is.
    fn gate(&mut self) -> &mut Gate<Self>;
}

type Turn<A> = Box<dyn FnOnce(&mut A, &mut Context<A>) + Send>;

/// The gate, and who waits at it in the order of coming. One pointer: a million actors have one.
pub(crate) struct Gate<A: Seated> {
    /// None where the gate is open and nobody stands at it.
    line: Option<Box<Line<A>>>,
}

struct Line<A: Seated> {
    is_shut: bool,
    /// Whether nobody waits any more: what was waited for may never come.
    is_over: bool,
    waiting: VecDeque<Turn<A>>,
}

impl<A: Gated> Gate<A> {
    pub(crate) fn shut() -> Self {
        let line = Line { is_shut: true, is_over: false, waiting: VecDeque::new() };
        Self { line: Some(Box::new(line)) }
    }

    pub(crate) fn open() -> Self {
        Self { line: None }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.line.as_ref().is_none_or(|line| !line.is_shut)
    }

    pub(crate) fn close(&mut self) {
        match &mut self.line {
            Some(line) => line.is_shut = true,
            None => *self = Self::shut(),
        }
    }

    /// Takes a place in the line of a gate that is shut, unless everybody was sent home.
    pub(crate) fn wait(&mut self, turn: impl FnOnce(&mut A, &mut Context<A>) + Send + 'static) {
        let line = self.line.as_mut().expect("who waits has found the gate shut");
        if !line.is_over {
            line.waiting.push_back(Box::new(turn));
        }
    }

    /// Everybody in the line goes home, and whoever comes later; what they carry is dropped, and with it
    /// their replies.
    pub(crate) fn disperse(&mut self) {
        let left = self.line.as_mut().map(|line| {
            line.is_over = true;
            mem::take(&mut line.waiting)
        });
        drop(left);
    }

    /// The state is there: opens the gate and gives everybody in the line a turn, whoever shuts it
    /// meanwhile. Those who wait for the gate itself then take their places anew, in the order that they had.
    pub(crate) fn reopen_to_all(actor: &mut A, ctx: &mut Context<A>) {
        let Some(line) = actor.gate().line.take() else { return };
        line.waiting.into_iter().for_each(|turn| turn(actor, ctx));
    }

    /// Opens the gate and lets the line through, until somebody shuts it again.
    pub(crate) fn reopen(actor: &mut A, ctx: &mut Context<A>) {
        if let Some(line) = &mut actor.gate().line {
            line.is_shut = false;
        }
        while let Some(line) = actor.gate().line.as_mut().filter(|line| !line.is_shut) {
            match line.waiting.pop_front() {
                Some(turn) => turn(actor, ctx),
                None => actor.gate().line = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, TryRecvError};

    use super::*;
    use crate::actors::wallet::WalletActor;

    #[test]
    fn a_gate_that_is_shut_stays_so_when_its_line_goes_home() {
        let mut gate = Gate::<WalletActor>::open();
        assert!(gate.is_open());
        gate.close();
        let (carried, dropped) = mpsc::channel::<()>();
        gate.wait(move |_, _| drop(carried));
        gate.close();
        assert_eq!(dropped.try_recv(), Err(TryRecvError::Empty), "it still waits");
        gate.disperse();
        assert_eq!(dropped.try_recv(), Err(TryRecvError::Disconnected), "it has gone home");
        let (carried, dropped) = mpsc::channel::<()>();
        gate.wait(move |_, _| drop(carried));
        assert_eq!(dropped.try_recv(), Err(TryRecvError::Disconnected), "who comes later, too");
        assert!(!gate.is_open());
    }
}
