//! Rule S3: a job warns of certificates that will expire too soon, and a renewed one replaces the one before.

use std::sync::Arc;

use cdds_core::domain::access::audit::AuditRecord;
use cdds_core::domain::access::{Action, Principal, PrincipalName, Role};
use cdds_core::domain::id::{Owner, RecipientName};
use cdds_core::domain::job::{Job, JobState, Protection, RecipientNames};
use cdds_core::domain::recipient::{CertificateFacts, Expires, Recipient, expiring};
use cdds_core::domain::violation::Code;
use cdds_core::ports::catalog::query::AuditQuery;
use cdds_core::ports::sealer::{Certificates, Sealer, SealerError, SealerErrorKind};
use cdds_core::ports::source::Sources;
use cdds_core::service::ServiceError;
use cdds_core::service::recipients::Recipients;
use cdds_core::testing::MemoryPorts;
use chrono::{DateTime, Utc};
use futures::executor::block_on;

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
    let way_out = " Have it renewed and store the new one under the same name: no job has to be edited.";
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

/// Takes every text but "expired" for a certificate, whose fingerprint it is.
#[derive(Debug)]
struct Pretended;

impl Certificates for Pretended {
    fn inspect(&self, encoded: &[u8], now: DateTime<Utc>) -> Result<CertificateFacts, SealerError> {
        let text = String::from_utf8_lossy(encoded).into_owned();
        if text == "expired" {
            return Err(SealerError::new(SealerErrorKind::Certificate, "the certificate expired"));
        }
        Ok(CertificateFacts {
            der: encoded.to_vec(),
            subject: format!("CN={text}"),
            fingerprint: text,
            not_before: now,
            not_after: now,
            warnings: Vec::new(),
        })
    }

    fn sealer(&self, _: &[Recipient], _: DateTime<Utc>) -> Result<Arc<dyn Sealer>, SealerError> {
        Err(SealerError::new(SealerErrorKind::Crypto, "nothing is sealed here"))
    }
}

/// A service over recipients in memory, of which `ops` has the certificate "one".
struct World {
    memory: MemoryPorts,
    recipients: Recipients,
    ada: Principal,
    ops: RecipientName,
}

impl World {
    fn new() -> Self {
        let mut memory = MemoryPorts::new(instant(NOW), Sources::new());
        memory.ports = memory.ports.clone().with_certificates(Arc::new(Pretended));
        let (ada, ops) = (PrincipalName::new("ada").unwrap(), RecipientName::new("ops").unwrap());
        let ada = Principal::new(ada, Owner::default(), Role::Operator);
        let recipients = Recipients::new(&memory.ports);
        block_on(recipients.add(&ada, ops.clone(), b"one")).unwrap();
        Self { memory, recipients, ada, ops }
    }

    fn stored(&self) -> Recipient {
        block_on(self.recipients.show(&self.ada, &self.ops)).unwrap()
    }

    /// Returns the entries of renewals, newest first.
    fn renewals(&self) -> Vec<AuditRecord> {
        let query = AuditQuery::default().with_action(Action::RenewRecipient);
        block_on(self.memory.ports.catalog.audit(&self.ada.owner, &query)).unwrap().items
    }
}

#[test]
fn s3_a_renewed_certificate_replaces_the_one_before_under_the_same_name() {
    let world = World::new();
    let before = world.stored();
    world.memory.clock.advance(std::time::Duration::from_secs(60));
    let renewal = block_on(world.recipients.renew(&world.ada, &world.ops, b"two", None)).unwrap();
    assert_eq!(renewal.replaced, Some(before.certificate));
    assert_eq!((&renewal.recipient.name, &*renewal.recipient.certificate.fingerprint), (&world.ops, "two"));
    assert_eq!(renewal.recipient.added_at, instant("2026-03-10T12:01:00Z"));
    assert_eq!(world.stored(), renewal.recipient);

    let [entry] = &*world.renewals() else { panic!("{:?}", world.renewals()) };
    assert_eq!(entry.object.as_ref().unwrap().to_string(), "recipient ops");
    assert_eq!(entry.settings, ["replaced:one", "certificate:two"]);
}

#[test]
fn s3_a_renewal_by_the_certificate_that_is_stored_changes_nothing() {
    let world = World::new();
    let before = world.stored();
    world.memory.clock.advance(std::time::Duration::from_secs(60));
    // Also when it is sent again, naming the certificate that it has replaced by now.
    for expected in [None, Some("zero"), Some("one")] {
        let renewal = block_on(world.recipients.renew(&world.ada, &world.ops, b"one", expected)).unwrap();
        assert_eq!((&renewal.recipient, renewal.replaced), (&before, None));
    }
    assert_eq!((world.stored(), world.renewals()), (before, Vec::new()));
}

#[test]
fn s3_of_two_renewals_at_once_the_second_is_refused() {
    let world = World::new();
    let seen = world.stored().certificate.fingerprint;
    let renew = |certificate: &[u8]| {
        block_on(world.recipients.renew(&world.ada, &world.ops, certificate, Some(&seen)))
    };
    renew(b"two").unwrap();
    let refused = renew(b"three").unwrap_err();
    assert!(matches!(refused, ServiceError::Conflict { .. }), "{refused:?}");
    let told = "recipient ops has been changed by somebody else in the meantime: look at it again, then repeat the \
                change";
    assert_eq!(refused.to_string(), told);
    assert_eq!((&*world.stored().certificate.fingerprint, world.renewals().len()), ("two", 1));
}

#[test]
fn s2_s3_a_renewal_needs_a_usable_certificate_and_a_recipient() {
    let world = World::new();
    let before = world.stored();
    let refused = block_on(world.recipients.renew(&world.ada, &world.ops, b"expired", None)).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidCertificate.as_str());
    let nobody = RecipientName::new("nobody").unwrap();
    let missing = block_on(world.recipients.renew(&world.ada, &nobody, b"two", None)).unwrap_err();
    assert_eq!(missing.code(), "not_found");
    let stranger = world.ada.clone().with_owner(Owner::new("other").unwrap());
    let missing = block_on(world.recipients.renew(&stranger, &world.ops, b"two", None)).unwrap_err();
    assert_eq!(missing.code(), "not_found");
    assert_eq!((world.stored(), world.renewals()), (before, Vec::new()));
}
