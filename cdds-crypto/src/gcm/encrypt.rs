//! Sealing with AES-256.

use std::fmt;

use aws_lc_rs::cipher::{AES_256, EncryptionContext, StreamingEncryptingKey, UnboundCipherKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rand;
use zeroize::Zeroizing;

use super::{Authenticator, NONCE_BYTES, TAG_BYTES, first_counter};
use crate::cipher::{BLOCK_BYTES, ContentKey};

/// The result of starting the encryption of one part.
pub(crate) struct FreshGcm {
    pub(crate) encryptor: GcmEncryptor,
    pub(crate) key: ContentKey,
    pub(crate) nonce: [u8; NONCE_BYTES],
}

/// Encrypts and authenticates one part under a key of its own.
pub(crate) struct GcmEncryptor {
    counter: StreamingEncryptingKey,
    authenticator: Authenticator,
}

impl GcmEncryptor {
    /// Generates a fresh key and nonce; neither is ever used twice.
    pub(crate) fn fresh() -> Result<FreshGcm, Unspecified> {
        let key = ContentKey::random()?;
        let mut nonce = [0; NONCE_BYTES];
        rand::fill(&mut nonce)?;
        Ok(FreshGcm { encryptor: Self::new(key.as_bytes(), nonce)?, key, nonce })
    }

    fn new(key: &[u8], nonce: [u8; NONCE_BYTES]) -> Result<Self, Unspecified> {
        // SP 800-38D section 7.1: the hash key is the encrypted zero block. This stream is never used again.
        let (_, hash_key) = first_block(key, [0; BLOCK_BYTES])?;
        // Taking the mask off leaves the stream at the block where the content begins. AWS-LC counts in all
        // 128 bits and GCM in the last 32, which is the same as long as these do not wrap (`has_room_for`).
        let (counter, mask) = first_block(key, first_counter(nonce))?;
        Ok(Self { counter, authenticator: Authenticator::new(&hash_key, mask) })
    }

    /// Whether `plain` more bytes stay within the limit of one key.
    pub(crate) fn has_room_for(&self, plain: usize) -> bool {
        self.authenticator.has_room_for(plain)
    }

    /// Encrypts and returns the size of the output, which equals that of `plain`. `out` must have room for
    /// `plain` rounded up to blocks.
    pub(crate) fn update(&mut self, plain: &[u8], out: &mut [u8]) -> Result<usize, Unspecified> {
        let written = self.counter.less_safe_update(plain, out)?;
        let sealed = written.written();
        // GCM authenticates the ciphertext, so hash the output.
        self.authenticator.absorb(sealed)?;
        Ok(sealed.len())
    }

    /// Returns the tag.
    pub(crate) fn finish(self) -> [u8; TAG_BYTES] {
        *self.authenticator.tag()
    }
}

/// Starts counter mode at this block. Also returns its first block of key stream.
fn first_block(
    key: &[u8],
    start: [u8; BLOCK_BYTES],
) -> Result<(StreamingEncryptingKey, Zeroizing<[u8; BLOCK_BYTES]>), Unspecified> {
    let unbound = UnboundCipherKey::new(&AES_256, key)?;
    let context = EncryptionContext::Iv128(FixedLength::from(start));
    let mut counter = StreamingEncryptingKey::less_safe_ctr(unbound, context)?;
    let mut block = Zeroizing::new([0; BLOCK_BYTES]);
    counter.less_safe_update(&[0; BLOCK_BYTES], block.as_mut())?;
    Ok((counter, block))
}

impl fmt::Debug for GcmEncryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GcmEncryptor")
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    use proptest::prelude::*;

    use super::super::CONTENT_BYTES_MAX;
    use super::*;

    /// Encrypts with AWS-LC's own one-shot GCM; returns ciphertext and tag.
    fn at_once(key: &[u8], nonce: [u8; NONCE_BYTES], plain: &[u8]) -> Vec<u8> {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
        let mut sealed = plain.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed).unwrap();
        sealed
    }

    fn in_pieces(key: &[u8], nonce: [u8; NONCE_BYTES], pieces: &[&[u8]]) -> Vec<u8> {
        let mut encryptor = GcmEncryptor::new(key, nonce).unwrap();
        let mut sealed = Vec::new();
        for piece in pieces {
            let mut out = vec![0; piece.len() + BLOCK_BYTES];
            assert_eq!(encryptor.update(piece, &mut out).unwrap(), piece.len());
            sealed.extend_from_slice(&out[..piece.len()]);
        }
        sealed.extend_from_slice(&encryptor.finish());
        sealed
    }

    #[test]
    fn the_empty_message_has_the_published_tag() {
        // Test case 13 of the GCM specification (McGrew and Viega).
        let tag = in_pieces(&[0; 32], [0; NONCE_BYTES], &[]);
        let hex: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "530f8afbc74536b9a963b4f1c4cb738b");
    }

    #[test]
    fn keys_and_nonces_are_fresh() {
        let (one, two) = (GcmEncryptor::fresh().unwrap(), GcmEncryptor::fresh().unwrap());
        assert_ne!(one.key.as_bytes(), two.key.as_bytes());
        assert_ne!(one.nonce, two.nonce);
    }

    #[test]
    fn one_key_takes_as_much_as_its_counter_counts() {
        let mut encryptor = GcmEncryptor::fresh().unwrap().encryptor;
        encryptor.authenticator.bytes = CONTENT_BYTES_MAX - 5;
        assert!(encryptor.has_room_for(5));
        assert!(!encryptor.has_room_for(6));
        assert!(!encryptor.has_room_for(usize::MAX));
    }

    proptest! {
        #[test]
        fn pieces_give_what_the_whole_gives(
            key in any::<[u8; 32]>(),
            nonce in any::<[u8; NONCE_BYTES]>(),
            plain in prop::collection::vec(any::<u8>(), 0..700),
            cuts in prop::collection::vec(0_usize..80, 0..30),
        ) {
            let mut pieces = Vec::new();
            let mut rest: &[u8] = &plain;
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            pieces.push(rest);
            prop_assert_eq!(in_pieces(&key, nonce, &pieces), at_once(&key, nonce, &plain));
        }
    }
}
