//! Requests of data subjects (rules D2, D6, D8).

use chrono::{DateTime, TimeDelta, Utc};

use super::case::{Case, Found, both, done, refused, require};
use super::scene::owner;
use crate::domain::access::{Action, PrincipalName};
use crate::domain::id::{Owner, SubjectKeyId, SubjectRequestId};
use crate::domain::subject::request::{
    Evidence, Handover, ReceivedRequest, RequestKind, RequestText, Scope, SubjectRequest,
};
use crate::domain::subject::{HashedIdentifier, IdentifierKind, KeyedHash, SealedIdentifiers};
use crate::domain::violation::RuleViolation;
use crate::ports::catalog::query::{AuditQuery, SubjectRequestQuery};

pub(super) fn wrong(error: impl std::fmt::Display) -> String {
    format!("the script itself is wrong: {error}")
}

pub(super) fn name(name: &str) -> Found<PrincipalName> {
    PrincipalName::new(name).map_err(wrong)
}

/// A request about the persons with these numbers.
pub(super) fn request(
    case: &Case,
    owner: &Owner,
    kind: RequestKind,
    persons: &[u8],
) -> Found<SubjectRequest> {
    let key = SubjectKeyId::new("k1").map_err(wrong)?;
    let kinds: [IdentifierKind; 2] = ["phone".parse().map_err(wrong)?, "customer-id".parse().map_err(wrong)?];
    let hashed = persons.iter().zip(kinds.iter().cycle()).map(|(person, kind)| HashedIdentifier {
        kind: kind.clone(),
        hash: KeyedHash { key: key.clone(), digest: [*person; 32] },
    });
    let asked = ReceivedRequest {
        id: SubjectRequestId(case.id()),
        owner: owner.clone(),
        kind,
        scope: Scope::default(),
        identifiers: hashed.collect(),
        sealed: SealedIdentifiers { key, bytes: vec![0, 255, persons.first().copied().unwrap_or_default()] },
        handover: kind.hands_over().then(|| Handover::Sealed { fingerprint: "0a".repeat(32) }),
        due_at: None,
    };
    SubjectRequest::receive(asked, &name("ada")?, case.now()).map_err(wrong)
}

/// Puts a request on record that repeats none.
pub(super) async fn asks(
    case: &Case,
    owner: &Owner,
    kind: RequestKind,
    persons: &[u8],
) -> Found<SubjectRequest> {
    let request = request(case, owner, kind, persons)?;
    let entries = [case.entry(owner, Action::CreateSubjectRequest)];
    let repeated = done!(case, "that is new", insert_subject_request(&request, &entries));
    require(repeated.is_none(), || format!("insert_subject_request: repeats {repeated:?}"))?;
    is_stored(case, "once it is inserted", &request).await?;
    Ok(request)
}

/// Requires that a request is on record as it is.
pub(super) async fn is_stored(case: &Case, told: &str, request: &SubjectRequest) -> Found {
    let found = both!(case, told, subject_request(&request.owner, request.id))?;
    let found = found.map_err(|kind| format!("subject_request, {told}: failed as {kind:?}"))?;
    require(found.as_ref() == Some(request), || {
        format!("subject_request, {told}: should be {request:?}, and is {found:?}")
    })?;
    // The hidden bytes are not shown.
    let bytes = |one: &SubjectRequest| one.sealed().map(|sealed| sealed.bytes.clone());
    require(found.as_ref().map(bytes) == Some(bytes(request)), || {
        format!("subject_request, {told}: other identifiers are sealed")
    })
}

/// Stores a later state of a request.
pub(super) async fn changes(
    case: &Case,
    before: &SubjectRequest,
    after: Result<SubjectRequest, RuleViolation>,
) -> Found<SubjectRequest> {
    let after = after.map_err(wrong)?;
    let entries = [case.entry(&before.owner, Action::VerifySubjectRequest)];
    done!(case, "of the version that was read", change_subject_request(&after, before.version, &entries));
    is_stored(case, "once it is changed", &after).await?;
    Ok(after)
}

pub(super) fn evidence() -> Found<Evidence> {
    let text = |text| RequestText::new(text).map_err(wrong);
    Ok(Evidence { who: text("the desk")?, how: text("a passport")? })
}

pub(super) async fn stored(case: &Case) -> Found {
    let (ada, bob) = (owner("ada")?, owner("bob")?);
    let by = name("eve")?;
    let first = asks(case, &ada, RequestKind::Both, &[1, 2]).await?;
    case.pass(3);
    let later: Option<DateTime<Utc>> = Some(first.due_at + TimeDelta::days(5));
    let verified = changes(case, &first, first.clone().verify(evidence()?, &by, case.now())).await?;
    let extended = changes(case, &verified, verified.clone().extend(later, &by, case.now())).await?;
    let approved = changes(case, &extended, extended.clone().approve(&by, case.now())).await?;

    let entries = |owner: &Owner| [case.entry(owner, Action::RefuseSubjectRequest)];
    let reason = RequestText::new("not ours").map_err(wrong)?;
    let refused = approved.clone().refuse(reason, &by, case.now()).map_err(wrong)?;
    for stale in [first.version, verified.version, approved.version + 1] {
        let told = "of another version";
        refused!(case, Conflict, told, change_subject_request(&refused, stale, &entries(&ada)));
    }
    let foreign = SubjectRequest { owner: bob.clone(), ..refused.clone() };
    let told = "of another owner";
    refused!(case, Conflict, told, change_subject_request(&foreign, approved.version, &entries(&bob)));
    let none = both!(case, told, subject_request(&bob, first.id))?;
    require(none.as_ref().is_ok_and(Option::is_none), || format!("subject_request, {told}: is {none:?}"))?;
    let listed = both!(case, told, subject_requests(&bob, &SubjectRequestQuery::default()))?;
    require(listed.is_ok_and(|page| page.items.is_empty()), || {
        format!("subject_requests, {told}: has rows")
    })?;
    let unknown = request(case, &ada, RequestKind::Access, &[9])?;
    refused!(case, Conflict, "that is not on record", change_subject_request(&unknown, 1, &entries(&ada)));
    let again = SubjectRequest { id: first.id, ..request(case, &ada, RequestKind::Access, &[8])? };
    refused!(case, Conflict, "whose id is on record", insert_subject_request(&again, &entries(&ada)));
    changes(case, &approved, Ok(refused)).await?;
    let other = asks(case, &ada, RequestKind::Access, &[3]).await?;
    changes(case, &other, other.clone().withdraw(&by, case.now())).await?;
    audited(case, &ada).await
}

/// Gives changes with an entry that is on record, which are refused with it.
async fn audited(case: &Case, owner: &Owner) -> Found {
    let used = case.entry(owner, Action::CreateSubjectRequest);
    done!(case, "of its own", record(&used));
    let new = request(case, owner, RequestKind::Access, &[4])?;
    let twice = [case.entry(owner, Action::CreateSubjectRequest), used.clone()];
    refused!(case, Conflict, "with an entry that is on record", insert_subject_request(&new, &twice));
    let new = asks(case, owner, RequestKind::Access, &[4]).await?;
    let withdrawn = new.clone().withdraw(&name("eve")?, case.now()).map_err(wrong)?;
    let told = "with an entry that is on record";
    refused!(case, Conflict, told, change_subject_request(&withdrawn, new.version, &twice));
    Ok(())
}

pub(super) async fn repeated(case: &Case) -> Found {
    let (ada, bob) = (owner("ada")?, owner("bob")?);
    let first = asks(case, &ada, RequestKind::Both, &[1, 2]).await?;
    case.pass(1);
    let second = asks(case, &ada, RequestKind::Access, &[3]).await?;
    case.pass(1);
    let repeats = async |told: &str, new: &SubjectRequest, should: Option<SubjectRequestId>| -> Found {
        let entries = [case.entry(&new.owner, Action::CreateSubjectRequest)];
        let before = case.seen().await?;
        let repeated = done!(case, told, insert_subject_request(new, &entries));
        require(repeated == should, || {
            format!("insert_subject_request, {told}: should repeat {should:?}, and repeats {repeated:?}")
        })?;
        if should.is_some() {
            case.unchanged("insert_subject_request", told, &before).await?;
            let page = case.ours().audit(&new.owner, &AuditQuery::default()).await;
            let page = page.map_err(|error| error.to_string())?;
            let is_there = page.items.iter().any(|entry| entries.contains(entry));
            require(!is_there, || format!("insert_subject_request, {told}: its audit is stored"))?;
        }
        Ok(())
    };
    let new = |owner, kind, persons: &[u8]| request(case, owner, kind, persons);
    repeats("of the same person", &new(&ada, RequestKind::Both, &[1, 2])?, Some(first.id)).await?;
    repeats("with one identifier in common", &new(&ada, RequestKind::Erasure, &[1, 7])?, Some(first.id))
        .await?;
    repeats("of both persons", &new(&ada, RequestKind::Access, &[1, 9, 3])?, Some(first.id)).await?;
    repeats("that asks for more", &new(&ada, RequestKind::Erasure, &[3])?, None).await?;
    repeats("of another owner", &new(&bob, RequestKind::Both, &[1, 2])?, None).await?;
    let withdrawn = first.clone().withdraw(&name("eve")?, case.now());
    changes(case, &first, withdrawn).await?;
    repeats("of one that has ended", &new(&ada, RequestKind::Both, &[1, 2])?, None).await?;
    require(second.identifiers.len() == 1, || wrong("a person has one identifier"))
}
