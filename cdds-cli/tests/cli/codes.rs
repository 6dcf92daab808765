//! Every refusal code of the domain, reached by a command that exits with 3 and changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use cdds_core::domain::violation::Code;
use serde_json::Value;

use crate::support::{Place, string};

/// The present of the commands, unless they say otherwise.
const NOW: &str = "2020-01-06T11:00:00Z";

/// Codes that no command reaches, each with the reason.
const NOT_REACHED: [(Code, &str); 4] = [
    (Code::NoticeOpen, "nobody is told in this world: the tests of the rules do it"),
    (Code::NoticeGone, "nobody is told in this world: the tests of the rules do it"),
    (Code::DeliveryOpen, "a command would have to come while an engine delivers: the tests of the rules do"),
    (Code::RequestKeyUsed, "no command takes the key of a request: the API does"),
];

/// A destination to which no connection is made, and one whose password can be read on the way.
const DESTINATIONS: &str = r#"
[[destination]]
id = "partner"
url = "sftp://exports@partner.example/in"
password_env = "PARTNER_PASSWORD"

[[destination]]
id = "open"
url = "ftp://exports@partner.example/in"
tls = "none"
password_env = "PARTNER_PASSWORD"
"#;

/// A source whose records name people.
const PEOPLE: &str = r#"
[[source]]
id = "people"
title = "People"
kind = "sqlite"
url = "contacts.db"
[[source.type]]
id = "customer"
table = "customers"
subject = [{ field = "id", kind = "customer-id" }]
"#;

/// Jobs and executions in every state that a rule examines, by name.
struct World {
    place: Place,
    ids: BTreeMap<&'static str, String>,
}

impl World {
    fn new() -> Self {
        let place = Place::with_interactions(3_000);
        let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
        std::fs::write(place.path("cdds.toml"), config + DESTINATIONS).unwrap();
        let mut world = Self { place, ids: BTreeMap::new() };
        world.one_time_jobs();
        world.recurring_jobs();
        world.recipients();
        world.subjects();
        world
    }

    fn keep(&mut self, name: &'static str, value: &Value) -> String {
        let id = string(&value["id"]);
        self.ids.insert(name, id.clone());
        id
    }

    fn newest(&self, job: &str, status: &str) -> Value {
        let listed = self.place.json(&["history", "list", "--job", job, "--status", status]);
        listed[0].clone()
    }

    /// `DONE` and `KEPT` have run, as `FINISHED` and `HELD`. `HELD_FILE` is on hold.
    fn one_time_jobs(&mut self) {
        let now = "2020-01-01T12:00:00Z";
        for (job, execution) in [("DONE", "FINISHED"), ("KEPT", "HELD")] {
            let made = self.place.job_at(now, &["--run", "once"]);
            let id = self.keep(job, &made);
            self.place.run_at(now);
            let finished = self.newest(&id, "finished");
            self.keep(execution, &finished);
        }
        let held = self.place.at(now, &["artifact", "hold", "--execution", &self.ids["HELD"]]);
        self.keep("HELD_FILE", &held[0]);
    }

    /// `DAILY` failed as `FAILED`, and is queued again as `QUEUED`. `SINCE` failed as `OVERTAKEN` and
    /// succeeded later. `ENDED` was suspended before its end. `ALL` exports everything.
    fn recurring_jobs(&mut self) {
        let now = "2020-01-01T12:00:00Z";
        let daily = ["--run", "daily", "--at", "02:00"];
        let job = |world: &Self, options: &[&str]| world.place.job_at(now, &[&daily[..], options].concat());
        let made = job(self, &["--timeframe", "rolling:1d"]);
        let failing = self.keep("DAILY", &made);
        let made = job(self, &["--timeframe", "since-last"]);
        let since = self.keep("SINCE", &made);
        self.place.fail_at("2020-01-02T02:00:05Z");
        let failed = self.newest(&failing, "failed");
        let failed = self.keep("FAILED", &failed);
        let overtaken = self.newest(&since, "failed");
        self.keep("OVERTAKEN", &overtaken);
        self.place.run_at("2020-01-03T02:00:05Z");
        let queued = self.place.at("2020-01-03T12:00:00Z", &["history", "rerun", &failed]);
        self.keep("QUEUED", &queued);
        let made = job(self, &["--ends-at", "2020-01-05T00:00:00Z"]);
        let ended = self.keep("ENDED", &made);
        self.place.at(now, &["job", "suspend", &ended]);
        let made = job(self, &[]);
        self.keep("ALL", &made);
    }

    /// Stores the recipient `ops`, and a job that is sealed for it.
    fn recipients(&self) {
        self.place.recipient("ops");
        std::fs::write(self.place.path("bad.pem"), "no certificate").unwrap();
        let sealed = "job create --title S --source contact-history --type interaction --recipient ops";
        self.place.json(&[&words(sealed)[..], &["--run", "daily", "--at", "02:00"]].concat());
    }

    /// `RECEIVED` was sealed under a key that was lost. `VERIFIED` is about the customer 17. `ANSWERED` is a request and its
    /// job.
    fn subjects(&mut self) {
        let config = std::fs::read_to_string(self.place.path("cdds.toml")).unwrap();
        std::fs::write(
            self.place.path("cdds.toml"),
            config + "\n[subjects]\nkey_file = \"subjects.keys\"\n" + PEOPLE,
        )
        .unwrap();
        let now = "2020-01-01T12:00:00Z";
        for (name, customer) in [("RECEIVED", "customer-id=9"), ("VERIFIED", "customer-id=17")] {
            self.place.at(now, &["subject", "key", name]);
            let create = ["subject", "create", "--identifier", customer, "--kind", "erasure"];
            let made = self.place.at(now, &create);
            self.keep(name, &made);
        }
        let create =
            ["subject", "create", "--identifier", "customer-id=7", "--kind", "access", "--plaintext"];
        let made = self.place.at(now, &create);
        self.keep("ANSWERED", &made);
        for name in ["VERIFIED", "ANSWERED"] {
            let verify = ["subject", "verify", &self.ids[name], "--by", "desk", "--how", "passport"];
            self.place.at(now, &verify);
        }
        let keys = std::fs::read_to_string(self.place.path("subjects.keys")).unwrap();
        let kept: Vec<&str> = keys.lines().filter(|line| !line.starts_with("RECEIVED ")).collect();
        std::fs::write(self.place.path("subjects.keys"), kept.join("\n")).unwrap();
    }

    /// Splits a line into arguments, with ids in place of names.
    fn typed(&self, line: &str) -> Vec<String> {
        let id = |word: &str| self.ids.get(word).cloned().unwrap_or_else(|| word.replace('_', " "));
        line.split(' ').map(id).collect()
    }

    /// Prints everything that a refusal must not change.
    fn everything(&self) -> String {
        let mut all: Vec<String> = ["job list", "history list", "artifact list", "recipient list"]
            .into_iter()
            .map(|list| self.place.at(NOW, &words(list)).to_string())
            .collect();
        all.extend(self.place.files("artifacts"));
        all.push(self.place.program("sqlite3", &["-readonly", "cdds.db"], &[".dump"]));
        all.join("\n")
    }
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

/// Options of a new job, for the first half of the codes.
const ON_CREATE: [(Code, &str); 38] = [
    (Code::InvalidTitle, "--title _"),
    (Code::UnknownSource, "--source nowhere"),
    (Code::UnsupportedSource, "--source info-mart"),
    (Code::UnknownType, "--type agent"),
    (Code::OwnershipUnstated, "--owner alice"),
    (Code::InvalidTypes, "--type interaction,interaction"),
    (Code::UnknownCategory, "--category fax"),
    (Code::EmptyCategories, "--category="),
    (Code::InvalidTemplate, "--filter nonsense"),
    (Code::InvalidTemplate, "--filter note_in_[]"),
    (Code::UnknownField, "--type note --field seconds"),
    (Code::InvalidPolicy, "--jitter 61m"),
    (Code::InvalidPolicy, "--overlap both"),
    (Code::InvalidPolicy, "--catch-up 3651d"),
    (Code::InvalidPolicy, "--retries 101"),
    (Code::InvalidPolicy, "--bad-records skip:0"),
    (Code::StartInPast, "--run once --start 2020-01-01T00:00:00Z"),
    (Code::InvalidFrequency, "--run hourly --every 24"),
    (Code::InvalidFrequency, "--run weekly --day someday --at 02:00"),
    (Code::InvalidFrequency, "--run monthly --day 32 --at 02:00"),
    (Code::InvalidCron, "--run cron --cron 0_0_30_2_*"),
    (Code::InvalidTimeZone, "--run daily --at 02:00 --time-zone Europe/Bonn"),
    (Code::InvalidTimeOfDay, "--run daily --at 24:00"),
    (Code::InvalidTimeframe, "--timeframe ever"),
    (Code::TimeframeNeedsInstant, "--source events --type event --timeframe rolling:1d"),
    (Code::InvalidSplitSize, "--split-size 63KiB"),
    (Code::InvalidRetention, "--retention-days 31"),
    (Code::InvalidPeriod, "--run once --starts-at 2030-01-01T00:00:00Z"),
    (Code::InvalidPeriod, "--run daily --at 02:00 --starts-at 2030-01-01T00:00:00Z --first-run-now"),
    (Code::RecurringOnly, "--run once --first-run-now"),
    (Code::UnknownDestination, "--destination nowhere"),
    (Code::PlaintextOverOpenTransport, "--destination open"),
    (Code::InvalidDestinations, "--destination partner --destination partner:in"),
    (Code::InvalidDestinations, "--destination partner --receipt name"),
    (Code::InvalidPath, "--destination partner:../in"),
    (Code::InvalidSubscribers, "--notify ada@example.com"),
    (Code::InvalidSubscribers, "--notify webhook:nobody"),
    (Code::InvalidSubscribers, "--notify mailto:ada@example.com?on=success"),
];

/// Complete command lines, for the other half.
const COMMANDS: [(Code, &str); 37] = [
    (Code::InvalidName, "job list --owner a/b"),
    (Code::InvalidName, "history list --source a/b"),
    (Code::InvalidDescription, "job edit DAILY --description LONG"),
    (Code::SplitSizeTooLargeToSeal, "job edit DAILY --recipient ops --split-size 1431 --now TODAY"),
    (Code::RecipientRequired, "job create --title T --source contact-history --type interaction --run once"),
    (Code::UnknownRecipient, "job edit DAILY --recipient nobody"),
    (Code::RecipientExists, "recipient add ops ops.pem --now TODAY"),
    (Code::InvalidCertificate, "recipient add law bad.pem"),
    (Code::InvalidCertificate, "job edit DAILY --recipient ops --now 2999-01-01T00:00:00Z"),
    (Code::OneTimeCannotResume, "job resume DONE"),
    (Code::OneTimeCannotEdit, "job edit DONE --title New"),
    (Code::VersionOvertaken, "job edit DAILY --title New --if-version 9"),
    (Code::WatermarkChoiceRequired, "job edit SINCE --timeframe since-last:2020-01-01T00:00:00Z"),
    (Code::NoWatermark, "job edit DAILY --watermark reset"),
    (Code::JobBusy, "job delete DAILY"),
    (Code::RecurringOnly, "job run DONE"),
    (Code::RecurringOnly, "job backfill DONE --from 2020-01-01T00:00:00Z --to 2020-01-02T00:00:00Z"),
    (Code::JobEnded, "job resume ENDED"),
    (Code::RecipientInUse, "recipient remove ops"),
    (Code::Covered, "history rerun OVERTAKEN"),
    (Code::CannotRerun, "history rerun FINISHED"),
    (Code::RerunExists, "history rerun FAILED"),
    (Code::CannotBackfill, "job backfill ALL --from 2020-01-01T00:00:00Z --to 2020-01-05T00:00:00Z"),
    (Code::InvalidRange, "job backfill DAILY --from 2020-01-05T00:00:00Z --to 2020-01-01T00:00:00Z"),
    (Code::ExecutionEnded, "history cancel FINISHED"),
    (Code::ExecutionOpen, "history delete QUEUED"),
    (Code::ExecutionHasArtifacts, "history delete FINISHED"),
    (Code::OnHold, "artifact delete HELD_FILE"),
    (Code::OnHold, "history delete HELD --with-artifacts"),
    (Code::TooManyFiles, "artifact delete MANY"),
    (Code::NothingToDeliver, "history redeliver FINISHED"),
    (Code::InvalidSubjectRequest, "subject create --identifier phone=ada --kind access"),
    (Code::SubjectRequestRepeated, "subject create --identifier customer-id=17 --kind erasure"),
    (Code::SubjectRequestState, "subject approve RECEIVED"),
    (Code::OwnSubjectRequest, "subject approve VERIFIED"),
    (Code::SubjectKeyMissing, "subject verify RECEIVED --by desk --how passport"),
    (Code::SubjectJob, "job delete ANSWERED"),
];

/// Returns the command for a new job in which only `options` are wrong.
fn creating(options: &str) -> String {
    let given: BTreeSet<&str> = options.split(' ').filter(|word| word.starts_with("--")).collect();
    let fine = ["--title T", "--source contact-history", "--type interaction", "--run once", "--plaintext"];
    let rest =
        fine.into_iter().filter(|option| !given.contains(option.split(' ').next().unwrap_or_default()));
    format!("job create {options} {}", rest.collect::<Vec<_>>().join(" "))
}

/// Returns the arguments of a line. Placeholders stand for arguments that do not fit into a word.
fn spelled(world: &World, line: &str) -> Vec<String> {
    let mut args = Vec::new();
    for word in world.typed(line) {
        match word.as_str() {
            "LONG" => args.push("x".repeat(4_097)),
            "MANY" => args.extend((0..101).map(|n| format!("00000000-0000-4000-8000-{n:012}"))),
            _ => args.push(word),
        }
    }
    // In 2020, a certificate that was just made is not valid yet.
    let present = args.iter().position(|word| word == "TODAY");
    match present {
        Some(at) => {
            args.drain(at - 1..=at);
        }
        None if !line.contains("--now") => args.extend(["--now".to_owned(), NOW.to_owned()]),
        None => {}
    }
    args
}

#[test]
fn every_refusal_has_its_code_and_changes_nothing() {
    let world = World::new();
    let before = world.everything();
    let created = ON_CREATE.iter().map(|(code, options)| (*code, creating(options)));
    let typed = COMMANDS.iter().map(|(code, line)| (*code, (*line).to_owned()));
    for (code, line) in created.chain(typed) {
        let args = spelled(&world, &line);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        assert_eq!(world.place.refused(&args), (3, code.as_str().to_owned()), "{line}");
        assert_eq!(world.everything(), before, "{line} changed something");
        if ["job create", "job edit", "job clone"].iter().any(|command| line.starts_with(command)) {
            let tried = [&args[..], &["--dry-run"]].concat();
            assert_eq!(world.place.refused(&tried), (3, code.as_str().to_owned()), "{line} --dry-run");
        }
    }
    assert_eq!(world.everything(), before, "a dry run changed something");
}

#[test]
fn every_code_is_reached_or_it_is_said_why_not() {
    let tried = ON_CREATE.iter().chain(&COMMANDS).map(|(code, _)| *code);
    let excused = NOT_REACHED.iter().map(|(code, why)| {
        assert!(!why.is_empty());
        *code
    });
    let covered: BTreeSet<Code> = tried.chain(excused).collect();
    let missing: Vec<&Code> = Code::ALL.iter().filter(|code| !covered.contains(code)).collect();
    assert!(missing.is_empty(), "no command is known to be refused with {missing:?}");
}
