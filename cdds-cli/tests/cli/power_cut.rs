//! The power fails at the worst moments. Everything that the program has reported is there, and everything
//! that it shows is complete.
//!
//! The real binary runs under strace. A simulated disk, which keeps only what was synced, follows every call.
//! After each call that made something durable or printed something the power is cut, and the binary itself
//! examines what is left.

mod disk;
mod trace;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use self::disk::Disk;
use self::trace::{Argument, Call, trace};
use crate::support::{Place, id, string, text};

/// An instant later than any retry, so that work that a cut broke off is retried.
const LATER: &str = "2999-01-01T00:00:00Z";

const RECORDS: u32 = 3_000;

/// A place on a simulated disk that follows all its system calls.
struct Cuttable {
    place: Place,
    disk: Disk,
}

impl Cuttable {
    fn new(place: Place) -> Self {
        let disk = Disk::of(place.root());
        Self { place, disk }
    }

    /// Runs a command that must succeed. Returns its stdout. Calls `look` after each system call that made
    /// something durable or printed something, with the output so far.
    fn watched(&mut self, args: &[&str], mut look: impl FnMut(&Disk, &str)) -> String {
        let (output, calls) = trace(&self.place.cdds(args));
        assert!(output.status.success(), "cdds {args:?}: {}", text(&output.stderr));
        self.disk.begin();
        let mut told = String::new();
        for call in &calls {
            let says = said(call);
            let speaks = says.is_some();
            told.extend(says);
            // A user may rely on a message as soon as it is printed.
            if self.disk.hear(call) || speaks {
                look(&self.disk, &told);
            }
        }
        text(&output.stdout)
    }

    fn done(&mut self, args: &[&str]) -> String {
        self.watched(args, |_, _| ())
    }

    fn json(&mut self, args: &[&str]) -> Value {
        serde_json::from_str(&self.done(&[args, &["--output", "json"]].concat())).unwrap()
    }

    /// Asserts that a power cut would leave everything that is visible below a path.
    fn assert_kept(&self, path: &str) {
        let below = |tree: BTreeMap<PathBuf, Option<Vec<u8>>>| {
            tree.into_iter().filter(|(file, _)| file.starts_with(path)).collect::<Vec<_>>()
        };
        let (seen, left) = (below(self.disk.seen()), below(self.disk.left()));
        assert!(!seen.is_empty(), "there is nothing in {path}");
        let names = |tree: &[(PathBuf, _)]| tree.iter().map(|(file, _)| file.clone()).collect::<Vec<_>>();
        assert_eq!(names(&left), names(&seen));
        assert!(left == seen, "contents of {path} are lost");
    }
}

/// Returns the text that a call printed for the user.
fn said(call: &Call) -> Option<String> {
    let to_user = call.name == "write" && call.result.is_some() && matches!(call.word(0), "1" | "2");
    to_user.then(|| String::from_utf8_lossy(call.bytes(1)).into_owned())
}

/// Cuts the power. Returns the place that is left.
fn cut(disk: &Disk) -> Place {
    let folder = tempfile::tempdir().unwrap();
    disk.cut(folder.path());
    Place::of(folder)
}

/// Asserts that the only execution is published or can be repeated, and that all of it is there if it was
/// reported as finished.
fn assert_finished_or_again(disk: &Disk, told: &str) {
    let place = cut(disk);
    assert_eq!(place.program("sqlite3", &["cdds.db"], &["pragma integrity_check"]).trim(), "ok");
    let history = place.json(&["history", "list"]);
    assert_eq!(history.as_array().unwrap().len(), 1, "{history}");
    let finished = history[0]["status"] == "finished";
    assert!(finished || !told.contains("event=finished"), "{told}\n{history}");
    let mut when = &[][..];
    if !finished {
        when = &["--now", LATER];
        assert_eq!(place.run_at(LATER)["finished"], 1);
    }
    // Both commands compare the digests.
    let files = place
        .json(&[&["artifact", "download", "--execution", id(&history[0]), "--to", "set"], when].concat());
    place.done(&["extract", &string(&files[0]["path"]), "--to", "records"]);
    let files = place.files("records").into_iter();
    let lines =
        files.map(|file| fs::read_to_string(place.path("records").join(file)).unwrap().lines().count());
    assert_eq!(lines.sum::<usize>(), usize::try_from(RECORDS).unwrap());
    let parts = place.json(&[&["artifact", "list"], when].concat()).as_array().unwrap().len();
    let mut claims: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in place.files("artifacts") {
        let (claim, name) = file.rsplit_once('/').unwrap();
        claims.entry(claim.to_owned()).or_default().push(name.to_owned());
    }
    let (_, stored) = claims.pop_last().unwrap();
    assert_eq!(stored.len(), parts + 1, "{stored:?}");
    // Of earlier claims only a complete set may be left (rule E17).
    for (claim, files) in claims {
        assert!(files.contains(&"manifest".to_owned()), "{claim}: {files:?}");
    }
}

#[test]
fn i8_a_power_cut_never_leaves_less_than_was_told_or_shown() {
    let mut world = Cuttable::new(Place::with_interactions(RECORDS));
    let job = ["job", "create", "--title", "T", "--source", "contact-history", "--type", "interaction"];
    let job = world.json(&[&job[..], &["--run", "once", "--plaintext", "--split-size", "64KiB"]].concat());
    assert_eq!(cut(&world.disk).json(&["job", "show", id(&job)])["id"], job["id"]);

    // A folder that an earlier attempt created before it was killed: it exists, but nobody has synced it.
    let execution = world.json(&["history", "list"])[0].clone();
    world.disk.make_unsynced_folder(&format!("artifacts/{}", id(&execution)));
    let mut cuts = 0;
    world.watched(&["run", "--until-idle", "--no-progress"], |disk, told| {
        assert_finished_or_again(disk, told);
        cuts += 1;
    });
    assert!(cuts > 10, "{cuts} cuts");
    assert!(world.json(&["artifact", "list"]).as_array().unwrap().len() > 1);
    assert_finished_or_again(&world.disk, "event=finished");
}

#[test]
fn i8_the_set_is_durable_before_the_catalog_names_it_and_that_before_anybody_is_told() {
    let mut world = Cuttable::new(Place::with_interactions(10));
    world.place.plaintext_job(&[]);
    world.disk = Disk::of(world.place.root());
    let (output, calls) = trace(&world.place.cdds(&["run", "--until-idle", "--no-progress"]));
    assert!(output.status.success());
    world.disk.begin();
    let mut told = String::new();
    let (mut named, mut finished) = (None, None);
    for (at, call) in calls.iter().enumerate() {
        told.extend(said(call));
        world.disk.hear(call);
        let left = world.disk.left();
        let is_left = |wanted: &dyn Fn(&Path) -> bool| left.keys().any(|path| wanted(path));
        if names(call, ".manifest.json") && named.is_none() {
            named = Some(at);
            assert!(is_left(&|path| path.ends_with("manifest")), "the catalog names what may be lost");
        }
        if told.contains("event=finished") && finished.is_none() {
            finished = Some(at);
            assert_eq!(cut(&world.disk).json(&["history", "list"])[0]["status"], "finished");
        }
    }
    assert!(named.unwrap() < finished.unwrap());
}

/// Whether a call writes this text into the catalog's log.
fn names(call: &Call, what: &str) -> bool {
    call.name == "pwrite64"
        && matches!(&call.arguments[1], Argument::Bytes(bytes)
            if bytes.windows(what.len()).any(|window| window == what.as_bytes()))
}

#[test]
fn what_was_removed_does_not_come_back() {
    let place = Place::with_interactions(10);
    place.plaintext_job(&[]);
    place.done(&["run", "--until-idle", "-q"]);
    let mut world = Cuttable::new(place);
    let execution = world.json(&["history", "list"])[0].clone();
    let no_file_is_lost = |disk: &Disk, _: &str| {
        let place = cut(disk);
        for artifact in place.json(&["artifact", "list"]).as_array().unwrap() {
            place.done(&["artifact", "download", id(artifact), "--to", "out"]);
        }
    };
    world.watched(&["history", "delete", id(&execution), "--with-artifacts"], no_file_is_lost);
    assert_eq!(cut(&world.disk).json(&["artifact", "list"]), json!([]));
    world.watched(&["run", "--until-idle", "-q"], no_file_is_lost);
    let left: Vec<PathBuf> =
        world.disk.left().into_keys().filter(|path| path.starts_with("artifacts")).collect();
    assert_eq!(left, [Path::new("artifacts"), Path::new("artifacts/.cdds-store")], "nothing but the mark");
}

#[test]
fn files_that_were_made_are_kept() {
    let place = Place::with_interactions(RECORDS);
    place.recipient("ops");
    place.plaintext_job(&["--split-size", "64KiB"]);
    let sealed = ["job", "create", "--title", "S", "--source", "contact-history", "--type", "interaction"];
    place.done(&[&sealed[..], &["--run", "once", "--recipient", "ops"]].concat());
    place.done(&["run", "--until-idle", "-q"]);
    let mut world = Cuttable::new(place);
    let history = world.json(&["history", "list"]);
    let of = |title: &str| {
        let all = history.as_array().unwrap();
        string(&all.iter().find(|execution| execution["job_title"] == title).unwrap()["id"])
    };
    for (title, to) in [("T", "new/plain"), ("S", "new/sealed")] {
        let files = world.json(&["artifact", "download", "--execution", &of(title), "--to", to]);
        world.assert_kept(to);
        let first = string(&files[0]["path"]);
        if title == "T" {
            world.done(&["join", &first, "--to", "joined/deeply/whole.zip"]);
            world.assert_kept("joined");
        } else {
            world.done(&["decrypt", &first, "--key", "ops.key", "--to", "opened/deeply"]);
            world.assert_kept("opened");
        }
    }
    world.done(&["recipient", "test", "ops", "--to", "sample.p7m"]);
    world.assert_kept("sample.p7m");
}

#[test]
fn a_place_that_was_initialised_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = Cuttable::new(Place::of(folder));
    world.done(&["init", "deep/down"]);
    world.assert_kept("deep/down/artifacts");
    world.assert_kept("deep/down/cdds.toml");
    cut(&world.disk).done(&["--config", "deep/down/cdds.toml", "job", "list"]);
}
