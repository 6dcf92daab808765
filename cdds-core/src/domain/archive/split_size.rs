//! Rule A4: the size of an archive's parts.

use crate::domain::violation::{Code, RuleViolation};

/// The largest size of each data part before sealing, in bytes (rule A4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SplitSize(u64);

/// The most stored bytes of a sealed part, since OpenSSL's own tools cannot decrypt larger ones (rule A4).
pub const SEALED_PART_BYTES_MAX: u64 = 1_500_000_000;

impl SplitSize {
    /// The smallest split size: 64 KiB (APPNOTE 8.5.1).
    pub const BYTES_MIN: u64 = 64 * 1024;
    /// The largest split size: 4 GiB less one byte (APPNOTE 8.5.1).
    pub const BYTES_MAX: u64 = u32::MAX as u64;

    /// Creates a split size of this many bytes.
    ///
    /// # Errors
    /// [`Code::InvalidSplitSize`] if it is below 64 KiB or above 4,294,967,295 bytes.
    pub fn from_bytes(bytes: u64) -> Result<Self, RuleViolation> {
        if (Self::BYTES_MIN..=Self::BYTES_MAX).contains(&bytes) {
            return Ok(Self(bytes));
        }
        Err(RuleViolation::new(
            Code::InvalidSplitSize,
            format!(
                "a split size of {bytes} bytes is not possible: use {} (64KiB) to {} bytes (4095 MB)",
                Self::BYTES_MIN,
                Self::BYTES_MAX
            ),
        ))
    }

    /// Returns the size in bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }

    /// Checks that recipients can decrypt sealed parts of this size (rule A4). `sealed_bytes` is the size of
    /// a full part after sealing.
    ///
    /// # Errors
    /// [`Code::SplitSizeTooLargeToSeal`] if `sealed_bytes` exceeds [`SEALED_PART_BYTES_MAX`].
    pub fn check_sealed(self, sealed_bytes: u64) -> Result<(), RuleViolation> {
        if sealed_bytes <= SEALED_PART_BYTES_MAX {
            return Ok(());
        }
        Err(RuleViolation::new(
            Code::SplitSizeTooLargeToSeal,
            format!(
                "sealed parts of {} bytes would exceed the {SEALED_PART_BYTES_MAX} bytes that OpenSSL can \
                 decrypt: use a split size of 1400 MB or less, or none",
                self.0
            ),
        ))
    }
}

/// Returns the largest size before sealing whose sealed form stays within [`SEALED_PART_BYTES_MAX`], for
/// sealed exports without a split size (rule A4). `sealed_bytes` returns the sealed size of a part and must
/// not decrease with growing input.
pub fn largest_sealable(sealed_bytes: impl Fn(u64) -> u64) -> u64 {
    let (mut fits, mut exceeds) = (0, SEALED_PART_BYTES_MAX + 1);
    while exceeds - fits > 1 {
        let middle = fits + (exceeds - fits) / 2;
        if sealed_bytes(middle) <= SEALED_PART_BYTES_MAX {
            fits = middle;
        } else {
            exceeds = middle;
        }
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a4_bounds_are_exact() {
        assert!(SplitSize::from_bytes(65_535).is_err());
        assert_eq!(SplitSize::from_bytes(65_536).unwrap().bytes(), 65_536);
        assert!(SplitSize::from_bytes(4_294_967_295).is_ok());
        assert_eq!(SplitSize::from_bytes(4_294_967_296).unwrap_err().code(), Code::InvalidSplitSize);
    }

    #[test]
    fn a4_sealed_parts_stay_within_what_openssl_decrypts() {
        let overhead = |plain: u64| plain + 1_000 + plain / 10_000;
        let largest = largest_sealable(overhead);
        assert!(overhead(largest) <= SEALED_PART_BYTES_MAX && overhead(largest + 1) > SEALED_PART_BYTES_MAX);
        let split = SplitSize::from_bytes(largest).unwrap();
        assert!(split.check_sealed(overhead(largest)).is_ok());
        assert_eq!(
            split.check_sealed(overhead(largest + 1)).unwrap_err().code(),
            Code::SplitSizeTooLargeToSeal
        );
        assert_eq!(largest_sealable(|_| u64::MAX), 0);
        assert_eq!(largest_sealable(|plain| plain), SEALED_PART_BYTES_MAX);
    }
}
