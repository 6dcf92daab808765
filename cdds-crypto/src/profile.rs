//! Which algorithms parts are sealed with.

/// What parts are sealed with. Each part takes a key of its own in all of them, and AES with 256 bits.
///
/// | profile | content | key for each recipient | read by |
/// |---|---|---|---|
/// | `Compat` | EnvelopedData, CBC | RSA PKCS #1 v1.5 | `openssl cms` and `smime`, gpgsm, NSS, BouncyCastle |
/// | `Oaep` | EnvelopedData, CBC | RSA-OAEP, SHA-256 | `openssl cms`, BouncyCastle |
/// | `AuthGcm` | AuthEnvelopedData, GCM | RSA PKCS #1 v1.5 | `openssl cms`, BouncyCastle |
///
/// Certificates are checked alike for all three (rule S2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Profile {
    /// What every S/MIME program in use reads.
    #[default]
    Compat,
    /// Keys by RSAES-OAEP (RFC 3560) with SHA-256 and MGF1 over SHA-256 (RFC 4055), where PKCS #1 v1.5 is not
    /// allowed any more.
    Oaep,
    /// Content by AES-GCM (RFC 5083, RFC 5084): whoever decrypts notices a changed bit, also without the
    /// manifest. One part takes at most 68,719,476,704 bytes (2³⁶ − 32).
    AuthGcm,
}
