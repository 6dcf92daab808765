//! `cdds audit`

use cdds_core::domain::access::Action;
use cdds_core::ports::catalog::query::{AuditColumn, Sort};
use clap::Args;

use super::{Listing, Moment, moment, value};

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// About the job, execution, artifact or set with this id, the job with this title, or the recipient with this name;
    /// an execution with --action download: about every file of its set, the manifest and the signature
    #[arg(long, value_name = "ID")]
    pub(crate) object: Option<String>,

    /// By this person or program
    #[arg(long, value_name = "NAME")]
    pub(crate) principal: Option<String>,

    /// Of this action: download, create_job, delete_job …; one that there is not is answered with all of them
    #[arg(long, value_name = "ACTION", value_parser = value::action(), hide_possible_values = true)]
    pub(crate) action: Option<Action>,

    /// At this instant or later
    #[arg(long, value_name = "WHEN", value_parser = moment::past)]
    pub(crate) since: Option<Moment>,

    /// Before this instant
    #[arg(long, value_name = "WHEN", value_parser = moment::past)]
    pub(crate) until: Option<Moment>,

    /// Sort by: at, principal, action; newest first if left out
    #[arg(long, value_name = "COL[:desc]", value_parser = value::audit_sort)]
    pub(crate) sort: Option<Sort<AuditColumn>>,

    #[command(flatten)]
    pub(crate) listing: Listing,
}
