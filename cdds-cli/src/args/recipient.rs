//! `cdds recipient …`

use std::path::PathBuf;

use clap::Subcommand;

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
    /// List stored certificates
    List,
    /// Remove a certificate that no job uses
    Remove {
        /// How jobs named the recipient
        name: String,
    },
}
