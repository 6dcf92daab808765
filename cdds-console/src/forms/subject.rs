//! What forms say about a request of a data subject. Refusals quote nothing that was typed: an identifier may be in any
//! field.

use cdds_core::ServiceError;
use cdds_core::domain::subject::request::{Evidence, RequestText, Scope, ScopePart, refusal};
use cdds_core::domain::subject::{Identifier, Subject};
use cdds_view::ProblemView;

use crate::texts::subjects as said;

/// The names of the fields.
pub(crate) const KIND: &str = "kind";
pub(crate) const IDENTIFIER: &str = "identifier";
pub(crate) const SOURCE: &str = "source";
pub(crate) const CERTIFICATE: &str = crate::handed::TEXT;
pub(crate) const PLAINTEXT: &str = "plaintext";
pub(crate) const DUE: &str = "due";
pub(crate) const BY: &str = "by";
pub(crate) const HOW: &str = "how";
pub(crate) const REASON: &str = "reason";
pub(crate) const UNTIL: &str = "until";

/// Reads the identifiers of one person, each as `KIND=VALUE`.
pub(crate) fn subject<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Subject, ProblemView> {
    let lines = lines.map(str::trim).filter(|line| !line.is_empty());
    let identifiers = lines.map(str::parse).collect::<Result<Vec<Identifier>, _>>();
    let subject = identifiers.and_then(Subject::new);
    subject.map_err(|why| ProblemView::from(refusal(why)).with_field(IDENTIFIER))
}

/// Reads the chosen sources, and types as `source/type`.
pub(crate) fn scope<'a>(parts: impl Iterator<Item = &'a str>) -> Result<Scope, ProblemView> {
    let parts = parts.map(str::parse).collect::<Result<Vec<ScopePart>, _>>();
    let unread = |_| ProblemView::new(422, "invalid_name", said::WRITE_SOURCE).with_field(SOURCE);
    Scope::new(parts.map_err(unread)?).map_err(|why| ProblemView::from(why).with_field(SOURCE))
}

/// Reads who has checked the person's identity, and how.
pub(crate) fn evidence(who: &str, how: &str) -> Result<Evidence, ProblemView> {
    Ok(Evidence { who: words(who, BY)?, how: words(how, HOW)? })
}

/// Reads the words of a field.
pub(crate) fn words(text: &str, field: &str) -> Result<RequestText, ProblemView> {
    RequestText::new(text).map_err(|why| ProblemView::from(why).with_field(field))
}

/// Returns the refusal of a new request, which names the field that it is about.
pub(crate) fn not_created(error: ServiceError, has_due: bool) -> ProblemView {
    let problem = told(error);
    let field = match problem.code.as_str() {
        "invalid_certificate" => Some(CERTIFICATE),
        // It would quote what was typed.
        "unknown_source" | "unsupported_source" | "unknown_type" => {
            return ProblemView::new(problem.status, problem.code, said::NO_SUCH_SOURCE).with_field(SOURCE);
        }
        // What else is wrong with a request was looked at before.
        "invalid_subject_request" if has_due => Some(DUE),
        _ => None,
    };
    match field {
        Some(field) => problem.with_field(field),
        None => problem,
    }
}

/// Names the field that a refusal is about, if it is about what was typed.
pub(crate) fn at(problem: ProblemView, field: &str) -> ProblemView {
    if problem.code == "invalid_subject_request" { problem.with_field(field) } else { problem }
}

/// Returns a refusal. Of keys that are missing it tells what to do, and not where the service looks for them.
pub(crate) fn told(error: ServiceError) -> ProblemView {
    let problem = ProblemView::from(error);
    match problem.code.as_str() {
        "subject_key_missing" => ProblemView::new(problem.status, problem.code, said::KEY_MISSING),
        _ => problem,
    }
}
