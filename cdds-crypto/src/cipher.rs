//! AES-CBC with PKCS #7 padding (RFC 3565, RFC 5652 section 6.3), in pieces.

use std::fmt;

use aws_lc_rs::cipher::{
    AES_128, AES_128_KEY_LEN, AES_192, AES_192_KEY_LEN, AES_256, AES_256_KEY_LEN, Algorithm,
    DecryptionContext, EncryptionContext, StreamingDecryptingKey, StreamingEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rand;
use der::asn1::ObjectIdentifier;
use zeroize::Zeroizing;

use crate::oids;

/// AES block size in bytes, which is also the size of initialisation vectors and of the largest padding.
pub(crate) const BLOCK_BYTES: usize = 16;
/// Size of an AES-256 key in bytes.
const KEY_BYTES: usize = 32;

/// The block cipher of a sealed file. Sealing uses AES-256 only; opening reads what other tools make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentCipher {
    Aes128,
    Aes192,
    Aes256,
}

impl ContentCipher {
    /// Returns the cipher of this algorithm if it is AES in CBC mode.
    pub(crate) fn of_cbc(oid: &ObjectIdentifier) -> Option<Self> {
        match *oid {
            oids::AES_128_CBC => Some(Self::Aes128),
            oids::AES_192_CBC => Some(Self::Aes192),
            oids::AES_256_CBC => Some(Self::Aes256),
            _ => None,
        }
    }

    /// Returns the cipher of this algorithm if it is AES in GCM.
    pub(crate) fn of_gcm(oid: &ObjectIdentifier) -> Option<Self> {
        match *oid {
            oids::AES_128_GCM => Some(Self::Aes128),
            oids::AES_192_GCM => Some(Self::Aes192),
            oids::AES_256_GCM => Some(Self::Aes256),
            _ => None,
        }
    }

    /// Key size in bytes.
    pub(crate) fn key_bytes(self) -> usize {
        match self {
            Self::Aes128 => AES_128_KEY_LEN,
            Self::Aes192 => AES_192_KEY_LEN,
            Self::Aes256 => AES_256_KEY_LEN,
        }
    }

    pub(crate) fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::Aes128 => &AES_128,
            Self::Aes192 => &AES_192,
            Self::Aes256 => &AES_256,
        }
    }
}

/// The key of one part, kept only while it is encrypted for the recipients.
pub(crate) struct ContentKey(Zeroizing<[u8; KEY_BYTES]>);

impl ContentKey {
    pub(crate) fn random() -> Result<Self, Unspecified> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        rand::fill(key.as_mut())?;
        Ok(Self(key))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_ref()
    }
}

/// The result of starting the encryption of one part.
pub(crate) struct Fresh {
    pub(crate) encryptor: Encryptor,
    pub(crate) key: ContentKey,
    pub(crate) iv: [u8; BLOCK_BYTES],
}

/// Encrypts one part under a key of its own.
pub(crate) struct Encryptor(StreamingEncryptingKey);

impl Encryptor {
    /// Generates a fresh key and initialisation vector; neither is ever used twice.
    pub(crate) fn fresh() -> Result<Fresh, Unspecified> {
        let key = ContentKey::random()?;
        let mut iv = [0; BLOCK_BYTES];
        rand::fill(&mut iv)?;
        let unbound = UnboundCipherKey::new(&AES_256, key.as_bytes())?;
        let context = EncryptionContext::Iv128(FixedLength::from(iv));
        let encryptor = Self(StreamingEncryptingKey::less_safe_cbc_pkcs7(unbound, context)?);
        Ok(Fresh { encryptor, key, iv })
    }

    /// Encrypts, writes every complete block and returns their size. `out` must have room for `plain` rounded
    /// up to blocks.
    pub(crate) fn update(&mut self, plain: &[u8], out: &mut [u8]) -> Result<usize, Unspecified> {
        // Not `update`: it needs 15 spare bytes, which whole segments do not have.
        Ok(self.0.less_safe_update(plain, out)?.written().len())
    }

    /// Returns the last block, with the padding.
    pub(crate) fn finish(self) -> Result<[u8; BLOCK_BYTES], Unspecified> {
        let mut block = [0; BLOCK_BYTES];
        let (_, update) = self.0.finish(&mut block)?;
        if update.written().len() == BLOCK_BYTES { Ok(block) } else { Err(Unspecified) }
    }
}

impl fmt::Debug for Encryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Encryptor")
    }
}

/// Decrypts one part.
pub(crate) struct Decryptor(StreamingDecryptingKey);

impl Decryptor {
    /// Starts decrypting. Fails if the key length does not match the cipher.
    pub(crate) fn new(cipher: ContentCipher, key: &[u8], iv: [u8; BLOCK_BYTES]) -> Result<Self, Unspecified> {
        let unbound = UnboundCipherKey::new(cipher.algorithm(), key)?;
        let context = DecryptionContext::Iv128(FixedLength::from(iv));
        Ok(Self(StreamingDecryptingKey::cbc_pkcs7(unbound, context)?))
    }

    /// Decrypts and returns the size of the output. `out` must be a block longer than `sealed`.
    pub(crate) fn update(&mut self, sealed: &[u8], out: &mut [u8]) -> Result<usize, Unspecified> {
        Ok(self.0.update(sealed, out)?.written().len())
    }

    /// Checks the padding and writes the rest, which is less than a block.
    pub(crate) fn finish(self, out: &mut [u8]) -> Result<usize, Unspecified> {
        Ok(self.0.finish(out)?.written().len())
    }
}

impl fmt::Debug for Decryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decryptor")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_vectors_are_fresh() {
        let (one, two) = (Encryptor::fresh().unwrap(), Encryptor::fresh().unwrap());
        assert_ne!(one.key.as_bytes(), two.key.as_bytes());
        assert_ne!(one.iv, two.iv);
        assert_ne!(one.key.as_bytes(), [0; KEY_BYTES]);
    }

    #[test]
    fn every_complete_block_is_written_at_once() {
        let Fresh { mut encryptor, key, iv } = Encryptor::fresh().unwrap();
        let mut sealed = vec![0; 64];
        let mut written = 0;
        for (plain, total) in [(5, 0), (11, 16), (16, 32), (1, 32), (15, 48)] {
            written += encryptor.update(&vec![7; plain], &mut sealed[written..]).unwrap();
            assert_eq!(written, total);
        }
        sealed[48..].copy_from_slice(&encryptor.finish().unwrap());

        let mut decryptor = Decryptor::new(ContentCipher::Aes256, key.as_bytes(), iv).unwrap();
        let mut plain = [0; 80];
        let opened = decryptor.update(&sealed, &mut plain).unwrap();
        let rest = decryptor.finish(&mut plain[opened..]).unwrap();
        assert_eq!(plain[..opened + rest], [7; 48]);
    }
}
