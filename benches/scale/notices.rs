//! What the engine that keeps house looks for once an hour, to tell people of it (rule N8).

use std::time::Duration;

use cdds_benches::Failure;
use cdds_core::ports::catalog::{CatalogError, Told};
use cdds_core::ports::clock::Clock;
use cdds_core::system::SystemClock;
use futures::executor::block_on;

use super::multiplied::Multiplied;
use super::shown;

/// How many sets and jobs the engine looks at in one call.
const PAGE: usize = 500;

/// Prints what it takes to look at everything, at first and again, when all of it is on record.
pub(super) fn looked_for(jobs: u64) -> Result<(), Failure> {
    let world = Multiplied::with_sets(jobs)?;
    let catalog = &world.ports().catalog;
    println!("\nof {jobs:>7}                | stored  | all      | a page, median | slowest");
    for when in ["at first", "again"] {
        walk(&format!("sets, {when}"), |behind| block_on(catalog.tell_of_expiring(behind, PAGE)))?;
        walk(&format!("certificates, {when}"), |behind| {
            block_on(catalog.tell_of_certificates(behind, PAGE))
        })?;
    }
    Ok(())
}

fn walk<Place>(
    what: &str,
    mut page: impl FnMut(Option<Place>) -> Result<Told<Place>, CatalogError>,
) -> Result<(), Failure> {
    let clock = SystemClock::new();
    let (mut behind, mut stored, mut taken) = (None, 0, Vec::new());
    loop {
        let before = clock.monotonic();
        let told = page(behind)?;
        taken.push(clock.monotonic() - before);
        stored += told.stored;
        behind = told.next;
        if behind.is_none() {
            break;
        }
    }
    taken.sort();
    let (all, median) = (taken.iter().sum::<Duration>(), taken[taken.len() / 2]);
    let slowest = taken.last().copied().unwrap_or_default();
    println!("{what:<25} | {stored:>7} | {:>8} | {:>14} | {}", shown(all), shown(median), shown(slowest));
    Ok(())
}
