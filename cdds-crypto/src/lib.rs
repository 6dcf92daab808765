//! Sealing and opening for `cdds`: parts are encrypted for the people who may read them, so that access to
//! the storage alone reveals nothing.
//!
//! ```text
//! certificate ── SmimeCertificates::inspect ── facts, warnings        (rules S1, S2, S3)
//! certificates ─ SmimeCertificates::sealer ─── Sealer ─ begin → update* → finish ─ sealed part
//! sealed part ── check_sealed ── is it whole?                         (no key needed)
//! sealed part ── OpenReader + PrivateKey ── plaintext, as it is read
//! manifest ───── CmsSigner ── check_signature ── who made this set?   (rule A5)
//! ```
//!
//! A sealed part is CMS EnvelopedData (RFC 5652), known from S/MIME, as binary BER; two other [`Profile`]s
//! are available. Its recipients need none of our software to read it:
//!
//! ```text
//! openssl cms -decrypt -binary -inform DER -in part.zip.smime -inkey key.pem -out part.zip
//! ```
//!
//! ```no_run
//! use std::io::Read;
//!
//! use cdds_core::domain::{id::{Owner, RecipientName}, recipient::Recipient};
//! use cdds_core::ports::sealer::Certificates;
//! use cdds_crypto::{OpenReader, PrivateKey, SmimeCertificates};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let now = chrono::DateTime::UNIX_EPOCH;
//! let certificates = SmimeCertificates::new();
//! let certificate = certificates.inspect(&std::fs::read("anna.pem")?, now)?;
//! for warning in &certificate.warnings {
//!     eprintln!("{warning}");
//! }
//! let name = RecipientName::new("anna")?;
//! let anna = Recipient { owner: Owner::default(), name, certificate, added_at: now };
//!
//! let mut sealed = bytes::BytesMut::new();
//! let mut sealing = certificates.sealer(&[anna], now)?.begin(&mut sealed)?;
//! sealing.update(b"what nobody else ", &mut sealed)?;
//! sealing.update(b"may read", &mut sealed)?;
//! sealing.finish(&mut sealed)?; // without this nobody can open it
//!
//! let key = PrivateKey::from_bytes(&std::fs::read("anna.key.pem")?)?;
//! let mut plain = Vec::new();
//! OpenReader::new(&*sealed, &key)?.read_to_end(&mut plain)?;
//! # Ok(())
//! # }
//! ```
//!
//! # Unsupported files
//!
//! Each of these is an error, never a wrong result:
//!
//! | unsupported | instead |
//! |---|---|
//! | content in triple DES, RC2, Camellia or any cipher other than AES-CBC and AES-GCM | `openssl cms -decrypt` |
//! | AES-GCM with a nonce of other than 12 bytes, with authenticated attributes, or of content other than id-data | `openssl cms -decrypt` |
//! | RSA-OAEP with different hashes for content and mask, or with SHA-224 | `openssl cms -decrypt` |
//! | recipients by key agreement (elliptic curves), shared key or password, if none has an RSA key | their own key |
//! | CMS as PEM text; S/MIME messages as quoted-printable text | `openssl cms -cmsout` to DER |
//! | multipart mails that contain a sealed file | save the attachment |
//! | private keys by PBES1 other than PKCS#12's triple DES (RC2, RC4, single DES) | `openssl pkcs8 -topk8 -v2 aes256` |
//! | private keys by PBES2 with PBKDF2 over SHA-224 or SHA-512/256, or with a cipher other than AES and triple DES | the same |
//! | private keys encrypted by PEM headers (`DEK-Info`) | the same |
//! | PKCS#12 with a public-key signature, or with its keys inside encrypted safes | `openssl pkcs12 -nocerts` |
//!
//! Bounds: 1000 recipients of 16 KiB each, RSA keys of 2048 to 8192 bits, ten million rounds of PBKDF2, 256
//! MiB of scrypt, AES-GCM content of 64 GiB. Tags of AES-GCM may have 12 to 16 bytes (RFC 5084); ours have
//! 16.
//!
//! | module | holds |
//! |---|---|
//! | `sealer` | the core's ports, implemented |
//! | `certificate`, `armor` | the checks of rule S2; PEM as people paste it |
//! | `profile` | the choice of algorithms |
//! | `recipient` | the people who can open a part |
//! | `key_transport` | content keys encrypted and decrypted: PKCS #1 v1.5, OAEP |
//! | `envelope` | the bytes of a sealed part, written piece by piece |
//! | `form`, `mime` | output as bytes or as an S/MIME message |
//! | `cipher`, `gcm` | AES-CBC and fresh keys; AES-GCM in pieces |
//! | `open`, `ber` | opening sealed files, also those of other programs |
//! | `private_key` | the recipient's key, PKCS#8, PKCS#1 and PKCS#12, with and without a passphrase |
//! | `signature` | manifests, signed and checked |
//! | `subject_keys` | identifiers of data subjects, sealed and opened |
//!
//! The cryptography is AWS-LC's, except for the hash of GCM in pieces, scrypt and triple DES, which come from
//! RustCrypto, like the types for CMS and X.509. Neither shows in this crate's interface. CBC does not
//! protect the content from changes: the digests in the manifest do.
//!
//! # Features
//!
//! None. AWS-LC needs a C compiler to build.
//!
//! # Start of a process
//!
//! By default AWS-LC seeds its generator from the jitter of the processor, which takes 65 ms of every process
//! before its first sealed byte. A service that starts processes by the thousand sets
//! `AWS_LC_SYS_NO_JITTER_ENTROPY=1` when it builds, as `.cargo/config.toml` of this workspace does: the
//! generator then asks the operating system.

mod armor;
#[cfg(test)]
mod attacks;
mod ber;
mod certificate;
mod cipher;
mod envelope;
mod form;
mod gcm;
mod key_transport;
mod mime;
mod oids;
mod open;
mod private_key;
mod profile;
mod recipient;
mod sealer;
mod signature;
mod subject_keys;

// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use form::Form;
pub use open::{OpenError, OpenReader, SealedFacts, check_sealed, recipients};
pub use private_key::PrivateKey;
pub use profile::Profile;
pub use recipient::RecipientId;
pub use sealer::SmimeCertificates;
pub use signature::{CmsSigner, CmsVerifier, SignatureError, SignatureFacts, check_signature};
pub use subject_keys::{SubjectKeyRing, SubjectKeyRingError};
