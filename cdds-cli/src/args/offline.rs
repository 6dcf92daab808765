//! `verify`, `decrypt`, `join`, `extract`: what works on files alone, without a configuration.

use std::path::PathBuf;

use clap::Args;

/// Where the passphrase of the private key comes from; without either, it is asked for on the terminal.
#[derive(Debug, Default, Args)]
pub(crate) struct PassphraseArgs {
    /// Environment variable that holds the private key's passphrase
    #[arg(long, value_name = "VAR", requires = "key", conflicts_with = "passphrase_file")]
    pub(crate) passphrase_env: Option<String>,

    /// File whose first line is the private key's passphrase
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// What `verify` takes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    cdds verify export-….zip.smime              sizes, digests and structure of the whole set\n  \
    cdds verify export-….zip.smime --key k.pem  every record file inside as well")]
pub(crate) struct VerifyArgs {
    /// Any one part of each set, or its manifest; the others are found beside it
    #[arg(value_name = "FILE", required_unless_present = "manifest")]
    pub(crate) files: Vec<PathBuf>,

    /// The manifest of a set
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,

    /// Private key of a recipient, to check the contents of sealed parts too
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,

    /// Certificate of the service that made the set: its signature over the manifest is checked first
    #[arg(long, value_name = "CERT")]
    pub(crate) signer: Option<PathBuf>,
}

/// What `decrypt` takes.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cdds decrypt export-….z01.smime --key key.pem --to plain")]
pub(crate) struct DecryptArgs {
    /// Any one part of each set, or its manifest; the others are found beside it
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Private key of a recipient: PEM, DER or PKCS#12; a passphrase is asked for if it has one
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,

    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,

    /// Where the decrypted parts are written; created if need be
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,

    /// Replace files that exist
    #[arg(long)]
    pub(crate) force: bool,
}

/// What `join` takes.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cdds join plain/export-….zip --to export.zip")]
pub(crate) struct JoinArgs {
    /// Any one part of the set, or its manifest; the others are found beside it
    #[arg(value_name = "FIRST")]
    pub(crate) file: PathBuf,

    /// The single ZIP file to be written
    #[arg(long, value_name = "OUT.zip")]
    pub(crate) to: PathBuf,

    /// Private key of a recipient, if the parts are sealed
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,

    /// Replace a file that exists
    #[arg(long)]
    pub(crate) force: bool,
}

/// What `extract` takes.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cdds extract export-….zip.smime --key key.pem --to records")]
pub(crate) struct ExtractArgs {
    /// Any one part of the set, or its manifest; the others are found beside it
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Private key of a recipient, if the parts are sealed
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,

    /// Where the record files are written; created if need be
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,

    /// Replace files that exist
    #[arg(long)]
    pub(crate) force: bool,
}
