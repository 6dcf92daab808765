//! Values whose form, not meaning, is checked while the command line is read.

use cdds_core::domain::execution::Status;
use cdds_core::ports::catalog::query::{ArtifactColumn, ExecutionColumn, JobColumn, Sort};
use chrono::{DateTime, Utc};

/// An RFC 3339 instant, in UTC from here on.
pub(super) fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|instant| instant.to_utc())
        .map_err(|_| "write an instant like 2026-01-31T02:00:00Z".to_owned())
}

/// A number of MB (= 2^20 bytes, rule A4), or a number with a unit: `1024`, `64KiB`, `100 MB`, `1GiB`.
/// Units are powers of two, however they are spelled. What exceeds 64 bits is as large as can be and left
/// for the rule to refuse.
pub(super) fn split_bytes(text: &str) -> Result<u64, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "kib" | "kb" => 10,
        "" | "mib" | "mb" => 20,
        "gib" | "gb" => 30,
        _ => return Err("write whole MB like 1024, or a unit: 64KiB, 100MiB, 1GiB".to_owned()),
    };
    if number.is_empty() {
        return Err("write a number first, like 1024 or 64KiB".to_owned());
    }
    Ok(number.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(1 << shift))
}

/// The status of an execution.
pub(super) fn status(text: &str) -> Result<Status, String> {
    Status::parse(text).ok_or_else(|| {
        let known: Vec<&str> = Status::ALL.iter().map(|status| status.as_str()).collect();
        format!("choose out of {}", known.join(", "))
    })
}

pub(super) fn job_sort(text: &str) -> Result<Sort<JobColumn>, String> {
    sort(text, JobColumn::ALL, JobColumn::as_str)
}

pub(super) fn history_sort(text: &str) -> Result<Sort<ExecutionColumn>, String> {
    sort(text, ExecutionColumn::ALL, ExecutionColumn::as_str)
}

pub(super) fn artifact_sort(text: &str) -> Result<Sort<ArtifactColumn>, String> {
    sort(text, ArtifactColumn::ALL, ArtifactColumn::as_str)
}

/// `COL`, `COL:asc` or `COL:desc`.
fn sort<C: Copy>(text: &str, columns: &[C], name: fn(C) -> &'static str) -> Result<Sort<C>, String> {
    let (column, direction) = text.split_once(':').unwrap_or((text, "asc"));
    let descending = match direction {
        "asc" => false,
        "desc" => true,
        _ => return Err(format!("{direction:?} is not a direction: write asc or desc")),
    };
    match columns.iter().find(|known| name(**known) == column) {
        Some(column) => Ok(Sort { column: *column, descending }),
        None => {
            let known: Vec<&str> = columns.iter().map(|column| name(*column)).collect();
            Err(format!("{column:?} is not a column: choose out of {}", known.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a4_split_sizes_are_whole_mb_or_carry_a_unit() {
        for (text, bytes) in [
            ("1024", 1 << 30),
            ("1", 1 << 20),
            ("64KiB", 1 << 16),
            ("64 kb", 1 << 16),
            ("100MB", 100 << 20),
            ("1GiB", 1 << 30),
            ("99999999999999999999", u64::MAX),
        ] {
            assert_eq!(split_bytes(text), Ok(bytes), "{text}");
        }
        for bad in ["", "MB", "1.5GiB", "-1", "64K", "1TiB"] {
            assert!(split_bytes(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn sorting_names_a_column_and_a_direction() {
        assert_eq!(job_sort("title"), Ok(Sort { column: JobColumn::Title, descending: false }));
        assert_eq!(job_sort("title:desc"), Ok(Sort { column: JobColumn::Title, descending: true }));
        assert!(job_sort("titel").unwrap_err().contains("title"));
        assert!(job_sort("title:down").is_err());
    }
}
