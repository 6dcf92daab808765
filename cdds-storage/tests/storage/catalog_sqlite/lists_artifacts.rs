//! The list of artifacts: filtered, sorted by every column, with their downloads (rules A7, A8).

use cdds_core::domain::id::Owner;
use cdds_core::ports::catalog::ArtifactStore;
use cdds_core::ports::catalog::query::{
    ArtifactColumn, ArtifactOverview, ArtifactQuery, Between, Sort, Total,
};
use futures::executor::block_on;

use crate::catalog_sqlite::world::*;

fn artifacts(world: &World, query: &ArtifactQuery) -> Vec<ArtifactOverview> {
    block_on(world.catalog.artifacts(&Owner::default(), query)).unwrap().items
}

#[test]
fn artifacts_sort_by_every_column_and_parts_stay_in_order() {
    let world = World::new();
    for (number, parts) in [3, 120, 1].into_iter().enumerate() {
        let now = at(i64::try_from(number).unwrap());
        world.submit("Some", immediately(), now);
        world.run_one(now, parts);
    }
    let mut all = artifacts(&world, &ArtifactQuery::default());
    for (number, file) in all.iter().enumerate().filter(|(number, _)| number % 3 > 0) {
        for _ in 0..number % 3 {
            download(&*world.catalog, &Owner::default(), file.artifact.id, verified(at(7)));
        }
    }
    all = artifacts(&world, &ArtifactQuery::default());
    assert_eq!(all.len(), 124);
    for column in ArtifactColumn::ALL.iter().copied() {
        for descending in [false, true] {
            let mut expected = all.clone();
            expected.sort_by(|one, other| {
                let (x, y) = (&one.artifact, &other.artifact);
                let sets = ((x.created_at, x.execution_id), (y.created_at, y.execution_id));
                let ties = both_ways(&sets.0, &sets.1, descending).then(x.part.cmp(&y.part));
                match column {
                    // Names contain the execution's id, so they sort like ids.
                    ArtifactColumn::Name => {
                        order(Some(x.execution_id), Some(y.execution_id), descending, ties)
                    }
                    ArtifactColumn::Type => order(Some(&x.types), Some(&y.types), descending, ties),
                    ArtifactColumn::CreatedAt => {
                        order(Some(x.created_at), Some(y.created_at), descending, ties)
                    }
                    ArtifactColumn::Size => order(Some(x.bytes), Some(y.bytes), descending, ties),
                    ArtifactColumn::Part => order(Some(x.part), Some(y.part), descending, ties),
                    ArtifactColumn::RemainingDays => {
                        order(Some(x.expires_at), Some(y.expires_at), descending, ties)
                    }
                    ArtifactColumn::Downloads => {
                        order(Some(one.downloads), Some(other.downloads), descending, ties)
                    }
                }
            });
            let sort = Sort { column, descending };
            let sorted = artifacts(&world, &ArtifactQuery::default().with_sort(sort));
            assert!(sorted == expected, "{sort:?}");
            let paged = page_by_page(7, |slice| {
                let query = ArtifactQuery::default().with_sort(sort).with_slice(slice);
                block_on(world.catalog.artifacts(&Owner::default(), &query)).unwrap()
            });
            assert!(paged == expected, "{sort:?}, paged");
        }
    }
    let one = &all[0].artifact;
    let of_set = ArtifactQuery::default().with_execution(Some(one.execution_id));
    let of_job = ArtifactQuery::default().with_job(Some(one.job_id));
    assert_eq!(artifacts(&world, &of_set).len(), usize::try_from(one.parts).unwrap());
    assert_eq!(artifacts(&world, &of_set), artifacts(&world, &of_job));
}

#[test]
fn a7_artifacts_are_found_by_every_filter() {
    let world = World::new();
    for number in 0..4_i64 {
        let mut settings = settings("Some", immediately());
        settings = settings.with_data_type(format!("type-{}", number % 2).parse().unwrap());
        world.submit_as(&Owner::default(), settings, at(number));
        world.run_one(day(number), u32::try_from(number).unwrap() + 1);
    }
    let all = artifacts(&world, &ArtifactQuery::default());
    block_on(world.catalog.hold(&Owner::default(), all[0].artifact.execution_id, true, &[])).unwrap();
    let all = artifacts(&world, &ArtifactQuery::default());
    let name = all[5].artifact.name.to_uppercase();
    let between = Between { from: Some(day(1)), to: Some(day(3)) };
    let expiring = Between { from: Some(day(31)), to: Some(day(33)) };
    let query = ArtifactQuery::default;
    type Oracle<'a> = &'a dyn Fn(&ArtifactOverview) -> bool;
    let cases: [(ArtifactQuery, Oracle<'_>, usize); 9] = [
        (query().with_search(Some(name.clone())), &|o| o.artifact.name.to_uppercase().contains(&name), 1),
        (query().with_search(Some(".Z0".to_owned())), &|o| o.artifact.part < o.artifact.parts, 6),
        (query().with_search(Some("%".to_owned())), &|_| false, 0),
        (
            query().with_data_type(Some("type-1".parse().unwrap())),
            &|o| o.artifact.types.to_string() == "type-1",
            6,
        ),
        (
            query().with_created(between),
            &|o| day(1) <= o.artifact.created_at && o.artifact.created_at < day(3),
            5,
        ),
        (
            query().with_expires(expiring),
            &|o| day(31) <= o.artifact.expires_at && o.artifact.expires_at < day(33),
            5,
        ),
        (
            query().with_bytes_min(Some(1_002)).with_bytes_max(Some(1_003)),
            &|o| (1_002..=1_003).contains(&o.artifact.bytes),
            5,
        ),
        (query().with_hold(Some(true)), &|o| o.artifact.hold, 4),
        (
            query().with_available_at(Some(day(32))).with_hold(Some(false)),
            &|o| !o.artifact.hold && o.artifact.is_available(day(32)),
            0,
        ),
    ];
    for (query, oracle, count) in cases {
        let expected: Vec<_> = all.iter().filter(|overview| oracle(overview)).cloned().collect();
        let page = block_on(world.catalog.artifacts(&Owner::default(), &query)).unwrap();
        assert_eq!(page.items, expected, "{query:?}");
        assert_eq!((page.items.len(), page.total), (count, Some(Total::Exactly(count as u64))), "{query:?}");
    }
    let available = query().with_available_at(Some(day(32)));
    assert_eq!(artifacts(&world, &available).len(), 4, "what is on hold can be had");
}

#[test]
fn a8_a_list_says_how_often_and_when_a_file_was_downloaded() {
    let world = World::new();
    world.submit("Once", immediately(), at(0));
    world.run_one(at(0), 2);
    let shown = || {
        let all = artifacts(&world, &ArtifactQuery::default());
        all.iter().map(|overview| (overview.downloads, overview.last_downloaded_at)).collect::<Vec<_>>()
    };
    assert_eq!(shown(), [(0, None), (0, None)]);
    let second = artifacts(&world, &ArtifactQuery::default())[1].artifact.id;
    for seconds in [9, 5] {
        download(&*world.catalog, &Owner::default(), second, verified(at(seconds)));
    }
    assert_eq!(shown(), [(0, None), (2, Some(at(9)))]);
    let one = block_on(world.catalog.artifact(&Owner::default(), second)).unwrap().unwrap();
    assert_eq!((one.downloads, one.job_deleted), (2, false));
}

#[test]
fn a7_files_are_found_by_any_part_of_their_names_until_they_are_removed() {
    let world = World::new();
    for seconds in 0..3 {
        world.submit("Some", immediately(), at(seconds));
        world.run_one(at(seconds), 1);
    }
    let name = artifacts(&world, &ArtifactQuery::default())[1].artifact.name.clone();
    let found = |text: &str| artifacts(&world, &ArtifactQuery::default().with_search(Some(text.to_owned())));
    let parts = || (0..name.len()).flat_map(|from| (from + 5..=name.len()).map(move |to| (from, to)));
    for (from, to) in parts() {
        let text = name[from..to].to_uppercase();
        assert!(found(&text).iter().any(|file| file.artifact.name == name), "{text}");
    }
    let of = found(&name)[0].artifact.clone();
    block_on(world.catalog.delete_artifacts(&of.owner, &[of.id], at(9), &[])).unwrap();
    for (from, to) in parts() {
        assert!(found(&name[from..to]).iter().all(|file| file.artifact.name != name));
    }
    // Nothing is left of it in the search itself, where no list looks at what is gone.
    let sets = |text: &str| -> i64 {
        let sql = "SELECT count(*) FROM set_search WHERE set_search MATCH ?1";
        world.raw().query_row(sql, [format!("\"{text}\"")], |row| row.get(0)).unwrap()
    };
    let id = of.execution_id.to_string();
    let others = artifacts(&world, &ArtifactQuery::default());
    for text in id.as_bytes().windows(3).map(|three| std::str::from_utf8(three).unwrap()) {
        let with = |file: &&ArtifactOverview| format!("-{}.", file.artifact.execution_id).contains(text);
        assert_eq!(sets(text), others.iter().filter(with).count() as i64, "{text}");
    }
}
