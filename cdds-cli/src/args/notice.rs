//! `cdds notice …`

use clap::{Args, Subcommand};

use cdds_core::domain::work::row::WorkStatus;

use super::value;

#[derive(Debug, Subcommand)]
pub(crate) enum NoticeCommand {
    /// List who was told of what, and who was not, newest first
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

    /// In this state
    #[arg(long, value_parser = value::notice_state())]
    pub(crate) state: Option<WorkStatus>,
}
