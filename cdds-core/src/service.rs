//! The operations behind the product's pages: jobs, history, artifacts, recipients, data subjects, workers.
//!
//! A service loads a state, lets the domain decide, and stores the decision with the version that it started
//! from. Every method takes the principal that calls it, and first checks that it is allowed the action (rule
//! C1).

mod access;
pub mod adoption;
pub mod artifacts;
pub mod audit;
pub mod clock;
pub mod copies;
pub mod deliveries;
mod download;
mod error;
pub mod fleet;
mod health;
pub mod history;
pub mod jobs;
mod link;
pub mod outbox;
pub mod pairing;
pub mod recipients;
pub mod sources;
pub mod subjects;
pub mod subscribers;

pub use self::error::{Entity, ServiceError};

/// How many times a decision is made before a conflict is reported.
const DECISIONS_MAX: u32 = 8;

/// Decides again if somebody, mostly the engine, has changed the subject of the decision in between.
async fn until_settled<T, F>(decide: impl Fn() -> F) -> Result<T, ServiceError>
where
    F: Future<Output = Result<T, ServiceError>>,
{
    for _ in 1..DECISIONS_MAX {
        match decide().await {
            Err(ServiceError::Conflict { .. }) => {}
            settled => return settled,
        }
    }
    decide().await
}

#[cfg(test)]
mod tests {
    use super::artifacts::Artifacts;
    use super::history::History;
    use super::jobs::{EditRequest, Jobs};
    use crate::domain::access::Principal;
    use crate::domain::archive::removal::WithArtifacts;
    use crate::domain::id::{ArtifactId, ExecutionId, JobId};

    /// Multi-threaded runtimes move the futures of requests between threads, so everything held across an
    /// await must be `Send`.
    #[test]
    fn requests_may_move_between_threads() {
        fn movable<T: Send>(_: T) {}
        fn requests(
            (jobs, history, artifacts): (&Jobs, &History, &Artifacts),
            (by, edit): (&Principal, &EditRequest),
            (job, execution, file): (JobId, ExecutionId, ArtifactId),
        ) {
            movable(jobs.submit(by, edit.settings.clone()));
            movable(jobs.edit(by, job, edit));
            movable(jobs.suspend(by, job));
            movable(jobs.run_now(by, job));
            movable(jobs.delete(by, job));
            movable(history.cancel(by, execution));
            movable(history.rerun(by, execution));
            movable(history.delete(by, execution, WithArtifacts::Keep));
            movable(artifacts.delete(by, &[file]));
            movable(artifacts.delete_set(by, execution));
            movable(artifacts.hold(by, execution));
        }
        let _compiled = requests;
    }
}
