//! Many who guess passwords at the same time.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::running::Running;
use super::{FORM, configure, with_ada};

const GUESSES: usize = 200;

#[test]
fn hundreds_of_guesses_at_once_neither_keep_others_waiting_nor_take_the_memory() {
    let place = with_ada();
    configure(&place, "behind_proxy = true", "");
    let server = Running::start(&place, &[]);
    let token = place.done(&["token", "create", "--role", "viewer"]);
    let bearer = format!("Authorization: Bearer {}", token.trim_end());
    let host = server.host();
    // Each from another address and by another name, so that none is one too many.
    let mut guesses: Vec<TcpStream> = (0..GUESSES)
        .map(|number| {
            let mut guess = TcpStream::connect(&host).unwrap();
            let form = format!("name=user-{number}&password=guess");
            let head = format!(
                "POST /login HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: 192.0.2.{number}\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{form}",
                form.len()
            );
            guess.write_all(head.as_bytes()).unwrap();
            guess
        })
        .collect();
    assert_eq!(server.ask("api/v1/jobs", &["-H", &bearer]).status, 200);
    assert_eq!(server.ask("api/v1/jobs", &["-H", "Authorization: Bearer guess"]).status, 401);
    let answered = guesses.iter().filter(|guess| {
        guess.set_nonblocking(true).unwrap();
        let is_answered = guess.peek(&mut [0]).is_ok();
        guess.set_nonblocking(false).unwrap();
        is_answered
    });
    let answered = answered.count();
    assert!(answered < GUESSES / 2, "{answered} guesses were answered before those who may ask");
    for (number, guess) in guesses.iter_mut().enumerate() {
        let mut answer = String::new();
        guess.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 422 "), "{number}: {answer}");
    }
    assert_eq!(server.ask("login", &["-d", FORM]).status, 303);
    // A check takes 19 MiB; all at once would take 3.8 GB and a thread each.
    #[cfg(target_os = "linux")]
    {
        let (memory, threads) = (server.figure("VmHWM:"), server.figure("Threads:"));
        assert!(memory < 400 * 1024 && threads < 64, "{memory} KiB, {threads} threads");
    }
}
