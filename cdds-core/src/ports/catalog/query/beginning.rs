//! The beginning of an id, as people type it.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// The number of characters of an id with its hyphens.
const CHARS: usize = 36;

/// Where the hyphens of an id are.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// The beginning of an id: one character to all 36, with hyphens, in lower case.
///
/// ```
/// use cdds_core::ports::catalog::query::IdBeginning;
///
/// let typed: IdBeginning = "3F8A01C2-b".parse()?;
/// assert_eq!(typed.as_str(), "3f8a01c2-b");
/// assert!("3f8a_".parse::<IdBeginning>().is_err());
/// # Ok::<_, cdds_core::ports::catalog::query::NoIdBeginning>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdBeginning(String);

/// A text with which no id begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no id begins so: ids are hexadecimal digits, with hyphens as in 3f8a01c2-b4d5-…")]
#[non_exhaustive]
pub struct NoIdBeginning;

impl IdBeginning {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an id begins so.
    pub fn fits(&self, id: impl Into<Uuid>) -> bool {
        id.into().to_string().starts_with(&self.0)
    }
}

impl FromStr for IdBeginning {
    type Err = NoIdBeginning;

    fn from_str(text: &str) -> Result<Self, NoIdBeginning> {
        let is_of_id = |(at, one): (usize, u8)| match HYPHENS.contains(&at) {
            true => one == b'-',
            false => one.is_ascii_hexdigit(),
        };
        let is_beginning = (1..=CHARS).contains(&text.len()) && text.bytes().enumerate().all(is_of_id);
        if is_beginning { Ok(Self(text.to_ascii_lowercase())) } else { Err(NoIdBeginning) }
    }
}

impl fmt::Display for IdBeginning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_id_can_begin_with_is_a_beginning() {
        let id = Uuid::from_u128(0x3f8a_01c2_b4d5_4e6f_8123_4567_89ab_cdef);
        let text = id.to_string();
        for chars in 1..=CHARS {
            let beginning: IdBeginning = text[..chars].to_ascii_uppercase().parse().unwrap();
            assert!(beginning.fits(id) && !beginning.fits(Uuid::nil()), "{beginning}");
        }
        for other in ["", "-", "3f8a01c2b", "3f8a-01c2", "3g", "3f8a ", &format!("{text}0"), "３f"] {
            assert_eq!(other.parse::<IdBeginning>(), Err(NoIdBeginning), "{other}");
        }
    }
}
