//! Values bound to a statement, and values read from a row.
//!
//! Nothing that comes from a request or a configuration's values is ever part of a statement's text, so that the
//! server's errors, which repeat the text, show none of it.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// A bound value, in the binary form of its type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Bound {
    /// `text`.
    Text(String),
    /// `text[]`.
    Texts(Vec<String>),
    /// `int8`.
    Integer(i64),
    /// `int8[]`.
    Integers(Vec<i64>),
    /// `timestamptz` or `timestamp`: microseconds since [`EPOCH_MICROS`].
    Micros(i64, Zoned),
    /// `date`: days since 2000-01-01.
    Days(i32),
}

/// Whether an instant's column has a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zoned {
    /// `timestamptz`.
    Yes,
    /// `timestamp`, which is read as UTC.
    No,
}

/// The microseconds from 1970 to PostgreSQL's epoch, 2000-01-01.
pub(super) const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// The microseconds of a day.
pub(super) const DAY_MICROS: i64 = 86_400_000_000;

impl Bound {
    /// Returns the type under which the value is bound.
    pub(super) fn sql_type(&self) -> Type {
        match self {
            Self::Text(_) => Type::TEXT,
            Self::Texts(_) => Type::TEXT_ARRAY,
            Self::Integer(_) => Type::INT8,
            Self::Integers(_) => Type::INT8_ARRAY,
            Self::Micros(_, Zoned::Yes) => Type::TIMESTAMPTZ,
            Self::Micros(_, Zoned::No) => Type::TIMESTAMP,
            Self::Days(_) => Type::DATE,
        }
    }
}

impl ToSql for Bound {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Text(text) => text.to_sql(ty, out),
            Self::Texts(texts) => texts.to_sql(ty, out),
            Self::Integer(number) => number.to_sql(ty, out),
            Self::Integers(numbers) => numbers.to_sql(ty, out),
            Self::Micros(micros, _) => {
                out.put_i64(*micros);
                Ok(IsNull::No)
            }
            Self::Days(days) => {
                out.put_i32(*days);
                Ok(IsNull::No)
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        // The type is always that of the value.
        true
    }

    to_sql_checked!();
}

/// The bytes of text. Text that is not UTF-8 is a matter of its record, not of the read.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextBytes<'a>(pub(super) &'a [u8]);

impl<'a> FromSql<'a> for TextBytes<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(ty: &Type) -> bool {
        [Type::TEXT, Type::JSON].contains(ty)
    }
}

/// An instant of PostgreSQL; `None` for the two infinities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Micros(pub(super) Option<i64>);

impl<'a> FromSql<'a> for Micros {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        if *ty == Type::DATE {
            let days = i32::from_be_bytes(raw.try_into()?);
            let is_finite = days != i32::MIN && days != i32::MAX;
            return Ok(Self(is_finite.then(|| i64::from(days).saturating_mul(DAY_MICROS))));
        }
        let micros = i64::from_be_bytes(raw.try_into()?);
        Ok(Self((micros != i64::MIN && micros != i64::MAX).then_some(micros)))
    }

    fn accepts(ty: &Type) -> bool {
        [Type::TIMESTAMPTZ, Type::TIMESTAMP, Type::DATE].contains(ty)
    }
}
