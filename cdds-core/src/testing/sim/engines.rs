//! The lives of an engine: it starts, works, and is stopped or dies; then another one takes its place.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};

use super::dice::Dice;
use super::report::Who;
use super::shared::{Listening, Shared};
use super::signer::DigestSigner;
use super::time::{HOUR, Micros, SECOND};
use crate::engine::{Engine, Until};
use crate::ports::Ports;

/// Everything that the engine in one place needs for its lives.
pub(super) struct Machine {
    pub(super) shared: Arc<Shared>,
    pub(super) place: usize,
    /// Opens new ports for each life: a catalog may use them to detect whether the engine is alive.
    pub(super) ports: Box<dyn Fn() -> Ports + Send>,
    pub(super) dice: Dice,
}

impl Machine {
    /// Starts after `delay`, and again each time it has shut down in good order.
    pub(super) fn live(mut self, mut delay: Micros) -> BoxFuture<'static, ()> {
        async move {
            loop {
                self.shared.timeline.sleep(delay).await;
                self.work().await;
                delay = if self.shared.storms() { self.dice.below(HOUR) } else { SECOND };
            }
        }
        .boxed()
    }

    async fn work(&mut self) {
        let ports = (self.ports)();
        let Some(life) = self.shared.lives.get(self.place) else { return };
        let listening = Arc::new(Listening { shared: Arc::clone(&self.shared), place: self.place });
        let settings = self.shared.profile.engine.clone().with_zones(self.shared.newest_database());
        let engine = Engine::builder(&ports).settings(settings).observer(listening);
        // Every second engine signs: one engine may begin a set and another may publish it.
        let engine =
            if self.place.is_multiple_of(2) { engine.signer(Arc::new(DigestSigner)) } else { engine };
        let engine = engine.build();
        let who = Who::Engine(self.place);
        life.begin();
        self.shared.note(who, "starts");
        // Some engines run as a server, others from a timer.
        let until = if self.dice.below(4) == 0 { Until::Idle } else { Until::Stopped };
        let working_time = self.dice.between(HOUR, 72 * HOUR);
        let shutdown = self.shared.timeline.sleep(working_time);
        let report = engine.run(until, shutdown).await;
        drop(engine);
        let outcome = report.map_or_else(|error| error.to_string(), |report| format!("{report:?}"));
        self.shared.note(who, format!("stops: {outcome}"));
        life.end();
    }

    /// Draws the time until a dead engine is replaced.
    pub(super) fn absence(dice: &mut Dice) -> Micros {
        // Mostly within a minute, sometimes only after a night.
        match dice.below(10) {
            0 => dice.below(14 * HOUR),
            1..4 => dice.below(HOUR),
            _ => dice.below(30 * SECOND),
        }
    }
}
