//! Checks for rows that a catalog cannot decode: written by a newer version, or damaged on the disk (rule E2).
//!
//! Only its author knows how to damage a row, so [`check`] takes a hook that does, and is apart from the
//! [other checks](super::check):
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use cdds_core::ports::catalog::Catalog;
//! use cdds_core::testing::conformance::catalog::damaged::{Row, check};
//! # use cdds_core::testing::MemoryCatalog;
//! # fn execute(_sql: &str, _id: String) -> Result<(), std::fmt::Error> { Ok(()) }
//!
//! let report = futures::executor::block_on(check(|clock| {
//!     let catalog = Arc::new(MemoryCatalog::new().with_clock(clock)); // One's own, over a database.
//!     let damage = |row: Row| {
//!         match row {
//!             Row::Job(id) => execute("UPDATE job SET settings = 'x' WHERE id = ?", id.to_string())?,
//!             Row::Execution(id) => execute("UPDATE execution SET progress = 'x' WHERE id = ?", id.to_string())?,
//!             Row::Notice(id) => execute("UPDATE outbox SET kind = 'x' WHERE id = ?", id.to_string())?,
//!         }
//!         Ok(())
//!     };
//!     (catalog as Arc<dyn Catalog>, damage)
//! }));
//! report.assert();
//! ```

mod planted;

use std::error::Error;
use std::fmt::Debug;
use std::sync::Arc;

use chrono::TimeDelta;

pub use self::planted::{Damageable, Planted};
use super::case::{Case, Found, require};
use super::scene::{LEASE, owner, settings, worker};
use crate::domain::calendar::frequency::{Frequency, Start};
use crate::domain::calendar::zone::database::Clocks;
use crate::domain::id::{ExecutionId, JobId, NoticeId};
use crate::domain::notice::Channel;
use crate::ports::catalog::query::{ExecutionQuery, NoticeQuery};
use crate::ports::catalog::{Catalog, CatalogError, CatalogErrorKind, NoticeClaim};
use crate::ports::clock::Clock;
use crate::testing::conformance::{Contract, Report};

/// A row to damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// A job.
    Job(JobId),
    /// An execution.
    Execution(ExecutionId),
    /// A notice.
    Notice(NoticeId),
}

/// What a catalog promises about rows that it cannot decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Clause {
    /// Other jobs are due ([`due`](crate::ports::catalog::WorkQueue::due)). Found by: [`Planted::DueFails`],
    /// [`Planted::DueGivesAll`].
    JobPassedOver,
    /// Other executions are claimed ([`claim`](crate::ports::catalog::WorkQueue::claim)). Found by:
    /// [`Planted::ClaimFails`], [`Planted::ClaimGivesAll`].
    ExecutionPassedOver,
    /// Other notices are handed out ([`claim_notices`](crate::ports::catalog::Outbox::claim_notices)). Found by:
    /// [`Planted::NoticesFail`], [`Planted::NoticesGiveAll`].
    NoticePassedOver,
    /// Asked for by itself, the row is an error, and not missing
    /// ([`CatalogErrorKind::Corrupt`]). Found by: [`Planted::JobMissing`], [`Planted::ExecutionMissing`].
    AskedForIsCorrupt,
}

impl Contract for Clause {
    const ALL: &'static [Self] =
        &[Self::JobPassedOver, Self::ExecutionPassedOver, Self::NoticePassedOver, Self::AskedForIsCorrupt];

    fn promise(self) -> &'static str {
        match self {
            Self::JobPassedOver => "a job that cannot be decoded keeps no other from being due",
            Self::ExecutionPassedOver => {
                "an execution that cannot be decoded keeps no other from being claimed"
            }
            Self::NoticePassedOver => "a notice that cannot be decoded keeps no other from being handed out",
            Self::AskedForIsCorrupt => {
                "a row that cannot be decoded is an error if it is asked for by itself"
            }
        }
    }
}

/// Checks a catalog.
///
/// `make` is called for each clause. It prepares a fresh, empty catalog that goes by the clock that it is given, and
/// returns it with what damages one of its rows.
///
/// # Panics
/// If `make` does, or the catalog.
///
/// # Cancel safety
/// Dropping the future drops the catalogs that it has made.
pub async fn check<D>(make: impl Fn(Arc<dyn Clock>) -> (Arc<dyn Catalog>, D)) -> Report<Clause>
where
    D: Fn(Row) -> Result<(), Box<dyn Error>>,
{
    let mut report = Report::new();
    for clause in Clause::ALL {
        let mut hook = None;
        let case = Case::new(|clock| {
            let (catalog, damage) = make(clock);
            hook = Some(damage);
            Box::new(move || Arc::clone(&catalog))
        });
        let damage = |row| {
            let damaged = hook.as_ref().map_or(Ok(()), |damage| damage(row));
            damaged.map_err(|error| format!("{row:?} cannot be damaged: {error}"))
        };
        let found = match clause {
            Clause::JobPassedOver => job(&case, damage).await,
            Clause::ExecutionPassedOver => execution(&case, damage).await,
            Clause::NoticePassedOver => notice(&case, damage).await,
            Clause::AskedForIsCorrupt => asked_for(&case, damage).await,
        };
        report.add(*clause, found);
    }
    report
}

/// Returns the answer of a call that must succeed, though one row is damaged.
fn succeeds<T>(call: &str, answer: Result<T, CatalogError>) -> Found<T> {
    answer.map_err(|error| format!("{call}, beside a damaged row: {}", error.report()))
}

/// Requires that a call gave the second of two things, and not the first, which is damaged.
fn gives_second<T: PartialEq + Debug>(call: &str, given: &[T], damaged: &T, other: &T) -> Found {
    require(given.iter().eq([other]), || {
        format!("{call}: gave {given:?}, and should have passed over {damaged:?} and given {other:?}")
    })
}

async fn job(case: &Case, damage: impl Fn(Row) -> Found) -> Found {
    let (ada, now) = (owner("ada")?, case.now());
    let at = |seconds| Frequency::Once(Start::At(now + TimeDelta::seconds(seconds)));
    let bad = case.submit(&ada, settings("bad", at(10))?).await?;
    let good = case.submit(&ada, settings("good", at(20))?).await?;
    damage(Row::Job(bad.id))?;
    case.pass(30);
    // As many as are asked for, beside the one that does not count.
    for limit in [1, 10] {
        let due = succeeds("due", case.ours().due(case.now(), limit, Clocks::default()).await)?;
        let given: Vec<JobId> = due.iter().map(|due| due.job.id).collect();
        gives_second("due", &given, &bad.id, &good.id)?;
    }
    Ok(())
}

async fn execution(case: &Case, damage: impl Fn(Row) -> Found) -> Found {
    let ada = owner("ada")?;
    let bad = case.queued(&ada, "bad").await?;
    case.pass(1);
    let good = case.queued(&ada, "good").await?;
    let query = ExecutionQuery::default().with_job(bad.id);
    let page = succeeds("executions", case.ours().executions(&ada, &query, case.now()).await)?;
    let id = page.items.first().map(|overview| overview.execution.id);
    damage(Row::Execution(id.ok_or("a job that begins at once has no execution")?))?;
    let claimed = succeeds("claim", case.ours().claim(&case.claim_of("w", 1)?).await)?;
    let given: Vec<JobId> = claimed.executions.iter().map(|one| one.job_id).collect();
    gives_second("claim", &given, &bad.id, &good.id)
}

async fn notice(case: &Case, damage: impl Fn(Row) -> Found) -> Found {
    let ada = owner("ada")?;
    case.published(&ada, "bad", 1).await?;
    case.pass(1);
    case.published(&ada, "good", 1).await?;
    let claim = NoticeClaim::new(Channel::Host, worker("teller")?, LEASE, 9);
    let query = NoticeQuery::default();
    let page = succeeds("notices", case.ours().notices(&ada, &query).await)?;
    let ids: Vec<NoticeId> = page.items.iter().map(|notice| notice.work.id).collect();
    let [good, bad] = ids.as_slice() else { return Err(format!("two sets have the notices {ids:?}")) };
    damage(Row::Notice(*bad))?;
    let given = succeeds("claim_notices", case.ours().claim_notices(&claim).await)?;
    let given: Vec<NoticeId> = given.iter().map(|notice| notice.work.id).collect();
    gives_second("claim_notices", &given, bad, good)
}

async fn asked_for(case: &Case, damage: impl Fn(Row) -> Found) -> Found {
    let ada = owner("ada")?;
    let execution = case.published(&ada, "bad", 1).await?;
    damage(Row::Execution(execution.id))?;
    let asked = case.ours().execution(&ada, execution.id, case.now()).await;
    corrupt("execution", asked)?;
    damage(Row::Job(execution.job_id))?;
    corrupt("job", case.ours().job(&ada, execution.job_id).await)
}

fn corrupt<T: Debug>(call: &str, answer: Result<Option<T>, CatalogError>) -> Found {
    match answer {
        Err(error) if error.kind() == CatalogErrorKind::Corrupt => Ok(()),
        Err(error) => Err(format!("{call}: should be refused as Corrupt, and was as {:?}", error.kind())),
        Ok(None) => Err(format!("{call}: a damaged row is answered as if there were none")),
        Ok(Some(_)) => Err(format!("{call}: a damaged row is answered as if it were whole")),
    }
}
