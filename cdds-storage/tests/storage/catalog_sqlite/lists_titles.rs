//! Searches in the titles of jobs, compared with reading every title.

use std::collections::{BTreeMap, BTreeSet};

use cdds_core::domain::id::{JobId, Owner};
use cdds_core::domain::job::lifecycle::delete;
use cdds_core::domain::job::{Job, JobChange, JobState, Title};
use cdds_core::ports::catalog::JobStore;
use cdds_core::ports::catalog::query::{JobColumn, JobQuery, Slice, Sort, Total};
use futures::executor::block_on;
use proptest::prelude::*;
use proptest::sample::select;

use crate::catalog_sqlite::world::*;

/// Folds case as searches do.
fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// A step in the life of some jobs.
#[derive(Debug, Clone)]
enum Step {
    Submit { owner: &'static str, title: String },
    Rename { job: usize, title: String },
    Delete { job: usize },
    Forget { job: usize },
}

/// Texts of few different characters, so that many hold others, and of all that means something to SQLite.
fn text() -> impl Strategy<Value = String> {
    const PIECES: [&str; 28] = [
        "a", "a", "b", "ab", "ß", "SS", "Ä", "İ", "ΐ", "💾", "\"", "'", "*", "^", "-", "+", ":", "(", "}",
        "%", "_", "\\", ",", " AND ", " NEAR(", "words:", "1", "2",
    ];
    prop::collection::vec(select(&PIECES[..]), 1..9).prop_map(|pieces| pieces.concat())
}

fn title() -> impl Strategy<Value = String> {
    text().prop_filter("a title", |text| Title::new(text).is_ok())
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (select(&["a", "b", "a-b"][..]), title()).prop_map(|(owner, title)| Step::Submit { owner, title }),
        2 => (0..9_usize, title()).prop_map(|(job, title)| Step::Rename { job, title }),
        1 => (0..9_usize).prop_map(|job| Step::Delete { job }),
        1 => (0..9_usize).prop_map(|job| Step::Forget { job }),
    ]
}

/// Takes a step; keeps `jobs` as they are stored. Those that are deleted or forgotten are not among them.
fn take(world: &World, jobs: &mut Vec<Job>, step: Step) {
    let stored = |id: JobId, owner: &Owner| block_on(world.catalog.job(owner, id)).unwrap().unwrap().job;
    match step {
        Step::Submit { owner, title } => {
            let owner = Owner::new(owner).unwrap();
            let job = world.submit_as(&owner, settings(&title, daily()), at(0));
            jobs.push(stored(job.id, &owner));
        }
        Step::Rename { job, title } if job < jobs.len() => {
            let mut renamed = jobs[job].clone();
            renamed.settings.title = Title::new(&title).unwrap();
            world.change(&jobs[job], &JobChange::of(renamed)).unwrap();
            jobs[job] = stored(jobs[job].id, &jobs[job].owner);
        }
        Step::Delete { job } if job < jobs.len() => {
            let job = jobs.remove(job);
            world.change(&job, &delete(&job, Vec::new(), at(1)).unwrap()).unwrap();
        }
        Step::Forget { job } if job < jobs.len() => {
            let job = jobs.remove(job);
            world.raw().execute("DELETE FROM job WHERE id = ?1", [job.id.to_string()]).unwrap();
        }
        Step::Rename { .. } | Step::Delete { .. } | Step::Forget { .. } => {}
    }
}

/// Returns the owner's jobs that a search finds.
fn found(world: &World, owner: &Owner, text: &str) -> BTreeSet<JobId> {
    let page =
        block_on(world.catalog.jobs(owner, &JobQuery::default().with_search(text.to_owned()))).unwrap();
    assert_eq!(page.total, Some(Total::Exactly(page.items.len() as u64)));
    page.items.iter().map(|overview| overview.job.id).collect()
}

/// Returns how many jobs have each word of the index, as the index has it.
fn words(world: &World) -> BTreeMap<String, i64> {
    let raw = world.raw();
    raw.execute_batch("CREATE VIRTUAL TABLE temp.word USING fts5vocab (main, job_search, row)").unwrap();
    let mut words = raw.prepare("SELECT term, doc FROM temp.word").unwrap();
    words.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

/// Returns how many jobs have each word of the index, as their titles have it.
fn words_of(jobs: &[Job]) -> BTreeMap<String, i64> {
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut words = BTreeMap::new();
    for job in jobs {
        let title: Vec<char> = folded(job.settings.title.as_str()).chars().collect();
        let grams: BTreeSet<String> =
            (1..=3).flat_map(|size| title.windows(size).map(|gram| gram.iter().collect())).collect();
        for gram in grams {
            *words.entry(format!("{}g{}", hex(job.owner.as_str()), hex(&gram))).or_default() += 1;
        }
    }
    words
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn parts_of_titles_are_found_in_any_text_and_any_case(
        steps in prop::collection::vec(step(), 1..14),
        texts in prop::collection::vec(text(), 6),
    ) {
        let world = World::new();
        let mut jobs = Vec::new();
        steps.into_iter().for_each(|step| take(&world, &mut jobs, step));
        prop_assert_eq!(words(&world), words_of(&jobs));
        let titles = jobs.iter().map(|job| job.settings.title.as_str().to_owned());
        // Parts of titles, so that something is found, too.
        let part = |title: String| title.chars().skip(1).take(4).collect::<String>();
        let texts: Vec<_> = titles.clone().chain(titles.map(part)).chain(texts).collect();
        for owner in ["a", "b", "a-b"].map(|owner| Owner::new(owner).unwrap()) {
            for text in &texts {
                let holds = |job: &&Job| {
                    job.owner == owner && folded(job.settings.title.as_str()).contains(&folded(text))
                };
                let expected: BTreeSet<_> = jobs.iter().filter(holds).map(|job| job.id).collect();
                prop_assert_eq!(found(&world, &owner, text), expected, "{} {}", owner, text);
            }
        }
    }
}

#[test]
fn a_text_that_is_too_frequent_to_be_gathered_is_found_as_well() {
    let world = World::new();
    world.submit("zeta", daily(), at(0));
    let copies = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 16100)
        INSERT INTO job (id, owner, version, state, settings, title_folded, source, data_type, frequency,
                         created_at, updated_at, next_due_at)
        SELECT format('%08x-0000-4000-8000-000000000000', n), owner, version, state, settings,
               iif(n % 2000 = 0, 'ab bca', 'aba') || iif(n > 199, 'z', '') || iif(n % 5 = 0, 'q', ''),
               source, data_type, frequency, created_at + n, updated_at, next_due_at
        FROM job JOIN n";
    assert_eq!(world.raw().execute(copies, []).unwrap(), 16_100);
    // Returns the numbers of the first copies that a search finds, and the number of all if it is known.
    let search = |text: &str, column| {
        let sort = Sort { column, descending: false };
        let slice = Slice::first(2);
        let query = JobQuery::default().with_search(text.to_owned()).with_sort(sort).with_slice(slice);
        let page = block_on(world.catalog.jobs(&Owner::default(), &query)).unwrap();
        let number = |id: JobId| id.0.as_u128() >> 96;
        (page.items.iter().map(|overview| number(overview.job.id)).collect::<Vec<_>>(), page.total)
    };
    assert_eq!(search("zet", JobColumn::CreatedAt).1, Some(Total::Exactly(1)));
    assert_eq!(search("a", JobColumn::NextStartsAt).0.len(), 2);
    assert_eq!(search("ab", JobColumn::CreatedAt), (vec![1, 2], None));
    assert_eq!(search("az", JobColumn::CreatedAt), (vec![200, 201], None));
    // A fifth of the list is gathered.
    assert_eq!(search("q", JobColumn::CreatedAt), (vec![5, 10], Some(Total::Exactly(3_220))));
    assert_eq!(search("b b", JobColumn::CreatedAt), (vec![2_000, 4_000], Some(Total::Exactly(8))));
    assert_eq!(search("ab", JobColumn::Title).0, [2_000, 4_000]);
}

#[test]
fn a_title_is_found_as_it_is_now() {
    let world = World::new();
    let owner = Owner::default();
    let job = world.submit("Daily export", daily(), at(0));
    let finds = |text: &str| found(&world, &owner, text).contains(&job.id);
    assert!(finds("LY EX") && finds("ly") && !finds("nightly"));
    let stored = world.job(job.id);
    let mut renamed = stored.clone();
    renamed.settings.title = Title::new("Nightly").unwrap();
    world.change(&stored, &JobChange::of(renamed)).unwrap();
    assert!(finds("NIGHT") && finds("ly") && !finds("export"));
    let stored = world.job(job.id);
    world.change(&stored, &delete(&stored, Vec::new(), at(1)).unwrap()).unwrap();
    assert!(!finds("night") && !finds("y"));
    let state = block_on(world.catalog.job(&owner, job.id)).unwrap();
    assert!(state.is_none_or(|overview| overview.job.state == JobState::Deleted));
}

#[test]
fn a_title_with_all_groups_of_a_text_but_not_the_text_is_not_found() {
    let world = World::new();
    let owner = Owner::default();
    world.submit("abcd and bcde", daily(), at(0));
    assert_eq!(found(&world, &owner, "abcde").len(), 0);
    assert_eq!(found(&world, &owner, "bcde").len(), 1);
}
