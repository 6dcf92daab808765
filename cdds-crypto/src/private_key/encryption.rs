//! Decrypts private keys that a passphrase protects: EncryptedPrivateKeyInfo (RFC 5958 section 3) with PBES2
//! (RFC 8018 section 6.2) or the triple DES of PKCS#12 (RFC 7292 appendix C).

use der::Decode;
use der::asn1::{AnyRef, OctetStringRef};
use des::TdesEde3;
use des::cipher::{Array, BlockCipherDecrypt, KeyInit};
use x509_cert::spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::derivation::{Derivation, Iterations, Pkcs12Hash, Purpose, bmp_strings, derive_pkcs12};
use super::refused;
use crate::ber::{self, INTEGER, SEQUENCE};
use crate::cipher::{BLOCK_BYTES, ContentCipher, Decryptor};
use crate::oids;
use crate::open::OpenError;

/// Size of DES blocks and initialisation vectors in bytes.
const DES_BLOCK_BYTES: usize = 8;
/// Size of a triple DES key with its parity bits, in bytes.
const DES_KEY_BYTES: usize = 24;

/// Returns the PrivateKeyInfo inside an EncryptedPrivateKeyInfo.
///
/// # Errors
/// [`OpenError::WrongPassphrase`], and [`OpenError::PrivateKey`] if it is damaged, encrypted in another way
/// or too costly to decrypt.
pub(super) fn decrypt(encoded: &[u8], passphrase: &str) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (algorithm, sealed) = read(encoded).map_err(damaged)?;
    let parameters = algorithm.parameters.unwrap_or(AnyRef::NULL);
    let ciphers = match algorithm.oid {
        oids::PBES2 => vec![pbes2(parameters, passphrase)?],
        oids::PBE_SHA_TRIPLE_DES => pkcs12_triple_des(parameters, passphrase)?,
        other => return Err(unsupported(&format!("{other}"))),
    };
    let opened = ciphers.iter().filter_map(|cipher| cipher.decrypt(sealed));
    // One wrong passphrase in 256 yields valid-looking padding, so check the contents too.
    opened.into_iter().find(|key| is_private_key_info(key)).ok_or(OpenError::WrongPassphrase)
}

/// `EncryptedPrivateKeyInfo ::= SEQUENCE { AlgorithmIdentifier, encryptedData OCTET STRING }`
fn read(encoded: &[u8]) -> der::Result<(AlgorithmIdentifierRef<'_>, &[u8])> {
    AnyRef::from_der(encoded)?.sequence(|reader| {
        Ok((AlgorithmIdentifierRef::decode(reader)?, OctetStringRef::decode(reader)?.as_bytes()))
    })
}

/// Whether this is one whole SEQUENCE that begins like a PrivateKeyInfo.
fn is_private_key_info(der: &[u8]) -> bool {
    AnyRef::from_der(der).is_ok()
        && der.first() == Some(&SEQUENCE)
        && matches!(ber::contents(der), Some([INTEGER, 1, 0 | 1, SEQUENCE, ..]))
}

/// A cipher in CBC mode with its derived key.
enum Cipher {
    Aes { cipher: ContentCipher, key: Zeroizing<Vec<u8>>, iv: [u8; BLOCK_BYTES] },
    TripleDes { key: Zeroizing<Vec<u8>>, iv: [u8; DES_BLOCK_BYTES] },
}

impl Cipher {
    /// Returns `None` if the padding is wrong, which means a wrong key.
    fn decrypt(&self, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        match self {
            Self::Aes { cipher, key, iv } => {
                let mut decryptor = Decryptor::new(*cipher, key, *iv).ok()?;
                let mut plain = Zeroizing::new(vec![0; sealed.len().checked_add(2 * BLOCK_BYTES)?]);
                let len = decryptor.update(sealed, &mut plain).ok()?;
                let last = decryptor.finish(plain.get_mut(len..)?).ok()?;
                plain.truncate(len.checked_add(last)?);
                Some(plain)
            }
            Self::TripleDes { key, iv } => triple_des(key, *iv, sealed),
        }
    }
}

/// CBC with PKCS #7 padding.
fn triple_des(key: &[u8], iv: [u8; DES_BLOCK_BYTES], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let cipher = TdesEde3::new_from_slice(key).ok()?;
    let (blocks, []) = sealed.as_chunks::<DES_BLOCK_BYTES>() else { return None };
    let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
    let mut previous = iv;
    for sealed in blocks {
        let mut block = Zeroizing::new(Array::from(*sealed));
        cipher.decrypt_block(&mut block);
        plain.extend(block.iter().zip(previous).map(|(byte, chained)| byte ^ chained));
        previous = *sealed;
    }
    let padding = usize::from(*plain.last()?);
    let len = plain.len().checked_sub(padding)?;
    let padded = plain.get(len..)?.iter().all(|byte| usize::from(*byte) == padding);
    plain.truncate(len);
    ((1..=DES_BLOCK_BYTES).contains(&padding) && padded).then_some(plain)
}

/// `PBES2-params ::= SEQUENCE { keyDerivationFunc, encryptionScheme }`, RFC 8018 appendix A.4.
fn pbes2(parameters: AnyRef<'_>, passphrase: &str) -> Result<Cipher, OpenError> {
    let (derivation, scheme) = parameters
        .sequence(|reader| {
            Ok((AlgorithmIdentifierRef::decode(reader)?, AlgorithmIdentifierRef::decode(reader)?))
        })
        .map_err(damaged)?;
    let iv = scheme.parameters.unwrap_or(AnyRef::NULL);
    let iv = iv.decode_as::<OctetStringRef<'_>>().map_err(damaged)?.as_bytes();
    let derive = |key_bytes| Derivation::read(&derivation, key_bytes)?.derive(passphrase);
    if scheme.oid == oids::DES_EDE3_CBC {
        let iv = iv.try_into().map_err(damaged)?;
        return Ok(Cipher::TripleDes { key: derive(DES_KEY_BYTES)?, iv });
    }
    let cipher = ContentCipher::of_cbc(&scheme.oid);
    let cipher = cipher.ok_or_else(|| unsupported(&format!("PBES2 with the cipher {}", scheme.oid)))?;
    let iv = iv.try_into().map_err(damaged)?;
    Ok(Cipher::Aes { cipher, key: derive(cipher.key_bytes())?, iv })
}

/// `pkcs-12PbeParams ::= SEQUENCE { salt OCTET STRING, iterations INTEGER }`. Returns a cipher for each form
/// of the passphrase.
fn pkcs12_triple_des(parameters: AnyRef<'_>, passphrase: &str) -> Result<Vec<Cipher>, OpenError> {
    let (salt, iterations) = parameters
        .sequence(|reader| Ok((OctetStringRef::decode(reader)?.as_bytes(), u64::decode(reader)?)))
        .map_err(damaged)?;
    let iterations = Iterations::new(iterations)?;
    let cipher = |passphrase: &Zeroizing<Vec<u8>>| {
        let derive = |purpose, out: &mut [u8]| {
            derive_pkcs12(Pkcs12Hash::Sha1, purpose, passphrase, salt, iterations, out);
        };
        let mut key = Zeroizing::new(vec![0; DES_KEY_BYTES]);
        derive(Purpose::Key, &mut key);
        let mut iv = [0; DES_BLOCK_BYTES];
        derive(Purpose::InitialisationVector, &mut iv);
        Cipher::TripleDes { key, iv }
    };
    Ok(bmp_strings(passphrase).iter().map(cipher).collect())
}

pub(super) fn damaged<E>(_: E) -> OpenError {
    refused("the private key is damaged: its encryption cannot be read; copy it again")
}

pub(super) fn unsupported(what: &str) -> OpenError {
    refused(format!(
        "the private key is encrypted with {what}, which is not supported: convert it with \
         'openssl pkcs8 -topk8 -v2 aes256 -in FILE -out key.pem' (for PKCS#12, first \
         'openssl pkcs12 -in FILE -nocerts')"
    ))
}
