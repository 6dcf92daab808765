//! Errors about sealed files that cannot be opened.

use std::fmt::Write;
use std::io;

use crate::recipient::RecipientId;

/// Names at most this many recipients in a message.
const RECIPIENTS_SHOWN: usize = 10;

/// The reason why a sealed file cannot be opened or is not whole.
///
/// Reading an [`OpenReader`](crate::OpenReader) returns it as the inner error of an [`io::Error`]; retrieve
/// it with `error.get_ref().and_then(|inner| inner.downcast_ref::<OpenError>())`. Errors of the underlying
/// reader are passed on unchanged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The underlying reader failed.
    #[error("cannot read the sealed file")]
    Io(#[source] io::Error),

    /// The file is cut short, for example by an aborted download.
    #[error("the sealed file ends too early, after {at} bytes: fetch it again")]
    Truncated {
        /// The number of bytes present.
        at: u64,
    },

    /// The file begins like a sealed one, but its structure is broken.
    #[error("the sealed file is damaged: at byte {at}, {what}; fetch it again")]
    Malformed {
        /// Offset of the broken element.
        at: u64,
        /// The fault.
        what: &'static str,
    },

    /// Other bytes follow the end of the sealed content.
    #[error(
        "the sealed content ends at byte {at}, but the file continues: something was added to it; fetch \
             it again"
    )]
    TrailingData {
        /// Where the file should have ended.
        at: u64,
    },

    /// The file is of another kind.
    #[error("this is not a sealed file: {found}")]
    NotSealed {
        /// The kind of file, and what to do with it.
        found: &'static str,
    },

    /// The file is sealed in a way that this version does not read.
    #[error("the file is sealed with {what}, which is not supported: open it with 'openssl cms -decrypt'")]
    Unsupported {
        /// The algorithm or structure.
        what: String,
    },

    /// The private key does not fit, or the encrypted bytes were changed. This one error covers every failure
    /// of the key or the padding: the more a reader distinguishes, the more an attacker can learn by asking
    /// (RFC 3218). Its timing reveals something too: see
    /// [`PrivateKey::with_certificate`](crate::PrivateKey::with_certificate).
    #[error(
        "cannot decrypt: either this is not the right private key, or the file was changed; it is sealed for {}",
        list(.recipients)
    )]
    CannotDecrypt {
        /// The recipients that the file is sealed for: the key of one of them is needed.
        recipients: Vec<RecipientId>,
    },

    /// A passphrase protects the private key, and none was given: see
    /// [`PrivateKey::with_passphrase`](crate::PrivateKey::with_passphrase).
    #[error("the private key is protected by a passphrase: supply it")]
    PassphraseNeeded,

    /// The passphrase does not open the private key.
    #[error(
        "the passphrase does not open the private key: it belongs to another key, or the file was changed; \
         'openssl pkey -in FILE -noout', or for PKCS#12 'openssl pkcs12 -in FILE -noout', confirms it"
    )]
    WrongPassphrase,

    /// The private key itself cannot be used.
    #[error("{reason}")]
    PrivateKey {
        /// The fault, and what to do about it.
        reason: String,
    },
}

impl OpenError {
    pub(crate) fn malformed(at: u64, what: &'static str) -> Self {
        Self::Malformed { at, what }
    }
}

impl From<OpenError> for io::Error {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Io(error) => error,
            OpenError::Truncated { .. } => Self::new(io::ErrorKind::UnexpectedEof, error),
            OpenError::Unsupported { .. } => Self::new(io::ErrorKind::Unsupported, error),
            _ => Self::new(io::ErrorKind::InvalidData, error),
        }
    }
}

fn list(recipients: &[RecipientId]) -> String {
    let mut text = String::new();
    for (index, recipient) in recipients.iter().take(RECIPIENTS_SHOWN).enumerate() {
        let separator = if index == 0 { "" } else { ", or " };
        // Writing to a String cannot fail.
        let _ = write!(text, "{separator}{recipient}");
    }
    match recipients.len().saturating_sub(RECIPIENTS_SHOWN) {
        0 => text,
        more => format!("{text}, or {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_io_error_holds_the_reason() {
        let error = io::Error::from(OpenError::Truncated { at: 7 });
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<OpenError>());
        assert!(matches!(inner, Some(OpenError::Truncated { at: 7 })));
        let passed_on = io::Error::from(OpenError::Io(io::ErrorKind::ConnectionReset.into()));
        assert_eq!(passed_on.kind(), io::ErrorKind::ConnectionReset);
    }

    #[test]
    fn long_lists_of_recipients_are_cut() {
        let recipients = vec![RecipientId::KeyIdentifier("AB".to_owned()); 12];
        let text = OpenError::CannotDecrypt { recipients }.to_string();
        assert_eq!(text.matches("identifier AB").count(), 10);
        assert!(text.ends_with(", or 2 more"), "{text}");
    }
}
