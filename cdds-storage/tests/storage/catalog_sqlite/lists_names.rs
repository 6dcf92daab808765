//! Searches in the names of files with numbers, compared with reading every name.

use std::collections::BTreeSet;

use cdds_core::domain::id::Owner;
use cdds_core::ports::catalog::query::{ArtifactColumn, ArtifactQuery, Slice, Sort, Total};
use cdds_core::ports::catalog::{ArtifactStore, WorkQueue};
use futures::executor::block_on;

use crate::catalog_sqlite::world::*;

/// Publishes a set of so many parts for a new job of an owner, with names as `named` changes them.
fn publish(world: &World, owner: &Owner, parts: u32, named: impl Fn(&str, u32) -> String) {
    world.submit_as(owner, settings("Some", immediately()), at(0));
    let claimed = claim(&world.catalog, "w", at(1), 1).remove(0);
    let mut publication = publication(&claimed, parts, at(i64::from(parts)));
    for artifact in &mut publication.set.artifacts {
        artifact.name = named(&artifact.name, artifact.part);
    }
    block_on(world.catalog.publish(fence(&claimed), &publication)).unwrap();
}

fn names(world: &World, query: &ArtifactQuery) -> BTreeSet<String> {
    let all = query.clone().with_slice(Slice::first(5_000));
    let page = block_on(world.catalog.artifacts(&Owner::default(), &all)).unwrap();
    page.items.into_iter().map(|file| file.artifact.name).collect()
}

/// Returns the parts of a name that end behind its id, the long ones only if they end the name.
fn parts(name: &str) -> Vec<&str> {
    let ends = |from: usize| (from + 1..=name.len()).filter(move |to| *to == name.len() || to - from < 8);
    let all = (30..name.len()).flat_map(|from| ends(from).map(move |to| (from, to)));
    all.map(|(from, to)| &name[from..to]).collect()
}

#[test]
fn files_are_found_by_any_part_of_a_name_with_a_number() {
    let world = World::new();
    let owner = Owner::default();
    let as_it_is = |name: &str, _| name.to_owned();
    publish(&world, &owner, 1, as_it_is);
    publish(&world, &owner, 120, as_it_is);
    publish(&world, &owner, 105, |name, _| format!("{name}.smime"));
    publish(&world, &Owner::new("other").unwrap(), 130, |name, _| format!("{name}.7z"));
    // Names that no program gives.
    publish(&world, &owner, 3, |name, part| format!("{name}.z{}", 10 * part));
    publish(
        &world,
        &owner,
        3,
        |name, part| if part == 2 { "manual.z02-1".to_owned() } else { name.to_owned() },
    );
    let all = names(&world, &ArtifactQuery::default());
    assert_eq!(all.len(), 232);
    let ending = |end: &str| all.iter().find(|name| name.ends_with(end)).unwrap().as_str();
    let named: Vec<_> = [".z07", ".z105", ".z100.smime", ".z01.z10", "-1"].map(ending).to_vec();
    let texts =
        named.iter().flat_map(|name| parts(name)).chain(["", "0", "Z1", ".z12", "012", "z00", "02-1", ".7"]);
    for text in texts.collect::<BTreeSet<_>>() {
        let found = names(&world, &ArtifactQuery::default().with_search(text.to_owned()));
        let holds = |name: &&String| name.to_lowercase().contains(&text.to_lowercase());
        let expected: BTreeSet<_> = all.iter().filter(holds).cloned().collect();
        assert!(found == expected, "{text}: {} of {}", found.len(), expected.len());
    }
}

/// Returns three digits of an id that are in some of the numbers up to 1,200 as well, as all are.
fn digits(name: &str) -> Option<&str> {
    let id = &name["export-".len()..][..36];
    (0..=33).map(|from| &id[from..from + 3]).find(|three| three.bytes().all(|byte| byte.is_ascii_digit()))
}

#[test]
fn digits_are_found_in_ids_and_in_numbers() {
    let world = World::new();
    let owner = Owner::default();
    publish(&world, &owner, 1_200, |name, _| name.to_owned());
    // Nearly every id has three digits in a row.
    (0..4).for_each(|_| publish(&world, &owner, 1, |name, _| name.to_owned()));
    let all = names(&world, &ArtifactQuery::default());
    let of_other = |name: &&String| name.ends_with(".zip");
    let texts: Vec<_> = all.iter().filter(of_other).filter_map(|name| digits(name)).collect();
    assert!(texts.len() > 1, "{texts:?}");
    for text in texts {
        let found = names(&world, &ArtifactQuery::default().with_search(text.to_owned()));
        let expected: BTreeSet<_> = all.iter().filter(|name| name.contains(text)).cloned().collect();
        assert!(found == expected, "{text}: {} of {}", found.len(), expected.len());
    }
}

#[test]
fn a_part_is_found_by_its_number_among_thousands_without_reading_them_all() {
    let world = World::new();
    publish(&world, &Owner::default(), 12_000, |name, _| name.to_owned());
    let search = |text: &str, column| {
        let sort = Sort { column, descending: false };
        let query = ArtifactQuery::default().with_search(text.to_owned()).with_sort(sort);
        let page = block_on(world.catalog.artifacts(&Owner::default(), &query.with_slice(Slice::first(20))))
            .unwrap();
        (page.items.iter().map(|file| file.artifact.part).collect::<Vec<_>>(), page.total)
    };
    // A total is known if the list need not be walked.
    for column in ArtifactColumn::ALL.iter().copied() {
        assert_eq!(
            search("z1199", column),
            ([1199].into_iter().chain(11_990..12_000).collect(), Some(Total::Exactly(11)))
        );
        assert_eq!(search(".z11999", column), (vec![11_999], Some(Total::Exactly(1))), "{column:?}");
        assert_eq!(search(".z12345", column), (Vec::new(), Some(Total::Exactly(0))), "{column:?}");
        assert_eq!(search("z/", column), (Vec::new(), Some(Total::Exactly(0))), "{column:?}");
    }
    let (parts, total) = search("7777", ArtifactColumn::Part);
    // If the id has them, too, each name holds it.
    assert!(
        parts == [7777] && total == Some(Total::Exactly(1))
            || total.is_none_or(|total| total.exact() != Some(1))
    );
}
