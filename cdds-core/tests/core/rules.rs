//! The rules of the domain, one test or property for each, named after its number.

mod access;
mod admission;
mod ahead;
mod completeness;
mod contained;
mod coverage;
mod cut;
mod edit;
mod incremental;
mod jobs_in_memory;
mod lifecycle;
mod machine;
mod manual;
mod names;
mod pairing;
mod queue;
mod recipients;
mod removal;
mod settling;
mod short_store;
mod signing;
mod stored_forms;
mod support;
mod tiling;
mod turns;
mod world;
