//! `cdds recipient …`

use std::path::PathBuf;

use clap::Subcommand;

use super::Columns;

#[derive(Debug, Subcommand)]
pub(crate) enum RecipientCommand {
    /// Store a certificate under a name
    Add {
        /// How jobs name the recipient
        name: String,
        /// The certificate, PEM or DER
        #[arg(value_name = "CERT.pem")]
        certificate: PathBuf,
    },
    /// Replace the certificate of a recipient by a renewed one; jobs keep the recipient
    Renew {
        /// How jobs name the recipient
        name: String,
        /// The renewed certificate, PEM or DER
        #[arg(value_name = "CERT.pem")]
        certificate: PathBuf,
    },
    /// List stored certificates
    #[command(visible_alias = "ls")]
    List(Columns),
    /// Write a small archive sealed for a recipient, to test whether it can be opened
    Test {
        /// The recipient
        name: String,
        /// The file; its name should end in .zip.smime
        #[arg(long, value_name = "FILE", default_value = "sample.zip.smime")]
        to: PathBuf,
        /// Replace the file if it exists
        #[arg(long)]
        force: bool,
    },
    /// Remove a certificate that no job uses
    #[command(visible_alias = "rm")]
    Remove {
        /// How jobs named the recipient
        name: String,
    },
}
