//! Sets that wait to be delivered, each in a folder of its own, and what has become of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::remote::Remote;
use crate::delivering::{MailServer, configure, mail};
use crate::support::{Place, string, text};

/// So many seconds after sets have been published, at least, and less than a day more.
pub(crate) fn after(seconds: i64) -> String {
    (Utc::now() + TimeDelta::days(1) + TimeDelta::seconds(seconds)).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A set that waits to be delivered, from which any number of others are copied, and those who are told.
pub(crate) struct Waiting {
    original: Place,
    config: String,
    execution: String,
    /// What it consists of.
    files: BTreeMap<String, Vec<u8>>,
    mails: MailServer,
    told: usize,
    copies: usize,
}

impl Waiting {
    /// Publishes a set of so many records of so many bytes, in parts of this size.
    pub(crate) fn new(remote: &dyn Remote, records: u32, bytes: u32, part: &str) -> Self {
        let (original, mails) = (Place::with_interactions(records), MailServer::start(&[]));
        original.sqlite(&format!("update interactions set note = hex(randomblob({bytes}))"));
        mail(&original, &mails);
        let config = std::fs::read_to_string(original.path("cdds.toml")).unwrap();
        configure(&original, &remote.lines(&original, "original"));
        original.json(&["destination", "disable", "partner"]);
        original.recipient("ops");
        let create =
            ["job", "create", "--title", "T", "--source", "contact-history", "--type", "interaction"];
        let to = ["--destination", "partner:set", "--notify", "mailto:ada@example.org", "--split-size", part];
        original.json(&[&create[..], &["--run", "once", "--recipient", "ops"], &to].concat());
        original.json(&["run", "--until-idle"]);
        original.json(&["destination", "enable", "partner"]);
        let execution = string(&original.json(&["history", "list"])[0]["id"]);
        original.json(&["artifact", "download", "--execution", &execution, "--to", "downloaded"]);
        let files = contents(&original.path("downloaded"));
        Self { original, config, execution, files, told: mails.mails().len(), mails, copies: 0 }
    }

    /// Returns the number of parts, besides the manifest.
    pub(crate) fn parts(&self) -> usize {
        self.files.len() - 1
    }

    /// Copies it, to be delivered into a folder of its own.
    pub(crate) fn copy(&mut self, remote: &dyn Remote) -> Copy {
        self.copies += 1;
        let (dir, folder) = (TempDir::new().unwrap(), format!("copy-{}", self.copies));
        let copied = Command::new("cp").arg("-a").arg(self.original.path(".")).arg(dir.path()).status();
        assert!(copied.unwrap().success());
        let place = Place::of(dir);
        std::fs::write(place.path("cdds.toml"), format!("{}{}", self.config, remote.lines(&place, &folder)))
            .unwrap();
        Copy { place, folder: format!("{folder}/set") }
    }

    /// Asserts that the set is delivered: whole, under its final names, with nothing beside it, and told once.
    pub(crate) fn is_delivered(&mut self, copy: &Copy, remote: &dyn Remote, case: &str) {
        let shown = copy.place.json(&["history", "show", &self.execution]);
        let deliveries = shown["deliveries"].as_array().unwrap();
        let states: Vec<&Value> = deliveries.iter().map(|delivery| &delivery["state"]).collect();
        assert_eq!(states, [&json!("delivered")], "{case}: {shown}");
        self.is_whole(copy, remote, case);
        self.told += 1;
        assert_eq!(self.mails.mails().len(), self.told, "{case}: it is told once");
    }

    /// Asserts that all of it has arrived, and nothing else.
    pub(crate) fn is_whole(&self, copy: &Copy, remote: &dyn Remote, case: &str) {
        let arrived = remote.arrived(&copy.place, &copy.folder);
        let names: Vec<&String> = arrived.keys().collect();
        assert_eq!(names, self.files.keys().collect::<Vec<_>>(), "{case}");
        for (name, bytes) in &self.files {
            assert!(arrived[name] == *bytes, "{case}: {name} has arrived with other bytes");
        }
    }

    /// Asserts that what bears a final name is whole, and that the manifest comes last.
    pub(crate) fn nothing_is_half_made(&self, copy: &Copy, remote: &dyn Remote, case: &str) {
        let arrived = remote.arrived(&copy.place, &copy.folder);
        for (name, bytes) in &self.files {
            let is_whole = arrived.get(name).is_none_or(|found| found == bytes);
            assert!(is_whole, "{case}: {name} is half made");
        }
        let manifest = self.files.keys().find(|name| name.ends_with("manifest.json")).unwrap();
        let is_complete = self.files.keys().all(|name| arrived.get(name) == self.files.get(name));
        assert!(!arrived.contains_key(manifest) || is_complete, "{case}: the manifest came too early");
    }
}

/// A copy of a set that waits to be delivered.
pub(crate) struct Copy {
    pub(crate) place: Place,
    pub(crate) folder: String,
}

/// Reads the files of a folder, which may be missing.
pub(crate) fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(Result::unwrap);
    let name = |entry: &std::fs::DirEntry| text(entry.file_name().as_encoded_bytes());
    entries.map(|entry| (name(&entry), std::fs::read(entry.path()).unwrap())).collect()
}
