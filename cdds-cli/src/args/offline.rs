//! `verify`, `decrypt`, `join`, `extract`: what works on files alone, without a configuration.

use std::path::PathBuf;

use cdds_storage::archive::extract::Limits;
use clap::Args;

use super::value;

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
#[command(
    after_help = "No part gets its name before every part was found in order, since only the end of a sealed part proves that \
                  nothing in it was changed. So a command that was stopped or killed starts over, and leaves nothing half \
                  done behind. Parts that it had named already are compared and kept; --force is not needed for that."
)]
pub(crate) struct DecryptArgs {
    /// Any one part of each set, or its manifest; the others are found beside it
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Private key of a recipient: PEM, DER or PKCS#12; a passphrase is asked for if it has one
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,

    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,

    /// Certificate of the service that made the set: its signature over the manifest is checked first
    #[arg(long, value_name = "CERT")]
    pub(crate) signer: Option<PathBuf>,

    /// Where the decrypted parts are written; created if necessary
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,

    /// Replace files that exist with other contents
    #[arg(long)]
    pub(crate) force: bool,
}

/// What `join` takes.
#[derive(Debug, Args)]
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

    /// Certificate of the service that made the set: its signature over the manifest is checked first
    #[arg(long, value_name = "CERT")]
    pub(crate) signer: Option<PathBuf>,

    /// Replace a file that exists with other contents
    #[arg(long)]
    pub(crate) force: bool,
}

/// What `extract` takes.
#[derive(Debug, Args)]
pub(crate) struct ExtractArgs {
    /// Any one part of the set, or its manifest; the others are found beside it
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Private key of a recipient, if the parts are sealed
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,

    /// Certificate of the service that made the set: its signature over the manifest is checked first
    #[arg(long, value_name = "CERT")]
    pub(crate) signer: Option<PathBuf>,

    /// Where the record files are written; created if necessary
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,

    /// Replace files that exist with other contents
    #[arg(long)]
    pub(crate) force: bool,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// When to stop trusting an archive: a small one can be made to fill a disk.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Against archives made to fill a disk")]
pub(crate) struct LimitArgs {
    /// Extract at most this many files
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = value::whole::<u64>("0 or more"), default_value_t = Limits::default().entries_max)]
    pub(crate) max_files: u64,

    /// Extract at most this much: bytes, or with a unit like 10GiB [default: 16TiB]
    #[arg(long, value_name = "SIZE", value_parser = value::bytes)]
    pub(crate) max_size: Option<u64>,

    /// Bytes extracted for one byte in the archive, of files above 1 MiB
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = value::whole::<u64>("0 or more"), default_value_t = Limits::default().ratio_max)]
    pub(crate) max_ratio: u64,
}

impl From<LimitArgs> for Limits {
    fn from(typed: LimitArgs) -> Self {
        let bytes_max = typed.max_size.unwrap_or_else(|| Self::default().bytes_max);
        Self { entries_max: typed.max_files, bytes_max, ratio_max: typed.max_ratio }
    }
}
