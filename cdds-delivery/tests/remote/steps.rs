//! The steps of a server: it tells each before and after it takes it, and goes on when the test lets it. So a test can
//! break off what it wants at any of them, and not after some time.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};

/// Whether the server has yet to do something, or has done it and not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Before,
    After,
}

/// Something that a server does for its client.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Step {
    pub(crate) phase: Phase,
    /// The request, in the words of the protocol: "rename", "stor", "complete".
    pub(crate) name: String,
    /// The file that it concerns; may be empty.
    pub(crate) path: String,
}

impl Step {
    fn read(line: &str) -> Option<Self> {
        let mut words = line.trim_end_matches('\n').splitn(3, '\t');
        let phase = match words.next()? {
            "before" => Phase::Before,
            "after" => Phase::After,
            _ => return None,
        };
        Some(Self { phase, name: words.next()?.to_owned(), path: words.next()?.to_owned() })
    }
}

/// A server that stands still at a step, until this is dropped.
#[derive(Debug)]
pub(crate) struct Paused {
    pub(crate) step: Step,
    _go_on: Sender<()>,
}

type Wanted = Box<dyn FnMut(&Step) -> bool + Send>;

#[derive(Default)]
struct State {
    wanted: Option<(Wanted, Sender<Paused>)>,
    /// The sessions that the server has with clients.
    sessions: usize,
}

/// Hears of steps. One server tells it of all its sessions.
#[derive(Clone)]
pub(crate) struct Steps {
    pub(crate) port: u16,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Steps {
    pub(crate) fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let steps = Self { port, state: Arc::default() };
        let heard = steps.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let heard = heard.clone();
                std::thread::spawn(move || heard.hear(&stream));
            }
        });
        steps
    }

    fn hear(&self, mut stream: &TcpStream) {
        let mut line = String::new();
        if BufReader::new(stream).read_line(&mut line).is_ok_and(|read| read > 0) {
            self.reach(Step::read(&line).unwrap_or_else(|| panic!("{line:?} is no step")));
            let _ = stream.write_all(b"go on\n");
        }
    }

    /// Tells of a step, and returns when the server may go on.
    pub(crate) fn reach(&self, step: Step) {
        let (state, changed) = &*self.state;
        let mut state = state.lock().unwrap();
        match (step.phase, step.name.as_str()) {
            (Phase::Before, "session") => state.sessions += 1,
            (Phase::After, "session") => {
                // Those of a server that was killed are forgotten.
                state.sessions = state.sessions.saturating_sub(1);
                changed.notify_all();
            }
            _ => {}
        }
        let Some((mut wanted, sender)) = state.wanted.take() else { return };
        if !wanted(&step) {
            state.wanted = Some((wanted, sender));
            return;
        }
        drop(state);
        let (go_on, waits) = channel();
        // Whoever wanted it may be gone.
        if sender.send(Paused { step, _go_on: go_on }).is_ok() {
            let _ = waits.recv();
        }
    }

    /// Has the server stand still at the first step that is wanted.
    pub(crate) fn pause_at(&self, wanted: impl FnMut(&Step) -> bool + Send + 'static) -> Receiver<Paused> {
        let (sender, receiver) = channel();
        self.state.0.lock().unwrap().wanted = Some((Box::new(wanted), sender));
        receiver
    }

    /// Lets the server go on whatever comes.
    pub(crate) fn pause_nowhere(&self) {
        self.state.0.lock().unwrap().wanted = None;
    }

    /// Waits until all sessions of the server have ended, and with them what dead clients have asked for.
    pub(crate) fn wait_until_quiet(&self) {
        let (state, changed) = &*self.state;
        drop(changed.wait_while(state.lock().unwrap(), |state| state.sessions > 0).unwrap());
    }

    /// Forgets the sessions of a server that was killed.
    pub(crate) fn forget_sessions(&self) {
        self.state.0.lock().unwrap().sessions = 0;
    }
}
