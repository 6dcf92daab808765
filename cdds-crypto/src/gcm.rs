//! AES-256 in Galois/Counter Mode (NIST SP 800-38D), in pieces.
//!
//! AWS-LC's interface for Rust takes whole messages only, whose memory would not be flat. Its counter mode
//! does take pieces: the authentication over the ciphertext is added to it here, with GHASH of RustCrypto,
//! which runs in constant time and uses the processor's carry-less multiplication.

use std::fmt;

use aws_lc_rs::cipher::{AES_256, EncryptionContext, StreamingEncryptingKey, UnboundCipherKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rand;
use ghash::GHash;
use ghash::universal_hash::{KeyInit, UniversalHash};
use zeroize::Zeroizing;

use crate::cipher::{BLOCK_BYTES, ContentKey};

/// Size of the nonce, bytes (RFC 5084 section 3.2 recommends 12).
pub(crate) const NONCE_BYTES: usize = 12;
/// Size of the tag, bytes: all of it.
pub(crate) const TAG_BYTES: usize = 16;
/// Most plaintext under one key, bytes: 2^39 - 256 bits (SP 800-38D section 5.2.1.1). Beyond it the counter
/// would begin anew.
const PLAIN_BYTES_MAX: u64 = (1 << 36) - 32;

/// What starts the encryption of one part.
pub(crate) struct FreshGcm {
    pub(crate) encryptor: GcmEncryptor,
    pub(crate) key: ContentKey,
    pub(crate) nonce: [u8; NONCE_BYTES],
}

/// Encrypts and authenticates one part under a key of its own.
pub(crate) struct GcmEncryptor {
    counter: StreamingEncryptingKey,
    hash: GHash,
    /// Ciphertext that does not fill a block yet.
    pending: [u8; BLOCK_BYTES],
    pending_bytes: usize,
    /// What hides the hash in the tag.
    mask: Zeroizing<[u8; BLOCK_BYTES]>,
    bytes: u64,
}

impl GcmEncryptor {
    /// Fresh key, fresh nonce: neither is ever used twice.
    pub(crate) fn fresh() -> Result<FreshGcm, Unspecified> {
        let key = ContentKey::random()?;
        let mut nonce = [0; NONCE_BYTES];
        rand::fill(&mut nonce)?;
        Ok(FreshGcm { encryptor: Self::new(key.as_bytes(), nonce)?, key, nonce })
    }

    fn new(key: &[u8], nonce: [u8; NONCE_BYTES]) -> Result<Self, Unspecified> {
        // SP 800-38D section 7.1: the key of the hash is the encrypted block of zeros; the block with counter
        // 1 masks the tag, and the content begins with the next.
        let (_, hash_key) = first_block(key, [0; BLOCK_BYTES])?;
        let mut start = [0; BLOCK_BYTES];
        let (head, tail) = start.split_at_mut(NONCE_BYTES);
        head.copy_from_slice(&nonce);
        tail.copy_from_slice(&1_u32.to_be_bytes());
        let (counter, mask) = first_block(key, start)?;
        let hash = GHash::new_from_slice(hash_key.as_ref()).map_err(|_| Unspecified)?;
        Ok(Self { counter, hash, pending: [0; BLOCK_BYTES], pending_bytes: 0, mask, bytes: 0 })
    }

    /// Whether so much more plaintext is still within what one key may encrypt.
    pub(crate) fn has_room_for(&self, plain: usize) -> bool {
        let plain = u64::try_from(plain).unwrap_or(u64::MAX);
        self.bytes.saturating_add(plain) <= PLAIN_BYTES_MAX
    }

    /// Encrypts; writes as much as it takes and returns the size. `out` must have room for `plain` rounded
    /// up to blocks.
    pub(crate) fn update(&mut self, plain: &[u8], out: &mut [u8]) -> Result<usize, Unspecified> {
        let written = self.counter.less_safe_update(plain, out)?;
        let sealed = written.written();
        let len = sealed.len();
        self.bytes = self.bytes.saturating_add(u64::try_from(len).map_err(|_| Unspecified)?);
        self.absorb(sealed);
        Ok(len)
    }

    /// The tag.
    pub(crate) fn finish(mut self) -> [u8; TAG_BYTES] {
        if let Some(pending) = self.pending.get(..self.pending_bytes) {
            self.hash.update_padded(pending);
        }
        // The sizes in bits of what is authenticated only, of which there is nothing, and of the content.
        let mut sizes = [0; BLOCK_BYTES];
        let (_, content) = sizes.split_at_mut(BLOCK_BYTES / 2);
        content.copy_from_slice(&self.bytes.saturating_mul(8).to_be_bytes());
        self.hash.update_padded(&sizes);
        let mut tag = *self.mask;
        tag.iter_mut().zip(self.hash.finalize()).for_each(|(tag, hash)| *tag ^= hash);
        tag
    }

    fn absorb(&mut self, sealed: &[u8]) {
        let mut rest = sealed;
        if self.pending_bytes > 0 {
            let free = self.pending.get_mut(self.pending_bytes..).unwrap_or_default();
            let (now, later) = rest.split_at(free.len().min(rest.len()));
            free.iter_mut().zip(now).for_each(|(free, byte)| *free = *byte);
            self.pending_bytes = self.pending_bytes.saturating_add(now.len());
            rest = later;
            if self.pending_bytes < BLOCK_BYTES {
                return;
            }
            self.hash.update_padded(&self.pending);
        }
        let (whole, part) = rest.split_at(rest.len() - rest.len() % BLOCK_BYTES);
        self.hash.update_padded(whole);
        self.pending.iter_mut().zip(part).for_each(|(pending, byte)| *pending = *byte);
        self.pending_bytes = part.len();
    }
}

/// Counter mode from this block on, after its first block of key stream, which is given.
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

    use super::*;

    /// AWS-LC's own GCM, all at once: ciphertext and tag.
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
        encryptor.bytes = PLAIN_BYTES_MAX - 5;
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
