//! A catalog with any number of rows, all modelled on one that was made through the services.

use std::path::Path;
use std::process::Command;

use cdds_benches::{Failure, administrator, json_lines, ports};
use cdds_core::domain::calendar::frequency::Frequency;
use cdds_core::domain::id::{SourceId, TypeId};
use cdds_core::domain::job::{JobSettings, Protection, Title};
use cdds_core::engine::{Engine, Until};
use cdds_core::ports::Ports;
use cdds_core::service::jobs::{JobRules, Jobs};
use futures::executor::block_on;
use rusqlite::Connection;
use tempfile::TempDir;

/// A million microseconds.
const SECOND: i64 = 1_000_000;

/// A folder with a catalog and what works on it.
pub(crate) struct Multiplied {
    folder: TempDir,
    ports: Ports,
}

impl Multiplied {
    /// `count` active jobs, due one after the other from tomorrow on.
    pub(crate) fn with_jobs(count: u64) -> Result<Self, Failure> {
        Self::filled(|folder| {
            multiply(
                folder,
                "job",
                count,
                &[
                    ("id", ID),
                    ("title_folded", "printf('job %07d', n)"),
                    ("created_at", "created_at - n * 1000000"),
                    ("next_due_at", &format!("created_at + (86400 + n) * {SECOND}")),
                ],
            )
        })
    }

    /// `count` jobs, of which each has run once.
    pub(crate) fn with_history(count: u64) -> Result<Self, Failure> {
        let world = Self::with_jobs(count)?;
        world.let_be_due(1)?;
        let engine = Engine::builder(&world.ports).build();
        block_on(engine.run(Until::Idle, std::future::pending()))?;
        multiply(
            world.folder.path(),
            "execution",
            count,
            &[
                ("id", ID),
                ("job_id", "(SELECT j.id FROM job j WHERE j.rowid = n + 1)"),
                ("title_folded", "printf('job %07d', n)"),
                ("slot", "slot - n * 1000000"),
                ("started_at", "started_at - n * 1000000"),
                ("finished_at", "finished_at - n * 999999"),
                ("created_at", "created_at - n * 1000000"),
                ("records", "n"),
            ],
        )?;
        Ok(world)
    }

    /// `count` jobs that name a recipient, each with a set that expires tomorrow.
    pub(crate) fn with_sets(count: u64) -> Result<Self, Failure> {
        let world = Self::with_history(count)?;
        let folder = world.folder.path();
        let expires = format!("published_at + 86400 * {SECOND}");
        apart(folder, &format!("UPDATE artifact_set SET expires_at = {expires}"))?;
        let later = format!("{expires} + n");
        // Its number is given by a trigger.
        let set = [("execution_id", ID), ("expires_at", &later), ("number", "NULL")];
        multiply(folder, "artifact_set", count, &set)?;
        multiply(folder, "artifact", count, &[("id", ID), ("execution_id", ID)])?;
        // Nobody reads a certificate that does not expire for long.
        let recipient =
            "INSERT INTO recipient SELECT owner, 'ops', x'00', 'f', 's', 0, 9000000000000000, '[]', 0 \
                         FROM job LIMIT 1;
                         INSERT INTO job_recipient SELECT owner, 'ops', id FROM job";
        apart(folder, recipient)?;
        Ok(world)
    }

    pub(crate) fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Makes the last jobs due since a moment.
    pub(crate) fn let_be_due(&self, count: u64) -> Result<(), Failure> {
        let at = self.ports.clock.now().timestamp_micros() - SECOND;
        let last = format!("rowid > (SELECT max(rowid) FROM job) - {count}");
        apart(self.folder.path(), &format!("UPDATE job SET next_due_at = {at} WHERE {last}"))
    }

    /// One job through the services; then more of it, all at once.
    fn filled(more: impl FnOnce(&Path) -> Result<(), Failure>) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let input = folder.path().join("contacts.jsonl");
        std::fs::write(&input, "{\"id\":1,\"started_at\":\"2026-01-01T00:00:00Z\"}\n")?;
        block_on(async {
            let jobs = Jobs::new(&ports(folder.path(), json_lines(&input)?)?, JobRules::default());
            let settings = JobSettings::new(
                Title::new("One of many jobs")?,
                SourceId::new("contacts")?,
                TypeId::new("contact")?,
                Frequency::Daily("02:00".parse()?),
                Protection::Plaintext,
            );
            jobs.submit(&administrator(), settings).await.map_err(Failure::from)
        })?;
        more(folder.path())?;
        let ports = ports(folder.path(), json_lines(&input)?)?;
        Ok(Self { folder, ports })
    }
}

/// A UUID derived from the number of the row, in no order.
const ID: &str = "printf('%08x-0000-4000-8000-%012x', (n * 2654435761) & 4294967295, n)";

/// The argument after which this program does nothing but run SQL on the catalog of a folder.
pub(crate) const SQL: &str = "--sql";

/// Runs SQL in a process of its own, whose memory is not measured.
fn apart(folder: &Path, sql: &str) -> Result<(), Failure> {
    let done = Command::new(std::env::current_exe()?).arg(SQL).arg(folder).arg(sql).status()?;
    if done.success() { Ok(()) } else { Err("the catalog could not be filled".into()) }
}

/// Runs SQL as fast as possible: data lost in a crash is simply made again.
pub(crate) fn run_sql(folder: &Path, sql: &str) -> Result<(), Failure> {
    let catalog = Connection::open(folder.join("cdds.db"))?;
    catalog.execute_batch("PRAGMA synchronous = off; PRAGMA cache_size = -500000;")?;
    catalog.execute_batch(sql)?;
    Ok(catalog.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?)
}

/// Copies the only row of a table until there are `count`; the columns that are named become expressions over
/// the row's number `n` and the columns of the first row.
fn multiply(folder: &Path, table: &str, count: u64, changed: &[(&str, &str)]) -> Result<(), Failure> {
    let catalog = Connection::open(folder.join("cdds.db"))?;
    let mut columns = catalog.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let columns: Vec<String> = columns.query_map([table], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let quoted: Vec<String> = columns.iter().map(|column| format!("\"{column}\"")).collect();
    let values: Vec<&str> = columns
        .iter()
        .zip(&quoted)
        .map(|(column, same)| {
            changed
                .iter()
                .find(|(name, _)| name == column)
                .map_or(same.as_str(), |(_, expression)| expression)
        })
        .collect();
    let sql = format!(
        "INSERT INTO {table} ({}) SELECT {} FROM (SELECT * FROM {table} LIMIT 1), \
         (WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < {count}) \
          SELECT n FROM number)",
        quoted.join(", "),
        values.join(", "),
    );
    apart(folder, &sql)
}

/// Returns a figure of this process in KiB, as Linux reports it.
pub(crate) fn memory_kib(name: &str) -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("not told by /proc")?;
    Ok(line.trim_start_matches(':').trim().trim_end_matches(" kB").parse()?)
}

/// Resets the peak (`VmHWM`) to the present use.
pub(crate) fn reset_peak() -> Result<(), Failure> {
    Ok(std::fs::write("/proc/self/clear_refs", "5")?)
}
