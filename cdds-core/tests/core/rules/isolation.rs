//! Rules J15, J16: whatever two owners do, neither learns anything of the other.
//!
//! Each sequence of calls is made twice: by both owners, and by the north alone. Nothing that either receives
//! may name the other's things, and the answers to the north must not depend on the south at all: the same
//! codes, the same counts.

use std::cell::RefCell;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use cdds_core::domain::access::Principal;
use cdds_core::domain::archive::removal::WithArtifacts;
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::id::{ArtifactId, ExecutionId, JobId, NoticeId, Owner, RecipientName};
use cdds_core::domain::job::{JobSettings, Title};
use cdds_core::domain::recipient::{CertificateFacts, Recipient};
use cdds_core::domain::record::{Place, RecordBatch, RecordBatchBuilder};
use cdds_core::engine::{Engine, Until};
use cdds_core::ports::catalog::query::{
    ArtifactQuery, AuditQuery, ExecutionOverview, ExecutionQuery, JobQuery, NoticeQuery, Page,
};
use cdds_core::ports::source::{DataType, Ownership, SourceDescription, Sources, Visibility};
use cdds_core::service::ServiceError;
use cdds_core::service::artifacts::Artifacts;
use cdds_core::service::artifacts::Download;
use cdds_core::service::audit::Audit;
use cdds_core::service::history::History;
use cdds_core::service::jobs::{EditRequest, JobRules, Jobs};
use cdds_core::service::outbox::Outbox;
use cdds_core::service::recipients::Recipients;
use cdds_core::testing::{MemoryPorts, PreparedSource, administrator};
use chrono::TimeDelta;
use futures::executor::block_on;
use proptest::prelude::*;
use uuid::Uuid;

use crate::rules::support::{daily, instant, settings};

const NORTH: &str = "north";
const SOUTH: &str = "south";

/// A call to a service, or the passing of time.
#[derive(Debug, Clone, Copy)]
struct Step {
    by: &'static str,
    call: u8,
    /// Which of the owner's things it is about.
    pick: usize,
    /// Whether it is about a thing of the other owner instead, whose id was guessed.
    foreign: bool,
}

/// The number of kinds of calls.
const CALLS: u8 = 44;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // The engine works, and jobs are submitted, more often than anything else.
    let call = prop_oneof![4 => Just(0_u8), 4 => Just(2), 12 => 0..CALLS];
    let by = prop_oneof![Just(NORTH), Just(SOUTH)];
    let step = (by, call, any::<usize>(), prop::bool::weighted(0.2));
    prop::collection::vec(step.prop_map(|(by, call, pick, foreign)| Step { by, call, pick, foreign }), 5..50)
}

/// The result of a call.
struct Answer {
    /// Everything in it, but for what the caller named itself.
    text: String,
    /// Its code, and what it counts.
    digest: String,
}

fn answer<T: Debug>(result: &Result<T, ServiceError>, digest: impl FnOnce(&T) -> String) -> Answer {
    match result {
        Ok(value) => Answer { text: format!("{value:?}"), digest: digest(value) },
        Err(error) => Answer { text: format!("{error:?} {error}"), digest: error.code().to_owned() },
    }
}

fn done<T: Debug>(result: &Result<T, ServiceError>) -> Answer {
    answer(result, |_| "done".to_owned())
}

fn page<T: Debug>(result: &Result<Page<T>, ServiceError>, each: impl Fn(&T) -> String) -> Answer {
    answer(result, |page| {
        let mut rows: Vec<String> = page.items.iter().map(each).collect();
        // Ties are in the order of ids, which depend on how many there are.
        rows.sort();
        format!("{} of {:?}: {}", rows.len(), page.total, rows.join(" "))
    })
}

fn brief(overview: &ExecutionOverview) -> String {
    let progress = &overview.execution.progress;
    format!("{:?} {} {}", overview.execution.status(), progress.records, progress.bytes_read)
}

/// The ids of an owner's things, oldest first.
#[derive(Debug, Default)]
struct Known {
    jobs: Vec<JobId>,
    executions: Vec<ExecutionId>,
    files: Vec<ArtifactId>,
    notices: Vec<NoticeId>,
    /// All of them and those of the audit, as text.
    texts: Vec<String>,
}

/// The service, with a source of both owners and one of each.
struct World {
    memory: MemoryPorts,
    jobs: Jobs,
    history: History,
    artifacts: Artifacts,
    recipients: Recipients,
    audit: Audit,
    outbox: Outbox,
    /// All executions, in the order in which they appeared.
    appeared: RefCell<Vec<ExecutionId>>,
}

fn owner(name: &str) -> Owner {
    Owner::new(name).unwrap()
}

fn by(name: &str) -> Principal {
    administrator(&owner(name))
}

fn other(name: &str) -> &'static str {
    if name == NORTH { SOUTH } else { NORTH }
}

fn records(text: &str, count: usize) -> Vec<RecordBatch> {
    let mut batch = RecordBatchBuilder::new();
    for _ in 0..count {
        let mut record = batch.record(&Place::Folder("interaction/all/undated".into()));
        record.text("of", text);
        record.finish();
    }
    batch.add_bytes_read(100 * count as u64);
    vec![batch.take()]
}

fn source(id: &str, visibility: Visibility) -> Arc<PreparedSource> {
    let interaction = DataType::new("interaction".parse().unwrap()).with_event_instant();
    let description = SourceDescription::new(id.parse().unwrap(), id)
        .with_type(interaction.with_ownership(Ownership::PerOwner))
        .with_visibility(visibility);
    let source = PreparedSource::new(description, Vec::new())
        .with_owned(owner(NORTH), records("a record of north", 2))
        .with_owned(owner(SOUTH), records("a record of south", 3));
    Arc::new(source)
}

fn recipient(name: &str) -> Recipient {
    let certificate = CertificateFacts {
        der: Vec::new(),
        fingerprint: format!("print of {name}"),
        subject: format!("CN={name}"),
        not_before: instant("2020-01-01T00:00:00Z"),
        not_after: instant("2030-01-01T00:00:00Z"),
        warnings: Vec::new(),
    };
    let added_at = instant("2026-03-01T12:00:00Z");
    Recipient { owner: owner(name), name: recipient_of(name), certificate, added_at }
}

fn recipient_of(name: &str) -> RecipientName {
    RecipientName::new(format!("ops-{name}")).unwrap()
}

/// An id that nothing has.
fn nothing() -> Uuid {
    Uuid::from_u128(u128::MAX)
}

impl World {
    fn of(owners: &[&str]) -> Self {
        let sources = Sources::new()
            .with(source("of-all", Visibility::AllOwners))
            .with(source("of-north", Visibility::owners([owner(NORTH)])))
            .with(source("of-south", Visibility::owners([owner(SOUTH)])));
        let memory = MemoryPorts::new(instant("2026-03-01T12:00:00Z"), sources);
        for name in owners {
            block_on(memory.ports.catalog.insert_recipient(&recipient(name), &[])).unwrap();
        }
        let ports = &memory.ports;
        Self {
            jobs: Jobs::new(ports, JobRules::default()),
            history: History::new(ports),
            artifacts: Artifacts::new(ports),
            recipients: Recipients::new(ports),
            audit: Audit::new(ports),
            outbox: Outbox::new(ports),
            memory,
            appeared: RefCell::default(),
        }
    }

    fn known(&self, name: &str) -> Known {
        let by = &by(name);
        let mut jobs = block_on(self.jobs.list(by, &JobQuery::default())).unwrap().items;
        let mut executions = block_on(self.history.list(by, &ExecutionQuery::default())).unwrap().items;
        let mut files = block_on(self.artifacts.list(by, &ArtifactQuery::default())).unwrap().items;
        let entries = block_on(self.audit.list(by, &AuditQuery::default())).unwrap().items;
        let mut notices = block_on(self.outbox.list(by, &NoticeQuery::default())).unwrap().items;
        // In an order that does not depend on what the other owner does, as ids do: those of jobs count up,
        // and executions are in the order in which they appeared.
        jobs.sort_by_key(|one| one.job.id);
        executions.sort_by_key(|one| (one.execution.job_id, one.execution.slot));
        let mut appeared = self.appeared.borrow_mut();
        for one in &executions {
            if !appeared.contains(&one.execution.id) {
                appeared.push(one.execution.id);
            }
        }
        let place = |id: ExecutionId| appeared.iter().position(|one| *one == id);
        executions.sort_by_key(|one| place(one.execution.id));
        files.sort_by_key(|one| place(one.artifact.execution_id));
        notices.sort_by_key(|one| place(one.execution_id().unwrap()));
        let jobs: Vec<JobId> = jobs.iter().map(|one| one.job.id).collect();
        let executions: Vec<ExecutionId> = executions.iter().map(|one| one.execution.id).collect();
        let files: Vec<ArtifactId> = files.iter().map(|one| one.artifact.id).collect();
        let notices: Vec<NoticeId> = notices.iter().map(|one| one.work.id).collect();
        let texts = jobs.iter().map(ToString::to_string).chain(executions.iter().map(ToString::to_string));
        let texts = texts.chain(files.iter().map(ToString::to_string));
        let texts = texts.chain(entries.iter().map(|entry| entry.id.to_string()));
        Known { texts: texts.collect(), jobs, executions, files, notices }
    }

    fn run(&self) {
        let engine = Engine::builder(&self.memory.ports).build();
        block_on(engine.run(Until::Idle, futures::future::pending())).unwrap();
    }

    /// Carries out a step. The passing of time and the work of the engine concern both owners.
    fn carry_out(&self, step: &Step, is_alone: bool) -> Option<Answer> {
        // The clock does not stand still, so that nothing happens at the very same instant in one world only.
        self.memory.clock.advance(Duration::from_secs(60));
        match step.call {
            2 => self.run(),
            3 => self.memory.clock.advance(Duration::from_secs(20 * 3_600)),
            _ if is_alone && step.by != NORTH => {}
            _ => {
                let known = self.known(if step.foreign { other(step.by) } else { step.by });
                let named = known.texts.clone();
                let mut answer = self.call(step, &known);
                if step.foreign {
                    // The caller named them itself.
                    for text in named.iter().map(String::as_str).chain([other(step.by)]) {
                        answer.text = answer.text.replace(text, "");
                    }
                }
                return Some(answer);
            }
        }
        None
    }

    fn call(&self, step: &Step, known: &Known) -> Answer {
        let (by, pick) = (&by(step.by), step.pick);
        match step.call {
            0..=13 => self.call_jobs(step, by, one_of(&known.jobs, pick).unwrap_or(JobId(nothing()))),
            14..=19 => {
                self.call_history(step, by, one_of(&known.executions, pick).unwrap_or(ExecutionId(nothing())))
            }
            20..=32 => {
                let execution = one_of(&known.executions, pick).unwrap_or(ExecutionId(nothing()));
                let file = one_of(&known.files, pick).unwrap_or(ArtifactId(nothing()));
                self.call_artifacts(step, by, execution, file)
            }
            33 => page(&block_on(self.audit.list(by, &AuditQuery::default())), |entry| {
                format!("{:?}", entry.action)
            }),
            34..=37 | 42 | 43 => self.call_recipients(step, by),
            38 => page(&block_on(self.outbox.list(by, &NoticeQuery::default())), |_| "notice".to_owned()),
            39 => {
                let notice = one_of(&known.notices, pick).unwrap_or(NoticeId(nothing()));
                done(&block_on(self.outbox.send_again(by, notice)))
            }
            40 => page(&block_on(self.history.list(by, &ExecutionQuery::default())), brief),
            _ => page(
                &block_on(self.jobs.list(by, &JobQuery::default().with_search(other(step.by).to_owned()))),
                |_| "job".to_owned(),
            ),
        }
    }

    fn call_jobs(&self, step: &Step, by: &Principal, id: JobId) -> Answer {
        let jobs = &self.jobs;
        match step.call {
            0 => done(&block_on(jobs.submit(by, draft(step)))),
            1 => answer(&block_on(jobs.preview(by, id, 3)), |found| found.len().to_string()),
            4 => {
                answer(&block_on(jobs.show(by, id)), |one| format!("{:?} {}", one.job.state, one.job.version))
            }
            5 => done(&block_on(jobs.draft(by, id))),
            6 => done(&block_on(jobs.suspend(by, id))),
            7 => done(&block_on(jobs.resume(by, id))),
            8 => done(&block_on(jobs.edit(by, id, &EditRequest::new(draft(step))))),
            9 => done(&block_on(jobs.delete(by, id))),
            10 => done(&block_on(jobs.run_now(by, id))),
            11 => {
                let now = block_on(self.memory.ports.catalog.now()).unwrap();
                let result = block_on(jobs.backfill(by, id, now - TimeDelta::days(3), now));
                answer(&result, |queued| queued.len().to_string())
            }
            12 => answer(&block_on(jobs.preview_draft(by, draft(step), 3)), |found| found.len().to_string()),
            _ => {
                let request = EditRequest::new(draft(step));
                answer(&block_on(jobs.preview_edit(by, id, &request, 3)), |found| found.len().to_string())
            }
        }
    }

    fn call_history(&self, step: &Step, by: &Principal, id: ExecutionId) -> Answer {
        let history = &self.history;
        match step.call {
            14 => answer(&block_on(history.show(by, id)), brief),
            15 => done(&block_on(history.draft(by, id))),
            16 => answer(&block_on(history.cancel(by, id)), brief),
            17 => done(&block_on(history.rerun(by, id))),
            18 => done(&block_on(history.delete(by, id, WithArtifacts::Delete))),
            _ => done(&block_on(history.delete(by, id, WithArtifacts::Keep))),
        }
    }

    fn call_artifacts(&self, step: &Step, by: &Principal, set: ExecutionId, file: ArtifactId) -> Answer {
        let artifacts = &self.artifacts;
        match step.call {
            20 => page(&block_on(artifacts.list(by, &ArtifactQuery::default())), |one| {
                one.downloads.to_string()
            }),
            21 => answer(&block_on(artifacts.select(by, &[file])), |found| found.len().to_string()),
            22 => answer(&block_on(artifacts.set(by, set)), |set| set.files().count().to_string()),
            23 => answer(&block_on(artifacts.complete_set(by, set)), |set| set.files().count().to_string()),
            24 => answer(&block_on(artifacts.torn_by(by, &[file])), |torn| torn.len().to_string()),
            25 | 26 => contents(block_on(artifacts.download(by, file, 0))),
            27 => contents(block_on(artifacts.download_manifest(by, set))),
            28 => contents(block_on(artifacts.download_signature(by, set))),
            29 => done(&block_on(artifacts.delete(by, &[file]))),
            30 => done(&block_on(artifacts.delete_set(by, set))),
            31 => done(&block_on(artifacts.execution_of(by, file))),
            _ if step.pick.is_multiple_of(2) => done(&block_on(artifacts.hold(by, set))),
            _ => done(&block_on(artifacts.release(by, set))),
        }
    }

    fn call_recipients(&self, step: &Step, by: &Principal) -> Answer {
        let recipients = &self.recipients;
        let name = recipient_of(if step.foreign { other(step.by) } else { step.by });
        match step.call {
            34 => answer(&block_on(recipients.list(by)), |found| found.len().to_string()),
            35 => done(&block_on(recipients.remove(by, &name))),
            36 => done(&block_on(recipients.sample(by, &name))),
            42 => done(&block_on(recipients.renew(by, &name, b"no certificate", None))),
            43 => {
                answer(&block_on(recipients.show(by, &name)), |found| found.certificate.fingerprint.clone())
            }
            _ => done(&block_on(recipients.add(by, name, b"no certificate"))),
        }
    }
}

fn one_of<T: Copy>(all: &[T], pick: usize) -> Option<T> {
    all.get(pick.checked_rem(all.len())?).copied()
}

/// The settings of a job over the source of all, or over the caller's own or, if it guesses, the other
/// owner's.
fn draft(step: &Step) -> JobSettings {
    let source = match (step.foreign, step.pick % 2) {
        (true, _) => format!("of-{}", other(step.by)),
        (false, 0) => "of-all".to_owned(),
        (false, _) => format!("of-{}", step.by),
    };
    let (frequency, timeframe) = match step.pick % 3 {
        0 => (daily("02:00"), "previous:1d"),
        1 => (daily("02:00"), "since-last"),
        _ => (Frequency::Once(Start::Immediately), "all"),
    };
    let title = Title::new(&format!("Calls of {}", step.by)).unwrap();
    settings(frequency, timeframe).with_title(title).with_source(source.parse().unwrap())
}

fn contents(download: Result<Download, ServiceError>) -> Answer {
    let read = download.and_then(|download| block_on(download.collect()));
    let text = read.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    // A manifest has the instants of its execution, but they are all of one length.
    answer(&text, |text| format!("{} lines", text.lines().count()))
}

/// Everything that names an owner's things: its name, which is part of the others, and the ids.
fn secrets(world: &World, name: &str) -> Vec<String> {
    let mut secrets = world.known(name).texts;
    secrets.push(name.to_owned());
    secrets
}

proptest! {
    #[test]
    fn j15_j16_neither_of_two_owners_learns_of_the_other(steps in steps()) {
        let (both, alone) = (World::of(&[NORTH, SOUTH]), World::of(&[NORTH]));
        for (index, step) in steps.iter().enumerate() {
            // What a call deletes was a secret, too.
            let before = secrets(&both, other(step.by));
            let answered = both.carry_out(step, false);
            let as_if_alone = alone.carry_out(step, true);
            let _ = (both.known(NORTH), alone.known(NORTH));
            let Some(answered) = answered else { continue };
            for secret in before.iter().chain(&secrets(&both, other(step.by))) {
                prop_assert!(!answered.text.contains(secret), "{index}: {step:?} tells {secret}: {}", answered.text);
            }
            if let Some(as_if_alone) = as_if_alone {
                prop_assert_eq!(answered.digest, as_if_alone.digest, "{}: {:?}: {}", index, step, answered.text);
            }
        }
        for name in [NORTH, SOUTH] {
            let list = page(&block_on(both.history.list(&by(name), &ExecutionQuery::default())), brief);
            if name == NORTH {
                let alone = page(&block_on(alone.history.list(&by(name), &ExecutionQuery::default())), brief);
                prop_assert_eq!(list.digest, alone.digest);
            }
        }
    }
}

/// The property would hold if nothing ever happened, too.
#[test]
fn j16_each_owner_gets_its_own_records() {
    let world = World::of(&[NORTH, SOUTH]);
    let step = |by, call| Step { by, call, pick: 2, foreign: false };
    for (name, records) in [(NORTH, 2), (SOUTH, 3)] {
        world.carry_out(&step(name, 0), false);
        world.carry_out(&step(name, 2), false);
        let read = world.carry_out(&step(name, 25), false).unwrap();
        assert_eq!(read.text.matches(&format!("a record of {name}")).count(), records, "{}", read.text);
        assert!(!read.text.contains(other(name)), "{}", read.text);
        let guessed = world.carry_out(&Step { foreign: true, ..step(other(name), 25) }, false).unwrap();
        assert_eq!(guessed.digest, "not_found");
    }
}
