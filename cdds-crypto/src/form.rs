//! What a sealed part looks like from outside.

/// The form in which sealed parts are written. Both open alike, here and with `openssl cms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Form {
    /// CMS as it is: BER.
    #[default]
    Binary,
    /// An S/MIME message (RFC 8551 section 3): headers and base64, larger by 37 %, for mail programs and whatever
    /// takes text only. `openssl cms -decrypt` reads it with `-inform SMIME`.
    Mime,
}
