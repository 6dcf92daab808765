//! A server with a catalog: many jobs of many owners, of which some are due.

use std::path::PathBuf;
use std::time::Duration;

use cdds_benches::Failure;
use cdds_core::domain::calendar::frequency::Frequency;
use cdds_core::domain::calendar::zone::database::Clocks;
use cdds_core::domain::execution::schedule::{Terms, materialise};
use cdds_core::domain::id::{JobId, Owner, SourceId, TypeId};
use cdds_core::domain::job::lifecycle::submit;
use cdds_core::domain::job::{JobSettings, Protection, Title};
use cdds_core::domain::source::SourceTerms;
use cdds_core::ports::catalog::{JobStore, WorkQueue};
use cdds_core::ports::ids::Ids;
use cdds_core::system::SystemIds;
use cdds_storage::catalog::{PostgresCatalog, PostgresCatalogConfig};
use cdds_storage::source::{PostgresConnections, PostgresServer};
use chrono::TimeDelta;
use futures::executor::block_on;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use crate::Size;
use crate::figures::now;
use crate::postgres_server::Server;

/// Where the server's tables are.
pub(crate) const DATABASE: &str = "postgres";

pub(crate) struct Filled {
    pub(crate) server: Server,
    pub(crate) size: Size,
}

/// Opens the catalog of a server by the folder of its socket.
pub(crate) fn open(socket: &str) -> Result<PostgresCatalog, Failure> {
    let mut config = Config::new();
    config.host_path(socket).user("postgres").dbname(DATABASE);
    let connections = PostgresConnections::to(&PostgresServer::of(config))?;
    Ok(block_on(PostgresCatalog::connect(PostgresCatalogConfig::new(connections)))?)
}

impl Filled {
    pub(crate) fn new(size: Size) -> Result<Self, Failure> {
        let server =
            Server::start(&["fsync=on", "max_connections=300", "shared_buffers=512MB", "max_wal_size=4GB"]);
        let filled = Self { server, size };
        let begun = now();
        let catalog = open(&filled.socket()?)?;
        let job = template(&catalog)?;
        let Size { jobs, owners, .. } = size;
        // As the first of them, with other ids, owners and titles.
        filled.run(&format!(
            "SET synchronous_commit = off;
             CREATE TABLE public.job_template AS SELECT * FROM cdds.job WHERE id = '{job}';
             CREATE TABLE public.execution_template AS SELECT * FROM cdds.execution WHERE job_id = '{job}' LIMIT 1;
             DELETE FROM cdds.execution; DELETE FROM cdds.job;
             INSERT INTO cdds.job SELECT made.* FROM public.job_template t, generate_series(0, {jobs} - 1) n,
                 LATERAL (SELECT 'Export ' || n || ' of ' || md5(n::text) AS title) named,
                 LATERAL jsonb_populate_record(t::cdds.job, jsonb_build_object('id', md5(n::text)::uuid::text, 'owner',
                     CASE WHEN n % 1000 < 800 THEN 'owner-0' ELSE 'owner-' || 1 + n / 1000 % ({owners} - 1) END,
                     'settings', replace(replace(t.settings, 'Template', title), 'contacts', 'source-' || n % 20),
                     'source', 'source-' || n % 20, 'title_folded', lower(title),
                     'created_at', t.created_at + n, 'latest_status', NULL)) made;
             VACUUM (ANALYZE) cdds.job"
        ).replace("t::cdds.job", "ROW(t.*)::cdds.job"))?;
        println!("{jobs} jobs of {owners} owners made in {:.0} s", begun.elapsed().as_secs_f64());
        Ok(filled)
    }

    /// Returns the folder of the server's socket.
    pub(crate) fn socket(&self) -> Result<String, Failure> {
        match self.server.config(DATABASE).get_hosts() {
            [Host::Unix(folder)] => Ok(PathBuf::from(folder).display().to_string()),
            _ => Err("the server has no socket".into()),
        }
    }

    /// Has nothing but the due executions, each of another job, spread over the owners as the jobs are.
    pub(crate) fn due(&self) -> Result<(), Failure> {
        let Size { jobs, due, .. } = self.size;
        let every = jobs / due;
        self.run(&format!(
            "SET synchronous_commit = off;
             TRUNCATE cdds.execution CASCADE;
             UPDATE cdds.job SET latest_status = NULL, latest_started_at = NULL WHERE latest_status IS NOT NULL;
             INSERT INTO cdds.execution SELECT made.* FROM public.execution_template t, generate_series(0, {due} - 1) n
                 JOIN cdds.job j ON j.id = md5((n * {every})::text)::uuid::text,
                 LATERAL jsonb_populate_record(ROW(t.*)::cdds.execution, jsonb_build_object(
                     'id', md5('execution ' || n)::uuid::text, 'job_id', j.id, 'owner', j.owner,
                     'source', j.source, 'settings', j.settings, 'title_folded', j.title_folded, 'queue_at', t.queue_at + n)) made;
             TRUNCATE cdds.turn;
             VACUUM (ANALYZE) cdds.execution; VACUUM (ANALYZE) cdds.job; CHECKPOINT"
        ))
    }

    /// Has an execution of each job that has ended, beside the due ones; of the finished ones there is a file.
    pub(crate) fn history(&self) -> Result<(), Failure> {
        self.due()?;
        self.run(
            "SET synchronous_commit = off;
             SET session_replication_role = replica;
             INSERT INTO cdds.execution SELECT made.* FROM public.execution_template t
                 CROSS JOIN (SELECT j.*, row_number() OVER () AS n FROM cdds.job j) j,
                 LATERAL (SELECT (ARRAY['finished', 'finished', 'finished', 'finished', 'finished', 'finished', 'finished',
                     'finished', 'finished_with_errors', 'failed'])[1 + n % 10] AS status) of_status,
                 LATERAL jsonb_populate_record(ROW(t.*)::cdds.execution, jsonb_build_object(
                     'id', md5('history ' || n)::uuid::text, 'job_id', j.id, 'owner', j.owner, 'source', j.source,
                     'data_type', j.data_type, 'settings', j.settings, 'title_folded', j.title_folded, 'epoch', 1,
                     'slot', t.slot - n * 60000000, 'created_at', t.created_at - n * 60000000,
                     'queue_at', t.queue_at - n * 60000000, 'started_at', t.slot - n * 60000000,
                     'finished_at', t.slot - n * 60000000 + n % 600 * 1000000, 'records', n % 100000,
                     'status', of_status.status, 'has_files', of_status.status LIKE 'finished%',
                     'detail', CASE of_status.status WHEN 'failed' THEN
                     '{\"v\":1,\"step\":\"read\",\"kind\":\"unavailable\",\"message\":\"x\",\"retryable\":true}' END)) made;
             INSERT INTO cdds.artifact_set (execution_id, manifest_name, manifest_key, manifest_bytes, manifest_sha256,
                 published_at, expires_at)
                 SELECT id, id || '.json', id || '/manifest', 321, repeat('08', 32), finished_at,
                     finished_at + 2592000000000 FROM cdds.execution WHERE has_files;
             INSERT INTO cdds.artifact (id, owner, execution_id, job_id, data_type, name, name_folded, part, parts, key,
                 bytes, sha256, created_at, expires_at, hold)
                 SELECT md5('file ' || id)::uuid::text, owner, id, job_id, data_type, 'export-' || id || '.zip',
                     'export-' || id || '.zip', 1, 1, id || '/1', records * 100, repeat('07', 32), finished_at,
                     finished_at + 2592000000000, FALSE FROM cdds.execution WHERE has_files;
             UPDATE cdds.job j SET latest_status = e.status, latest_started_at = e.started_at FROM cdds.execution e
                 WHERE e.job_id = j.id AND e.started_at IS NOT NULL;
             VACUUM (ANALYZE)",
        )
    }

    /// Runs statements, each in a transaction of its own, as `VACUUM` wants it.
    pub(crate) fn run(&self, statements: &str) -> Result<(), Failure> {
        self.server.within(async {
            let client = self.server.client(DATABASE).await;
            for statement in statements.split(';') {
                client.batch_execute(statement).await?;
            }
            Ok(())
        })
    }

    /// Returns the only number that a query finds.
    pub(crate) fn number(&self, sql: &str) -> Result<i64, Failure> {
        let rows =
            self.server.within(async { self.server.client(DATABASE).await.query_typed(sql, &[]).await })?;
        Ok(rows.first().ok_or("no row")?.try_get(0)?)
    }
}

/// Stores a daily job of which one execution waits.
fn template(catalog: &PostgresCatalog) -> Result<JobId, Failure> {
    let now = block_on(catalog.now())?;
    let source = SourceTerms { settle_lag: TimeDelta::zero(), granularity: TimeDelta::zero() };
    let terms = Terms { catch_up_limit: TimeDelta::days(7), source };
    let (title, frequency) = (Title::new("Template")?, Frequency::Daily("00:00".parse()?));
    let (contacts, contact) = (SourceId::new("contacts")?, TypeId::new("contact")?);
    let settings = JobSettings::new(title, contacts, contact, frequency, Protection::Plaintext);
    let id = JobId(SystemIds.next());
    let new = submit(id, Owner::default(), settings, source, now - TimeDelta::days(1));
    block_on(catalog.insert_job(&new.job, new.first.as_ref(), &[]))?;
    let due = block_on(catalog.due(now, 1, Clocks::default()))?.pop().ok_or("nothing is due")?;
    let change = materialise(&due.job, &due.waiting, terms, now).ok_or("it has no slot")?;
    block_on(catalog.change_job(&change, due.job.revision, &[]))?;
    Ok(id)
}

/// The lease of every claim here: longer than a run.
pub(crate) const LEASE: Duration = Duration::from_secs(7_200);
