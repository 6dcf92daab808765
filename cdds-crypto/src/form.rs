//! The outer form of a sealed part.

/// The form in which sealed parts are written. Both open in the same way, here and with `openssl cms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Form {
    /// Plain CMS: BER.
    #[default]
    Binary,
    /// An S/MIME message (RFC 8551 section 3): headers and base64, 37 % larger, for mail programs and other
    /// text-only channels. `openssl cms -decrypt` reads it with `-inform SMIME`.
    Mime,
}
