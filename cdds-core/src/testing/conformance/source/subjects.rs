//! Checks of reads by subject (rule D1).

use super::case::{Case, Outcome};
use super::rows::{at, row};
use super::{Row, SourceFixture};
use crate::domain::calendar::window::Window;
use crate::domain::id::Owner;
use crate::domain::subject::{Identifier, IdentifierKind, Subject};

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
