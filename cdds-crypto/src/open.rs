//! Opens sealed files, our own and those of other CMS programs, of any size and in constant memory.

mod algorithm;
mod content;
mod error;
mod header;

pub use error::OpenError;

use std::fmt;
use std::io::{self, Read};

use zeroize::Zeroizing;

use self::algorithm::Decryption;
use self::content::Content;
use self::header::Header;
use crate::ber::BerReader;
use crate::cipher::BLOCK_BYTES;
use crate::key_transport::EncryptedKey;
use crate::private_key::{OwnCertificate, PrivateKey};
use crate::recipient::RecipientId;

/// Size of the plaintext buffer for readers that ask for less than this, in bytes.
const BUFFER_BYTES: usize = 64 * 1024;

/// Decrypts a sealed file as it is read, in constant memory.
///
/// Reads BER or DER, as binary or as an S/MIME message in base64: EnvelopedData encrypted with AES in CBC
/// mode, and AuthEnvelopedData with AES-GCM and without authenticated attributes. The file may have any
/// number of recipients, one of whom has the private key, by RSA PKCS #1 v1.5 or by OAEP with SHA-1 or SHA-2
/// and the same hash in its mask. The crate's documentation lists the formats that are not opened.
///
/// [`read`](Read::read) returns 0 only after the end of the file and the padding, or the authentication tag,
/// have been found in order: **until then the plaintext is incomplete**, and after an error all of it has to
/// be thrown away. With GCM, 0 also means that the content is unchanged. CBC proves nothing of the kind:
/// compare the file's digest with the manifest's. Neither identifies who sealed the file.
///
/// # Security
/// Which error comes back, and when, depends on the key, so show errors only to the key's owner. A service
/// that opens files from strangers should first tie the key to its certificate with
/// [`PrivateKey::with_certificate`]. Even then it should report no more than that a file could not be opened,
/// because the padding of CBC is checked at the end.
pub struct OpenReader<R> {
    ber: BerReader<R>,
    recipients: Vec<RecipientId>,
    content: Content,
    /// `None` after the end and after an error.
    decryptor: Option<Decryption>,
    failed: bool,
    /// Decrypted bytes that have not been requested yet: `plain[start..end]`.
    plain: Zeroizing<Vec<u8>>,
    start: usize,
    end: usize,
}

impl<R: Read> OpenReader<R> {
    /// Reads up to the content and finds the recipient that the key belongs to. Tries every recipient or, if
    /// the key is tied to its [certificate](PrivateKey::with_certificate), only the one that the file names
    /// by that certificate.
    ///
    /// # Errors
    /// Any [`OpenError`]; [`OpenError::CannotDecrypt`] if the key belongs to none of the recipients.
    pub fn new(inner: R, key: &PrivateKey) -> Result<Self, OpenError> {
        let mut ber = BerReader::new(inner);
        let header = header::read(&mut ber)?;
        let decryptor = decryptor(&header, key)?;
        let content = Content::begin(&mut ber, header.algorithm)?;
        Ok(Self {
            ber,
            recipients: header.recipients,
            content,
            decryptor: Some(decryptor),
            failed: false,
            // A block more than the ciphertext passed in: the cipher may release one that it held back
            // before.
            plain: Zeroizing::new(vec![0; BUFFER_BYTES + BLOCK_BYTES]),
            start: 0,
            end: 0,
        })
    }

    /// Returns the recipients that the file is sealed for.
    pub fn recipients(&self) -> &[RecipientId] {
        &self.recipients
    }

    /// Whether a return of 0 from [`read`](Read::read) proves that the content is unchanged
    /// (AuthEnvelopedData).
    pub fn is_authenticated(&self) -> bool {
        self.content.is_authenticated()
    }

    /// Decrypts the next bytes into `out`, which has room for more than a block; returns 0 at the end.
    fn decrypt(&mut self, out: &mut [u8]) -> Result<usize, OpenError> {
        while let Some(decryptor) = &mut self.decryptor {
            let sealed = self.content.piece(&mut self.ber, out.len().saturating_sub(BLOCK_BYTES))?;
            if sealed.is_empty() {
                // Check the structure first; only then may the outcome depend on the key.
                let tag = self.content.end(&mut self.ber)?;
                let last = self.decryptor.take().map(|decryptor| decryptor.finish(&tag, out));
                return last.unwrap_or(Ok(0)).map_err(|_| self.cannot_decrypt());
            }
            let (taken, opened) = (sealed.len(), decryptor.update(sealed, out));
            self.content.consume(&mut self.ber, taken);
            match opened {
                // The cipher is holding the last block back.
                Ok(0) => {}
                Ok(len) => return Ok(len),
                Err(_) => return Err(self.cannot_decrypt()),
            }
        }
        Ok(0)
    }

    fn cannot_decrypt(&self) -> OpenError {
        OpenError::CannotDecrypt { recipients: self.recipients.clone() }
    }

    fn try_read(&mut self, buf: &mut [u8]) -> Result<usize, OpenError> {
        if self.failed {
            return Err(OpenError::malformed(self.ber.position(), "reading had failed already"));
        }
        if self.start == self.end {
            if buf.len() > BUFFER_BYTES {
                return self.decrypt(buf);
            }
            // Taken out meanwhile, since `decrypt` borrows all of `self`.
            let mut plain = std::mem::take(&mut self.plain);
            let opened = self.decrypt(&mut plain);
            self.plain = plain;
            (self.start, self.end) = (0, opened?);
        }
        let ready = self.plain.get(self.start..self.end).unwrap_or_default();
        let len = ready.len().min(buf.len());
        let (now, _) = ready.split_at(len);
        if let Some(target) = buf.get_mut(..len) {
            target.copy_from_slice(now);
        }
        self.start = self.start.saturating_add(len);
        Ok(len)
    }
}

impl<R: Read> Read for OpenReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        self.try_read(buf).map_err(|error| {
            self.failed = true;
            self.decryptor = None;
            error.into()
        })
    }
}

impl<R> fmt::Debug for OpenReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenReader").field("recipients", &self.recipients).finish_non_exhaustive()
    }
}

/// Returns the decryption for the recipient that the key belongs to.
fn decryptor(header: &Header, key: &PrivateKey) -> Result<Decryption, OpenError> {
    if let (true, Some(what)) = (header.encrypted_keys.is_empty(), &header.other_transport) {
        return Err(OpenError::Unsupported { what: what.clone() });
    }
    let opened = match key.certificate() {
        Some(own) => addressed(header, key, own),
        None => any_of_all(header, key),
    };
    opened.ok_or_else(|| OpenError::CannotDecrypt { recipients: header.recipients.clone() })
}

/// Tries every recipient whose key could be this one, because files name certificates rather than keys.
fn any_of_all(header: &Header, key: &PrivateKey) -> Option<Decryption> {
    let mut keys = header.encrypted_keys.iter().map(|(_, encrypted)| encrypted);
    keys.find_map(|encrypted| unwrapped(header, key, encrypted))
}

/// Picks the recipient that the file names by our certificate. Only public facts, names and sizes, show here;
/// whether the content key was in order does not (RFC 3218 section 2.3.2).
fn addressed(header: &Header, key: &PrivateKey, own: &OwnCertificate) -> Option<Decryption> {
    let (_, encrypted) = header.encrypted_keys.iter().find(|(id, _)| own.is_named_by(id))?;
    // Draw the random key in any case: its time must not show whether the real one was in order.
    let random = header.algorithm.random_decryption().ok()?;
    let fits = encrypted.bytes.len() == key.encrypted_bytes();
    fits.then(|| unwrapped(header, key, encrypted).unwrap_or(random))
}

fn unwrapped(header: &Header, key: &PrivateKey, encrypted: &EncryptedKey) -> Option<Decryption> {
    if encrypted.bytes.len() != key.encrypted_bytes() {
        return None;
    }
    header.algorithm.decryption(&key.unwrap_key(encrypted)?).ok()
}

/// The facts that a sealed file reveals without a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SealedFacts {
    /// The recipients that it is sealed for, in the file's order.
    pub recipients: Vec<RecipientId>,
    /// Size of the encrypted content in bytes: 1 to 16 more than the content, or exactly as much in an
    /// authenticated file.
    pub content_bytes: u64,
    /// Whether opening the file proves that it is unchanged (AuthEnvelopedData). Read it to its end before
    /// trusting any of it.
    pub authenticated: bool,
    /// Size of the file in bytes; for an S/MIME message, that of its binary content.
    pub sealed_bytes: u64,
}

/// Reads the recipients of a sealed file, and nothing after them.
///
/// # Errors
/// [`OpenError`] if the file does not begin like a sealed one.
pub fn recipients<R: Read>(reader: R) -> Result<Vec<RecipientId>, OpenError> {
    Ok(header::read(&mut BerReader::new(reader))?.recipients)
}

/// Checks a whole sealed file without a key: finds broken structure, missing ends and additions, but not
/// changes to the encrypted bytes.
///
/// # Errors
/// [`OpenError`] if the file is not whole.
pub fn check_sealed<R: Read>(reader: R) -> Result<SealedFacts, OpenError> {
    let mut ber = BerReader::new(reader);
    let header = header::read(&mut ber)?;
    let mut content = Content::begin(&mut ber, header.algorithm)?;
    loop {
        let len = content.piece(&mut ber, usize::MAX)?.len();
        if len == 0 {
            break;
        }
        content.consume(&mut ber, len);
    }
    content.end(&mut ber)?;
    Ok(SealedFacts {
        recipients: header.recipients,
        content_bytes: content.bytes(),
        authenticated: header.algorithm.is_authenticated(),
        sealed_bytes: ber.position(),
    })
}
