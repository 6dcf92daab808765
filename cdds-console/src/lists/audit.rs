//! The audit.

use cdds_core::domain::access::Action;
use cdds_core::domain::id::AuditId;
use cdds_core::ports::catalog::query::{AuditColumn, AuditQuery, Between};
use cdds_view::ProblemView;

use super::{slice, sort};
use crate::answers::Answers;

/// The parameters of this list, besides the [common](super::COMMON) ones.
pub(crate) const PARAMETERS: [&str; 5] = ["object", "principal", "action", "since", "until"];

/// Reads a query of entries, whose page has `limit` rows unless the parameters say otherwise.
pub(crate) fn query(answers: &Answers, limit: u64) -> Result<AuditQuery, ProblemView> {
    let query = AuditQuery::default();
    let sort = sort(answers, AuditColumn::ALL, query.sort)?;
    Ok(query
        .with_object(answers.one("object").map(object))
        .with_principal(answers.parsed("principal")?)
        .with_action(answers.word("action", &actions(), action)?)
        .with_at(Between { from: answers.instant("since")?, to: answers.instant("until")? })
        .with_sort(sort)
        .with_slice(slice(answers, sort, limit)?))
}

/// Returns the names of the actions.
pub(crate) fn actions() -> Vec<&'static str> {
    Action::ALL.iter().map(|action| action.as_str()).collect()
}

fn action(name: &str) -> Option<Action> {
    Action::ALL.iter().copied().find(|action| action.as_str() == name)
}

/// Spells an id as the audit does, whatever it identifies. The name of a recipient stays as it is.
fn object(typed: &str) -> String {
    typed.parse::<AuditId>().map_or_else(|_| typed.to_owned(), |id| id.to_string())
}
