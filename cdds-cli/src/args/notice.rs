//! `cdds notice …`

use cdds_core::domain::notice::NoticeKind;
use cdds_core::domain::work::row::WorkStatus;
use clap::{Args, Subcommand};

use super::{Listing, Moment, moment, value};

#[derive(Debug, Subcommand)]
pub(crate) enum NoticeCommand {
    /// List who was told of what, and who was not, newest first
    #[command(visible_alias = "ls")]
    List(ListNoticesArgs),
    /// Send a notice again that was sent or given up; its id stays
    Replay {
        /// The notice
        id: String,
    },
    /// Call an endpoint again, after it was disabled
    Enable {
        /// The endpoint
        #[arg(value_name = "webhook:ID")]
        target: String,
    },
    /// Call an endpoint no more until it is enabled; notices wait meanwhile
    Disable {
        /// The endpoint
        #[arg(value_name = "webhook:ID")]
        target: String,
    },
    /// Send a test message, and say whether it was taken
    Test {
        /// Who is told, as for `job create --notify`
        #[arg(value_name = "mailto:ADDRESS|webhook:ID")]
        target: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ListNoticesArgs {
    /// About this execution
    #[arg(long, value_name = "ID")]
    pub(crate) execution: Option<String>,

    /// About this job, even if it was deleted
    #[arg(long, value_name = "ID")]
    pub(crate) job: Option<String>,

    /// That tell this
    #[arg(long, value_parser = value::notice_kind())]
    pub(crate) kind: Option<NoticeKind>,

    /// To this one, as `job create --notify` names them
    #[arg(long, value_name = "mailto:ADDRESS|webhook:ID")]
    pub(crate) subscriber: Option<String>,

    /// In this state
    #[arg(long, value_parser = value::notice_state())]
    pub(crate) state: Option<WorkStatus>,

    /// Of what happened at this instant or later
    #[arg(long, value_name = "WHEN", value_parser = moment::past)]
    pub(crate) from: Option<Moment>,

    /// Of what happened before this instant
    #[arg(long, value_name = "WHEN", value_parser = moment::past)]
    pub(crate) to: Option<Moment>,

    #[command(flatten)]
    pub(crate) listing: Listing,
}
