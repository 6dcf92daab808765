//! The certificate of a private key, by which files name its owner.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{PrivateDecryptingKey, PublicEncryptingKey};
use cms::cert::IssuerAndSerialNumber;
use cms::enveloped_data::RecipientIdentifier;
use x509_cert::ext::pkix::SubjectKeyIdentifier;

use crate::certificate;

/// The public names that a file's recipients are compared with.
pub(crate) struct OwnCertificate {
    id: IssuerAndSerialNumber,
    key_identifier: Option<SubjectKeyIdentifier>,
}

impl OwnCertificate {
    /// Reads the certificate of this key, PEM or DER. Its validity does not matter: old files stay readable.
    ///
    /// # Errors
    /// Says, in a sentence without its full stop, that the certificate cannot be read or belongs to another
    /// key.
    pub(super) fn read(encoded: &[u8], key: &PrivateDecryptingKey) -> Result<Self, String> {
        let (certificate, public_key) = certificate::read(encoded)?;
        if !is_same(&public_key, &key.public_key()) {
            return Err(
                "the certificate does not belong to the private key: supply a matching pair".to_owned()
            );
        }
        let tbs = certificate.tbs_certificate;
        let key_identifier = tbs.get::<SubjectKeyIdentifier>().ok().flatten().map(|(_, id)| id);
        let id = IssuerAndSerialNumber { issuer: tbs.issuer, serial_number: tbs.serial_number };
        Ok(Self { id, key_identifier })
    }

    /// Whether a file's recipient is this certificate.
    pub(crate) fn is_named_by(&self, recipient: &RecipientIdentifier) -> bool {
        match recipient {
            RecipientIdentifier::IssuerAndSerialNumber(id) => *id == self.id,
            RecipientIdentifier::SubjectKeyIdentifier(id) => Some(id) == self.key_identifier.as_ref(),
        }
    }
}

fn is_same(one: &PublicEncryptingKey, other: &PublicEncryptingKey) -> bool {
    let der = |key: &PublicEncryptingKey| AsDer::<PublicKeyX509Der<'_>>::as_der(key).ok();
    matches!((der(one), der(other)), (Some(one), Some(other)) if one.as_ref() == other.as_ref())
}
