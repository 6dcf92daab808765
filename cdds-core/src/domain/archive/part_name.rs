//! The names of the files of an artifact set (rule A3).

use std::fmt;

/// The suffix that sealing adds to a file's name.
const SEALED_SUFFIX: &str = ".smime";

/// Returns the name of the part at `index` (from 0, in reading order) of a set of `total` parts: `stem.zip`
/// for the only or last part, `stem.z01 … stem.z99, stem.z100 …` for the others.
pub fn part_name(stem: &str, index: usize, total: usize) -> String {
    if index.saturating_add(1) >= total { format!("{stem}.zip") } else { format!("{stem}.z{:02}", index + 1) }
}

/// The position of a part in its set, according to its file name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartPosition {
    /// `.zNN`: the part with this number, starting at 1.
    Volume(u32),
    /// `.zip`: the last part, or the only one.
    Last,
}

/// The file name of one part, split into its components. The names of the other parts follow from it.
///
/// ```
/// use cdds_core::domain::archive::part_name::{PartName, PartPosition};
///
/// let part = PartName::parse("export-x.z12.smime").unwrap();
/// assert_eq!(
///     (part.stem.as_str(), part.position, part.sealed),
///     ("export-x", PartPosition::Volume(12), true)
/// );
/// assert_eq!(part.siblings(3), ["export-x.z01.smime", "export-x.z02.smime", "export-x.zip.smime"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PartName {
    /// The beginning that the names of all parts of the set share.
    pub stem: String,
    /// The position of the part.
    pub position: PartPosition,
    /// Whether the name ends in `.smime`.
    pub sealed: bool,
}

impl PartName {
    /// Parses a file name, without a path. Returns `None` if it is not the name of a part. Only the spelling
    /// of [`part_name`] is accepted, so that two names cannot mean the same part.
    pub fn parse(file_name: &str) -> Option<Self> {
        let (plain, sealed) = match file_name.strip_suffix(SEALED_SUFFIX) {
            Some(plain) => (plain, true),
            None => (file_name, false),
        };
        let (stem, extension) = plain.rsplit_once('.')?;
        if stem.is_empty() {
            return None;
        }
        let position = match extension {
            "zip" => PartPosition::Last,
            _ => PartPosition::Volume(volume_number(extension.strip_prefix('z')?)?),
        };
        Some(Self { stem: stem.to_owned(), position, sealed })
    }

    /// Returns the name of the part at another position of the same set.
    #[must_use]
    pub fn at(&self, position: PartPosition) -> Self {
        Self { stem: self.stem.clone(), position, sealed: self.sealed }
    }

    /// Returns the file names of all `total` parts of the set, including this one, in reading order.
    pub fn siblings(&self, total: usize) -> Vec<String> {
        let suffix = if self.sealed { SEALED_SUFFIX } else { "" };
        (0..total).map(|index| part_name(&self.stem, index, total) + suffix).collect()
    }
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            PartPosition::Volume(number) => write!(f, "{}.z{number:02}", self.stem)?,
            PartPosition::Last => write!(f, "{}.zip", self.stem)?,
        }
        f.write_str(if self.sealed { SEALED_SUFFIX } else { "" })
    }
}

/// Parses `01` … `99`, `100` …: at least two digits, and no further leading zeros.
fn volume_number(digits: &str) -> Option<u32> {
    let canonical = digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits.len() == 2 || (digits.len() > 2 && !digits.starts_with('0')));
    let number = digits.parse().ok()?;
    (canonical && number > 0).then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a3_names_count_up_and_end_in_zip() {
        assert_eq!(part_name("e", 0, 1), "e.zip");
        let names: Vec<_> = (0..101).map(|index| part_name("e", index, 101)).collect();
        assert_eq!((names[0].as_str(), names[98].as_str()), ("e.z01", "e.z99"));
        assert_eq!((names[99].as_str(), names[100].as_str()), ("e.z100", "e.zip"));
    }

    #[test]
    fn a3_other_names_are_not_parts() {
        let others =
            ["e", "e.z1", "e.z00", "e.z001", "e.z+1", "e.zip.p7m", ".zip", "e.z", "e.manifest.json", ""];
        for name in others {
            assert_eq!(PartName::parse(name), None, "{name:?}");
        }
        assert_eq!(PartName::parse("e.z99999999999"), None);
    }

    proptest! {
        #[test]
        fn a3_a_name_read_back_is_the_same(stem in "[a-z.]{1,12}", index in 0usize..300, extra in 0usize..3, sealed: bool) {
            let total = index + 1 + extra;
            let name = part_name(&stem, index, total) + if sealed { ".smime" } else { "" };
            let part = PartName::parse(&name).unwrap();
            prop_assert_eq!(&part.stem, &stem);
            prop_assert_eq!(part.sealed, sealed);
            prop_assert_eq!(part.to_string(), name.clone());
            prop_assert_eq!(&part.siblings(total)[index], &name);
        }
    }
}
