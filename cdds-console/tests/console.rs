//! The console over ports in memory, asked without a socket.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[cfg(feature = "accounts")]
#[path = "console/accounts.rs"]
mod accounts;
#[path = "console/addresses.rs"]
mod addresses;
#[path = "console/api.rs"]
mod api;
#[path = "console/artifacts.rs"]
mod artifacts;
#[path = "console/calls.rs"]
mod calls;
#[path = "console/certificates.rs"]
mod certificates;
#[path = "console/deliveries.rs"]
mod deliveries;
#[path = "console/destination_pages.rs"]
mod destination_pages;
#[path = "console/destinations.rs"]
mod destinations;
#[path = "console/done.rs"]
mod done;
#[path = "console/history.rs"]
mod history;
#[path = "console/host.rs"]
mod host;
#[path = "console/job_form.rs"]
mod job_form;
#[path = "console/job_page.rs"]
mod job_page;
#[path = "console/jobs.rs"]
mod jobs;
#[path = "console/keepers.rs"]
mod keepers;
#[path = "console/links.rs"]
mod links;
#[path = "console/links_s3.rs"]
mod links_s3;
#[path = "console/live.rs"]
mod live;
#[path = "console/matrix.rs"]
mod matrix;
#[path = "console/mounting.rs"]
mod mounting;
#[path = "console/notice_pages.rs"]
mod notice_pages;
#[path = "console/openapi.rs"]
mod openapi;
#[path = "console/partner.rs"]
mod partner;
#[path = "console/person.rs"]
mod person;
#[path = "console/pretended.rs"]
mod pretended;
#[path = "console/ranges.rs"]
mod ranges;
#[path = "console/sample.rs"]
mod sample;
#[path = "console/schemas.rs"]
mod schemas;
#[path = "console/standing.rs"]
mod standing;
#[path = "console/subject_copies.rs"]
mod subject_copies;
#[path = "console/subject_pages.rs"]
mod subject_pages;
#[path = "console/subjects.rs"]
mod subjects;
#[path = "console/surroundings.rs"]
mod surroundings;
#[path = "console/uniform.rs"]
mod uniform;
#[path = "console/workers.rs"]
mod workers;
