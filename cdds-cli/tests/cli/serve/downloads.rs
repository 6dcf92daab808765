//! Downloads by the programs that people have, and what becomes of them when a file or the server fails.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use super::running::Running;
use crate::support::{Place, string, text};

/// A place with an exported set of several parts, and a token that may download it.
struct Exported {
    place: Place,
    bearer: String,
}

impl Exported {
    fn new(records: u32, note_bytes: u32, options: &[&str]) -> Self {
        let place = Place::with_interactions(records);
        place.sqlite(&format!("update interactions set note = hex(randomblob({note_bytes}))"));
        place.plaintext_job(options);
        place.done(&["run", "--until-idle"]);
        let token = place.done(&["token", "create", "--role", "operator"]);
        Self { place, bearer: format!("Authorization: Bearer {}", token.trim_end()) }
    }

    /// Returns the largest file of the set.
    fn largest(&self, server: &Running<'_>) -> Value {
        let listed = server.ask("api/v1/artifacts", &["-H", &self.bearer]).body;
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let files = listed["items"].as_array().unwrap();
        files.iter().max_by_key(|file| file["size"].as_u64()).unwrap().clone()
    }

    /// Returns the outcomes of the downloads on record and the bytes that were given, the last one first.
    fn on_record(&self) -> Vec<(String, Option<u64>)> {
        let listed = self.place.json(&["audit", "--action", "download"]);
        let entries = listed["items"].as_array().or(listed.as_array()).unwrap();
        entries.iter().map(|entry| (string(&entry["outcome"]), entry["bytes"].as_u64())).collect()
    }

    /// Runs a program here.
    fn run(&self, program: &str, args: &[&str]) -> Output {
        Command::new(program)
            .args(args)
            .current_dir(self.place.root())
            .env("no_proxy", "*")
            .env("PYTHONPATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/python"))
            .output()
            .unwrap_or_else(|error| panic!("{program} has to be installed: {error}"))
    }

    fn sha256(&self, file: &str) -> String {
        self.place.program("sha256sum", &[file], &[]).split(' ').next().unwrap().to_owned()
    }

    /// Returns the stored file of this size.
    fn stored(&self, file: &Value) -> PathBuf {
        let store = self.place.path("artifacts");
        let mut stored = self.place.files("artifacts").into_iter().map(|name| store.join(name));
        let is_it = |path: &PathBuf| path.metadata().unwrap().len() == file["size"].as_u64().unwrap();
        stored.find(is_it).unwrap()
    }
}

fn content(server: &Running<'_>, file: &Value) -> String {
    format!("{}api/v1/artifacts/{}/content", server.address, string(&file["id"]))
}

#[test]
fn curl_wget_and_python_get_the_published_file_under_its_name_and_go_on_with_a_part_of_it() {
    let exported = Exported::new(400, 2_000, &[]);
    let server = Running::start(&exported.place, &[]);
    let file = exported.largest(&server);
    let (name, sha256) = (string(&file["name"]), string(&file["sha256"]));
    let (address, bearer) = (content(&server, &file), &*exported.bearer);
    let python = format!(
        "import re, requests\nhead = {{'Authorization': {:?}}}\nanswer = requests.get({address:?}, headers=head)\n\
         answer.raise_for_status()\nname = re.fullmatch('attachment; filename=\"(.+)\"', \
         answer.headers['content-disposition'])[1]\nopen(name, 'wb').write(answer.content)\n",
        bearer.trim_start_matches("Authorization: ")
    );
    for (program, args) in [
        ("curl", &["-sSfOJ", "--noproxy", "*", "-H", bearer, &address][..]),
        ("wget", &["-q", "--content-disposition", "--header", bearer, &address]),
        ("python3", &["-c", &python]),
    ] {
        let output = exported.run(program, args);
        assert!(output.status.success(), "{program}: {}", text(&output.stderr));
        assert_eq!(exported.sha256(&name), sha256, "{program}");
        std::fs::remove_file(exported.place.path(&name)).unwrap();
    }
    let size = file["size"].as_u64().unwrap();
    assert_eq!(exported.on_record(), vec![("verified".to_owned(), Some(size)); 3]);

    for (program, args) in [
        ("curl", &["-sSf", "--noproxy", "*", "-C", "-", "-o", "part", "-H", bearer, &address][..]),
        ("wget", &["-q", "-c", "-O", "part", "--header", bearer, &address]),
    ] {
        exported
            .run("curl", &["-sSf", "--noproxy", "*", "-r", "0-9999", "-o", "part", "-H", bearer, &address]);
        assert_eq!(std::fs::metadata(exported.place.path("part")).unwrap().len(), 10_000);
        let output = exported.run(program, args);
        assert!(output.status.success(), "{program}: {}", text(&output.stderr));
        assert_eq!(exported.sha256("part"), sha256, "{program}");
    }
}

#[test]
fn a_download_of_a_corrupt_file_breaks_off_in_every_client_and_is_never_whole() {
    let exported = Exported::new(400, 2_000, &[]);
    let server = Running::start(&exported.place, &[]);
    let file = exported.largest(&server);
    let size = file["size"].as_u64().unwrap();
    let (address, bearer) = (content(&server, &file), &*exported.bearer);
    let stored = exported.stored(&file);
    let whole = std::fs::read(&stored).unwrap();
    let mut changed = whole.clone();
    changed[0] ^= 1;
    let longer = [&whole[..], b"x"].concat();
    for (what, bytes) in
        [("changed", &changed[..]), ("shorter", &whole[..whole.len() - 1]), ("longer", &longer)]
    {
        std::fs::write(&stored, bytes).unwrap();
        for (program, args) in [
            ("curl", &["-sSf", "--noproxy", "*", "-o", "got", "-H", bearer, &address][..]),
            ("curl", &["-sSf", "--noproxy", "*", "-r", "100-", "-o", "got", "-H", bearer, &address]),
            ("wget", &["-q", "--tries=1", "-O", "got", "--header", bearer, &address]),
        ] {
            let output = exported.run(program, args);
            assert!(!output.status.success(), "{what}: {program} {args:?} took it for whole");
            let got = std::fs::metadata(exported.place.path("got")).map_or(0, |found| found.len());
            assert!(got < size, "{what}: {program} {args:?}: {got} of {size} bytes");
            let _left = std::fs::remove_file(exported.place.path("got"));
        }
    }
    assert!(
        exported.on_record().iter().all(|(outcome, _)| outcome == "corrupt"),
        "{:?}",
        exported.on_record()
    );
    std::fs::write(&stored, &whole).unwrap();
    let output = exported.run("curl", &["-sSf", "--noproxy", "*", "-o", "got", "-H", bearer, &address]);
    assert!(output.status.success() && exported.sha256("got") == string(&file["sha256"]));
}

#[test]
fn a_download_goes_on_after_the_server_was_killed_in_the_middle() {
    // More than the buffers of two sockets hold.
    let exported = Exported::new(2_000, 12_000, &[]);
    let mut server = Running::start(&exported.place, &[]);
    let file = exported.largest(&server);
    let host = server.host();
    let mut download = TcpStream::connect(&host).unwrap();
    let head = format!(
        "GET /api/v1/artifacts/{}/content HTTP/1.1\r\nHost: {host}\r\n{}\r\nConnection: close\r\n\r\n",
        string(&file["id"]),
        exported.bearer
    );
    download.write_all(head.as_bytes()).unwrap();
    let mut got = vec![0; 100_000];
    download.read_exact(&mut got).unwrap();
    server.kill();
    // What was on its way may still come.
    let _reset = download.read_to_end(&mut got);
    let head = got.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    let part = &got[head..];
    assert!((part.len() as u64) < file["size"].as_u64().unwrap());
    std::fs::write(exported.place.path("part"), part).unwrap();
    assert_eq!(exported.on_record(), [("begun".to_owned(), None)]);

    let server = Running::start(&exported.place, &[]);
    let address = content(&server, &file);
    let resume = ["-sSf", "--noproxy", "*", "-C", "-", "-o", "part", "-H", &exported.bearer, &address];
    let output = exported.run("curl", &resume);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(exported.sha256("part"), string(&file["sha256"]));
    let rest = file["size"].as_u64().unwrap() - part.len() as u64;
    assert_eq!(exported.on_record()[0], ("verified".to_owned(), Some(rest)));
}

#[test]
fn the_script_of_a_set_downloads_and_checks_it_in_bash_and_sh_and_goes_on_where_it_was_broken_off() {
    let exported = Exported::new(400, 2_000, &["--split-size", "64KiB"]);
    let server = Running::start(&exported.place, &[]);
    let file = exported.largest(&server);
    let (name, set) = (string(&file["name"]), string(&file["execution_id"]));
    let page = format!("sets/{set}/download.sh");
    let script = server.ask(&page, &["-H", &exported.bearer]).body;
    std::fs::write(exported.place.path("download.sh"), script).unwrap();
    let token = exported.bearer.rsplit(' ').next().unwrap();
    let run = |shell: &str, folder: &str| {
        std::fs::create_dir_all(exported.place.path(folder)).unwrap();
        let mut command = Command::new(shell);
        command.arg("../download.sh").current_dir(exported.place.path(folder));
        command.env("CDDS_TOKEN", token).env("no_proxy", "*").env_remove("CDDS_CONSOLE");
        command.output().unwrap()
    };
    for shell in ["bash", "sh"] {
        let output = run(shell, shell);
        assert!(output.status.success(), "{shell}: {}", text(&output.stderr));
        let files = exported.place.files(shell);
        assert!(files.len() > 2 && files.iter().any(|file| file.ends_with(".manifest.json")), "{files:?}");
        let any = format!("{shell}/{name}");
        let checked = exported.place.cdds(&["verify", &any]).output().unwrap();
        assert!(checked.status.success(), "{}", text(&checked.stderr));
    }
    // A part that was broken off is gone on with, one that was changed is told.
    let part = exported.place.path("bash").join(&name);
    let whole = std::fs::read(&part).unwrap();
    std::fs::write(&part, &whole[..1_000]).unwrap();
    assert!(run("bash", "bash").status.success());
    assert_eq!(std::fs::read(&part).unwrap(), whole);
    let mut changed = whole;
    changed[0] ^= 1;
    std::fs::write(&part, changed).unwrap();
    let output = run("bash", "bash");
    let told = text(&output.stderr);
    assert!(!output.status.success() && !told.contains(token), "{told}");
}
