//! Rule D9: how what a person asks for is handed over, and the job that does it.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use super::{RequestKind, RequestStatus, SubjectRequest};
use crate::domain::calendar::frequency::{Frequency, Start};
use crate::domain::id::{ExecutionId, JobId, SourceId, SubjectRequestId, TypeId};
use crate::domain::job::lifecycle::{Submission, submit};
use crate::domain::job::{JobSettings, Protection, Read, Reads, Title};
use crate::domain::source::{DataType, Offer, OfferedSources, SourceTerms};
use crate::domain::subject::IdentifierKind;
use crate::domain::violation::{Code, RuleViolation};

/// Who can read what is handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handover {
    /// Anybody who has the files. It has to be asked for by name.
    Plaintext,
    /// The holder of the private key of the certificate that came with the request. The certificate may name the person, so
    /// it is kept as the identifiers are.
    Sealed {
        /// SHA-256 of its DER form, 64 lower-case hexadecimal digits.
        fingerprint: String,
    },
}

/// Writes `plaintext`, or the fingerprint.
impl fmt::Display for Handover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plaintext => PLAINTEXT,
            Self::Sealed { fingerprint } => fingerprint,
        })
    }
}

const PLAINTEXT: &str = "plaintext";

impl Handover {
    /// Reads what [`Display`](fmt::Display) writes; `None` if it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let is_digest =
            text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match text {
            PLAINTEXT => Some(Self::Plaintext),
            _ => is_digest.then(|| Self::Sealed { fingerprint: text.to_owned() }),
        }
    }

    fn protection(&self) -> Protection {
        match self {
            Self::Plaintext => Protection::Plaintext,
            Self::Sealed { fingerprint } => Protection::Handed { fingerprint: fingerprint.clone() },
        }
    }
}

/// The set that was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandedOver {
    /// The execution that published it.
    pub execution: ExecutionId,
    /// When it was published.
    pub at: DateTime<Utc>,
}

/// A data type of the scope that is not asked for records about the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAsked {
    /// The source.
    pub source: SourceId,
    /// The type; `None` for all types of the source.
    pub data_type: Option<TypeId>,
    /// Why.
    pub why: WhyNotAsked,
}

/// Why a data type is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WhyNotAsked {
    /// It declares no field that names people (rule D1).
    NamesNobody,
    /// It names people by identifiers of other kinds than the request does.
    NamesOtherwise,
    /// It does not say whose its records are (rule J16).
    OwnershipUnstated,
    /// The source cannot be read.
    Unreadable,
}

impl WhyNotAsked {
    /// Returns it in words for the person.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::NamesNobody => "its records name nobody",
            Self::NamesOtherwise => "its records name people by other identifiers than those of the request",
            Self::OwnershipUnstated => "it does not say whose its records are",
            Self::Unreadable => "it cannot be read",
        }
    }
}

/// What a request asks, and what it cannot ask.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// The types that are read, by source and type in the order in which they are offered.
    pub types: Vec<(SourceId, TypeId)>,
    /// The other types of the scope.
    pub not_asked: Vec<NotAsked>,
}

impl RequestKind {
    /// Whether records are handed over.
    pub const fn hands_over(self) -> bool {
        matches!(self, Self::Access | Self::Both)
    }

    /// Checks how the records are to be handed over against what is asked for.
    ///
    /// # Errors
    /// [`Code::InvalidSubjectRequest`] if that is not said, or said of an erasure.
    pub fn check_handover(self, is_said: bool) -> Result<(), RuleViolation> {
        let why = match (self.hands_over(), is_said) {
            (true, true) | (false, false) => return Ok(()),
            (true, false) => {
                "records are handed over for this kind of request: give the certificate for which they are sealed, or say \
                 that they are left unencrypted"
            }
            (false, true) => {
                "an erasure hands nothing over: leave out the certificate and plaintext, or ask for both"
            }
        };
        Err(RuleViolation::new(Code::InvalidSubjectRequest, why))
    }
}

impl SubjectRequest {
    /// Whether the records may be handed over: identity was checked and, if they are erased afterwards, that was approved;
    /// and they were not handed over yet.
    pub fn is_to_hand_over(&self) -> bool {
        let ready = match self.kind {
            RequestKind::Access => RequestStatus::Verified,
            RequestKind::Both => RequestStatus::Approved,
            RequestKind::Erasure => return false,
        };
        self.handover.is_some() && self.handed_over.is_none() && self.status() == ready
    }

    /// Returns the job that hands the records over, whether it exists yet or not.
    pub fn job_id(&self) -> JobId {
        JobId(self.id.0)
    }

    /// Returns which types of its scope are asked for records about the person: those with a field that names people by a
    /// kind of identifier that the request has.
    pub fn asked(&self, sources: &dyn OfferedSources) -> Asked {
        let kinds: BTreeSet<&IdentifierKind> = self.identifiers.iter().map(|one| &one.kind).collect();
        let mut asked = Asked::default();
        for id in sources.ids() {
            let mut leave_out = |data_type: Option<&TypeId>, why| {
                asked.not_asked.push(NotAsked { source: id.clone(), data_type: data_type.cloned(), why });
            };
            let source = match sources.offer(id) {
                Some(Offer::Supported(source)) => source,
                _ if self.scope.parts().is_empty()
                    || self.scope.parts().iter().any(|part| part.source == *id) =>
                {
                    leave_out(None, WhyNotAsked::Unreadable);
                    continue;
                }
                _ => continue,
            };
            for data_type in source.types.iter().filter(|data_type| self.scope.has(id, &data_type.id)) {
                match why_not(data_type, &kinds) {
                    Some(why) => leave_out(Some(&data_type.id), why),
                    None if source.check_owner(&data_type.id, &self.owner).is_err() => {
                        leave_out(Some(&data_type.id), WhyNotAsked::OwnershipUnstated);
                    }
                    None => asked.types.push((id.clone(), data_type.id.clone())),
                }
            }
        }
        asked
    }

    /// Returns the job that hands the records over and its execution, which is due at once. It is stored with the step
    /// after which the request [is ready](Self::is_to_hand_over).
    ///
    /// # Errors
    /// [`Code::InvalidSubjectRequest`] if no type of the scope names people by a kind of identifier that the request has;
    /// [`Code::InvalidTypes`] for more than [`Reads::ACROSS_MAX`] types.
    pub fn submission(
        &self,
        sources: &dyn OfferedSources,
        now: DateTime<Utc>,
    ) -> Result<Submission, RuleViolation> {
        let types = self.asked(sources).types;
        let Some(((first, _), handover)) = types.first().zip(self.handover.as_ref()) else {
            return Err(nothing_to_ask(&self.identifiers.iter().map(|one| &one.kind).collect()));
        };
        let source = first.clone();
        let reads = types.into_iter().map(|(source, data_type)| Read::of(data_type).with_source(source));
        let settings = JobSettings::of_reads(
            title(self.id)?,
            source,
            Reads::across(reads)?,
            Frequency::Once(Start::Immediately),
            handover.protection(),
        );
        // It is read whatever the instants of records, so there is no row to wait for.
        let terms = SourceTerms { settle_lag: TimeDelta::zero(), granularity: TimeDelta::microseconds(1) };
        Ok(submit(self.job_id(), self.owner.clone(), settings.with_request(self.id), terms, now))
    }

    /// Records that the set was published. A request for access alone is done with that, and its identifiers end (rule
    /// D6); otherwise the erasure begins.
    ///
    /// # Errors
    /// [`Code::SubjectRequestState`] unless it [is ready](Self::is_to_hand_over): if it has ended meanwhile, nothing may be
    /// published.
    pub fn handed_over(self, execution: ExecutionId, at: DateTime<Utc>) -> Result<Self, RuleViolation> {
        if !self.is_to_hand_over() {
            return Err(self.in_the_way("answered"));
        }
        let handed_over = Self { handed_over: Some(HandedOver { execution, at }), ..self };
        match handed_over.kind {
            RequestKind::Access => handed_over.finish(at),
            RequestKind::Erasure | RequestKind::Both => handed_over.run(true),
        }
    }
}

/// Returns the title of the job: no identifier is in it, and no name.
fn title(request: SubjectRequestId) -> Result<Title, RuleViolation> {
    Title::new(&format!("Request {request}"))
}

fn why_not(data_type: &DataType, kinds: &BTreeSet<&IdentifierKind>) -> Option<WhyNotAsked> {
    match data_type.subject_fields.as_slice() {
        [] => Some(WhyNotAsked::NamesNobody),
        fields if fields.iter().any(|field| kinds.contains(&field.kind)) => None,
        _ => Some(WhyNotAsked::NamesOtherwise),
    }
}

fn nothing_to_ask(kinds: &BTreeSet<&IdentifierKind>) -> RuleViolation {
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    let why = format!(
        "no type in the scope of the request declares a field that names people by {}, so nothing could be asked: declare \
         one in the source, or give another identifier",
        kinds.join(" or ")
    );
    RuleViolation::new(Code::InvalidSubjectRequest, why)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::tests::{asked, evidence, name, now, received};
    use super::super::{ReceivedRequest, RequestState, Scope};
    use super::*;
    use crate::domain::id::Owner;
    use crate::domain::source::{Ownership, SourceDescription};
    use crate::domain::subject::SubjectField;

    /// Sources that every owner sees, and the names of those that cannot be read.
    #[derive(Debug)]
    struct Offered(Vec<SourceDescription>, Vec<SourceId>);

    impl OfferedSources for Offered {
        fn offer(&self, id: &SourceId) -> Option<Offer<'_>> {
            let supported = self.0.iter().find(|source| source.id == *id).map(Offer::Supported);
            supported.or_else(|| self.1.contains(id).then_some(Offer::Unsupported { reason: "no" }))
        }

        fn ids(&self) -> Vec<&SourceId> {
            self.0.iter().map(|source| &source.id).chain(&self.1).collect()
        }
    }

    fn data_type(id: &str, kinds: &[&str]) -> DataType {
        let owned = DataType::new(TypeId::new(id).unwrap()).with_ownership(Ownership::PerOwner);
        kinds.iter().fold(owned, |one, kind| {
            one.with_subject_field(SubjectField::new(format!("by_{kind}"), kind.parse().unwrap()))
        })
    }

    fn source(id: &str) -> SourceId {
        SourceId::new(id).unwrap()
    }

    fn offered() -> Offered {
        let crm = SourceDescription::new(source("crm"), "Customers")
            .with_type(data_type("price", &[]))
            .with_type(data_type("customer", &["email", "phone"]))
            .with_type(data_type("call", &["phone"]));
        let shop = SourceDescription::new(source("shop"), "Shop")
            .with_type(data_type("call", &["phone"]))
            .with_type(data_type("order", &["customer-id"]))
            .with_type(data_type("note", &["phone"]).with_ownership(Ownership::Unstated));
        Offered(vec![crm, shop], vec![source("tape")])
    }

    fn told(types: &[(SourceId, TypeId)]) -> Vec<String> {
        types.iter().map(|(source, data_type)| format!("{source}/{data_type}")).collect()
    }

    fn ready(kind: RequestKind) -> SubjectRequest {
        let verified = received(kind).verify(evidence(), &name("ada"), now()).unwrap();
        if kind == RequestKind::Both { verified.approve(&name("bob"), now()).unwrap() } else { verified }
    }

    #[test]
    fn d9_a_request_asks_what_names_people_as_it_does() {
        let request = received(RequestKind::Access);
        let asked = request.asked(&offered());
        assert_eq!(told(&asked.types), ["crm/customer", "crm/call", "shop/call", "shop/note"]);
        let left: Vec<_> = asked.not_asked.iter().map(|one| (one.source.as_str(), one.why)).collect();
        let expected = [
            ("crm", WhyNotAsked::NamesNobody),
            ("shop", WhyNotAsked::NamesOtherwise),
            ("tape", WhyNotAsked::Unreadable),
        ];
        assert_eq!(left, expected);
        // Another owner reads no records of which nobody says whose they are.
        let other = SubjectRequest { owner: Owner::new("north").unwrap(), ..request.clone() };
        let asked = other.asked(&offered());
        assert_eq!(told(&asked.types), ["crm/customer", "crm/call", "shop/call"]);
        assert!(asked.not_asked.iter().any(|one| one.why == WhyNotAsked::OwnershipUnstated));
        let scope = |parts: &[&str]| Scope::new(parts.iter().map(|part| part.parse().unwrap())).unwrap();
        let chosen = SubjectRequest { scope: scope(&["shop", "crm/call", "crm/price"]), ..request };
        let asked = chosen.asked(&offered());
        assert_eq!(told(&asked.types), ["crm/call", "shop/call", "shop/note"]);
        assert_eq!(asked.not_asked.len(), 2, "{:?}", asked.not_asked);
    }

    #[test]
    fn d9_the_job_of_a_request_reads_each_type_from_its_source_once_and_at_once() {
        let request = ready(RequestKind::Access);
        let submission = request.submission(&offered(), now()).unwrap();
        let (job, first) = (submission.job, submission.first.unwrap());
        assert_eq!((job.id.0, job.settings.request), (request.id.0, Some(request.id)));
        assert_eq!(job.settings.title.as_str(), format!("Request {}", request.id));
        assert_eq!((first.not_before, first.window.start()), (now(), None));
        let reads: Vec<_> = job.settings.reads.iter().map(|read| read.source.clone().unwrap()).collect();
        assert_eq!(reads, ["crm", "crm", "shop", "shop"].map(source));
        assert_eq!(job.settings.protection, Protection::Plaintext);
        let sealed = Handover::Sealed { fingerprint: "ab".repeat(32) };
        let sealed = SubjectRequest { handover: Some(sealed), ..request.clone() };
        let protection = sealed.submission(&offered(), now()).unwrap().job.settings.protection;
        assert_eq!(protection, Protection::Handed { fingerprint: "ab".repeat(32) });
        assert_eq!(job.settings.check_own().unwrap_err().code(), Code::SubjectJob);

        let nobody = Offered(
            vec![SourceDescription::new(source("crm"), "C").with_type(data_type("a", &["email"]))],
            vec![],
        );
        let refused = request.submission(&nobody, now()).unwrap_err();
        assert_eq!(refused.code(), Code::InvalidSubjectRequest);
        assert!(refused.to_string().contains("phone"), "{refused}");
    }

    #[test]
    fn d9_records_are_handed_over_once_and_only_when_the_request_is_ready() {
        let (execution, at) = (ExecutionId(Uuid::from_u128(3)), now());
        let refused = |request: SubjectRequest| request.handed_over(execution, at).unwrap_err().code();
        let access = ready(RequestKind::Access);
        let done = access.clone().handed_over(execution, at).unwrap();
        assert_eq!((&done.state, done.sealed()), (&RequestState::Done { at }, None));
        assert_eq!(
            (done.handed_over, done.version),
            (Some(HandedOver { execution, at }), access.version + 1)
        );
        let both = ready(RequestKind::Both);
        let handed = both.clone().handed_over(execution, at).unwrap();
        assert_eq!((handed.status(), handed.version), (RequestStatus::Running, both.version + 1));
        assert!(handed.sealed().is_some() && !handed.is_to_hand_over(), "the erasure needs the identifiers");
        let withdrawn = access.withdraw(&name("ada"), at).unwrap();
        for early in [
            received(RequestKind::Access),
            received(RequestKind::Both).verify(evidence(), &name("ada"), at).unwrap(),
            ready(RequestKind::Erasure),
            withdrawn,
            done,
            handed,
        ] {
            assert_eq!(refused(early), Code::SubjectRequestState);
        }
    }

    #[test]
    fn d9_how_records_are_handed_over_is_said_where_they_are() {
        let receive = |kind, handover| {
            let request = ReceivedRequest { handover, ..asked(kind) };
            SubjectRequest::receive(request, &name("ada"), now()).map_err(|refused| refused.code())
        };
        for kind in RequestKind::ALL {
            let said = receive(kind, Some(Handover::Plaintext));
            let unsaid = receive(kind, None);
            assert_eq!((said.is_ok(), unsaid.is_ok()), (kind.hands_over(), !kind.hands_over()), "{kind}");
            assert_eq!(said.err().or(unsaid.err()), Some(Code::InvalidSubjectRequest));
        }
        for handover in [Handover::Plaintext, Handover::Sealed { fingerprint: "0a".repeat(32) }] {
            assert_eq!(Handover::parse(&handover.to_string()), Some(handover));
        }
        for bad in ["", "Plaintext", "0a", &"0A".repeat(32), &"0g".repeat(32)] {
            assert_eq!(Handover::parse(bad), None, "{bad:?}");
        }
    }
}
