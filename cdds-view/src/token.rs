//! Page tokens: the place in a list as an opaque text.
//!
//! A token names the list, its order and the last row of a page by its sort key and its id: what the list
//! itself shows, and nothing of exported records. It holds only letters, digits, `-` and `_`, so it needs no
//! escaping in a URL. Clients send it back as it is; its inside may change with its version.
//!
//! It is not signed: the sort key of a token that somebody made up only selects another place in the same
//! list, whose rows the owner may see anyway.

use std::fmt::Debug;

use base64ct::{Base64UrlUnpadded, Encoding};
use cdds_core::ports::catalog::query::{
    ArtifactColumn, AuditColumn, Cursor, ExecutionColumn, JobColumn, NoticeColumn, Sort, SortKey,
    SubjectRequestColumn,
};
use serde::{Deserialize, Serialize};

/// The first character of every token of this version.
const VERSION: char = '1';

/// Longer texts are no tokens: the longest sort key is a title or a file name.
pub const CHARS_MAX: usize = 16_384;

/// A column by which a list is sorted; its type tells which list that is.
pub trait ListColumn: Copy + Debug + 'static + sealed::Sealed {
    /// The name of the list inside tokens.
    const LIST: &'static str;

    /// Returns the column's name.
    fn name(self) -> &'static str;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! list {
    ($column:ty, $list:literal) => {
        impl sealed::Sealed for $column {}

        impl ListColumn for $column {
            const LIST: &'static str = $list;

            fn name(self) -> &'static str {
                self.as_str()
            }
        }
    };
}

list!(JobColumn, "jobs");
list!(ExecutionColumn, "executions");
list!(ArtifactColumn, "artifacts");
list!(AuditColumn, "audit");
list!(NoticeColumn, "notices");
list!(SubjectRequestColumn, "subject_requests");
list!(DeliveryColumn, "deliveries");
list!(CopyColumn, "copies");

/// The only order of the copies that may hold a person: those of the latest slots come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CopyColumn {
    /// For when the execution ran that made it.
    Slot,
}

impl CopyColumn {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Slot => "slot",
        }
    }
}

/// The only order of deliveries: those that were asked for last come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeliveryColumn {
    /// When it was asked for.
    CreatedAt,
}

impl DeliveryColumn {
    const fn as_str(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
        }
    }
}

/// A text that is not the token of a place in this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It is no token: it was cut, changed or made up.
    #[error(
        "this is not a page token: send the `next` of the last page unchanged, or begin at the first page"
    )]
    Malformed,
    /// Another version of this program made it.
    #[error("this page token is from another version of this program: begin at the first page")]
    Version,
    /// It belongs to another list.
    #[error("this page token belongs to another list: begin at the first page")]
    OtherList,
    /// It belongs to another order of the list.
    #[error(
        "this page token belongs to another order of the list: keep the order, or begin at the first page"
    )]
    OtherOrder,
}

/// The inside of a token.
#[derive(Serialize, Deserialize)]
struct Place<'a>(&'a str, &'a str, bool, Key, i64, String, u32);

#[derive(Serialize, Deserialize)]
enum Key {
    #[serde(rename = "n")]
    Number(i64),
    #[serde(rename = "t")]
    Text(String),
    #[serde(rename = "m")]
    Missing,
}

/// Returns the token of a place in a list of this order.
pub fn encode<C: ListColumn>(sort: Sort<C>, cursor: &Cursor) -> String {
    let key = match &cursor.key {
        SortKey::Number(number) => Key::Number(*number),
        SortKey::Text(text) => Key::Text(text.clone()),
        SortKey::Missing => Key::Missing,
    };
    let place =
        Place(C::LIST, sort.column.name(), sort.descending, key, cursor.at, cursor.id.clone(), cursor.part);
    // Texts and numbers always serialise.
    let inside = serde_json::to_vec(&place).unwrap_or_default();
    format!("{VERSION}{}", Base64UrlUnpadded::encode_string(&inside))
}

/// Returns the place that a token names, in a list of this order.
///
/// # Errors
/// [`TokenError`] for every text that [`encode`] did not return for the same list in the same order.
pub fn decode<C: ListColumn>(sort: Sort<C>, token: &str) -> Result<Cursor, TokenError> {
    let mut chars = token.chars();
    match chars.next() {
        Some(VERSION) if token.len() <= CHARS_MAX => {}
        Some(version) if version.is_ascii_alphanumeric() && version != VERSION => {
            return Err(TokenError::Version);
        }
        _ => return Err(TokenError::Malformed),
    }
    let inside = Base64UrlUnpadded::decode_vec(chars.as_str()).map_err(|_| TokenError::Malformed)?;
    let Place(list, column, descending, key, at, id, part) = read(&inside)?;
    if list != C::LIST {
        return Err(TokenError::OtherList);
    }
    if (column, descending) != (sort.column.name(), sort.descending) {
        return Err(TokenError::OtherOrder);
    }
    let key = match key {
        Key::Number(number) => SortKey::Number(number),
        Key::Text(text) => SortKey::Text(text),
        Key::Missing => SortKey::Missing,
    };
    Ok(Cursor { key, at, id, part })
}

fn read(inside: &[u8]) -> Result<Place<'_>, TokenError> {
    let place: Place<'_> = serde_json::from_slice(inside).map_err(|_| TokenError::Malformed)?;
    // One place has one token: another spelling of the same JSON was not made here.
    let again = serde_json::to_vec(&place).map_err(|_| TokenError::Malformed)?;
    if again == inside { Ok(place) } else { Err(TokenError::Malformed) }
}

#[cfg(test)]
mod tests;
