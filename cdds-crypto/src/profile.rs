//! The algorithms that parts are sealed with.

/// The algorithms that parts are sealed with. In each profile every part gets a key of its own, for AES with
/// 256 bits.
///
/// | profile | content | key for each recipient | read by |
/// |---|---|---|---|
/// | `Compat` | EnvelopedData, CBC | RSA PKCS #1 v1.5 | `openssl cms` and `smime`, gpgsm, NSS, BouncyCastle |
/// | `Oaep` | EnvelopedData, CBC | RSA-OAEP, SHA-256 | `openssl cms`, BouncyCastle |
/// | `AuthGcm` | AuthEnvelopedData, GCM | RSA PKCS #1 v1.5 | `openssl cms`, BouncyCastle |
///
/// Certificates are checked in the same way for all three (rule S2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Profile {
    /// Readable by every S/MIME program in use.
    #[default]
    Compat,
    /// Keys by RSAES-OAEP (RFC 3560) with SHA-256 and MGF1 over SHA-256 (RFC 4055), for places that no longer
    /// allow PKCS #1 v1.5.
    Oaep,
    /// Content by AES-GCM (RFC 5083, RFC 5084): decryption detects a changed bit even without the manifest.
    /// One part takes at most 68,719,476,704 bytes (2³⁶ − 32).
    AuthGcm,
}
