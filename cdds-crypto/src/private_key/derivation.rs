//! Derives keys from passphrases: PBKDF2 (RFC 8018 section 5.2), scrypt (RFC 7914) and PKCS#12's own function
//! (RFC 7292 appendix B). The work that a file can demand is bounded.

use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2};
use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode, Reader, Tag};
use x509_cert::spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::encryption::{damaged, unsupported};
use super::refused;
use crate::oids;
use crate::open::OpenError;

/// Several seconds of work; password stores use a million or less.
const ITERATIONS_MAX: u32 = 10_000_000;
/// Maximum memory for scrypt; OpenSSL's own default takes 16 MiB, and its bound is 32 MiB.
const SCRYPT_BYTES_MAX: u64 = 256 << 20;
/// Maximum work for scrypt, as the product of its three parameters; OpenSSL's own default is 2^17.
const SCRYPT_WORK_MAX: u64 = 1 << 23;

/// The bounded number of rounds of a hash.
#[derive(Debug, Clone, Copy)]
pub(super) struct Iterations(NonZeroU32);

impl Iterations {
    pub(super) fn new(count: u64) -> Result<Self, OpenError> {
        if count > u64::from(ITERATIONS_MAX) {
            return Err(refused(format!(
                "the private key asks for {count} rounds to derive its key from the passphrase, and at most \
                 {ITERATIONS_MAX} are allowed; if you trust where it came from, protect it again with \
                 'openssl pkcs8 -topk8 -v2 aes256 -in FILE -out key.pem'"
            )));
        }
        u32::try_from(count).ok().and_then(NonZeroU32::new).map(Self).ok_or_else(|| damaged(()))
    }
}

/// A keyDerivationFunc of PBES2, for a key of a given size.
pub(super) struct Derivation<'a> {
    salt: &'a [u8],
    function: Function,
    key_bytes: usize,
}

enum Function {
    Pbkdf2 { algorithm: pbkdf2::Algorithm, iterations: Iterations },
    Scrypt(scrypt::Params),
}

impl<'a> Derivation<'a> {
    pub(super) fn read(algorithm: &AlgorithmIdentifierRef<'a>, key_bytes: usize) -> Result<Self, OpenError> {
        let parameters = algorithm.parameters.unwrap_or(AnyRef::NULL);
        match algorithm.oid {
            oids::PBKDF2 => Self::pbkdf2(parameters, key_bytes),
            oids::SCRYPT => Self::scrypt(parameters, key_bytes),
            other => Err(unsupported(&format!("a key derived by {other}"))),
        }
    }

    /// ```text
    /// PBKDF2-params ::= SEQUENCE { salt OCTET STRING, iterationCount INTEGER, keyLength INTEGER OPTIONAL,
    ///                              prf AlgorithmIdentifier DEFAULT hmacWithSHA1 }
    /// ```
    fn pbkdf2(parameters: AnyRef<'a>, key_bytes: usize) -> Result<Self, OpenError> {
        let (salt, count, stated_bytes, prf) = parameters
            .sequence(|reader| {
                let salt = OctetStringRef::decode(reader)?.as_bytes();
                let count = u64::decode(reader)?;
                let bytes: Option<u64> = optional(reader, Tag::Integer)?;
                let prf: Option<AlgorithmIdentifierRef<'_>> = optional(reader, Tag::Sequence)?;
                Ok((salt, count, bytes, prf.map_or(oids::HMAC_SHA_1, |prf| prf.oid)))
            })
            .map_err(damaged)?;
        check_key_bytes(stated_bytes, key_bytes)?;
        let algorithm = match prf {
            oids::HMAC_SHA_1 => pbkdf2::PBKDF2_HMAC_SHA1,
            oids::HMAC_SHA_256 => pbkdf2::PBKDF2_HMAC_SHA256,
            oids::HMAC_SHA_384 => pbkdf2::PBKDF2_HMAC_SHA384,
            oids::HMAC_SHA_512 => pbkdf2::PBKDF2_HMAC_SHA512,
            other => return Err(unsupported(&format!("PBKDF2 with {other}"))),
        };
        // Bound the count here, before anything is derived: a forged one would keep the program busy for
        // hours.
        let function = Function::Pbkdf2 { algorithm, iterations: Iterations::new(count)? };
        Ok(Self { salt, function, key_bytes })
    }

    /// ```text
    /// scrypt-params ::= SEQUENCE { salt OCTET STRING, costParameter INTEGER, blockSize INTEGER,
    ///                              parallelizationParameter INTEGER, keyLength INTEGER OPTIONAL }
    /// ```
    fn scrypt(parameters: AnyRef<'a>, key_bytes: usize) -> Result<Self, OpenError> {
        let (salt, [cost, block, lanes], stated_bytes) = parameters
            .sequence(|reader| {
                let salt = OctetStringRef::decode(reader)?.as_bytes();
                let costs = [u64::decode(reader)?, u64::decode(reader)?, u64::decode(reader)?];
                Ok((salt, costs, optional::<u64>(reader, Tag::Integer)?))
            })
            .map_err(damaged)?;
        check_key_bytes(stated_bytes, key_bytes)?;
        // RFC 7914 section 6: 128 · N · r bytes, and 128 · r more for each lane.
        let bytes = cost.saturating_add(lanes).saturating_mul(block).saturating_mul(128);
        let work = cost.saturating_mul(block).saturating_mul(lanes);
        if bytes > SCRYPT_BYTES_MAX || work > SCRYPT_WORK_MAX {
            return Err(refused(format!(
                "the private key asks for scrypt with cost {cost}, block size {block} and parallelization \
                 {lanes}: that is more memory or work than is allowed; convert it with 'openssl pkcs8 -topk8 \
                 -v2 aes256 -in FILE -out key.pem'"
            )));
        }
        // RFC 7914 section 2: the cost is a power of two. Without this check the logarithm would round
        // another value down, and the derived key would be a wrong one without an error.
        let params = cost.is_power_of_two().then(|| {
            let log_cost = u8::try_from(cost.ilog2()).ok()?;
            scrypt::Params::new(log_cost, u32::try_from(block).ok()?, u32::try_from(lanes).ok()?).ok()
        });
        let params = params.flatten().ok_or_else(|| damaged(()))?;
        Ok(Self { salt, function: Function::Scrypt(params), key_bytes })
    }

    pub(super) fn derive(&self, passphrase: &str) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let mut key = Zeroizing::new(vec![0; self.key_bytes]);
        match &self.function {
            Function::Pbkdf2 { algorithm, iterations } => {
                pbkdf2::derive(*algorithm, iterations.0, self.salt, passphrase.as_bytes(), &mut key);
            }
            Function::Scrypt(params) => {
                scrypt::scrypt(passphrase.as_bytes(), self.salt, params, &mut key).map_err(damaged)?;
            }
        }
        Ok(key)
    }
}

/// Reads an optional element, recognised by its tag.
fn optional<'a, T: Decode<'a>>(reader: &mut impl Reader<'a>, tag: Tag) -> der::Result<Option<T>> {
    // Optional fields have no marker of their own: the next tag shows whether they are there.
    let there = !reader.is_finished() && reader.peek_tag()? == tag;
    there.then(|| T::decode(reader)).transpose()
}

fn check_key_bytes(stated: Option<u64>, needed: usize) -> Result<(), OpenError> {
    match stated {
        Some(stated) if u64::try_from(needed) != Ok(stated) => Err(damaged(())),
        _ => Ok(()),
    }
}

/// The hashes of PKCS#12.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pkcs12Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Pkcs12Hash {
    pub(super) fn from_oid(oid: &ObjectIdentifier) -> Option<Self> {
        match *oid {
            oids::SHA_1 => Some(Self::Sha1),
            oids::SHA_256 => Some(Self::Sha256),
            oids::SHA_384 => Some(Self::Sha384),
            oids::SHA_512 => Some(Self::Sha512),
            _ => None,
        }
    }

    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    pub(super) fn mac(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }

    pub(super) fn bytes(self) -> usize {
        self.digest().output_len()
    }
}

/// The purpose of a derived key (RFC 7292 appendix B.3).
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Key = 1,
    InitialisationVector = 2,
    Mac = 3,
}

/// Returns the forms in which programs pass a passphrase to PKCS#12: big-endian UTF-16 with a zero at the end
/// (RFC 7292 appendix B.1). An empty passphrase has two forms: that zero alone, as OpenSSL writes it, and
/// nothing at all (appendix B.2), as .NET does.
pub(super) fn bmp_strings(passphrase: &str) -> Vec<Zeroizing<Vec<u8>>> {
    // Reserve the size up front: a growing buffer would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * passphrase.len() + 2));
    bytes.extend(passphrase.encode_utf16().chain([0]).flat_map(u16::to_be_bytes));
    let mut forms = vec![bytes];
    if passphrase.is_empty() {
        forms.push(Zeroizing::new(Vec::new()));
    }
    forms
}

/// RFC 7292 appendix B.2, with the names used there.
pub(super) fn derive_pkcs12(
    hash: Pkcs12Hash,
    purpose: Purpose,
    passphrase: &[u8],
    salt: &[u8],
    iterations: Iterations,
    out: &mut [u8],
) {
    let v = hash.digest().block_len();
    let diversifier = vec![purpose as u8; v];
    let repeated = |bytes: &[u8]| -> Zeroizing<Vec<u8>> {
        let len = bytes.len().div_ceil(v) * v;
        Zeroizing::new(bytes.iter().copied().cycle().take(len).collect())
    };
    let mut i = Zeroizing::new([repeated(salt).as_slice(), repeated(passphrase).as_slice()].concat());
    for target in out.chunks_mut(hash.bytes()) {
        let mut context = digest::Context::new(hash.digest());
        context.update(&diversifier);
        context.update(&i);
        let mut a = Zeroizing::new(context.finish().as_ref().to_vec());
        // From 1, since the first round hashed the inputs themselves.
        for _ in 1..iterations.0.get() {
            let again = digest::digest(hash.digest(), &a);
            a.copy_from_slice(again.as_ref());
        }
        target.iter_mut().zip(a.iter()).for_each(|(target, byte)| *target = *byte);
        // Steps 6B and 6C: each further block of output starts from inputs that the last one has changed.
        let b = Zeroizing::new(a.iter().copied().cycle().take(v).collect::<Vec<_>>());
        i.chunks_mut(v).for_each(|block| add_one_and(block, &b));
    }
}

/// Computes `block + b + 1` as big-endian numbers, dropping the overflow.
fn add_one_and(block: &mut [u8], b: &[u8]) {
    let mut carry = 1_u16;
    for (byte, added) in block.iter_mut().zip(b).rev() {
        let [high, low] = (u16::from(*byte) + u16::from(*added) + carry).to_be_bytes();
        (carry, *byte) = (u16::from(high), low);
    }
}
