//! AES-GCM (NIST SP 800-38D, RFC 5084) in pieces.
//!
//! AWS-LC's Rust interface takes whole messages only, so memory would grow with the message. Its counter mode
//! does take pieces. The authentication over the ciphertext is added here with RustCrypto's GHASH, which runs
//! in constant time and uses the processor's carry-less multiplication. Tests compare both with AWS-LC's own
//! GCM of whole messages.

mod decrypt;
mod encrypt;

use std::ops::RangeInclusive;

use aws_lc_rs::error::Unspecified;
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use zeroize::Zeroizing;

pub(crate) use decrypt::GcmDecryptor;
pub(crate) use encrypt::{FreshGcm, GcmEncryptor};

use crate::cipher::BLOCK_BYTES;

/// Nonce size in bytes: the one that RFC 5084 section 3.2 recommends and every program writes.
pub(crate) const NONCE_BYTES: usize = 12;
/// Size of the full tag in bytes.
pub(crate) const TAG_BYTES: usize = 16;
/// Tag sizes that are accepted when reading, in bytes (RFC 5084 section 3.2).
pub(crate) const TAGS_BYTES: RangeInclusive<usize> = 12..=TAG_BYTES;
/// Maximum content under one key, in bytes: 2^39 - 256 bits (SP 800-38D section 5.2.1.1). Beyond it the
/// 32-bit counter would wrap around.
const CONTENT_BYTES_MAX: u64 = (1 << 36) - 32;

/// Returns the initial counter block (SP 800-38D section 7.1), which masks the hash in the tag. The content's
/// counter starts after it.
fn first_counter(nonce: [u8; NONCE_BYTES]) -> [u8; BLOCK_BYTES] {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = nonce;
    [a, b, c, d, e, f, g, h, i, j, k, l, 0, 0, 0, 1]
}

/// The running hash over the ciphertext of one part, and the mask that turns it into a tag.
struct Authenticator {
    hash: GHash,
    /// Ciphertext that does not fill a block yet, in `partial[..filled]`.
    partial: [u8; BLOCK_BYTES],
    filled: usize,
    bytes: u64,
    /// The key stream block that encrypts the hash.
    mask: Zeroizing<[u8; BLOCK_BYTES]>,
}

impl Authenticator {
    /// `hash_key` is the encrypted zero block (SP 800-38D section 7.1), `mask` the encrypted first counter.
    fn new(hash_key: &Zeroizing<[u8; BLOCK_BYTES]>, mask: Zeroizing<[u8; BLOCK_BYTES]>) -> Self {
        let hash = GHash::new(&(**hash_key).into());
        Self { hash, partial: [0; BLOCK_BYTES], filled: 0, bytes: 0, mask }
    }

    /// Whether `length` more bytes stay within the limit of one key.
    fn has_room_for(&self, length: usize) -> bool {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        self.bytes.saturating_add(length) <= CONTENT_BYTES_MAX
    }

    /// Hashes whole blocks and keeps the rest.
    fn absorb(&mut self, sealed: &[u8]) -> Result<(), Unspecified> {
        self.bytes = self.bytes.saturating_add(u64::try_from(sealed.len())?);
        let mut rest = sealed;
        if self.filled > 0 {
            rest = self.fill(rest);
            if self.filled < BLOCK_BYTES {
                return Ok(());
            }
            self.hash.update(&[self.partial.into()]);
            self.filled = 0;
        }
        let (whole, partial) = rest.split_at(rest.len() - rest.len() % BLOCK_BYTES);
        self.hash.update_padded(whole);
        self.fill(partial);
        Ok(())
    }

    /// Fills the current block as far as possible; returns the rest.
    fn fill<'a>(&mut self, sealed: &'a [u8]) -> &'a [u8] {
        let free = self.partial.iter_mut().skip(self.filled);
        let taken = free.zip(sealed).map(|(free, byte)| *free = *byte).count();
        self.filled = self.filled.saturating_add(taken);
        sealed.get(taken..).unwrap_or_default()
    }

    /// Returns the tag of everything absorbed so far.
    fn tag(mut self) -> Zeroizing<[u8; TAG_BYTES]> {
        self.hash.update_padded(self.partial.get(..self.filled).unwrap_or_default());
        let bits = u128::from(self.bytes.saturating_mul(8));
        // Only the content is authenticated: the length of additional data, in the upper half, is 0.
        self.hash.update(&[bits.to_be_bytes().into()]);
        let mut tag = Zeroizing::new([0; TAG_BYTES]);
        for ((byte, hashed), mask) in tag.iter_mut().zip(self.hash.finalize()).zip(*self.mask) {
            *byte = hashed ^ mask;
        }
        tag
    }
}
