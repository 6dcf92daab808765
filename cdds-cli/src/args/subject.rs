//! `cdds subject …`

use std::path::PathBuf;

use cdds_core::domain::subject::request::{RequestKind, RequestStatus};
use cdds_core::ports::catalog::query::{Sort, SubjectRequestColumn};
use clap::{Args, Subcommand};

use super::{Columns, Listing, Moment, moment, value};

#[derive(Debug, Subcommand)]
pub(crate) enum SubjectCommand {
    /// Put a request on record
    #[command(
        after_help = "Identifiers are kept encrypted while the request is open, and are destroyed when it ends; keyed \
                      hashes of them stay. `--identifier -` reads them from standard input, one KIND=VALUE a line, so \
                      that they are in no list of processes and in no history of a shell."
    )]
    Create(CreateSubjectArgs),
    /// Record that the person's identity was checked
    Verify {
        /// The request
        id: String,
        /// Who has checked it: a person or a department
        #[arg(long, value_name = "WHO")]
        by: String,
        /// How, without numbers of documents or other identifiers
        #[arg(long, value_name = "TEXT")]
        how: String,
    },
    /// Approve an erasure that somebody else has put on record
    ///
    /// On a terminal it counts first what would be erased and what would stay, and asks.
    Approve {
        /// The request
        id: String,
    },
    /// Move the due date by two months, once the person was told why it takes longer
    Extend {
        /// The request
        id: String,
        /// Move it to this instant instead
        #[arg(long, value_name = "WHEN", value_parser = moment::coming)]
        until: Option<Moment>,
    },
    /// Refuse a request, and destroy its identifiers
    Refuse {
        /// The request
        id: String,
        /// Why, as the person is told
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Record that the person asks for it no more, and destroy the identifiers
    Withdraw {
        /// The request
        id: String,
    },
    /// Count what an erasure would erase, and what would stay and why; changes nothing
    Preview {
        /// The request
        id: String,
        #[command(flatten)]
        shown: Columns,
    },
    /// Ask again for what failed of an erasure, and alone for that
    Run {
        /// The request
        id: String,
    },
    /// Apply past erasures again, after a source was restored from a backup
    ///
    /// Reads every record that names people, and erases those of whom past requests have erased. Run it before anything is
    /// exported from a restored source. It needs the keys that were in use when the requests were put on record.
    Reapply {
        /// Erase nothing, and say what would be erased
        #[arg(long)]
        dry_run: bool,
    },
    /// Show a request, who took which step, and what became of it
    Show {
        /// The request
        id: String,
    },
    /// Find the exports that may hold records about the person, and who has them
    #[command(
        after_help = "Looks at all sets of the owner that are in the history: those that are kept, and those that have \
                      expired or were deleted. A set that may hold the person does so by mistake once in 318 for each \
                      identifier; one that does not is left out. Sets that were made before there was a key, or of types \
                      that do not say which of their fields name people, cannot be told.\n\n\
                      --notify tells the subscribers of each set that was downloaded or delivered, kept or gone, by e-mail \
                      and webhook, and never who the person is. It names those who have a set that nobody subscribes to: \
                      tell them yourself. Nobody is told twice. With --delete, those who have copies are told first."
    )]
    Copies {
        /// The request
        id: String,
        /// Show the sets as well that do not hold the person
        #[arg(long)]
        all: bool,
        /// Tell the subscribers of sets that may hold the person and that somebody has to delete their copies
        #[arg(long, conflicts_with_all = ["all", "columns", "wide"])]
        notify: bool,
        /// Delete the sets that may hold the person, except those on legal hold
        #[arg(long, conflicts_with_all = ["all", "columns", "wide"])]
        delete: bool,
        #[command(flatten)]
        shown: Columns,
    },
    /// List requests, newest first
    #[command(visible_alias = "ls")]
    List(ListSubjectsArgs),
    /// Make a key for identifiers, in the file that subjects.key_file names
    ///
    /// The new key is used from now on. Earlier ones stay in the file: without them, open requests cannot be answered,
    /// copies made before cannot be searched, and past erasures cannot be applied again. The file is for its owner alone.
    /// Keep a copy of it elsewhere, and never beside a copy of the catalog.
    Key {
        /// Its name; the present day if left out
        name: Option<String>,

        /// Begin a new file although there was one for the requests on record: it is lost for good
        #[arg(long)]
        lost: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateSubjectArgs {
    /// An identifier of the person: phone, email, or another kind; `-` reads standard input
    #[arg(long, value_name = "KIND=VALUE", required = true)]
    pub(crate) identifier: Vec<String>,

    /// What is asked for
    #[arg(long, value_parser = value::request_kind())]
    pub(crate) kind: RequestKind,

    /// Only in this source, or this type of it; all sources if left out
    #[arg(long, value_name = "SOURCE[/TYPE]")]
    pub(crate) source: Vec<String>,

    /// Seal the copy for this certificate, PEM or DER; needed for access and both, unless --plaintext
    #[arg(long, value_name = "FILE", conflicts_with = "plaintext")]
    pub(crate) certificate: Option<PathBuf>,

    /// Leave the copy unencrypted: anybody who has the files can read it
    #[arg(long)]
    pub(crate) plaintext: bool,

    /// When it has to be answered; in a month if left out
    #[arg(long, value_name = "WHEN", value_parser = moment::coming)]
    pub(crate) due: Option<Moment>,
}

#[derive(Debug, Args)]
pub(crate) struct ListSubjectsArgs {
    /// In this state
    #[arg(long, value_parser = value::request_state())]
    pub(crate) state: Option<RequestStatus>,

    /// That are still to be answered (true), or that have ended (false)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) open: Option<bool>,

    /// That ask for this
    #[arg(long, value_parser = value::request_kind())]
    pub(crate) kind: Option<RequestKind>,

    /// Sort by: received_at, due_at; newest first if left out
    #[arg(long, value_name = "COL[:desc]", value_parser = value::subject_sort)]
    pub(crate) sort: Option<Sort<SubjectRequestColumn>>,

    #[command(flatten)]
    pub(crate) listing: Listing,
}
