//! The catalogs of databases compared with the one in memory: the same calls must have the same results.

#![cfg(all(feature = "postgres", feature = "sqlite"))]

mod side;

use cdds_core::ports::catalog::query::{
    ArtifactColumn, ArtifactQuery, AuditColumn, AuditQuery, ExecutionColumn, ExecutionQuery, JobColumn,
    JobQuery, NoticeColumn, NoticeQuery, Page, Slice, Sort,
};
use cdds_core::testing::MemoryCatalog;
use cdds_core::testing::commands::{Command, command};
use cdds_storage::catalog::SqliteCatalog;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::sync::Arc;

use self::side::Side;
use crate::catalog_postgres::scene::Scene;

/// A step of a test: a command to a job, or something else.
#[derive(Debug, Clone)]
enum Step {
    Of { job: usize, command: Command },
    Beat,
    Begin { hours: i64 },
    Housekeeping,
    KeepHouse(usize),
    Forget(usize),
    Attend(usize),
    Tell(usize),
    Hold { number: usize, hold: bool },
    Download(usize),
    DeleteFile(usize),
    DeleteExecution { number: usize, with_artifacts: bool },
    Adopt { number: usize, is_known: bool },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        30 => (0..side::JOBS, command()).prop_map(|(job, command)| Step::Of { job, command }),
        3 => Just(Step::Beat),
        6 => (-1_i64..30).prop_map(|hours| Step::Begin { hours }),
        3 => Just(Step::Housekeeping),
        1 => any::<usize>().prop_map(Step::KeepHouse),
        3 => any::<usize>().prop_map(Step::Forget),
        4 => any::<usize>().prop_map(Step::Attend),
        4 => any::<usize>().prop_map(Step::Tell),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(number, hold)| Step::Hold { number, hold }),
        1 => any::<usize>().prop_map(Step::Download),
        2 => any::<usize>().prop_map(Step::DeleteFile),
        2 => (any::<usize>(), any::<bool>())
            .prop_map(|(number, is_known)| Step::Adopt { number, is_known }),
        2 => (any::<usize>(), any::<bool>())
            .prop_map(|(number, with_artifacts)| Step::DeleteExecution { number, with_artifacts }),
    ]
}

impl Side {
    fn carry_out(&mut self, step: &Step) -> String {
        match step {
            Step::Of { job, command } => self.command(*job, command),
            Step::Beat => self.beat(),
            Step::Begin { hours } => self.begin(*hours),
            Step::Housekeeping => self.housekeeping(),
            Step::KeepHouse(number) => self.keep_house(*number),
            Step::Forget(number) => self.forget(*number),
            Step::Attend(number) => self.attend(*number),
            Step::Tell(number) => self.tell(*number),
            Step::Hold { number, hold } => self.hold(*number, *hold),
            Step::Download(number) => self.download(*number),
            Step::DeleteFile(number) => self.delete_file(*number),
            Step::Adopt { number, is_known } => self.adopt(*number, *is_known),
            Step::DeleteExecution { number, with_artifacts } => {
                self.delete_execution(*number, *with_artifacts)
            }
        }
    }

    /// Returns every list, by every column, in both directions, page by page.
    fn every_list(&self) -> Vec<String> {
        let mut lists = Vec::new();
        for descending in [false, true] {
            for column in JobColumn::ALL {
                let query = JobQuery::default().with_sort(Sort { column: *column, descending });
                lists.push(format!(
                    "{column:?} {descending}: {:?}",
                    pages(|slice| self.jobs_page(&query.clone().with_slice(slice)))
                ));
            }
            for column in ExecutionColumn::ALL {
                let sort = Sort { column: *column, descending };
                let query = ExecutionQuery::default().with_sort(sort);
                lists.push(format!(
                    "{column:?} {descending}: {:?}",
                    pages(|slice| self.executions_page(&query.clone().with_slice(slice)))
                ));
            }
            for column in ArtifactColumn::ALL {
                let sort = Sort { column: *column, descending };
                let query = ArtifactQuery::default().with_sort(sort);
                lists.push(format!(
                    "{column:?} {descending}: {:?}",
                    pages(|slice| self.artifacts_page(&query.clone().with_slice(slice)))
                ));
            }
            for column in AuditColumn::ALL {
                let query = AuditQuery::default().with_sort(Sort { column: *column, descending });
                lists.push(format!(
                    "{column:?} {descending}: {:?}",
                    pages(|slice| self.audit_page(&query.clone().with_slice(slice)))
                ));
            }
        }
        lists.extend(self.filtered_audits());
        lists.extend(self.searches());
        for column in NoticeColumn::ALL {
            let query = NoticeQuery::default().with_sort(Sort { column: *column, descending: false });
            lists.push(format!(
                "notices by {column:?}: {:?}",
                pages(|slice| self.notices_page(&query.clone().with_slice(slice)))
            ));
        }
        lists
    }
}

/// Returns the pages of a list.
fn pages<T>(fetch: impl Fn(Slice) -> Page<T>) -> Vec<Page<T>> {
    let mut pages = vec![fetch(Slice::first(3))];
    while let Some(after) = pages.last().and_then(|page| page.next.clone()) {
        pages.push(fetch(Slice { after: Some(after), limit: 3 }));
    }
    pages
}

/// Returns the first members that differ, with those before them.
fn difference(memory: &str, database: &str) -> Option<String> {
    let pairs = memory.split(", ").zip(database.split(", "));
    let at = pairs.clone().position(|(one, other)| one != other);
    let at = at.or_else(|| (memory != database).then(|| pairs.count()))?;
    let members =
        |text: &str| text.split(", ").skip(at.saturating_sub(9)).take(12).collect::<Vec<_>>().join("\n");
    Some(format!("member {at}\n-- memory\n{}\n-- database\n{}", members(memory), members(database)))
}

/// Gives both the same steps, and compares everything that they say.
fn compare(steps: &[Step], mut database: Side) -> Result<(), TestCaseError> {
    let mut memory = Side::new(|clock| Arc::new(MemoryCatalog::new().with_clock(clock)));
    for step in steps {
        let differs = difference(&memory.carry_out(step), &database.carry_out(step));
        prop_assert!(differs.is_none(), "{:?}: {}", step, differs.unwrap_or_default());
        let differs = difference(&memory.summary(), &database.summary());
        prop_assert!(differs.is_none(), "after {:?}: {}", step, differs.unwrap_or_default());
    }
    for (of_memory, of_database) in memory.every_list().iter().zip(&database.every_list()) {
        let differs = difference(of_memory, of_database);
        prop_assert!(differs.is_none(), "{}", differs.unwrap_or_default());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 8))]

    #[test]
    fn both_catalogs_say_the_same(steps in prop::collection::vec(step(), 1..80)) {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = SqliteCatalog::open(folder.path().join("cdds.db")).unwrap();
        compare(&steps, Side::new(|clock| Arc::new(sqlite.with_clock(clock))))?;
    }
}

#[test]
fn the_catalog_of_postgres_says_the_same() {
    let scene = Scene::new();
    let cases = ProptestConfig::default().cases / 32;
    let config = ProptestConfig { cases, max_shrink_iters: 64, ..ProptestConfig::default() };
    let compared = TestRunner::new(config).run(&prop::collection::vec(step(), 1..80), |steps| {
        compare(&steps, Side::new(|clock| scene.fresh(clock)()))
    });
    compared.unwrap_or_else(|error| panic!("{error}"));
}
