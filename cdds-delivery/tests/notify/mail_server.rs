//! A mail server of Python's aiosmtpd, and its mail as Python's own parser reads it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::certificates::Certified;
use crate::programs::{python, run};

/// What the server does.
#[derive(Default)]
pub(crate) struct Told<'a> {
    /// With which certificate it offers STARTTLS.
    pub(crate) starttls: Option<&'a Certified>,
    /// With which certificate it speaks TLS from the beginning.
    pub(crate) implicit: Option<&'a Certified>,
    /// User and password that it asks for.
    pub(crate) credentials: Option<(&'a str, &'a str)>,
    /// Its answers to recipients, in turn; `cut` ends the connection. It takes those after them.
    pub(crate) rcpt: &'a [&'a str],
    /// Its answers to messages, in turn: `hang`, `keep and cut`, or what it says. It takes those after them.
    pub(crate) data: &'a [&'a str],
}

pub(crate) struct MailServer {
    pub(crate) port: u16,
    folder: TempDir,
    child: Child,
}

/// A mail that the server has taken.
#[derive(Debug)]
pub(crate) struct Mail {
    pub(crate) raw: Vec<u8>,
    /// What the server knows of the connection, and for whom it was.
    pub(crate) about: Value,
    read: Value,
}

impl MailServer {
    pub(crate) fn start(told: &Told<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        if let Some(certified) = told.starttls.or(told.implicit) {
            std::fs::write(folder.path().join("server.pem"), certified.pem()).unwrap();
        }
        let tls = match (told.starttls, told.implicit) {
            (Some(_), _) => "starttls",
            (None, Some(_)) => "implicit",
            (None, None) => "none",
        };
        let told = json!({
            "folder": folder.path(),
            "tls": tls,
            "credentials": told.credentials,
            "rcpt": told.rcpt,
            "data": told.data,
        });
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/notify/mail_server.py");
        let mut command = python();
        command.arg(script).arg(told.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("`bash .ci/tools` installs python3");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("the mail server says why it does not start");
        Self { port, folder, child }
    }

    /// The mails that were taken, in order.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        let path = |number: usize, kind: &str| self.folder.path().join(format!("{number}.{kind}"));
        let taken = (1..).take_while(|number| path(*number, "json").exists());
        let read = taken.map(|number| {
            let raw = std::fs::read(path(number, "eml")).unwrap();
            let about = serde_json::from_slice(&std::fs::read(path(number, "json")).unwrap()).unwrap();
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/notify/read_mail.py");
            let output = run(python().arg(script), &raw);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Mail { raw, about, read: serde_json::from_slice(&output.stdout).unwrap() }
        });
        read.collect()
    }

    /// The only mail that was taken.
    pub(crate) fn mail(&self) -> Mail {
        let mut mails = self.mails();
        assert_eq!(mails.len(), 1);
        mails.remove(0)
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Mail {
    /// The names and values of all headers, decoded.
    pub(crate) fn headers(&self) -> Vec<(&str, &str)> {
        let headers = self.read["headers"].as_array().unwrap().iter();
        headers.map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap())).collect()
    }

    /// The only value of a header.
    pub(crate) fn header(&self, name: &str) -> &str {
        let headers = self.headers();
        let mut found = headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let value = found.next().unwrap_or_else(|| panic!("no {name} in {headers:?}")).1;
        assert_eq!(found.next(), None, "{name} is there twice");
        value
    }

    /// The text and the page.
    pub(crate) fn parts(&self) -> (&str, &str) {
        assert_eq!(self.read["defects"], json!([]));
        assert_eq!(self.read["type"], "multipart/alternative");
        let [text, page] = &self.read["parts"].as_array().unwrap()[..] else {
            panic!("{}", self.read["parts"])
        };
        assert_eq!((&text[0], &page[0]), (&json!("text/plain"), &json!("text/html")));
        (text[1].as_str().unwrap(), page[1].as_str().unwrap())
    }
}
