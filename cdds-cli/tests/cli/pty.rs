//! The program in a pseudo-terminal, and the screen that a person would see.

use std::io::{BufReader, Read, Write};
use std::num::NonZero;
use std::process::Child;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use pty_process::blocking::Pty;

use crate::support::Place;

/// The rows of every terminal. They are enough that nothing the tests look for scrolls away.
const ROWS: u16 = 60;

/// A terminal in which the program runs.
pub(crate) struct Terminal {
    child: Child,
    screen: vt100::Parser,
    keyboard: Arc<Pty>,
    output: Receiver<u8>,
    raw: Vec<u8>,
}

/// The state of the terminal after the program has ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) screen: String,
    /// All output with its escape sequences.
    pub(crate) raw: String,
}

impl Terminal {
    /// Starts `cdds` in `place`, on a terminal of this width, with these environment variables.
    pub(crate) fn start(place: &Place, args: &[&str], columns: u16, variables: &[(&str, &str)]) -> Self {
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(pty_process::Size::new(ROWS, columns)).unwrap();
        let mut command = pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_cdds"));
        for name in ["CDDS_CONFIG", "CDDS_OUTPUT", "NO_COLOR", "CLICOLOR_FORCE"] {
            command = command.env_remove(name);
        }
        command = command.args(args).current_dir(place.root()).env("TERM", "xterm-256color");
        let child = command.envs(variables.iter().copied()).spawn(pts).unwrap();
        let (sender, output) = channel();
        let keyboard = Arc::new(pty);
        let pty = Arc::clone(&keyboard);
        // The end of the output is an error here, since the other side has been closed.
        std::thread::spawn(move || {
            BufReader::new(&*pty).bytes().map_while(Result::ok).try_for_each(|byte| sender.send(byte))
        });
        let size = [ROWS, columns].map(|count| NonZero::new(count).unwrap());
        Self { child, screen: vt100::Parser::new(size[0], size[1], 0), keyboard, output, raw: Vec::new() }
    }

    /// Types a line. It waits until the program reads it.
    pub(crate) fn type_line(&self, line: &str) {
        (&*self.keyboard).write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    pub(crate) fn id(&self) -> String {
        self.child.id().to_string()
    }

    /// Waits until all of these texts are on the screen at the same time.
    pub(crate) fn wait_for(&mut self, expected: &[&str]) -> String {
        loop {
            let shown = self.shown();
            if expected.iter().all(|text| shown.contains(text)) {
                return shown;
            }
            assert!(self.read_line(), "the program ended; {expected:?} is not in\n{shown}");
        }
    }

    /// Waits for the program to end by itself.
    pub(crate) fn end(mut self) -> Ended {
        while self.read_line() {}
        let code = self.child.wait().unwrap().code().unwrap();
        Ended { code, screen: self.shown(), raw: String::from_utf8(self.raw).unwrap() }
    }

    /// Kills the program. Returns whether that ended it, before it could by itself.
    pub(crate) fn kill(mut self) -> bool {
        // One that has ended already cannot be killed.
        let _ended = self.child.kill();
        while self.read_line() {}
        self.child.wait().unwrap().code().is_none()
    }

    fn shown(&self) -> String {
        self.screen.screen().contents()
    }

    /// Reads up to the point where the cursor goes back, so that no screen is missed. Returns `false` at the
    /// end.
    fn read_line(&mut self) -> bool {
        while let Ok(byte) = self.output.recv() {
            self.screen.process(&[byte]);
            self.raw.push(byte);
            if byte == b'\r' || byte == b'\n' {
                return true;
            }
        }
        false
    }
}
