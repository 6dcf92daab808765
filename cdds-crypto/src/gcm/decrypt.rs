//! Opening: the tag decides at the end.

use std::fmt;

use aws_lc_rs::cipher::{DecryptionContext, StreamingDecryptingKey, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

use super::{Authenticator, NONCE_BYTES, TAGS_BYTES, first_counter};
use crate::cipher::{BLOCK_BYTES, ContentCipher};

/// Decrypts one part. Do not trust its output before [`finish`](Self::finish) has succeeded.
pub(crate) struct GcmDecryptor {
    counter: StreamingDecryptingKey,
    authenticator: Authenticator,
}

impl GcmDecryptor {
    /// Starts decrypting. Fails if the key length does not match the cipher.
    pub(crate) fn new(
        cipher: ContentCipher,
        key: &[u8],
        nonce: [u8; NONCE_BYTES],
    ) -> Result<Self, Unspecified> {
        // Counter mode encrypts a counter by decrypting zeros.
        let zeros = [0; BLOCK_BYTES];
        let mut hash_key = Zeroizing::new(zeros);
        counter_mode(cipher, key, zeros)?.less_safe_update(&zeros, hash_key.as_mut())?;
        let mut counter = counter_mode(cipher, key, first_counter(nonce))?;
        let mut mask = Zeroizing::new(zeros);
        counter.less_safe_update(&zeros, mask.as_mut())?;
        Ok(Self { counter, authenticator: Authenticator::new(&hash_key, mask) })
    }

    /// Decrypts and returns the size of the output, which equals that of `sealed`. `out` must be a block
    /// longer.
    pub(crate) fn update(&mut self, sealed: &[u8], out: &mut [u8]) -> Result<usize, Unspecified> {
        // Beyond this the counter would wrap and repeat its key stream (SP 800-38D section 5.2.1.1).
        if !self.authenticator.has_room_for(sealed.len()) {
            return Err(Unspecified);
        }
        // GCM authenticates the ciphertext, so hash the input.
        self.authenticator.absorb(sealed)?;
        Ok(self.counter.update(sealed, out)?.written().len())
    }

    /// Checks the tag of everything that was decrypted. A shorter tag is compared with the beginning of the
    /// full one.
    pub(crate) fn finish(self, tag: &[u8]) -> Result<(), Unspecified> {
        let expected = self.authenticator.tag();
        // Without the filter an empty tag would be equal to the beginning of every other.
        let expected = expected.get(..tag.len()).filter(|expected| TAGS_BYTES.contains(&expected.len()));
        // In constant time, so that nobody can guess a tag byte by byte.
        verify_slices_are_equal(expected.ok_or(Unspecified)?, tag)
    }
}

/// Starts counter mode at this counter block.
fn counter_mode(
    cipher: ContentCipher,
    key: &[u8],
    start: [u8; BLOCK_BYTES],
) -> Result<StreamingDecryptingKey, Unspecified> {
    let unbound = UnboundCipherKey::new(cipher.algorithm(), key)?;
    StreamingDecryptingKey::ctr(unbound, DecryptionContext::Iv128(FixedLength::from(start)))
}

impl fmt::Debug for GcmDecryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GcmDecryptor")
    }
}

#[cfg(test)]
mod tests {
    use super::super::CONTENT_BYTES_MAX;
    use super::*;
    use aws_lc_rs::aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

    #[test]
    fn it_agrees_with_the_whole_in_one_however_it_is_cut() {
        let ciphers = [
            (ContentCipher::Aes128, &AES_128_GCM, 16),
            (ContentCipher::Aes192, &AES_192_GCM, 24),
            (ContentCipher::Aes256, &AES_256_GCM, 32),
        ];
        for (cipher, whole, key_bytes) in ciphers {
            let (key, nonce) = (vec![9; key_bytes], [3; NONCE_BYTES]);
            let sealing = LessSafeKey::new(UnboundKey::new(whole, &key).unwrap());
            for size in [0, 1, 15, 16, 17, 100, 1000] {
                let plain: Vec<u8> = (0..size).map(|i| u8::try_from(i % 251).unwrap()).collect();
                let mut sealed = plain.clone();
                let nonce_once = Nonce::assume_unique_for_key(nonce);
                let tag = sealing
                    .seal_in_place_separate_tag(nonce_once, Aad::empty(), &mut sealed)
                    .unwrap()
                    .as_ref()
                    .to_vec();
                for cut in [1, 7, 16, 33, 1000] {
                    let opened = |sealed: &[u8], tag: &[u8]| {
                        let mut decryptor = GcmDecryptor::new(cipher, &key, nonce).unwrap();
                        let (mut plain, mut out) = (Vec::new(), vec![0; 1016]);
                        for piece in sealed.chunks(cut) {
                            let len = decryptor.update(piece, &mut out).unwrap();
                            plain.extend_from_slice(&out[..len]);
                        }
                        decryptor.finish(tag).map(|()| plain)
                    };
                    assert_eq!(opened(&sealed, &tag).unwrap(), plain);
                    assert_eq!(opened(&sealed, &tag[..12]).unwrap(), plain);
                    assert!(opened(&sealed, &tag[..11]).is_err(), "too short a tag");
                    assert!(opened(&sealed, &[&*tag, &[0]].concat()).is_err(), "too long a tag");
                    let mut other = tag.clone();
                    other[cut % 16] ^= 0x10;
                    assert!(opened(&sealed, &other).is_err());
                    if let Some(byte) = sealed.clone().get_mut(size / 2) {
                        *byte ^= 1;
                        let mut changed = sealed.clone();
                        changed[size / 2] = *byte;
                        assert!(opened(&changed, &tag).is_err());
                    }
                }
            }
        }
    }

    #[test]
    fn more_than_the_counter_can_count_is_refused() {
        let mut decryptor = GcmDecryptor::new(ContentCipher::Aes128, &[0; 16], [0; NONCE_BYTES]).unwrap();
        decryptor.authenticator.bytes = CONTENT_BYTES_MAX - 1;
        assert!(decryptor.update(&[0], &mut [0; 17]).is_ok());
        assert!(decryptor.update(&[0], &mut [0; 17]).is_err());
    }
}
