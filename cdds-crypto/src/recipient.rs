//! The recipients of a part: key transport, RFC 5652 section 6.2.1.

use std::fmt;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::PublicEncryptingKey;
use cms::enveloped_data::RecipientIdentifier;
use der::Encode;
use x509_cert::Certificate;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;

use crate::ber::{INTEGER, OCTET_STRING, SEQUENCE, put_header};
use crate::cipher::ContentKey;
use crate::key_transport::Padding;

/// Maximum number of recipients of one part: sealed files must be readable in bounded memory.
pub(crate) const RECIPIENTS_MAX: usize = 1000;
/// Largest KeyTransRecipientInfo that is read, in DER bytes.
pub(crate) const RECIPIENT_INFO_BYTES_MAX: usize = 16 * 1024;
/// Largest issuer name of a usable certificate, in DER bytes: together with the longest serial number and an
/// RSA-8192 key it stays within [`RECIPIENT_INFO_BYTES_MAX`].
pub(crate) const ISSUER_BYTES_MAX: usize = 8 * 1024;

/// A recipient with a checked certificate, ready to be encrypted for.
#[derive(Debug)]
pub(crate) struct RecipientKey {
    id: RecipientId,
    /// IssuerAndSerialNumber in DER.
    id_der: Vec<u8>,
    key: PublicEncryptingKey,
}

impl RecipientKey {
    /// `id_der` is the certificate's IssuerAndSerialNumber with its original bytes. Re-encoding would sort
    /// the parts of a name, and programs that look for their certificate may compare bytes.
    pub(crate) fn new(certificate: &Certificate, id_der: Vec<u8>, key: PublicEncryptingKey) -> Self {
        let tbs = &certificate.tbs_certificate;
        Self { id: RecipientId::certificate(&tbs.issuer, &tbs.serial_number), id_der, key }
    }

    /// Returns the recipient as files name it. CMS readers find their key by this alone.
    pub(crate) fn id(&self) -> &RecipientId {
        &self.id
    }

    /// Encrypts the part's key for this recipient; returns a RecipientInfo in DER.
    pub(crate) fn wrap(&self, key: &ContentKey, padding: Padding) -> Result<Vec<u8>, Unspecified> {
        let encrypted = padding.encrypt(&self.key, key)?;
        recipient_info(&self.id_der, padding, &encrypted).map_err(|_| Unspecified)
    }

    /// Returns the size of the result of [`wrap`](Self::wrap).
    pub(crate) fn wrapped_bytes(&self, padding: Padding) -> der::Result<usize> {
        let info = recipient_info(&self.id_der, padding, &vec![0; self.key.key_size_bytes()])?;
        Ok(info.len())
    }
}

/// ```text
/// KeyTransRecipientInfo ::= SEQUENCE { version INTEGER, rid IssuerAndSerialNumber,
///                                      keyEncryptionAlgorithm AlgorithmIdentifier, encryptedKey OCTET STRING }
/// ```
fn recipient_info(id_der: &[u8], padding: Padding, encrypted: &[u8]) -> der::Result<Vec<u8>> {
    // RFC 5652 section 6.2.1: version 0 goes with issuer and serial number.
    let mut fields = vec![INTEGER, 1, 0];
    fields.extend_from_slice(id_der);
    fields.extend_from_slice(&padding.algorithm()?.to_der()?);
    put_header(&mut fields, OCTET_STRING, encrypted.len());
    fields.extend_from_slice(encrypted);
    let mut info = Vec::with_capacity(fields.len().saturating_add(4));
    put_header(&mut info, SEQUENCE, fields.len());
    info.append(&mut fields);
    Ok(info)
}

/// The way a sealed file names one of its recipients.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecipientId {
    /// By the certificate's issuer and serial number, as in every file that we seal.
    Certificate {
        /// The issuer's distinguished name, for people (RFC 4514).
        issuer: String,
        /// The serial number: hexadecimal octets, upper case, separated by colons.
        serial: String,
    },
    /// By the key's identifier: hexadecimal octets, upper case, separated by colons.
    KeyIdentifier(String),
    /// A recipient without an RSA key, such as a password: its kind, for people.
    Other(&'static str),
}

impl RecipientId {
    fn certificate(issuer: &Name, serial: &SerialNumber) -> Self {
        Self::Certificate { issuer: printable(&issuer.to_string()), serial: hex(serial.as_bytes()) }
    }

    pub(crate) fn from_identifier(id: &RecipientIdentifier) -> Self {
        match id {
            RecipientIdentifier::IssuerAndSerialNumber(id) => {
                Self::certificate(&id.issuer, &id.serial_number)
            }
            RecipientIdentifier::SubjectKeyIdentifier(id) => Self::KeyIdentifier(hex(id.0.as_bytes())),
        }
    }
}

impl fmt::Display for RecipientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate { issuer, serial } => {
                write!(f, "the certificate with serial number {serial} issued by {issuer}")
            }
            Self::KeyIdentifier(id) => write!(f, "the key with identifier {id}"),
            Self::Other(kind) => f.write_str(kind),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

/// Removes control and direction-changing characters: names come from strangers and end up on somebody's
/// terminal.
pub(crate) fn printable(name: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}')
    };
    name.chars().map(|c| if hidden(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cms::cert::IssuerAndSerialNumber;
    use cms::enveloped_data::KeyTransRecipientInfo;
    use der::Decode;
    use x509_cert::name::RdnSequence;

    #[test]
    fn whatever_can_be_sealed_for_can_be_read_back() {
        let issuer: Name =
            vec![format!("O={}", "x".repeat(100)); 73].join(",").parse::<RdnSequence>().unwrap();
        let issuer_bytes = usize::try_from(issuer.encoded_len().unwrap()).unwrap();
        assert!(issuer_bytes.abs_diff(ISSUER_BYTES_MAX) < 200, "{issuer_bytes}");
        let serial_number = SerialNumber::new(&[0x7F; 20]).unwrap();
        let id = IssuerAndSerialNumber { issuer, serial_number };
        for padding in [Padding::Pkcs1, Padding::Oaep] {
            let info = recipient_info(&id.to_der().unwrap(), padding, &[7; 1024]).unwrap();
            assert!(info.len() + 200 < RECIPIENT_INFO_BYTES_MAX);
            let read = KeyTransRecipientInfo::from_der(&info).unwrap();
            assert_eq!(read.rid, RecipientIdentifier::IssuerAndSerialNumber(id.clone()));
            assert_eq!(read.enc_key.as_bytes(), [7; 1024]);
        }
    }

    #[test]
    fn names_cannot_play_tricks_on_a_terminal() {
        assert_eq!(printable("CN=a\u{1b}[2J\u{202e}b"), "CN=a\u{FFFD}[2J\u{FFFD}b");
        assert_eq!(printable("CN=Zoë,O=日本"), "CN=Zoë,O=日本");
    }
}
