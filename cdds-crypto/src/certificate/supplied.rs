//! Finds the one certificate in the supplied input, or says plainly what the input is instead.

use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader};

use crate::armor::{self, Block};
use crate::ber::{self, INTEGER, OID, SEQUENCE, SET};

use super::Refusal;

/// Returns the DER of the certificate in a PEM text or a DER file.
pub(super) fn certificate(encoded: &[u8]) -> Result<Vec<u8>, Refusal> {
    let blocks = armor::blocks(encoded).map_err(|why| format!("this is not a whole PEM file: {why}"))?;
    if blocks.is_empty() { from_der(encoded) } else { from_pem(&blocks) }
}

fn from_pem(blocks: &[Block]) -> Result<Vec<u8>, Refusal> {
    if blocks.iter().any(Block::is_private_key) {
        return Err(private_key());
    }
    if blocks.iter().any(Block::is_pkcs12) {
        return Err(pkcs12());
    }
    let mut certificates = blocks.iter().filter(|block| is_certificate(&block.label));
    match (certificates.next(), certificates.count()) {
        (Some(only), 0) => Ok(only.der.to_vec()),
        (Some(_), more) => Err(format!(
            "there are {} certificates here: supply one at a time, and of a chain only the first, \
             the recipient's own",
            more.saturating_add(1)
        )),
        (None, _) => Err(other_pem(blocks)),
    }
}

fn is_certificate(label: &str) -> bool {
    // RFC 7468 section 5.3: the older label is still in use.
    matches!(label, "CERTIFICATE" | "X509 CERTIFICATE")
}

fn other_pem(blocks: &[Block]) -> Refusal {
    match blocks.first().map_or("", |block| block.label.as_str()) {
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => request(),
        "PKCS7" | "CMS" => pkcs7(),
        "PUBLIC KEY" | "RSA PUBLIC KEY" => public_key(),
        "TRUSTED CERTIFICATE" => "this is a certificate in OpenSSL's own form: convert it with \
             'openssl x509 -in FILE -out certificate.pem'"
            .to_owned(),
        label => {
            format!("there is no certificate here, but {label:?}: supply an X.509 certificate, PEM or DER")
        }
    }
}

/// Tells the usual DER files apart by how they begin.
fn from_der(encoded: &[u8]) -> Result<Vec<u8>, Refusal> {
    if encoded.is_empty() {
        return Err("there is nothing here: supply an X.509 certificate, PEM or DER".to_owned());
    }
    if encoded.first() != Some(&SEQUENCE) {
        let der = armor::bare_base64(encoded)
            .ok_or("this is neither PEM nor DER: supply an X.509 certificate in one of these forms")?;
        return from_der(&der);
    }
    let encoded = without_end_of_line(encoded);
    let inner =
        ber::contents(encoded).filter(|contents| contents.first() == Some(&SEQUENCE)).and_then(ber::contents);
    match ber::contents(encoded) {
        // PFX, RFC 7292 section 4: version 3, then authSafe, a ContentInfo.
        Some([INTEGER, 1, 3, SEQUENCE, ..]) => Err(pkcs12()),
        // RSAPrivateKey (RFC 8017), PrivateKeyInfo (RFC 5208, RFC 5958), ECPrivateKey (RFC 5915).
        Some([INTEGER, 1, 0 | 1, ..]) => Err(private_key()),
        _ if ber::is_encrypted_private_key(encoded) => Err(private_key()),
        Some([OID, ..]) => Err(pkcs7()),
        // RSAPublicKey (RFC 8017) begins with a long number, SubjectPublicKeyInfo (RFC 5280) with an
        // algorithm.
        Some([INTEGER, ..]) => Err(public_key()),
        _ if inner.is_some_and(|inner| inner.first() == Some(&OID)) => Err(public_key()),
        _ if inner.is_some_and(begins_a_request) => Err(request()),
        _ => Ok(encoded.to_vec()),
    }
}

/// Strips the line endings and zeros that some programs append to a file.
fn without_end_of_line(encoded: &[u8]) -> &[u8] {
    let mut reader = SliceReader::new(encoded).ok();
    let read = reader.as_mut().and_then(|reader| AnyRef::decode(reader).ok());
    let (Some(reader), Some(_)) = (reader, read) else { return encoded };
    let len = usize::try_from(reader.position()).unwrap_or(encoded.len());
    match encoded.split_at_checked(len) {
        Some((element, rest)) if rest.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)) => element,
        _ => encoded,
    }
}

/// CertificationRequestInfo (RFC 2986 section 4.1): version 0, then a name. A certificate with the serial
/// number 0 has an algorithm there.
fn begins_a_request(info: &[u8]) -> bool {
    match info {
        [INTEGER, 1, 0, name @ ..] => {
            matches!(name, [SEQUENCE, 0, ..]) || matches!(ber::contents(name), Some([SET, ..]))
        }
        _ => false,
    }
}

fn request() -> Refusal {
    "this is a certificate request, not a certificate: supply the certificate that the authority issues for \
     it"
    .to_owned()
}

fn public_key() -> Refusal {
    "this is a bare public key, not a certificate: supply the X.509 certificate for it".to_owned()
}

fn private_key() -> Refusal {
    "this is a private key: never hand it out; supply only the certificate, \
     as from 'openssl x509 -in FILE -out certificate.pem'"
        .to_owned()
}

fn pkcs12() -> Refusal {
    "this is a PKCS#12 file, which holds a private key: never hand it out; take the certificate \
     out of it with 'openssl pkcs12 -in FILE -nokeys -clcerts -out certificate.pem'"
        .to_owned()
}

fn pkcs7() -> Refusal {
    "this is a PKCS#7 or CMS file, not a certificate: take the certificate out of it with \
     'openssl pkcs7 -in FILE -print_certs' (add '-inform DER' if it is binary)"
        .to_owned()
}
