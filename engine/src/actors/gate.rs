//! A gate in front of one actor's state: while it is shut (the state is being read from the books,
//! or the actor's own change is on its way to the disk) commands wait in line.
//!
//! A wait here is a read and an append at most (a transfer's: the payee's read, and its own record);
//! everything longer is a state.

use std::collections::VecDeque;

use super::seat::{Context, Seated};

type Turn<A> = Box<dyn FnOnce(&mut A, &mut Context<A>) + Send>;

/// The gate, and who waits at it in the order of coming.
pub(crate) struct Gate<A: Seated> {
    shut: bool,
    #[expect(
        clippy::box_collection,
        reason = "a pointer, not four words, in a million idle actors"
    )]
    line: Option<Box<VecDeque<Turn<A>>>>,
}

impl<A: Seated> Gate<A> {
    pub(crate) fn shut() -> Self {
        Self { shut: true, line: None }
    }

    pub(crate) fn open() -> Self {
        Self { shut: false, line: None }
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.shut
    }

    pub(crate) fn close(&mut self) {
        self.shut = true;
    }

    /// Takes a place in the line.
    pub(crate) fn wait(&mut self, turn: impl FnOnce(&mut A, &mut Context<A>) + Send + 'static) {
        self.line.get_or_insert_default().push_back(Box::new(turn));
    }

    /// Everybody in the line goes home; what they carried is dropped, and with it their replies.
    pub(crate) fn disperse(&mut self) {
        self.line = None;
    }

    /// Opens the gate and lets the line through, until somebody shuts it again. `gate` says where
    /// the actor keeps it.
    pub(crate) fn reopen(actor: &mut A, ctx: &mut Context<A>, gate: impl Fn(&mut A) -> &mut Self) {
        gate(actor).shut = false;
        while gate(actor).is_open() {
            let Some(turn) = gate(actor).line.as_mut().and_then(|line| line.pop_front()) else {
                gate(actor).line = None;
                return;
            };
            turn(actor, ctx);
        }
    }
}
