//! Rule S3: a job warns of certificates that will expire too soon.

use cdds_core::domain::id::{Owner, RecipientName};
use cdds_core::domain::job::{Job, JobState, Protection, RecipientNames};
use cdds_core::domain::recipient::{CertificateFacts, Expires, Recipient, expiring};

use crate::rules::support::{daily, instant, settings, submit_settings};

const NOW: &str = "2026-03-10T12:00:00Z";
/// The job's next occurrence.
const NEXT: &str = "2026-03-11T02:00:00Z";

fn recipient(name: &str, not_after: &str) -> Recipient {
    let certificate = CertificateFacts {
        der: Vec::new(),
        fingerprint: String::new(),
        subject: String::new(),
        not_before: instant("2020-01-01T00:00:00Z"),
        not_after: instant(not_after),
        warnings: Vec::new(),
    };
    let (owner, name) = (Owner::default(), RecipientName::new(name).unwrap());
    Recipient { owner, name, certificate, added_at: instant(NOW) }
}

fn job(names: &[&str]) -> Job {
    let names = RecipientNames::new(names.iter().map(|name| RecipientName::new(*name).unwrap())).unwrap();
    let settings = settings(daily("02:00"), "previous:1d").with_protection(Protection::Sealed(names));
    let job = submit_settings(settings, instant(NOW)).job;
    assert_eq!(job.next_due_at, Some(instant(NEXT)));
    job
}

fn found(job: &Job, not_after: &str) -> Option<Expires> {
    expiring(job, &[recipient("ops", not_after)], instant(NOW)).first().map(|expiring| expiring.expires)
}

#[test]
fn s3_a_certificate_is_warned_of_30_days_ahead_and_before_the_next_occurrence() {
    let job = job(&["ops"]);
    for (not_after, expires) in [
        ("2026-03-10T11:59:59Z", Some(Expires::Already)),
        ("2026-03-10T12:00:00Z", Some(Expires::BeforeNextOccurrence)),
        ("2026-03-11T01:59:59Z", Some(Expires::BeforeNextOccurrence)),
        ("2026-03-11T02:00:00Z", Some(Expires::Soon)),
        ("2026-04-09T11:59:59Z", Some(Expires::Soon)),
        ("2026-04-09T12:00:00Z", None),
    ] {
        assert_eq!(found(&job, not_after), expires, "{not_after}");
    }
}

#[test]
fn s3_an_occurrence_that_is_far_off_counts_too() {
    let mut job = job(&["ops"]);
    job.next_due_at = Some(instant("2027-03-01T00:00:00Z"));
    assert_eq!(found(&job, "2027-02-28T00:00:00Z"), Some(Expires::BeforeNextOccurrence));
    assert_eq!(found(&job, "2027-03-01T00:00:00Z"), None);
    // A suspended job has no next occurrence.
    job.next_due_at = None;
    assert_eq!(found(&job, "2027-02-28T00:00:00Z"), None);
    assert_eq!(found(&job, "2026-03-20T00:00:00Z"), Some(Expires::Soon));
}

#[test]
fn s3_a_job_that_is_over_warns_of_nothing() {
    for state in [JobState::Completed, JobState::Deleted] {
        assert_eq!(found(&Job { state, ..job(&["ops"]) }, "2026-03-01T00:00:00Z"), None);
    }
}

#[test]
fn s3_only_the_jobs_own_recipients_are_named_in_its_order_with_the_way_out() {
    let stored = [
        recipient("anna", "2026-03-10T13:00:00Z"),
        recipient("bert", "2026-03-01T00:00:00Z"),
        recipient("carla", "2026-03-20T00:00:00Z"),
        recipient("dora", "2036-03-20T00:00:00Z"),
        recipient("other", "2026-03-01T00:00:00Z"),
    ];
    let warnings = expiring(&job(&["dora", "carla", "bert", "anna"]), &stored, instant(NOW));
    let words: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    let way_out = " Store a renewed one under another name and let the job use that.";
    assert_eq!(
        words,
        [
            format!("The certificate of carla expires on 2026-03-20.{way_out}"),
            format!("The certificate of bert expired on 2026-03-01: every run will fail.{way_out}"),
            format!(
                "The certificate of anna expires on 2026-03-10, before the next run, which will fail.{way_out}"
            ),
        ]
    );
}
