//! Pages that a running server keeps up to date.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use super::running::Running;
use crate::support::Place;

/// How many streams are open at once.
const STREAMS: usize = 200;

/// A stream of events, read up to its first one.
struct Listening(BufReader<TcpStream>);

impl Listening {
    fn begin(host: &str, token: &str) -> Self {
        let mut connection = TcpStream::connect(host).unwrap();
        let head = format!("GET /live HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n");
        connection.write_all(head.as_bytes()).unwrap();
        let mut listening = Self(BufReader::new(connection));
        assert_eq!(listening.line(), "HTTP/1.1 200 OK");
        listening.hear("hello");
        listening
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let bytes = self.0.read_line(&mut line).unwrap();
        assert!(bytes > 0, "the stream has ended");
        line.trim_end().to_owned()
    }

    /// Waits for an event.
    fn hear(&mut self, event: &str) {
        while self.line() != format!("event: {event}") {}
    }

    /// Waits until the server ends the stream. Returns what it still sent.
    fn rest(mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).unwrap();
        rest
    }
}

#[test]
fn two_hundred_streams_take_no_threads_hear_of_a_change_and_end_with_the_server() {
    let place = Place::with_interactions(3);
    let token = place.done(&["token", "create", "--role", "viewer"]);
    let mut server = Running::start(&place, &[]);
    let (host, token) = (server.host(), token.trim_end());
    let mut first = Listening::begin(&host, token);
    first.hear("changed");
    let before = server.figure("Threads:");

    let mut streams: Vec<Listening> = (0..STREAMS).map(|_| Listening::begin(&host, token)).collect();
    streams.iter_mut().for_each(|stream| stream.hear("changed"));
    place.plaintext_job(&[]);
    place.done(&["run", "--until-idle"]);
    streams.iter_mut().for_each(|stream| stream.hear("changed"));
    assert_eq!(server.get("healthz").status, 200, "others are answered");
    let after = server.figure("Threads:");
    assert!(after < before + STREAMS as u64 / 4, "{before} threads became {after}");

    server.terminate();
    for stream in streams.into_iter().chain([first]) {
        let rest = stream.rest();
        assert!(rest.ends_with("0\r\n\r\n"), "a stream was cut off: {rest:?}");
    }
    let (code, log) = server.ended();
    assert_eq!(code, Some(0), "{log}");
}
