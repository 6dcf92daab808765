//! Recognises what people supply in place of a private key, and says how to obtain one from it.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Reader};
use x509_cert::spki::AlgorithmIdentifierRef;

use crate::ber::{self, CONTEXT_0_CONSTRUCTED, INTEGER, OID, SEQUENCE};
use crate::oids;

/// Ends the messages about keys of another algorithm.
const RSA_NEEDED: &str = "sealed files are opened with the RSA key (2048 to 8192 bits) that belongs to the recipient's \
                          certificate: supply that one";

/// Describes a PEM block with this label, if it is not a private key that is read here.
pub(crate) fn pem(label: &str) -> Option<String> {
    Some(match label {
        "OPENSSH PRIVATE KEY" => {
            "this is a private key in OpenSSH's own form: make a copy of it and convert the copy with \
             'ssh-keygen -p -m PKCS8 -f COPY'"
                .to_owned()
        }
        "EC PRIVATE KEY" => of_algorithm("an elliptic curve (EC)"),
        "DSA PRIVATE KEY" => of_algorithm("signatures only (DSA)"),
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {
            format!(
                "there is no private key here, but {label:?}, which anybody may have: supply the file with the key \
                     that belongs to the certificate"
            )
        }
        "PUBLIC KEY" | "RSA PUBLIC KEY" | "SSH2 PUBLIC KEY" => {
            format!("there is no private key here, but {label:?}: supply the private one of the pair")
        }
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
            format!("there is no private key here, but {label:?}: supply the key with which it was made")
        }
        "PGP PRIVATE KEY BLOCK" | "PGP PUBLIC KEY BLOCK" => {
            format!("this is a key of OpenPGP (GnuPG), which does not open S/MIME: {RSA_NEEDED}")
        }
        "CMS" | "PKCS7" => format!("there is no private key here, but {label:?}: {RSA_NEEDED}"),
        _ => return None,
    })
}

/// Describes a file that is neither PEM nor a private key in DER.
pub(super) fn file(encoded: &[u8]) -> String {
    let text = encoded.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(encoded).trim_ascii_start();
    match encoded {
        [0xFE, 0xED, 0xFE, 0xED, ..] | [0xCE, 0xCE, 0xCE, 0xCE, ..] => {
            "this is a Java key store (JKS): convert it with 'keytool -importkeystore -srckeystore FILE \
             -destkeystore key.p12 -deststoretype pkcs12'"
                .to_owned()
        }
        [0x1E, 0xF1, 0xB5, 0xB0, ..] => {
            "this is a private key in Microsoft's own form (PVK): convert it with \
             'openssl rsa -inform PVK -in FILE -out key.pem'"
                .to_owned()
        }
        _ if text.starts_with(b"PuTTY-User-Key-File-") => {
            "this is a private key in PuTTY's own form (PPK): convert it with \
             'puttygen FILE -O private-openssh -o key.pem'"
                .to_owned()
        }
        _ if text.starts_with(b"ssh-") || text.starts_with(b"ecdsa-sha2-") => {
            format!("this is a public key of SSH: {RSA_NEEDED}")
        }
        _ if text.starts_with(b"{") => {
            format!("this is JSON, perhaps a key in JWK form: convert it to PEM; {RSA_NEEDED}")
        }
        _ => der(encoded),
    }
}

/// Tells the usual DER files apart by how they begin.
fn der(encoded: &[u8]) -> String {
    let whole = (encoded.first() == Some(&SEQUENCE)).then(|| ber::contents(encoded)).flatten();
    let inner = whole.filter(|contents| contents.first() == Some(&SEQUENCE)).and_then(ber::contents);
    match (whole, inner) {
        (Some([OID, ..]), _) => {
            format!("there is no RSA private key here, but a sealed or signed file (CMS, PKCS#7): {RSA_NEEDED}")
        }
        (_, Some([CONTEXT_0_CONSTRUCTED | INTEGER, ..])) => {
            "there is no RSA private key here, but a certificate or a request for one: supply the key that belongs \
             to the certificate"
                .to_owned()
        }
        (Some([INTEGER, ..]), _) | (_, Some([OID, ..])) => {
            format!("there is no RSA private key here, but one of another kind or a public one: {RSA_NEEDED}")
        }
        _ => "there is no RSA private key here: supply one in PKCS#8, PKCS#1 or PKCS#12 form".to_owned(),
    }
}

/// Describes the algorithm of a PrivateKeyInfo (RFC 5208 section 5), unless it is RSA encryption.
pub(super) fn of_private_key_info(encoded: &[u8]) -> Option<String> {
    let algorithm: ObjectIdentifier = AnyRef::from_der(encoded)
        .ok()?
        .sequence(|reader| {
            u8::decode(reader)?;
            let oid = AlgorithmIdentifierRef::decode(reader)?.oid;
            // The rest is the key itself.
            let _rest = reader.read_slice(reader.remaining_len())?;
            Ok(oid)
        })
        .ok()?;
    Some(match algorithm {
        oids::RSA_ENCRYPTION => return None,
        oids::EC_PUBLIC_KEY => of_algorithm("an elliptic curve (EC)"),
        oids::RSASSA_PSS => of_algorithm("signatures only (RSASSA-PSS)"),
        oids::ED25519 => of_algorithm("signatures only (Ed25519)"),
        other => of_algorithm(&format!("the algorithm {other}")),
    })
}

fn of_algorithm(what: &str) -> String {
    format!("the private key is one for {what}: {RSA_NEEDED}")
}
