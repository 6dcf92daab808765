//! `cdds audit`

use cdds_core::domain::access::Action;
use cdds_core::ports::catalog::query::{AuditColumn, Sort};
use chrono::{DateTime, Utc};
use clap::Args;

use super::value;

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// About the job, execution, artifact or set with this id, or the recipient with this name
    #[arg(long, value_name = "ID")]
    pub(crate) object: Option<String>,

    /// By this person or program
    #[arg(long, value_name = "NAME")]
    pub(crate) principal: Option<String>,

    /// Of this action
    #[arg(long, value_name = "ACTION", value_parser = value::action(), hide_possible_values = true)]
    pub(crate) action: Option<Action>,

    /// At this instant or later
    #[arg(long, value_name = "RFC3339", value_parser = value::instant)]
    pub(crate) since: Option<DateTime<Utc>>,

    /// Before this instant
    #[arg(long, value_name = "RFC3339", value_parser = value::instant)]
    pub(crate) until: Option<DateTime<Utc>>,

    /// Sort by: at, principal, action; newest first if left out
    #[arg(long, value_name = "COL[:desc]", value_parser = value::audit_sort)]
    pub(crate) sort: Option<Sort<AuditColumn>>,
}
