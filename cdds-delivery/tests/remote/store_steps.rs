//! A line to an object store, at whose steps a test may break off what it wants, and which spoils what it is told to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::steps::{Phase, Step, Steps};

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Passes,
    /// The store sees half of it, and then the end of the connection.
    IsCut,
    /// The store does what it was asked for, and the client sees the end of the connection.
    LosesAnswer,
    /// The store does what it was asked for, and the client hears nothing until it gives up.
    Stalls,
    /// The client gets this status and code, and the store is not asked.
    IsRefused(u16, &'static str),
    /// The same, although the store does what it was asked for.
    IsDoneAndRefused(u16, &'static str),
}

type Fates = Arc<Mutex<dyn FnMut(&Step) -> Fate + Send>>;

/// Starts a line to a port of this machine, and returns the port of its near end.
pub(crate) fn line(to: u16, steps: &Steps, fate: impl FnMut(&Step) -> Fate + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (steps, fate): (Steps, Fates) = (steps.clone(), Arc::new(Mutex::new(fate)));
    std::thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let (steps, fate) = (steps.clone(), Arc::clone(&fate));
            std::thread::spawn(move || {
                let session = |phase| Step { phase, name: "session".to_owned(), path: String::new() };
                let mut requests = BufReader::new(&near);
                while let Some(request) = Request::read(&mut requests) {
                    steps.reach(session(Phase::Before));
                    let goes_on = pass(&request, &mut requests, to, &steps, &fate);
                    steps.reach(session(Phase::After));
                    if goes_on.is_none() {
                        break;
                    }
                }
                let _ = near.shutdown(Shutdown::Both);
            });
        }
    });
    port
}

struct Request {
    head: String,
    name: &'static str,
    path: String,
    length: usize,
}

impl Request {
    fn read(stream: &mut impl BufRead) -> Option<Self> {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            if let Some(given) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = given.trim().parse().ok()?;
            }
            head.push_str(&line);
        }
        let mut words = head.split(' ');
        let (method, target) = (words.next()?, words.next()?.to_owned());
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let name = name(method, query);
        Some(Self { name, path: path.to_owned(), length, head })
    }

    fn step(&self, phase: Phase, name: &str) -> Step {
        Step { phase, name: name.to_owned(), path: self.path.clone() }
    }
}

/// Names a request to S3 or Azure.
fn name(method: &str, query: &str) -> &'static str {
    let has = |key: &str| query.split('&').any(|part| part == key || part.starts_with(&format!("{key}=")));
    match method {
        "GET" if has("list-type") || has("prefix") || query.contains("comp=list") => "list",
        "GET" => "get",
        "HEAD" => "head",
        "POST" if has("uploads") => "begin",
        "POST" => "complete",
        "PUT" if has("partNumber") || has("blockid") => "part",
        "PUT" if query.contains("comp=blocklist") => "complete",
        "PUT" => "put",
        "DELETE" if has("uploadId") => "abort",
        "DELETE" => "delete",
        _ => "other",
    }
}

/// Passes a request on, and its answer back. Returns `None` if the connection ends.
fn pass(
    request: &Request,
    body: &mut BufReader<&TcpStream>,
    to: u16,
    steps: &Steps,
    fate: &Fates,
) -> Option<()> {
    let fate = fate.lock().unwrap()(&request.step(Phase::Before, request.name));
    let mut far = TcpStream::connect(("127.0.0.1", to)).ok()?;
    let asks = !matches!(fate, Fate::IsRefused(..));
    let mut send = |bytes: &[u8]| if asks { far.write_all(bytes).ok() } else { Some(()) };
    let half = request.length / 2;
    let mut piece = vec![0; half];
    body.read_exact(&mut piece).ok()?;
    if half > 0 {
        send(format!("{}Connection: close\r\n\r\n", request.head).as_bytes())?;
        send(&piece)?;
        steps.reach(request.step(Phase::Before, "half"));
    }
    if fate == Fate::IsCut {
        return None;
    }
    piece.resize(request.length - half, 0);
    body.read_exact(&mut piece).ok()?;
    steps.reach(request.step(Phase::Before, request.name));
    if half == 0 {
        send(format!("{}Connection: close\r\n\r\n", request.head).as_bytes())?;
    }
    send(&piece)?;
    let mut answer = Vec::new();
    if asks {
        far.read_to_end(&mut answer).ok()?;
    }
    steps.reach(request.step(Phase::After, request.name));
    let mut near = *body.get_ref();
    match fate {
        Fate::LosesAnswer => return None,
        Fate::Stalls => {
            let _ = body.read(&mut [0]);
            return None;
        }
        Fate::IsRefused(status, code) | Fate::IsDoneAndRefused(status, code) => {
            let told = format!("<Error><Code>{code}</Code><Message>Some words</Message></Error>");
            let head = format!("HTTP/1.1 {status} Some\r\nContent-Length: {}\r\n", told.len());
            near.write_all(format!("{head}Connection: close\r\n\r\n{told}").as_bytes()).ok()?;
        }
        Fate::Passes | Fate::IsCut => near.write_all(&answer).ok()?,
    }
    // The store has ended its connection after its answer, and so does the line.
    None
}
