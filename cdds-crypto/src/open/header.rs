//! Reads what comes before the encrypted content (RFC 5652 sections 3 and 6.1).

use std::io::Read;

use cms::enveloped_data::KeyTransRecipientInfo;
use der::asn1::{ObjectIdentifier, OctetStringRef};
use der::{Decode, Tagged};
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::OpenError;
use crate::ber::{
    BerReader, CONTEXT_0_CONSTRUCTED, CONTEXT_1_CONSTRUCTED, Element, INTEGER, OID, SEQUENCE, SET,
};
use crate::cipher::{BLOCK_BYTES, ContentCipher};
use crate::oids;
use crate::recipient::{RECIPIENT_INFO_BYTES_MAX, RECIPIENTS_MAX, RecipientId};

/// Largest object identifier or algorithm that is read, bytes.
const ALGORITHM_BYTES_MAX: usize = 1024;

/// Everything that is known before the content.
pub(super) struct Header {
    /// Every recipient, in the file's order.
    pub(super) recipients: Vec<RecipientId>,
    /// The content key, encrypted for each of the RSA recipients.
    pub(super) encrypted_keys: Vec<Vec<u8>>,
    /// Another key transport algorithm that some recipient has.
    pub(super) other_transport: Option<ObjectIdentifier>,
    pub(super) cipher: ContentCipher,
    pub(super) iv: [u8; BLOCK_BYTES],
}

/// Reads up to, and not including, the `[0]` of the encrypted content.
pub(super) fn read<R: Read>(ber: &mut BerReader<R>) -> Result<Header, OpenError> {
    enter_enveloped_data(ber)?;
    let version = ber.expect(INTEGER, "the version of EnvelopedData is missing")?;
    ber.skip(version)?;
    let at = ber.position();
    let mut next = ber.next()?;
    // originatorInfo: certificates and revocation lists, of no use here.
    if let Some(originator) = next.filter(|element| element.tag == CONTEXT_0_CONSTRUCTED) {
        ber.skip(originator)?;
        next = ber.next()?;
    }
    let infos = next.filter(|element| element.tag == SET);
    ber.enter(infos.ok_or_else(|| OpenError::malformed(at, "the recipients are missing"))?)?;
    let recipients = Recipients::read(ber)?;

    ber.expect_enter(SEQUENCE, "EncryptedContentInfo is missing")?;
    let content_type = ber.expect(OID, "the type of the content is missing")?;
    ber.skip(content_type)?;
    let (cipher, iv) = read_algorithm(ber)?;
    let Recipients { ids, encrypted_keys, other_transport } = recipients;
    Ok(Header { recipients: ids, encrypted_keys, other_transport, cipher, iv })
}

/// `ContentInfo ::= SEQUENCE { contentType OBJECT IDENTIFIER, content [0] EXPLICIT ANY }`
fn enter_enveloped_data<R: Read>(ber: &mut BerReader<R>) -> Result<(), OpenError> {
    refuse_other_files(ber.peek()?)?;
    ber.expect_enter(SEQUENCE, "ContentInfo is missing")?;
    match ber.next()? {
        Some(oid) if oid.tag == OID => match read_oid(ber, oid)? {
            oids::ENVELOPED_DATA => {}
            oids::AUTH_ENVELOPED_DATA => {
                return Err(OpenError::Unsupported { what: "AuthEnvelopedData".to_owned() });
            }
            oids::SIGNED_DATA => {
                return Err(OpenError::NotSealed { found: "it is signed, not encrypted (CMS SignedData)" });
            }
            _ => return Err(OpenError::NotSealed { found: "it is CMS, but not encrypted (EnvelopedData)" }),
        },
        _ => {
            return Err(OpenError::NotSealed {
                found: "it is ASN.1, but not CMS; a certificate or key, perhaps",
            });
        }
    }
    ber.expect_enter(CONTEXT_0_CONSTRUCTED, "the content of ContentInfo is missing")?;
    ber.expect_enter(SEQUENCE, "EnvelopedData is missing")
}

/// What people try to open most often instead.
fn refuse_other_files(beginning: &[u8]) -> Result<(), OpenError> {
    let found = match beginning {
        [] => return Err(OpenError::Truncated { at: 0 }),
        [SEQUENCE, ..] => return Ok(()),
        [b'P', b'K', ..] => "it is a plain ZIP file: open it as it is",
        [b'{' | b'[', ..] => "it is plain JSON: open it as it is",
        text if text.starts_with(b"-----BEGIN ") => {
            "it is PEM text: convert it with 'openssl cms -cmsout -inform PEM -in FILE -outform DER -out FILE.der'"
        }
        text if text.starts_with(b"MIME-") || text.starts_with(b"Content-") || text.starts_with(b"To:") => {
            "it is an S/MIME message in text form: \
             convert it with 'openssl cms -cmsout -inform SMIME -in FILE -outform DER -out FILE.der'"
        }
        _ => "it does not begin as CMS does",
    };
    Err(OpenError::NotSealed { found })
}

fn read_oid<R: Read>(ber: &mut BerReader<R>, element: Element) -> Result<ObjectIdentifier, OpenError> {
    let der = ber.der(element, ALGORITHM_BYTES_MAX)?;
    ObjectIdentifier::from_der(&der)
        .map_err(|_| OpenError::malformed(element.at, "an object identifier is not valid"))
}

fn read_algorithm<R: Read>(ber: &mut BerReader<R>) -> Result<(ContentCipher, [u8; BLOCK_BYTES]), OpenError> {
    let element = ber.expect(SEQUENCE, "the encryption algorithm is missing")?;
    let der = ber.der(element, ALGORITHM_BYTES_MAX)?;
    let algorithm = AlgorithmIdentifierOwned::from_der(&der)
        .map_err(|_| OpenError::malformed(element.at, "the encryption algorithm is not valid"))?;
    let cipher = ContentCipher::from_oid(&algorithm.oid)
        .ok_or_else(|| OpenError::Unsupported { what: format!("the cipher {}", algorithm.oid) })?;
    let iv = algorithm.parameters.and_then(|any| {
        let octets: OctetStringRef<'_> = any.decode_as().ok()?;
        octets.as_bytes().try_into().ok()
    });
    let iv = iv.ok_or_else(|| OpenError::malformed(element.at, "the initialisation vector is not valid"))?;
    Ok((cipher, iv))
}

#[derive(Default)]
struct Recipients {
    ids: Vec<RecipientId>,
    encrypted_keys: Vec<Vec<u8>>,
    other_transport: Option<ObjectIdentifier>,
}

impl Recipients {
    /// Reads the children of the SET, and closes it.
    fn read<R: Read>(ber: &mut BerReader<R>) -> Result<Self, OpenError> {
        let at = ber.position();
        let mut recipients = Self::default();
        while let Some(info) = ber.next()? {
            if recipients.ids.len() == RECIPIENTS_MAX {
                return Err(OpenError::malformed(info.at, "there are too many recipients"));
            }
            recipients.take(ber, info)?;
        }
        if recipients.ids.is_empty() {
            return Err(OpenError::malformed(at, "there are no recipients"));
        }
        Ok(recipients)
    }

    /// RFC 5652 section 6.2: which kind of recipient it is, the tag tells.
    fn take<R: Read>(&mut self, ber: &mut BerReader<R>, info: Element) -> Result<(), OpenError> {
        let id = match info.tag {
            SEQUENCE => {
                let der = ber.der(info, RECIPIENT_INFO_BYTES_MAX)?;
                return self.take_key_transport(&der, info.at);
            }
            CONTEXT_1_CONSTRUCTED => RecipientId::Other("a recipient by key agreement (elliptic curve)"),
            0xA2 => RecipientId::Other("a recipient by shared key"),
            0xA3 => RecipientId::Other("a recipient by password"),
            0xA4 => RecipientId::Other("a recipient of another kind"),
            _ => return Err(OpenError::malformed(info.at, "a recipient is of no known kind")),
        };
        ber.skip(info)?;
        self.ids.push(id);
        Ok(())
    }

    fn take_key_transport(&mut self, der: &[u8], at: u64) -> Result<(), OpenError> {
        let info = KeyTransRecipientInfo::from_der(der)
            .map_err(|_| OpenError::malformed(at, "a recipient is not valid"))?;
        let null_or_none = info.key_enc_alg.parameters.as_ref().is_none_or(|any| any.tag() == der::Tag::Null);
        if info.key_enc_alg.oid == oids::RSA_ENCRYPTION && null_or_none {
            self.encrypted_keys.push(info.enc_key.into_bytes());
        } else {
            self.other_transport = Some(info.key_enc_alg.oid);
        }
        self.ids.push(RecipientId::from_identifier(&info.rid));
        Ok(())
    }
}
