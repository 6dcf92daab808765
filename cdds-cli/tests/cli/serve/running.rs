//! A server that runs, and what it answers to curl.

use std::io::{BufRead, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use crate::support::{Place, text};

pub(crate) struct Running<'a> {
    pub(crate) address: String,
    place: &'a Place,
    child: Option<Child>,
    stdout: Mutex<BufReader<ChildStdout>>,
}

/// What the server answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    head: String,
}

impl Answer {
    /// Returns the value of a header; empty without it.
    pub(crate) fn header(&self, name: &str) -> &str {
        let headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .next()
            .unwrap_or("")
    }
}

impl<'a> Running<'a> {
    /// Starts a server on a port of its own, unless the arguments name another address.
    pub(crate) fn start(place: &'a Place, args: &[&str]) -> Self {
        let mut command = place.cdds(&[&["serve"], args].concat());
        if !args.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        Self::of(place, command)
    }

    /// Starts a command that prints the address of a server first.
    pub(crate) fn of(place: &'a Place, mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = Mutex::new(BufReader::new(child.stdout.take().unwrap()));
        let mut running = Self { address: String::new(), place, child: Some(child), stdout };
        running.address = running.line();
        if running.address.is_empty() {
            panic!("{:?}", running.ended());
        }
        running
    }

    /// Returns the next line that it prints.
    pub(crate) fn line(&self) -> String {
        let mut line = String::new();
        self.stdout.lock().unwrap().read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub(crate) fn host(&self) -> String {
        self.address.trim_start_matches("http://").trim_end_matches('/').to_owned()
    }

    pub(crate) fn get(&self, page: &str) -> Answer {
        self.ask(page, &[])
    }

    /// Asks by curl with these options.
    pub(crate) fn ask(&self, page: &str, options: &[&str]) -> Answer {
        let output = Command::new("curl")
            .args(["-sSi", "--noproxy", "*"])
            .args(options)
            .arg(format!("{}{page}", self.address))
            .current_dir(self.place.root())
            .output()
            .unwrap();
        assert!(output.status.success(), "{page}: {}", text(&output.stderr));
        let answer = text(&output.stdout);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// Returns whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.as_mut().unwrap().try_wait().unwrap().is_none()
    }

    pub(crate) fn terminate(&self) {
        let id = self.child.as_ref().unwrap().id().to_string();
        self.place.program("kill", &["-TERM", &id], &[]);
    }

    /// Ends it at once, as a crash does.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Returns a figure that the system knows of its process.
    #[cfg(target_os = "linux")]
    pub(crate) fn figure(&self, name: &str) -> u64 {
        let id = self.child.as_ref().unwrap().id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let figure = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        figure.trim_end_matches("kB").trim().parse().unwrap()
    }

    /// Has it end in order. Returns its exit code and what it wrote to stderr.
    pub(crate) fn stop(&mut self) -> (Option<i32>, String) {
        self.terminate();
        self.ended()
    }

    /// Waits until it has ended. Returns its exit code and what it wrote to stderr.
    pub(crate) fn ended(&mut self) -> (Option<i32>, String) {
        let mut child = self.child.take().unwrap();
        let mut log = String::new();
        child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (child.wait().unwrap().code(), log)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}
