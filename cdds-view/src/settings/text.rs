//! Values that may be a text or a number.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text, or a whole number that stands for its digits: `"tue"` and `31` as a day, `"64KiB"` and `1024` as a
/// size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged, expecting = "a text or a whole number")]
pub enum TextOrNumber {
    /// A whole number.
    Number(u64),
    /// A text.
    Text(String),
}

impl fmt::Display for TextOrNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}
