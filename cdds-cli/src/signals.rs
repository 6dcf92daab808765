//! SIGINT and SIGTERM: the first signal stops in good order, the second at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::channel::oneshot;

use crate::console::Console;
use crate::error::CliError;

/// The exit code of shells for a process ended by SIGINT.
const INTERRUPTED: i32 = 130;

/// A request to stop, made by a signal.
#[derive(Debug)]
pub(crate) struct Stop {
    asked: Arc<AtomicBool>,
    receiver: oneshot::Receiver<()>,
}

/// Whom the next signal is for. A process has one handler of signals, while a command may have several things to stop,
/// one after the other.
static LISTENER: Mutex<Option<Listener>> = Mutex::new(None);

struct Listener {
    asked: Arc<AtomicBool>,
    sender: Option<oneshot::Sender<()>>,
    console: Console,
    note: Option<&'static str>,
}

impl Stop {
    /// Listens from now on, in place of what listened before; prints `note`, if any, when the signal arrives.
    pub(crate) fn listen(console: &Console, note: Option<&'static str>) -> Result<Self, CliError> {
        let (sender, receiver) = oneshot::channel();
        let asked = Arc::new(AtomicBool::new(false));
        let listener =
            Listener { asked: Arc::clone(&asked), sender: Some(sender), console: console.clone(), note };
        let mut listening = listener_of_signals();
        if listening.is_none() {
            ctrlc::set_handler(heard).map_err(|error| {
                CliError::failed("signals_failed", format!("cannot listen for signals: {error}"))
            })?;
        }
        *listening = Some(listener);
        Ok(Self { asked, receiver })
    }

    /// Returns a flag that is set once a stop was requested.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.asked)
    }

    /// Completes when a stop is requested.
    pub(crate) async fn asked(self) {
        // The handler keeps the sender until it sends.
        self.receiver.map(drop).await;
    }
}

/// Guards values that are replaced whole: a panic elsewhere leaves them usable.
fn listener_of_signals() -> MutexGuard<'static, Option<Listener>> {
    LISTENER.lock().unwrap_or_else(PoisonError::into_inner)
}

fn heard() {
    let mut listening = listener_of_signals();
    let Some(listener) = &mut *listening else { return };
    listener.asked.store(true, Ordering::Release);
    match listener.sender.take() {
        Some(sender) => {
            if let Some(note) = listener.note {
                listener.console.note(note);
            }
            // An error means that nobody waits any more: the run is already over.
            let _over = sender.send(());
        }
        None => std::process::exit(INTERRUPTED),
    }
}
