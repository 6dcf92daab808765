//! Checks of reads by subject (rule D1), and of erasures (rules D4, D5).

use super::case::{Case, Outcome};
use super::rows::{at, row};
use super::{Row, SourceFixture};
use crate::domain::calendar::window::Window;
use crate::domain::id::Owner;
use crate::domain::subject::{Identifier, IdentifierKind, InvalidIdentifier, Subject};
use crate::ports::source::{EraseRequest, Ownership};

/// What rows hold, and which of it names the same person.
const PHONES: [Option<&str>; 9] = [
    None,
    Some("+4930123"),
    Some("0049 (0)30/12-3"),
    Some(" +49 30 123"),
    Some("+49301234"),
    Some("+4930124"),
    Some("030123"),
    Some("anonymous"),
    Some("+49401"),
];
const EMAILS: [Option<&str>; 6] = [
    None,
    Some("ada@example.com"),
    Some("  Ada@Example.COM"),
    Some("ada@example.com.evil.example"),
    Some("bea@example.com"),
    Some("JOS\u{c9}@example.com"),
];

/// Every phone with every address, so that many rows are about two people. Half of the rows are another owner's.
fn rows() -> Result<Vec<Row>, String> {
    let other = Owner::new("south").map_err(|error| error.to_string())?;
    let pairs = PHONES.iter().flat_map(|phone| EMAILS.iter().map(move |email| (phone, email)));
    let doubled = pairs.flat_map(|pair| [(pair, Owner::default()), (pair, other.clone())]);
    let rows = doubled.enumerate().map(|(number, ((phone, email), owner))| Row {
        event_at: Some(at(i64::try_from(number).unwrap_or(0) * 1_000_000)),
        phone: phone.map(str::to_owned),
        email: email.map(str::to_owned),
        owner,
        ..row(number)
    });
    Ok(rows.collect())
}

/// Returns three people, of whom no row is about two: by phone, by address, and unknown.
fn people() -> Result<[Subject; 3], InvalidIdentifier> {
    let person = |kind, text| Subject::new([Identifier::new(kind, text)?]);
    Ok([
        person(IdentifierKind::Phone, "+49 30 123")?,
        person(IdentifierKind::Email, "bea@example.com")?,
        person(IdentifierKind::Phone, "+1 555 0100")?,
    ])
}

/// Returns the rows that an erasure for the default owner is about, and asks for it.
fn asked(case: &Case, subject: &Subject) -> (u64, EraseRequest) {
    let about = case.expected(&case.everything().with_subject(subject.clone())).len() as u64;
    (about, EraseRequest::new(Owner::default(), case.data_type.id.clone(), subject.clone()))
}

async fn answer(case: &Case, request: EraseRequest) -> Result<u64, String> {
    let erased = case.source.erase(request).await.map_err(|error| format!("an erasure failed: {error}"))?;
    if !erased.kept.is_empty() {
        return Err(format!("records stay for a reason that the type does not have: {:?}", erased.kept));
    }
    Ok(erased.records)
}

pub(super) async fn rehearsed(fixture: &dyn SourceFixture) -> Outcome {
    let case = Case::of(fixture, rows()?)?;
    for subject in people().map_err(|error| error.to_string())? {
        let (about, request) = asked(&case, &subject);
        let found = answer(&case, request.with_dry_run(true)).await?;
        if found != about {
            return Err(format!("a dry run finds {found} records about {subject:?} instead of {about}"));
        }
    }
    case.all_yielded().await
}

pub(super) async fn erased(fixture: &dyn SourceFixture) -> Outcome {
    let mut case = Case::of(fixture, rows()?)?;
    let other = Owner::new("south").map_err(|error| error.to_string())?;
    for subject in people().map_err(|error| error.to_string())? {
        let (about, request) = asked(&case, &subject);
        let is_mine =
            |row: &Row| case.data_type.ownership != Ownership::PerOwner || row.owner == request.owner;
        let left: Vec<Row> =
            case.rows.iter().filter(|row| !(is_mine(row) && row.is_about(&subject))).cloned().collect();
        let erased = answer(&case, request.clone()).await?;
        case.rows = left;
        if erased != about {
            return Err(format!("an erasure counts {erased} records about {subject:?} instead of {about}"));
        }
        for owner in [Owner::default(), other.clone()] {
            case.yields(&case.everything().with_owner(owner)).await?;
        }
        let again = answer(&case, request).await?;
        if again > 0 {
            return Err(format!("a second erasure of {subject:?} counts {again} records"));
        }
    }
    Ok(())
}

pub(super) async fn read(fixture: &dyn SourceFixture) -> Outcome {
    let case = Case::of(fixture, rows()?)?;
    let phone = |text| (IdentifierKind::Phone, text);
    let email = |text| (IdentifierKind::Email, text);
    for person in [
        vec![phone("+49 30 123")],
        vec![phone("00 49 40 1")],
        vec![phone("030 123")],
        vec![email("ADA@example.com")],
        vec![email("jos\u{e9}@example.com")],
        vec![phone("+49 30 123"), email("bea@example.com")],
        vec![phone("+49 30 123"), phone("+49 40 1"), email("ada@example.com")],
        vec![phone("+1 555 0100")],
        vec![("customer-id".parse().map_err(|error| format!("{error}"))?, "ada@example.com")],
    ] {
        let person = person.into_iter().map(|(kind, text)| Identifier::new(kind, text));
        let person = person.collect::<Result<Vec<_>, _>>().and_then(Subject::new);
        let subject = person.map_err(|error| error.to_string())?;
        let request = case.everything().with_subject(subject);
        let in_part = |found: String| format!("asked for {:?}: {found}", request.subject);
        case.yields(&request).await.map_err(in_part)?;
        if case.data_type.has_event_instant {
            let window = Window::between(at(10_000_000), at(70_000_000));
            case.yields(&request.clone().with_window(window)).await.map_err(in_part)?;
        }
    }
    Ok(())
}
