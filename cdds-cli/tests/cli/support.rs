//! A folder to work in, and the programs that tests run there.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A folder with a configuration, a source of contacts and the files that a test adds.
pub(crate) struct Place {
    dir: TempDir,
}

/// The instant at which jobs are submitted if their story begins with the interactions.
pub(crate) const NOON: &str = "2020-01-01T12:00:00Z";
/// Options of a job whose windows tile.
pub(crate) const DAILY: [&str; 6] = ["--run", "daily", "--at", "02:00", "--timeframe", "rolling:1d"];
/// Options of a job that follows its watermark.
pub(crate) const SINCE_LAST: [&str; 6] = ["--run", "daily", "--at", "02:00", "--timeframe", "since-last"];

/// Sources that are appended to the configuration that `init` writes.
pub(crate) const SOURCES: &str = r#"
[[source]]
id = "contact-history"
title = "Contact History"
kind = "sqlite"
url = "contacts.db"
[[source.type]]
id = "interaction"
table = "interactions"
time = "started_at"
changed = "updated_at"
category = { name = "media types", column = "media_type", values = ["voice", "chat", "email"] }
subject = ["contact_id"]
settle_lag = "0s"
[[source.type]]
id = "note"
table = "interactions"
fields = ["contact_id", "note"]

[[source]]
id = "events"
kind = "json-lines"
url = "events-*.jsonl"
[[source.type]]
id = "event"

[[source]]
id = "info-mart"
title = "Info Mart"
unsupported = "Info Mart exports are not supported"
"#;

impl Place {
    /// Creates an initialised folder without data.
    pub(crate) fn new() -> Self {
        let place = Self { dir: TempDir::new().unwrap() };
        place.done(&["init"]);
        let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
        std::fs::write(place.path("cdds.toml"), config + SOURCES).unwrap();
        place
    }

    /// Uses a folder as it is.
    pub(crate) fn of(dir: TempDir) -> Self {
        Self { dir }
    }

    /// Creates a folder with `count` interactions, one a minute from 2020-01-01T00:00:00Z, with media types
    /// in turn.
    pub(crate) fn with_interactions(count: u32) -> Self {
        let place = Self::new();
        place.sqlite(&format!(
            "create table interactions(contact_id text, started_at text, updated_at text, media_type text, \
             note text, seconds integer);
             with recursive n(i) as (select 0 union all select i + 1 from n where i + 1 < {count})
             insert into interactions select 'c-' || i,
               strftime('%Y-%m-%dT%H:%M:%SZ', '2020-01-01', '+' || i || ' minutes'), null,
               case i % 3 when 0 then 'voice' when 1 then 'chat' else 'email' end,
               case i % 2 when 0 then '' else hex(randomblob(40)) end, i from n;"
        ));
        place
    }

    /// Declares that every owner may export all interactions (rule J16).
    pub(crate) fn share_interactions(&self) {
        let config = std::fs::read_to_string(self.path("cdds.toml")).unwrap();
        let shared =
            config.replace("table = \"interactions\"\ntime", "table = \"interactions\"\nshared = true\ntime");
        assert_ne!(shared, config);
        std::fs::write(self.path("cdds.toml"), shared).unwrap();
    }

    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Returns a command that runs the binary here.
    pub(crate) fn cdds(&self, args: &[&str]) -> Command {
        self.command(Path::new(env!("CARGO_BIN_EXE_cdds")), args)
    }

    /// Returns a command that runs the binary of another version here.
    pub(crate) fn command(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.root()).stdin(Stdio::null());
        command.env_remove("CDDS_CONFIG").env_remove("CDDS_OUTPUT");
        command
    }

    /// Runs a command that must succeed. Returns its stdout.
    pub(crate) fn done(&self, args: &[&str]) -> String {
        let output = self.cdds(args).output().unwrap();
        assert!(output.status.success(), "cdds {args:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Runs a command that must succeed with nothing on stderr. Returns the JSON on stdout.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let output = self.cdds(args).args(["--output", "json"]).output().unwrap();
        assert!(output.status.success(), "cdds {args:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stderr), "", "cdds {args:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs a command that must fail, with nothing but the error on stderr. Returns exit code and error code.
    pub(crate) fn refused(&self, args: &[&str]) -> (i32, String) {
        let output = self.cdds(args).args(["--output", "json"]).output().unwrap();
        failure(&output)
    }

    /// Submits a plaintext job that runs at once. Returns its id.
    pub(crate) fn plaintext_job(&self, extra: &[&str]) -> String {
        let title = if extra.contains(&"--title") { &[][..] } else { &["--title", "T"] };
        let mut args = [&["job", "create", "--source", "contact-history"][..], title].concat();
        args.extend(["--type", "interaction", "--run", "once", "--plaintext"]);
        args.extend(extra);
        string(&self.json(&args)["id"])
    }

    /// Submits a plaintext job over the interactions at `now`.
    pub(crate) fn job_at(&self, now: &str, options: &[&str]) -> Value {
        let args = ["job", "create", "--title", "T", "--source", "contact-history", "--type", "interaction"];
        self.at(now, &[&args[..], &["--plaintext"], options].concat())
    }

    /// Like [`json`](Self::json), at `now`.
    pub(crate) fn at(&self, now: &str, args: &[&str]) -> Value {
        self.json(&[args, &["--now", now]].concat())
    }

    /// Like [`refused`](Self::refused), at `now`.
    pub(crate) fn refused_at(&self, now: &str, args: &[&str]) -> (i32, String) {
        self.refused(&[args, &["--now", now]].concat())
    }

    /// Runs what is due at `now`. Returns the report of the run.
    pub(crate) fn run_at(&self, now: &str) -> Value {
        self.at(now, &["run", "--until-idle"])
    }

    /// Runs what is due at `now` over a table that cannot be read.
    pub(crate) fn fail_at(&self, now: &str) {
        self.sqlite("alter table interactions rename column started_at to gone");
        assert_eq!(self.refused_at(now, &["run", "--until-idle"]), (1, "execution_failed".to_owned()));
        self.sqlite("alter table interactions rename column gone to started_at");
    }

    /// Returns the records that an execution exported, downloaded at `now`.
    pub(crate) fn exported(&self, now: &str, execution: &Value) -> Vec<Value> {
        let id = string(&execution["id"]);
        let files = self.at(now, &["artifact", "download", "--execution", &id, "--to", &id]);
        let archive = string(&files[0]["path"]);
        self.records(&archive)
    }

    /// Makes a key pair and stores its certificate.
    pub(crate) fn recipient(&self, name: &str) {
        let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
        self.program(
            "openssl",
            &["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "90", "-subj", "/CN=ops"],
            &["-keyout", &key, "-out", &certificate],
        );
        self.done(&["recipient", "add", name, &certificate]);
    }

    /// Runs SQL on the source. Returns the output.
    pub(crate) fn sqlite(&self, sql: &str) -> String {
        self.program("sqlite3", &["contacts.db"], &[sql])
    }

    /// Runs another program here, which must succeed. Returns its stdout.
    pub(crate) fn program(&self, program: &str, args: &[&str], more: &[&str]) -> String {
        // A worker may hold the database, or one that was killed may have left it to be recovered.
        let waits: &[&str] = if program == "sqlite3" { &["-cmd", ".timeout 20000"] } else { &[] };
        let output =
            Command::new(program).args(waits).args(args).args(more).current_dir(self.root()).output();
        let output = output.unwrap_or_else(|error| panic!("{program} has to be installed: {error}"));
        assert!(output.status.success(), "{program} {args:?} {more:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Lists every file below a folder by its relative path, sorted, except the mark of a store.
    pub(crate) fn files(&self, folder: &str) -> Vec<String> {
        let listed = self.program(
            "find",
            &[folder, "-type", "f", "-not", "-name", ".cdds-store"],
            &["-printf", "%P\\n"],
        );
        let mut files: Vec<String> = listed.lines().map(str::to_owned).collect();
        files.sort();
        files
    }

    /// Returns the records of an unsealed archive in one file.
    pub(crate) fn records(&self, archive: &str) -> Vec<Value> {
        let lines = self.program("unzip", &["-p"], &[archive]);
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

pub(crate) fn failure(output: &Output) -> (i32, String) {
    let error: Value = serde_json::from_slice(&output.stderr)
        .unwrap_or_else(|why| panic!("{why}: stderr is {:?}", text(&output.stderr)));
    assert!(!string(&error["error"]["message"]).is_empty());
    (output.status.code().unwrap(), string(&error["error"]["code"]))
}

pub(crate) fn string(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// Returns the id in the output of a command.
pub(crate) fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap_or_else(|| panic!("{value} has no id"))
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
