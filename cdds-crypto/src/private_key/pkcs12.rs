//! Finds the private key in a PKCS#12 file (RFC 7292).

use aws_lc_rs::hmac;
use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode, Reader, Tag, TagNumber, Tagged};
use x509_cert::spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::derivation::{Iterations, Pkcs12Hash, Purpose, bmp_strings, derive_pkcs12};
use super::{definite, encryption, refused};
use crate::oids;
use crate::open::OpenError;

/// `[0]`, the tag of the value whose type the preceding object identifier names.
const EXPLICIT: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber::N0 };

/// Returns the PrivateKeyInfo in a PFX.
///
/// # Errors
/// [`OpenError::WrongPassphrase`], and [`OpenError::PrivateKey`] if the file is damaged or protected in
/// another way, or does not contain exactly one private key.
pub(super) fn private_key(encoded: &[u8], passphrase: &str) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let encoded = definite(encoded)?;
    let pfx = Pfx::read(&encoded)?;
    if let Some(mac) = &pfx.mac {
        mac.check(pfx.content, passphrase)?;
    }
    let (mut keys, mut encrypted_safes) = (Vec::new(), 0);
    for safe in elements(&definite(pfx.content)?).map_err(damaged)? {
        let (kind, content) = typed(safe).map_err(damaged)?;
        // All known programs put only certificates into encrypted safes; they encrypt keys one by one.
        if kind == oids::DATA {
            let contents = OctetStringRef::from_der(content).map_err(damaged)?;
            find_keys(&definite(contents.as_bytes())?, &mut keys).map_err(damaged)?;
        } else {
            encrypted_safes += 1;
        }
    }
    match (keys.pop(), keys.len()) {
        (Some(key), 0) => key.open(passphrase),
        (None, _) if encrypted_safes > 0 => Err(refused(
            "this PKCS#12 file holds no private key outside its encrypted parts: use the one that \
             'openssl pkcs12 -in FILE -nocerts -out key.pem' finds; if it finds none, export the certificate \
             together with its key",
        )),
        (None, _) => Err(refused(
            "this PKCS#12 file holds no private key: export the certificate together with its key",
        )),
        (Some(_), more) => Err(refused(format!(
            "this PKCS#12 file holds {} private keys: take them out of it with 'openssl pkcs12 -in FILE \
             -nocerts -out keys.pem', and supply the right one",
            more + 1
        ))),
    }
}

/// A private key in its bag.
enum BaggedKey {
    Plain(Zeroizing<Vec<u8>>),
    Encrypted(Vec<u8>),
}

impl BaggedKey {
    fn open(self, passphrase: &str) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        match self {
            Self::Plain(key) => Ok(key),
            Self::Encrypted(encrypted) => encryption::decrypt(&encrypted, passphrase),
        }
    }
}

/// Adds the private keys of a SafeContents.
fn find_keys(contents: &[u8], keys: &mut Vec<BaggedKey>) -> der::Result<()> {
    for bag in elements(contents)? {
        let (kind, value) = typed(bag)?;
        match kind {
            oids::KEY_BAG => keys.push(BaggedKey::Plain(Zeroizing::new(value.to_vec()))),
            oids::SHROUDED_KEY_BAG => keys.push(BaggedKey::Encrypted(value.to_vec())),
            _ => {}
        }
    }
    Ok(())
}

/// `PFX ::= SEQUENCE { version INTEGER {v3(3)}, authSafe ContentInfo, macData MacData OPTIONAL }`
struct Pfx<'a> {
    /// AuthenticatedSafe, which the MAC covers.
    content: &'a [u8],
    mac: Option<Mac<'a>>,
}

impl<'a> Pfx<'a> {
    fn read(encoded: &'a [u8]) -> Result<Self, OpenError> {
        let [_version, safe, mac] = match elements(encoded).map_err(damaged)?.as_slice() {
            [version, safe] => [*version, *safe, AnyRef::NULL],
            [version, safe, mac] => [*version, *safe, *mac],
            _ => return Err(damaged(())),
        };
        let (kind, content) = typed(safe).map_err(damaged)?;
        if kind != oids::DATA {
            return Err(unsupported("a signature"));
        }
        let content = OctetStringRef::from_der(content).map_err(damaged)?.as_bytes();
        let mac = if mac.is_null() { None } else { Some(Mac::read(mac)?) };
        Ok(Self { content, mac })
    }
}

/// ```text
/// MacData ::= SEQUENCE { mac SEQUENCE { AlgorithmIdentifier, OCTET STRING }, macSalt OCTET STRING,
///                        iterations INTEGER DEFAULT 1 }
/// ```
struct Mac<'a> {
    hash: Pkcs12Hash,
    digest: &'a [u8],
    salt: &'a [u8],
    iterations: Iterations,
}

impl<'a> Mac<'a> {
    fn read(mac: AnyRef<'a>) -> Result<Self, OpenError> {
        let read = mac.sequence(|reader| {
            let (algorithm, digest) = AnyRef::decode(reader)?.sequence(|reader| {
                let algorithm = AlgorithmIdentifierRef::decode(reader)?.oid;
                Ok((algorithm, OctetStringRef::decode(reader)?.as_bytes()))
            })?;
            let salt = OctetStringRef::decode(reader)?.as_bytes();
            let iterations = if reader.is_finished() { 1 } else { u64::decode(reader)? };
            Ok((algorithm, digest, salt, iterations))
        });
        let (algorithm, digest, salt, iterations) = read.map_err(damaged)?;
        let hash = Pkcs12Hash::from_oid(&algorithm);
        let hash = hash.ok_or_else(|| unsupported(&format!("a checksum by {algorithm}")))?;
        Ok(Self { hash, digest, salt, iterations: Iterations::new(iterations)? })
    }

    /// RFC 7292 section 5.1, step 5.
    fn check(&self, content: &[u8], passphrase: &str) -> Result<(), OpenError> {
        let fits = |passphrase: &Zeroizing<Vec<u8>>| {
            let mut key = Zeroizing::new(vec![0; self.hash.bytes()]);
            derive_pkcs12(self.hash, Purpose::Mac, passphrase, self.salt, self.iterations, &mut key);
            hmac::verify(&hmac::Key::new(self.hash.mac(), &key), content, self.digest).is_ok()
        };
        if bmp_strings(passphrase).iter().any(fits) { Ok(()) } else { Err(OpenError::WrongPassphrase) }
    }
}

/// The elements of a SEQUENCE.
fn elements(encoded: &[u8]) -> der::Result<Vec<AnyRef<'_>>> {
    AnyRef::from_der(encoded)?.sequence(|reader| {
        let mut elements = Vec::new();
        while !reader.is_finished() {
            elements.push(AnyRef::decode(reader)?);
        }
        Ok(elements)
    })
}

/// `SEQUENCE { type OBJECT IDENTIFIER, value [0] EXPLICIT ANY, attributes SET OPTIONAL }`, the structure of
/// both ContentInfo and SafeBag. Returns the type, and the value in DER.
fn typed(element: AnyRef<'_>) -> der::Result<(ObjectIdentifier, &[u8])> {
    element.sequence(|reader| {
        let kind = ObjectIdentifier::decode(reader)?;
        let value = AnyRef::decode(reader)?;
        value.tag().assert_eq(EXPLICIT)?;
        if !reader.is_finished() {
            AnyRef::decode(reader)?;
        }
        Ok((kind, value.value()))
    })
}

/// Converts to DER, since the input may be in BER.
fn definite(encoded: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    definite::definite(encoded).ok_or_else(|| damaged(()))
}

fn damaged<E>(_: E) -> OpenError {
    refused("the PKCS#12 file is damaged: copy it again")
}

fn unsupported(what: &str) -> OpenError {
    refused(format!(
        "the PKCS#12 file is protected with {what}, which is not supported: take the private key out of it with \
         'openssl pkcs12 -in FILE -nocerts -out key.pem'"
    ))
}
