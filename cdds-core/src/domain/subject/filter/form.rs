//! The stored form of a filter.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `CDDSSUBJ` |
//! | 1 | the version of the form: 1 |
//! | 1 | probes: 8 |
//! | 1 | length of the key's name, 1 to 64 |
//! | 1 | 0 |
//! | 4 | the number of this filter among those of its set, from 0, most significant byte first |
//! | 4 | the number of values, likewise |
//! | … | the key's name |
//! | 12 bits a value, at least 8 bytes | the filter |
//! | 32 | HMAC-SHA-256 over all of the above |
//!
//! The tag is of this set and this file, so that a filter that was changed, cut or put in another's place is noticed: it
//! would hide people.

use hmac::Mac;

use super::{FilterKey, PROBES, SubjectFilter, VALUES_MAX, bytes};
use crate::domain::id::SubjectKeyId;

const MAGIC: &[u8; 8] = b"CDDSSUBJ";
const VERSION: u8 = 1;
const TAG: usize = 32;
const FIXED: usize = 20;

/// Why a file is not the filter that it should be. Holds nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidFilter {
    /// It is of another program, or of a newer version of this one.
    #[error("not a filter of a form that this program knows")]
    Unknown,
    /// It is cut, was changed, or is that of another set or place.
    #[error("the filter was changed, or is another one")]
    Altered,
}

impl SubjectFilter {
    /// The most bytes of a file.
    pub const FILE_BYTES_MAX: usize = FIXED + 255 + VALUES_MAX * 12 / 8 + TAG;

    /// Returns the file of this filter, which has the place `number` among those of its set. `id` names the key.
    pub fn to_bytes(&self, key: &FilterKey, id: &SubjectKeyId, number: u32) -> Vec<u8> {
        let name = id.as_str().as_bytes();
        let mut file = Vec::with_capacity(FIXED + name.len() + self.bits.len() + TAG);
        file.extend_from_slice(MAGIC);
        // A name has at most 64 characters of ASCII.
        file.extend([VERSION, PROBES, u8::try_from(name.len()).unwrap_or(0), 0]);
        file.extend(number.to_be_bytes());
        file.extend(self.values.to_be_bytes());
        file.extend_from_slice(name);
        file.extend_from_slice(&self.bits);
        let tag: [u8; TAG] = key.tag(&file).finalize().into_bytes().into();
        file.extend(tag);
        file
    }

    /// Reads the file of the filter that has this place among those of its set. Allocates no more than the file has.
    ///
    /// # Errors
    /// [`InvalidFilter`].
    pub fn from_bytes(file: &[u8], key: &FilterKey, number: u32) -> Result<Self, InvalidFilter> {
        let (fixed, rest) = file.split_first_chunk::<FIXED>().ok_or(InvalidFilter::Unknown)?;
        let (magic, fixed) = fixed.split_first_chunk::<8>().ok_or(InvalidFilter::Unknown)?;
        let [VERSION, PROBES, name, 0, n0, n1, n2, n3, v0, v1, v2, v3] = fixed else {
            return Err(InvalidFilter::Unknown);
        };
        if magic != MAGIC {
            return Err(InvalidFilter::Unknown);
        }
        let values = u32::from_be_bytes([*v0, *v1, *v2, *v3]);
        let is_right_number = u32::from_be_bytes([*n0, *n1, *n2, *n3]) == number;
        let bits = rest.get(usize::from(*name)..).and_then(|rest| rest.split_last_chunk::<TAG>());
        let Some((bits, tag)) = bits.filter(|(bits, _)| is_right_number && bits.len() == bytes(values))
        else {
            return Err(InvalidFilter::Altered);
        };
        let covered = &file[..file.len() - TAG];
        key.tag(covered).verify_slice(tag).map_err(|_| InvalidFilter::Altered)?;
        Ok(Self { values, bits: bits.to_vec() })
    }
}
