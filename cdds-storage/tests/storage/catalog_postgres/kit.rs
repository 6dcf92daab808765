//! The conformance kit over the PostgreSQL catalog, directly and through a pooler. Each handle connects anew.

use std::sync::Arc;

use cdds_core::ports::catalog::Catalog;
use cdds_core::testing::conformance::Contract;
use cdds_core::testing::conformance::catalog::{Clause, check, check_only, damaged};
use futures::executor::block_on;

use super::scene::{Scene, open};
use crate::postgres_pooler::Pooler;

#[test]
#[ignore = "asks a server some 100,000 times; run it after a change of the statements or of the catalog of PostgreSQL"]
fn the_postgres_catalog_keeps_every_promise() {
    let scene = Scene::new();
    block_on(check(|clock| scene.fresh(clock))).assert();
}

/// Each eighth promise, so that each area is asked about: the steps at random and the worlds ask about the others.
#[test]
fn the_postgres_catalog_keeps_promises_of_each_kind() {
    let scene = Scene::new();
    let clauses: Vec<Clause> = Clause::ALL.iter().copied().step_by(8).collect();
    block_on(check_only(&clauses, |clock| scene.fresh(clock))).assert();
}

#[test]
fn the_postgres_catalog_passes_over_rows_that_it_cannot_decode() {
    let scene = Scene::new();
    let scene = &scene;
    let report = block_on(damaged::check(|clock| {
        let schema = scene.schema();
        let catalog = scene.open(&schema).with_clock(clock);
        let damage = move |row| {
            let sql = match row {
                damaged::Row::Job(id) => format!("UPDATE {schema}.job SET settings = 'x' WHERE id = '{id}'"),
                damaged::Row::Execution(id) => {
                    format!("UPDATE {schema}.execution SET progress = 'x' WHERE id = '{id}'")
                }
                damaged::Row::Notice(id) => {
                    format!("UPDATE {schema}.notice SET kind = 'whim' WHERE id = '{id}'")
                }
            };
            // On a thread of its own, since futures are polled on this one.
            let changed = std::thread::scope(|threads| {
                let change = || {
                    scene.server.within(async {
                        scene.server.client("postgres").await.execute_typed(&sql, &[]).await
                    })
                };
                threads.spawn(change).join().unwrap()
            });
            assert_eq!(changed?, 1, "{sql}");
            Ok(())
        };
        (Arc::new(catalog) as Arc<dyn Catalog>, damage)
    }));
    report.assert();
}

/// What depends on sessions most: claims that wait for each other, take-overs, and refusals.
#[test]
fn the_postgres_catalog_keeps_its_promises_behind_a_pooler() {
    let scene = Scene::new();
    let pooler = Pooler::start(&scene.server, "postgres");
    let connections = pooler.connections();
    let clauses = [Clause::ClaimsTakenOver, Clause::ClaimsRace, Clause::PublishFenced];
    let report = block_on(check_only(&clauses, |clock| {
        let (connections, schema) = (connections.clone(), scene.schema());
        move || {
            let catalog = open(&connections, &schema).unwrap().with_clock(Arc::clone(&clock));
            Arc::new(catalog) as Arc<dyn Catalog>
        }
    }));
    report.assert();
}
