//! Deliveries, notices and erasures beside the exports: claims them, and goes on with what it has, until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{BoxFuture, Fuse};
use futures::stream::{FuturesUnordered, StreamExt};
use futures::{FutureExt, pin_mut, select_biased};
use tracing::warn;

use super::subjects::ERASURES;
use super::worker::{Engine, Shared};
use crate::domain::notice::Channel;

/// How often it looks for work when nothing has happened.
const LOOK: Duration = Duration::from_secs(1);

/// A kind of work, each with a limit of its own, so that one that hangs leaves the others alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    Deliveries,
    Notices(Channel),
    /// The daily check of destinations (rule N3).
    Probes,
    /// What data subjects ask to be erased (rule D4).
    Erasures,
}

const LANES: [Lane; 5] = [
    Lane::Deliveries,
    Lane::Notices(Channel::Email),
    Lane::Notices(Channel::Webhook),
    Lane::Probes,
    Lane::Erasures,
];

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exports {
    /// Everything due has been exported: go on until nothing may be sent at once.
    Idle,
    /// The engine stops.
    Stopped,
}

type Claimed = Vec<(usize, BoxFuture<'static, ()>)>;

impl Engine {
    /// Delivers, tells and erases until the exports are over, or `shutdown` completes. What is under way then has the grace
    /// period to end; what does not end is dropped, and taken over when its lease runs out.
    pub(super) async fn post(&self, exports: oneshot::Receiver<Exports>, shutdown: impl Future<Output = ()>) {
        let shared = &self.shared;
        let sends = !shared.ports.destinations.is_empty() || shared.ports.notifiers.iter().next().is_some();
        if !sends && !shared.may_erase() {
            return;
        }
        let (exports, shutdown) = (exports.fuse(), shutdown.fuse());
        pin_mut!(exports, shutdown);
        let mut under_way = [0_usize; LANES.len()];
        let mut work: FuturesUnordered<BoxFuture<'static, usize>> = FuturesUnordered::new();
        let mut claiming: Fuse<BoxFuture<'static, Claimed>> = shared.look(under_way);
        let mut ends_when_idle = false;
        // Whether something may have become due since the claim under way began.
        let mut is_stale = false;
        loop {
            let wake = if claiming.is_terminated_now() { shared.ports.clock.sleep(LOOK) } else { pending() };
            let wake = wake.fuse();
            pin_mut!(wake);
            select_biased! {
                () = shutdown => break,
                over = exports => match over {
                    Ok(Exports::Idle) => (ends_when_idle, is_stale) = (true, true),
                    Ok(Exports::Stopped) | Err(_) => break,
                },
                lane = work.select_next_some() => {
                    under_way[lane] -= 1;
                    is_stale = true;
                    if claiming.is_terminated_now() {
                        (claiming, is_stale) = (shared.look(under_way), false);
                    }
                }
                claimed = claiming => {
                    if claimed.is_empty() && work.is_empty() && ends_when_idle {
                        if !is_stale {
                            return;
                        }
                        // It may have looked before the last set was published, or the last notice stored.
                        (claiming, is_stale) = (shared.look(under_way), false);
                        continue;
                    }
                    for (lane, attempt) in claimed {
                        under_way[lane] += 1;
                        work.push(attempt.map(move |()| lane).boxed());
                    }
                }
                () = wake => (claiming, is_stale) = (shared.look(under_way), false),
            }
        }
        // A claim under way may have taken something: that is dropped with it, and its lease runs out.
        drop(claiming);
        let grace = shared.ports.clock.sleep(shared.settings.grace).fuse();
        pin_mut!(grace);
        while !work.is_empty() {
            select_biased! {
                _ = work.select_next_some() => {}
                () = grace => return,
            }
        }
    }
}

/// Never completes.
fn pending() -> BoxFuture<'static, ()> {
    futures::future::pending().boxed()
}

/// Whether a claim is over.
trait Over {
    fn is_terminated_now(&self) -> bool;
}

impl Over for Fuse<BoxFuture<'static, Claimed>> {
    fn is_terminated_now(&self) -> bool {
        futures::future::FusedFuture::is_terminated(self)
    }
}

impl Shared {
    /// Claims what there is room for, lane by lane.
    fn look(self: &Arc<Self>, under_way: [usize; LANES.len()]) -> Fuse<BoxFuture<'static, Claimed>> {
        let shared = Arc::clone(self);
        let look = async move {
            let mut claimed = Vec::new();
            if shared.attendance.drains() {
                return claimed;
            }
            for (index, lane) in LANES.iter().enumerate() {
                let found = match lane {
                    Lane::Deliveries => {
                        let room = shared.settings.deliveries.get().saturating_sub(under_way[index]);
                        shared.claim_deliveries(room).await
                    }
                    Lane::Notices(channel) => {
                        let room = shared.settings.notices.get().saturating_sub(under_way[index]);
                        shared.claim_notices(*channel, room).await
                    }
                    Lane::Probes => shared.due_probes(under_way[index]).await,
                    Lane::Erasures => shared.claim_erasures(ERASURES.saturating_sub(under_way[index])).await,
                };
                match found {
                    Ok(attempts) => claimed.extend(attempts.into_iter().map(|attempt| (index, attempt))),
                    Err(error) => warn!(
                        name: "post.failed",
                        target: "cdds",
                        "looking for deliveries, notices and erasures failed; it is tried again: {}",
                        error.report()
                    ),
                }
            }
            claimed
        };
        look.boxed().fuse()
    }
}
