//! Services over one catalog, and an engine that carries out single steps.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use cdds_core::domain::access::audit::{AuditRecord, Object, Outcome};
use cdds_core::domain::access::download::{DownloadEnd, DownloadOutcome};
use cdds_core::domain::access::{Action, Principal, PrincipalName};
use cdds_core::domain::archive::adoption::{FoundSet, adopt};
use cdds_core::domain::archive::artifact::{
    Artifact, ArtifactSet, Sha256Digest, StoredManifest, StoredSignature, artifact_id,
};
use cdds_core::domain::archive::removal::WithArtifacts;
use cdds_core::domain::archive::retention::RetentionDays;
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::calendar::zone::database::Clocks;
use cdds_core::domain::execution::completeness::Frozen;
use cdds_core::domain::execution::failure::{Failure, FailureKind, Step};
use cdds_core::domain::execution::progress::Progress;
use cdds_core::domain::execution::retry::RetryPolicy;
use cdds_core::domain::execution::schedule::{Terms, materialise};
use cdds_core::domain::execution::{Execution, Status};
use cdds_core::domain::id::{AuditId, ExecutionId, JobId, Owner, Subscriber, WorkerId};
use cdds_core::domain::job::lifecycle::NewJob;
use cdds_core::domain::job::{JobSettings, Protection, Read, Reads, Title};
use cdds_core::domain::keeping::Cutoffs;
use cdds_core::domain::notice::{Channel, Notice};
use cdds_core::domain::record::selection::{CategoryDimension, CategorySelection};
use cdds_core::domain::record::template::{FieldSelection, Template};
use cdds_core::domain::work::row::{WorkFailure, WorkOutcome, WorkStatus};
use cdds_core::domain::work::worker::{FactText, WorkerFacts};
use cdds_core::ports::catalog::query::{
    ArtifactColumn, ArtifactOverview, ArtifactQuery, AuditQuery, Between, ExecutionOverview, ExecutionQuery,
    JobOverview, JobQuery, NoticeQuery, Page, Sort,
};
use cdds_core::ports::catalog::{
    Audience, Beat, Catalog, Claim, Fence, Forget, Nonce, NoticeClaim, Publication, Settlement, Writer,
};
use cdds_core::ports::clock::Clock;
use cdds_core::ports::sink::Key;
use cdds_core::ports::source::{DataType, SourceDescription, Sources};
use cdds_core::service::ServiceError;
use cdds_core::service::artifacts::Artifacts;
use cdds_core::service::history::History;
use cdds_core::service::jobs::{EditRequest, JobRules, Jobs};
use cdds_core::testing::commands::{Command, EditOf};
use cdds_core::testing::{MemoryPorts, PreparedSource, administrator};
use chrono::TimeDelta;
use futures::executor::block_on;

/// The number of jobs.
pub(crate) const JOBS: usize = 3;

const LEASE: Duration = Duration::from_secs(60);

pub(crate) struct Side {
    memory: MemoryPorts,
    catalog: Arc<dyn Catalog>,
    services: (Jobs, History, Artifacts),
    owner: Owner,
    by: Principal,
    jobs: Vec<JobId>,
    running: Vec<Execution>,
    taken: Vec<Notice>,
    /// Counts the claims. Each has its number as its nonce.
    claims: u64,
}

fn settings(title: &str, frequency: Frequency, timeframe: &str) -> JobSettings {
    let mut settings = JobSettings::new(
        Title::new(title).unwrap(),
        "contact-history".parse().unwrap(),
        "interaction".parse().unwrap(),
        frequency,
        Protection::Plaintext,
    );
    settings.timeframe = timeframe.parse().unwrap();
    settings.policies.pause_after_failures = NonZeroU32::new(3);
    settings
}

/// Lets a job read two types, one of them by a list of values (rules J4, J17).
fn several(settings: JobSettings) -> JobSettings {
    let filters = vec!["queue in sales,support".parse().unwrap()];
    let note =
        Read::of("note".parse().unwrap()).with_template(Template::new(FieldSelection::All, filters).unwrap());
    let reads = settings.reads.iter().cloned().chain([note]).collect::<Vec<_>>();
    settings.with_reads(Reads::new(reads).unwrap())
}

/// Prints the result of a service. Of an error it prints only the code, since each catalog has its own
/// wording.
fn said<T: std::fmt::Debug>(result: Result<T, ServiceError>) -> String {
    match result {
        // One catalog sees the process of a worker, the other only its lease.
        Ok(value) => {
            let said = format!("{value:?}");
            said.replace("worker: Some(Alive)", "worker: None").replace("worker: Some(Gone)", "worker: None")
        }
        Err(error) => format!("error {}", error.code()),
    }
}

fn catalog_said<T: std::fmt::Debug>(result: Result<T, cdds_core::ports::catalog::CatalogError>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("error {:?}", error.kind()),
    }
}

impl Side {
    /// Opens the catalog with the clock of this side.
    pub(crate) fn new(open: impl FnOnce(Arc<dyn Clock>) -> Arc<dyn Catalog>) -> Self {
        let values = (1..99).map(|version| format!("c{version}")).collect();
        let media = CategoryDimension { name: "media types".to_owned(), values };
        let interaction =
            DataType::new("interaction".parse().unwrap()).with_event_instant().with_category(media);
        let note = DataType { id: "note".parse().unwrap(), ..interaction.clone() };
        let description = SourceDescription::new("contact-history".parse().unwrap(), "Contact History")
            .with_type(interaction)
            .with_type(note);
        let sources = Sources::new().with(Arc::new(PreparedSource::new(description, Vec::new())));
        let mut memory = MemoryPorts::new("2026-03-01T12:00:00Z".parse().unwrap(), sources);
        let catalog = open(memory.clock.clone());
        memory.ports.catalog = Arc::clone(&catalog);
        let owner = Owner::default();
        let by = administrator(&owner);
        let jobs = Jobs::new(&memory.ports, JobRules::default());
        let daily = || Frequency::Daily("02:00".parse().unwrap());
        let impatient = |mut settings: JobSettings| {
            settings.policies.incomplete = "go-on:12h".parse().unwrap();
            settings
        };
        let submitted = [
            settings("b", daily(), "since-last"),
            impatient(several(settings("a", daily(), "rolling:1d"))),
            settings("c", Frequency::Once(Start::Immediately), "all"),
        ];
        let submitted = submitted.map(|settings| {
            // Both recurring jobs also run at once (rule J17).
            let first_run_now = !settings.frequency.is_once();
            let new = NewJob::from(settings).with_first_run_now(first_run_now);
            block_on(jobs.submit(&by, new)).unwrap().job.id
        });
        let services = (jobs, History::new(&memory.ports), Artifacts::new(&memory.ports));
        Self {
            memory,
            catalog,
            services,
            owner,
            by,
            jobs: submitted.to_vec(),
            running: Vec::new(),
            taken: Vec::new(),
            claims: 0,
        }
    }

    pub(crate) fn command(&mut self, job: usize, command: &Command) -> String {
        let (jobs, history, _) = &self.services;
        let (by, id) = (&self.by, self.jobs[job]);
        match command {
            Command::Advance(time) => {
                self.memory.clock.advance(time.to_std().unwrap());
                String::new()
            }
            Command::Tick => self.tick(),
            Command::Claim => self.claim(),
            Command::Succeed => self.publish(),
            Command::Fail { retryable } => {
                let failure = Failure {
                    step: Step::Read,
                    kind: FailureKind::Unavailable,
                    message: "away".to_owned(),
                    retryable: *retryable,
                };
                self.settle(&Settlement::Failed { failure, retry: RetryPolicy::default() })
            }
            Command::Crash => {
                self.running.clear();
                self.memory.clock.advance(LEASE);
                String::new()
            }
            Command::Release => self.settle(&Settlement::Released),
            Command::Suspend => said(block_on(jobs.suspend(by, id))),
            Command::Resume => said(block_on(jobs.resume(by, id))),
            Command::RunNow => said(block_on(jobs.run_now(by, id))),
            Command::Backfill { days } => {
                let now = self.now();
                said(block_on(jobs.backfill(by, id, now - TimeDelta::days(i64::from(*days)), now)))
            }
            Command::Delete => said(block_on(jobs.delete(by, id))),
            Command::Edit(of) => self.edit(id, *of),
            Command::Rerun(number) => match self.execution(*number) {
                Some(execution) => said(block_on(history.rerun(by, execution.id))),
                None => String::new(),
            },
            Command::Cancel(number) => match self.execution(*number) {
                // One catalog sees the process, the other the lease. Both agree after a take-over,
                Some(execution) if self.is_left_behind(&execution) => self.claim(),
                // or after a sign of life.
                Some(execution) if execution.status() == Status::InProgress => {
                    let told = self.beat();
                    format!("{told} {}", said(block_on(history.cancel(by, execution.id))))
                }
                Some(execution) => said(block_on(history.cancel(by, execution.id))),
                None => String::new(),
            },
        }
    }

    fn tick(&self) -> String {
        let due = block_on(self.catalog.due(self.now(), 10, Clocks::default())).unwrap();
        for due in &due {
            if let Some(change) = materialise(&due.job, &due.waiting, Terms::default(), self.now()) {
                block_on(self.catalog.change_job(&change, due.job.revision, &[])).unwrap();
            }
        }
        format!("{due:?} {:?}", block_on(self.catalog.agenda(Clocks::default())).unwrap())
    }

    fn claim(&mut self) -> String {
        self.claims += 1;
        let nonce = Nonce(self.claims);
        let claim = Claim::new(WorkerId::new("w").unwrap(), nonce, LEASE, 2)
            .with_holding(self.running.iter().map(fence).collect());
        let claimed = block_on(self.catalog.claim(&claim)).unwrap();
        self.running.extend(claimed.executions.iter().cloned());
        format!("{claimed:?}")
    }

    fn publish(&mut self) -> String {
        if self.running.is_empty() {
            return String::new();
        }
        let execution = self.running.remove(0);
        let published_at = self.now();
        let set = set(&execution, published_at);
        let progress = Progress { records: 7, rejected: execution.epoch % 2, ..Progress::default() };
        let nonce = execution.writer().nonce;
        let request = execution.settings.request;
        let publication = Publication { nonce, set, filter: None, progress, published_at, request };
        let said = catalog_said(block_on(self.catalog.publish(fence(&execution), &publication)));
        format!("{said} {:?}", block_on(self.catalog.standing(execution.writer())).unwrap())
    }

    fn settle(&mut self, settlement: &Settlement) -> String {
        if self.running.is_empty() {
            return String::new();
        }
        let execution = self.running.remove(0);
        catalog_said(block_on(self.catalog.settle(fence(&execution), settlement)))
    }

    fn edit(&self, id: JobId, of: EditOf) -> String {
        let (jobs, ..) = &self.services;
        let Ok(overview) = block_on(jobs.show(&self.by, id)) else { return String::new() };
        let (mut settings, mut watermark) = (overview.job.settings, None);
        match of {
            EditOf::Title => settings.title = Title::new(&format!("v{}", overview.job.version)).unwrap(),
            EditOf::Hour(hour) => {
                settings.frequency = Frequency::Daily(format!("{hour:02}:00").parse().unwrap());
            }
            EditOf::Scope(choice) => {
                let category = format!("c{}", overview.job.version);
                settings = settings.with_categories(CategorySelection::Only([category].into()));
                watermark = overview.job.watermark.is_some().then_some(choice);
            }
        }
        said(block_on(jobs.edit(&self.by, id, &EditRequest::new(settings).with_watermark(watermark))))
    }

    pub(crate) fn beat(&self) -> String {
        let progress = Progress { records: 3, ..Progress::default() };
        let beats: Vec<Beat> =
            self.running.iter().map(|execution| Beat { fence: fence(execution), progress }).collect();
        let worker = WorkerId::new("w").unwrap();
        format!("{:?}", block_on(self.catalog.beat(&worker, LEASE, &beats)).unwrap())
    }

    /// Begins the oldest claim, with a source that is complete until so many hours before now.
    pub(crate) fn begin(&mut self, hours: i64) -> String {
        if self.running.is_empty() {
            return String::new();
        }
        let execution = self.running.remove(0);
        let until = (hours >= 0).then(|| self.now() - TimeDelta::hours(hours));
        let begun = block_on(self.catalog.begin(fence(&execution), until));
        if let Ok(Frozen::Running(execution)) = &begun {
            self.running.insert(0, execution.clone());
        }
        catalog_said(begun)
    }

    /// Marks expired sets, and confirms half of the removals.
    pub(crate) fn housekeeping(&self) -> String {
        let expired = block_on(self.catalog.expire(self.now(), 100)).unwrap();
        let mut removals: Vec<_> = block_on(self.catalog.removals(100)).unwrap();
        removals.sort_by_key(|removal| format!("{removal:?}"));
        for removal in removals.iter().step_by(2) {
            block_on(self.catalog.confirm_removed(removal, self.now())).unwrap();
        }
        format!("{expired} {removals:?}")
    }

    /// Lets one of three workers keep house, or leave it.
    pub(crate) fn keep_house(&self, number: usize) -> String {
        let worker = WorkerId::new(format!("h{}", number % 3)).unwrap();
        let lease = LEASE * u32::try_from(1 + number % 200).unwrap();
        if number.is_multiple_of(5) {
            block_on(self.catalog.leave_house(&worker)).unwrap();
        }
        format!("{}", block_on(self.catalog.keep_house(&worker, lease)).unwrap())
    }

    /// Lets one of three workers give a sign of life, drain or leave, or forgets workers; and lists them.
    pub(crate) fn attend(&self, number: usize) -> String {
        let worker = WorkerId::new(["w", "v", "u"][number % 3]).unwrap();
        let process = u32::try_from(number % 7).unwrap();
        let facts = WorkerFacts::default().with_program(FactText::new("program 1")).with_process(process);
        let done = match number % 5 {
            0 => block_on(self.catalog.leave(&worker)).map(|()| 0),
            1 => block_on(self.catalog.forget_workers()),
            2 => block_on(self.catalog.drain(&worker, number.is_multiple_of(2), &[]))
                .map(|found| usize::from(found.is_some())),
            _ => block_on(self.catalog.attend(&worker, &facts, LEASE)).map(|_| 0),
        };
        let list = block_on(self.catalog.workers(&self.owner, self.now(), 1 + number % 3)).unwrap();
        // One catalog sees the process of a worker, the other only its last sign of life.
        format!("{} {list:?}", catalog_said(done)).replace("state: Gone", "state: Alive")
    }

    /// Forgets what is some days old, in pages of a few rows.
    pub(crate) fn forget(&self, number: usize) -> String {
        let ago = |days: usize| self.now() - TimeDelta::days(i64::try_from(days).unwrap());
        let cutoffs = Cutoffs { ended: ago(number % 5), gone: ago(number % 3) };
        let mut page = Forget::new(cutoffs).with_limit(1 + number % 7);
        let mut said = String::new();
        loop {
            let swept = block_on(self.catalog.forget(&page)).unwrap();
            said += &format!("{swept:?} ");
            let Some(next) = swept.next else { return said };
            page = page.with_behind(next);
        }
    }

    /// Takes some notices and settles those that an earlier call has taken, which others may have by now.
    /// Asks again for one that was given up and one that was told.
    pub(crate) fn tell(&mut self, number: usize) -> String {
        let worker = WorkerId::new("teller").unwrap();
        let claim = NoticeClaim::new(Channel::Host, worker, LEASE, 1 + number % 4)
            .with_per_subscriber(number.is_multiple_of(3).then_some(NonZeroU32::MIN))
            .with_audience(match number % 7 {
                // The only subscriber here is the embedding service.
                5 => Audience::Except(BTreeSet::from([Subscriber::default()])),
                6 => Audience::Only(BTreeSet::from([Subscriber::default()])),
                _ => Audience::All,
            });
        let taken = block_on(self.catalog.claim_notices(&claim)).unwrap();
        let mut said = format!("{taken:?}");
        let retry = Channel::Host.retry();
        for (place, notice) in std::mem::replace(&mut self.taken, taken).iter().enumerate() {
            let failed = |failure| WorkOutcome::Failed { failure, retry };
            let outcome = match (number + place) % 4 {
                0 => failed(WorkFailure::temporary("nobody answers")),
                1 => failed(WorkFailure::permanent("no such address")),
                2 => WorkOutcome::Done,
                _ => continue,
            };
            said += &catalog_said(block_on(self.catalog.settle_notice(notice.work.fence(), &outcome)));
        }
        for status in [WorkStatus::GivenUp, WorkStatus::Done] {
            let query = NoticeQuery::default().with_status(status);
            for notice in block_on(self.catalog.notices(&self.owner, &query)).unwrap().items.iter().take(1) {
                let again = self.catalog.ask_notice_again(&self.owner, notice.work.id, &[]);
                said += &catalog_said(block_on(again));
            }
        }
        said
    }

    pub(crate) fn notices_page(&self, query: &NoticeQuery) -> Page<Notice> {
        block_on(self.catalog.notices(&self.owner, query)).unwrap()
    }

    pub(crate) fn hold(&self, number: usize, hold: bool) -> String {
        let (_, _, artifacts) = &self.services;
        let Some(execution) = self.execution(number) else { return String::new() };
        match hold {
            true => said(block_on(artifacts.hold(&self.by, execution.id))),
            false => said(block_on(artifacts.release(&self.by, execution.id))),
        }
    }

    pub(crate) fn download(&self, number: usize) -> String {
        let Some(file) = self.file(number) else { return String::new() };
        let entry = self.entry(Action::Download, Object::Artifact(file.id)).with_outcome(Outcome::Begun);
        let begun = catalog_said(block_on(self.catalog.record(&entry)));
        let twice = catalog_said(block_on(self.catalog.record(&entry)));
        let outcome = DownloadOutcome::ALL[number % 3];
        let end = DownloadEnd { at: self.now(), bytes: number as u64 >> 1, outcome };
        // Some are left without an end, and some are ended twice.
        let ends = (0..number % 4).map(|_| catalog_said(block_on(self.catalog.end_download(entry.id, &end))));
        format!("{begun} {twice} {:?}", ends.collect::<Vec<_>>())
    }

    /// Deletes a file by the catalog alone: the service would also delete it from the store and confirm that.
    pub(crate) fn delete_file(&self, number: usize) -> String {
        let Some(file) = self.file(number) else { return String::new() };
        let entry = self.entry(Action::DeleteArtifacts, Object::Artifact(file.id));
        // Every other time the entry is one that is on record, which refuses the deletion.
        if number.is_multiple_of(2) {
            block_on(self.catalog.record(&entry)).unwrap();
        }
        let (files, entries) = ([file.id], [entry]);
        let delete = self.catalog.delete_artifacts(&self.owner, &files, self.now(), &entries);
        catalog_said(block_on(delete))
    }

    /// Returns the audit by each of its filters.
    pub(crate) fn filtered_audits(&self) -> Vec<String> {
        let all = self.audit_page(&AuditQuery::default()).items;
        let middle = all.get(all.len() / 2);
        let object = middle.and_then(|entry| entry.object.as_ref().map(Object::id));
        let none = AuditQuery::default;
        let queries = [
            none().with_object(object),
            none().with_principal(self.by.name.clone()),
            none().with_principal(PrincipalName::new("nobody").unwrap()),
            none().with_action(middle.map(|entry| entry.action)),
            none().with_at(Between { from: middle.map(|entry| entry.at), to: None }),
            none().with_at(Between { from: None, to: middle.map(|entry| entry.at) }),
        ];
        queries.iter().map(|query| format!("{query:?}: {:?}", self.audit_page(query))).collect()
    }

    fn entry(&self, action: Action, object: Object) -> AuditRecord {
        AuditRecord::new(AuditId(self.memory.ports.ids.next()), self.now(), &self.by, action)
            .with_object(object)
    }

    pub(crate) fn delete_execution(&self, number: usize, with_artifacts: bool) -> String {
        let (_, history, _) = &self.services;
        let Some(execution) = self.execution(number) else { return String::new() };
        let with = if with_artifacts { WithArtifacts::Delete } else { WithArtifacts::Keep };
        let standing = || block_on(self.catalog.standing(execution.writer())).unwrap();
        format!("{} {:?}", said(block_on(history.delete(&self.by, execution.id, with))), standing())
    }

    /// Takes back a set of this execution, or of one that is not on record.
    pub(crate) fn adopt(&mut self, number: usize, is_known: bool) -> String {
        let Some(known) = self.execution(number) else { return String::new() };
        let Some(job) = block_on(self.catalog.job(&self.owner, known.job_id)).unwrap() else {
            return String::new();
        };
        self.claims += 1;
        let id = if is_known { known.id } else { ExecutionId(uuid::Uuid::from_u64_pair(number as u64, 7)) };
        let now = self.now();
        let from = job.job.watermark().at;
        let found = FoundSet {
            writer: Writer { fence: Fence { id, epoch: 1 + known.epoch }, nonce: Some(Nonce(self.claims)) },
            slot: known.slot,
            window: Window::since(from, known.window.end()).unwrap_or(known.window),
            incomplete_from: None,
            made_at: now,
            expires_at: RetentionDays::new(3).unwrap().expires_at(now),
            progress: Progress { records: 9, ..Progress::default() },
            same_selection: true,
        };
        let adoption = match adopt(&job.job, is_known.then_some(&known), &found, now) {
            Ok(adoption) => adoption,
            Err(reason) => return reason.to_string(),
        };
        let set = set(&adoption.execution, now);
        let adopt = || {
            let entry = self.entry(Action::AdoptSet, Object::ArtifactSet(id));
            let revision = job.job.revision;
            catalog_said(block_on(self.catalog.adopt(&adoption, revision, &set, &[entry])))
        };
        let said = adopt();
        let stands = block_on(self.catalog.standing(found.writer)).unwrap();
        let again = adopt();
        format!("{said} {stands:?} {again}")
    }

    /// Returns what searches in the names of files and in the titles of jobs find.
    pub(crate) fn searches(&self) -> Vec<String> {
        let files = self.artifacts_page(&ArtifactQuery::default()).items;
        let names = files.first().into_iter().chain(files.last()).map(|file| file.artifact.name.as_str());
        // Parts of the frame, of the id, and of both.
        let cuts =
            [(0, 47), (0, 12), (5, 8), (5, 10), (6, 10), (7, 43), (15, 23), (20, 23), (21, 23), (40, 46)];
        let parts = names.flat_map(|name| cuts.iter().filter_map(|(from, to)| name.get(*from..*to)));
        let texts = ["", "E", "Z0", ".z01", "02", "-5", "q", "ü", "a/b", "nowhere", "0123456789"];
        let in_files = parts.chain(texts).flat_map(|text| {
            [ArtifactColumn::CreatedAt, ArtifactColumn::Name, ArtifactColumn::Size].map(|column| {
                let query = ArtifactQuery::default().with_search(Some(text.to_owned()));
                let query = query.with_sort(Sort { column, descending: true });
                format!("{text} {column:?}: {:?}", self.artifacts_page(&query))
            })
        });
        let in_titles = ["", "A", "b", "V", "v2", "nowhere"].into_iter().map(|text| {
            let query = JobQuery::default().with_search(Some(text.to_owned()));
            format!("{text}: {:?}", self.jobs_page(&query))
        });
        in_files.chain(in_titles).collect()
    }

    pub(crate) fn jobs_page(&self, query: &JobQuery) -> Page<JobOverview> {
        let mut page = block_on(self.catalog.jobs(&self.owner, query)).unwrap();
        page.items.iter_mut().filter_map(|job| job.latest.as_mut()).for_each(|latest| latest.worker = None);
        page
    }

    /// Whether the execution is running although its worker has crashed.
    fn is_left_behind(&self, execution: &Execution) -> bool {
        let held = self.running.iter().any(|running| running.id == execution.id);
        execution.status() == Status::InProgress && !held
    }

    /// Leaves out what differs between the catalogs: one sees the process of a worker, the other its lease.
    pub(crate) fn executions_page(&self, query: &ExecutionQuery) -> Page<ExecutionOverview> {
        let mut page = block_on(self.catalog.executions(&self.owner, query, self.now())).unwrap();
        page.items.iter_mut().for_each(|overview| overview.worker = None);
        page
    }

    pub(crate) fn artifacts_page(&self, query: &ArtifactQuery) -> Page<ArtifactOverview> {
        block_on(self.catalog.artifacts(&self.owner, query)).unwrap()
    }

    pub(crate) fn audit_page(&self, query: &AuditQuery) -> Page<AuditRecord> {
        block_on(self.catalog.audit(&self.owner, query)).unwrap()
    }

    /// Prints everything that people can see.
    pub(crate) fn summary(&self) -> String {
        let jobs = self.jobs_page(&JobQuery::default());
        let executions = self.executions_page(&ExecutionQuery::default());
        let artifacts = self.artifacts_page(&ArtifactQuery::default());
        let audit = self.audit_page(&AuditQuery::default());
        let notices = self.notices_page(&NoticeQuery::default());
        format!("{jobs:?} {executions:?} {artifacts:?} {audit:?} {notices:?}")
    }

    fn execution(&self, number: usize) -> Option<Execution> {
        let mut executions = self.executions_page(&ExecutionQuery::default()).items;
        let count = executions.len();
        (count > 0).then(|| executions.swap_remove(number % count).execution)
    }

    fn file(&self, number: usize) -> Option<Artifact> {
        let mut files = self.artifacts_page(&ArtifactQuery::default()).items;
        let count = files.len();
        (count > 0).then(|| files.swap_remove(number % count).artifact)
    }

    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        let now = block_on(self.catalog.now()).unwrap();
        assert_eq!(now, self.memory.clock.now());
        now
    }
}

fn fence(execution: &Execution) -> Fence {
    Fence { id: execution.id, epoch: execution.epoch }
}

fn set(of: &Execution, created_at: chrono::DateTime<chrono::Utc>) -> ArtifactSet {
    let artifacts = (1..=2).map(|part| artifact(of, part, created_at)).collect();
    let key = Key::new(format!("{}/{}/manifest", of.id, of.epoch));
    let manifest = StoredManifest { name: "m".to_owned(), key, bytes: 1, sha256: Sha256Digest([1; 32]) };
    let signature = (of.epoch % 2 == 1).then(|| {
        let StoredManifest { name, key, bytes, sha256 } = manifest.clone();
        StoredSignature { name, key, bytes, sha256 }
    });
    ArtifactSet { manifest, signature, artifacts }
}

fn artifact(of: &Execution, part: u32, created_at: chrono::DateTime<chrono::Utc>) -> Artifact {
    Artifact {
        id: artifact_id(of.id, part),
        owner: of.owner.clone(),
        execution_id: of.id,
        job_id: of.job_id,
        types: of.settings.reads.types(),
        name: format!("export-{}.z{part:02}", of.id),
        part,
        parts: 2,
        key: Key::new(format!("{}/{}/{part}", of.id, of.epoch)),
        bytes: u64::from(part) * 100 + of.epoch,
        sha256: Sha256Digest([9; 32]),
        created_at,
        expires_at: RetentionDays::new(3).unwrap().expires_at(created_at),
        hold: false,
    }
}
