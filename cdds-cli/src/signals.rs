//! SIGINT and SIGTERM: the first signal stops in good order, the second at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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

impl Stop {
    /// Listens from now on; prints `note`, if any, when the signal arrives.
    pub(crate) fn listen(console: &Console, note: Option<&'static str>) -> Result<Self, CliError> {
        let (sender, receiver) = oneshot::channel();
        let sender = Mutex::new(Some(sender));
        let asked = Arc::new(AtomicBool::new(false));
        let (flag, console) = (Arc::clone(&asked), console.clone());
        ctrlc::set_handler(move || {
            flag.store(true, Ordering::Release);
            match sender.lock().unwrap_or_else(PoisonError::into_inner).take() {
                Some(sender) => {
                    if let Some(note) = note {
                        console.note(note);
                    }
                    // An error means that nobody waits any more: the run is already over.
                    let _over = sender.send(());
                }
                None => std::process::exit(INTERRUPTED),
            }
        })
        .map_err(|error| CliError::failed("signals_failed", format!("cannot listen for signals: {error}")))?;
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
