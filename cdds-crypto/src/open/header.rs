//! Reads the header in front of the encrypted content (RFC 5652 sections 3 and 6.1, RFC 5083 section 2.1).

use std::io::Read;

use cms::enveloped_data::{KeyTransRecipientInfo, RecipientIdentifier};
use der::Decode;
use der::asn1::ObjectIdentifier;

use super::OpenError;
use super::algorithm::{ALGORITHM_BYTES_MAX, ContentAlgorithm};
use crate::ber::{
    BerReader, CONTEXT_0_CONSTRUCTED, CONTEXT_1_CONSTRUCTED, CONTEXT_2_CONSTRUCTED, Element, INTEGER, OID,
    SEQUENCE, SET,
};
use crate::key_transport::{EncryptedKey, KeyTransport};
use crate::oids;
use crate::recipient::{RECIPIENT_INFO_BYTES_MAX, RECIPIENTS_MAX, RecipientId};

/// Largest version number that is read, in DER bytes.
const VERSION_BYTES_MAX: usize = 16;

/// The fields in front of the content.
pub(super) struct Header {
    /// Every recipient, in the file's order.
    pub(super) recipients: Vec<RecipientId>,
    /// The content key, encrypted for each of the RSA recipients.
    pub(super) encrypted_keys: Vec<(RecipientIdentifier, EncryptedKey)>,
    /// A recipient's unsupported key transport algorithm, if there is one, for people.
    pub(super) other_transport: Option<String>,
    pub(super) algorithm: ContentAlgorithm,
}

/// Reads up to, and not including, the `[0]` of the encrypted content.
pub(super) fn read<R: Read>(ber: &mut BerReader<R>) -> Result<Header, OpenError> {
    let authenticated = enter_enveloped_data(ber)?;
    let version = ber.expect(INTEGER, "the version of EnvelopedData is missing")?;
    let version_der = ber.der(version, VERSION_BYTES_MAX)?;
    // RFC 5083 section 2.1. EnvelopedData has several versions, whose differences do not matter here.
    if authenticated && version_der != [INTEGER, 1, 0] {
        return Err(OpenError::Unsupported { what: "another version of AuthEnvelopedData".to_owned() });
    }
    let at = ber.position();
    let mut next = ber.next()?;
    // originatorInfo: certificates and revocation lists, which are not needed here.
    if let Some(originator) = next.filter(|element| element.tag == CONTEXT_0_CONSTRUCTED) {
        ber.skip(originator)?;
        next = ber.next()?;
    }
    let infos = next.filter(|element| element.tag == SET);
    ber.enter(infos.ok_or_else(|| OpenError::malformed(at, "the recipients are missing"))?)?;
    let recipients = Recipients::read(ber)?;

    ber.expect_enter(SEQUENCE, "EncryptedContentInfo is missing")?;
    let content_type = ber.expect(OID, "the type of the content is missing")?;
    let content_type = read_oid(ber, content_type)?;
    // RFC 5083 section 2.1: other content types come with authenticated attributes.
    if authenticated && content_type != oids::DATA {
        return Err(OpenError::Unsupported { what: format!("authenticated content of type {content_type}") });
    }
    let algorithm = ContentAlgorithm::read(ber, authenticated)?;
    let Recipients { ids, encrypted_keys, other_transport } = recipients;
    Ok(Header { recipients: ids, encrypted_keys, other_transport, algorithm })
}

/// `ContentInfo ::= SEQUENCE { contentType OBJECT IDENTIFIER, content [0] EXPLICIT ANY }`. Returns whether
/// the content is AuthEnvelopedData.
fn enter_enveloped_data<R: Read>(ber: &mut BerReader<R>) -> Result<bool, OpenError> {
    refuse_other_files(ber.peek()?)?;
    ber.expect_enter(SEQUENCE, "ContentInfo is missing")?;
    let authenticated = match ber.next()? {
        Some(oid) if oid.tag == OID => match read_oid(ber, oid)? {
            oids::ENVELOPED_DATA => false,
            oids::AUTH_ENVELOPED_DATA => true,
            oids::SIGNED_DATA => {
                return Err(OpenError::NotSealed { found: "it is signed, not encrypted (CMS SignedData)" });
            }
            _ => return Err(OpenError::NotSealed { found: "it is CMS, but not encrypted (EnvelopedData)" }),
        },
        _ => {
            return Err(OpenError::NotSealed {
                found: "it is ASN.1, but not CMS; perhaps a certificate or key",
            });
        }
    };
    ber.expect_enter(CONTEXT_0_CONSTRUCTED, "the content of ContentInfo is missing")?;
    ber.expect_enter(SEQUENCE, "EnvelopedData is missing")?;
    Ok(authenticated)
}

/// Recognises the other files that people try to open most often.
fn refuse_other_files(beginning: &[u8]) -> Result<(), OpenError> {
    let found = match beginning {
        [] => return Err(OpenError::Truncated { at: 0 }),
        [SEQUENCE, ..] => return Ok(()),
        [b'P', b'K', ..] => "it is a plain ZIP file: open it as it is",
        [b'{' | b'[', ..] => "it is plain JSON: open it as it is",
        text if text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text).starts_with(b"-----BEGIN ") => {
            "it is PEM text: convert it with 'openssl cms -cmsout -inform PEM -in FILE -outform DER -out FILE.der'"
        }
        text if is_message(text) && contains(text, b"multipart/") => {
            "it is a multipart mail: save the sealed attachment (smime.p7m), and open that"
        }
        text if is_message(text) => {
            "it is an S/MIME message in text form: \
             convert it with 'openssl cms -cmsout -inform SMIME -in FILE -outform DER -out FILE.der'"
        }
        _ => "it does not begin as CMS does",
    };
    Err(OpenError::NotSealed { found })
}

/// Whether a text begins with a mail header: a name and a colon (RFC 5322 section 2.2).
fn is_message(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text).trim_ascii_start();
    let name = text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-').count();
    text.starts_with(b"From ") || (name > 0 && text.get(name) == Some(&b':'))
}

fn contains(text: &[u8], what: &[u8]) -> bool {
    text.windows(what.len()).any(|window| window.eq_ignore_ascii_case(what))
}

fn read_oid<R: Read>(ber: &mut BerReader<R>, element: Element) -> Result<ObjectIdentifier, OpenError> {
    let der = ber.der(element, ALGORITHM_BYTES_MAX)?;
    ObjectIdentifier::from_der(&der)
        .map_err(|_| OpenError::malformed(element.at, "an object identifier is not valid"))
}

#[derive(Default)]
struct Recipients {
    ids: Vec<RecipientId>,
    encrypted_keys: Vec<(RecipientIdentifier, EncryptedKey)>,
    other_transport: Option<String>,
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

    /// RFC 5652 section 6.2: the tag identifies the kind of recipient.
    fn take<R: Read>(&mut self, ber: &mut BerReader<R>, info: Element) -> Result<(), OpenError> {
        // Recipients of other kinds are listed, not refused: one that we can open may stand beside them.
        let id = match info.tag {
            SEQUENCE => {
                let der = ber.der(info, RECIPIENT_INFO_BYTES_MAX)?;
                return self.take_key_transport(&der, info.at);
            }
            CONTEXT_1_CONSTRUCTED => RecipientId::Other("a recipient by key agreement (elliptic curve)"),
            CONTEXT_2_CONSTRUCTED => RecipientId::Other("a recipient by shared key"),
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
        self.ids.push(RecipientId::from_identifier(&info.rid));
        match KeyTransport::of(&info.key_enc_alg) {
            Ok(transport) => {
                let encrypted = EncryptedKey { transport, bytes: info.enc_key.into_bytes() };
                self.encrypted_keys.push((info.rid, encrypted));
            }
            // Matters only if no recipient is left to try. Another one may be ours.
            Err(what) => self.other_transport = Some(what),
        }
        Ok(())
    }
}
