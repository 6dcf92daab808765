//! Finds the one certificate in what somebody supplied, and says plainly what it is instead.

use crate::armor::{self, Block};
use crate::ber::{self, INTEGER, OID, SEQUENCE};

use super::Refusal;

/// The DER of the certificate in a PEM text or a DER file.
pub(super) fn certificate(encoded: &[u8]) -> Result<Vec<u8>, Refusal> {
    let blocks = armor::blocks(encoded).map_err(|why| format!("this is not a whole PEM file: {why}"))?;
    if blocks.is_empty() { from_der(encoded) } else { from_pem(&blocks) }
}

fn from_pem(blocks: &[Block]) -> Result<Vec<u8>, Refusal> {
    if blocks.iter().any(Block::is_private_key) {
        return Err(private_key());
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
    // RFC 7468 section 5.3: the older label is still about.
    matches!(label, "CERTIFICATE" | "X509 CERTIFICATE")
}

fn other_pem(blocks: &[Block]) -> Refusal {
    match blocks.first().map_or("", |block| block.label.as_str()) {
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
            "this is a certificate request, not a certificate: supply what the authority answers to it"
                .to_owned()
        }
        "PKCS7" | "CMS" => pkcs7(),
        "PUBLIC KEY" | "RSA PUBLIC KEY" => {
            "this is a bare public key, not a certificate: supply the X.509 certificate for it".to_owned()
        }
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
        return Err(
            "this is neither PEM nor DER: supply an X.509 certificate in one of these forms".to_owned()
        );
    }
    match ber::contents(encoded) {
        // PFX, RFC 7292 section 4: version 3, then authSafe, a ContentInfo.
        Some([INTEGER, 1, 3, SEQUENCE, ..]) => {
            Err("this is a PKCS#12 file, which holds a private key: never hand it out; take the certificate \
                 out of it with 'openssl pkcs12 -in FILE -nokeys -clcerts -out certificate.pem'"
                .to_owned())
        }
        // RSAPrivateKey (RFC 8017), PrivateKeyInfo (RFC 5208, RFC 5958), ECPrivateKey (RFC 5915).
        Some([INTEGER, 1, 0 | 1, ..]) => Err(private_key()),
        _ if ber::is_encrypted_private_key(encoded) => Err(private_key()),
        Some([OID, ..]) => Err(pkcs7()),
        _ => Ok(encoded.to_vec()),
    }
}

fn private_key() -> Refusal {
    "this is a private key: never hand it out; supply only the certificate, \
     as from 'openssl x509 -in FILE -out certificate.pem'"
        .to_owned()
}

fn pkcs7() -> Refusal {
    "this is a PKCS#7 or CMS file, not a certificate: take the certificate out of it with \
     'openssl pkcs7 -in FILE -print_certs' (add '-inform DER' if it is binary)"
        .to_owned()
}
