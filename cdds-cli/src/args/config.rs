//! `cdds config …`

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show what holds: what is written, and the defaults of what is left out
    ///
    /// Values that let somebody in are hidden.
    Show,
    /// Check the configuration, and that the files that it names can be read
    ///
    /// Neither catalog nor sources are opened; `cdds doctor` does that. Only if there is no file of keys of data subjects, the
    /// catalog is asked whether a request needs them: before the first one, `cdds subject key` makes it.
    Check,
    /// Show every key with its type, its default and its meaning
    Reference {
        /// Only keys that begin with this, like `engine` or `source.type`
        key: Option<String>,
    },
}
