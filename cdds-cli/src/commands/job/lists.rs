//! Filters whose values are in a file: `id in @FILE`.
//!
//! The file is read once, when the job is created or edited, and the job stores its values: a later change of
//! the file changes no job.

use std::path::Path;

use cdds_core::domain::record::template::Filter;
use cdds_view::settings::{FilterForm, ListedFilter, typed_filter};

use crate::error::CliError;
use crate::input;

/// Parses a filter that was typed, or that is an item of a job file.
pub(super) fn typed(text: &str) -> Result<Filter, CliError> {
    match from_file(text)? {
        Some(listed) => Ok(Filter::one_of(listed.field, listed.values)?),
        None => Ok(typed_filter(text)?),
    }
}

/// Replaces a filter that names a file by one with the file's values.
pub(super) fn read_file(filter: &mut FilterForm) -> Result<(), CliError> {
    let FilterForm::Text(text) = &filter else { return Ok(()) };
    if let Some(listed) = from_file(text)? {
        *filter = FilterForm::Listed(listed);
    }
    Ok(())
}

fn from_file(text: &str) -> Result<Option<ListedFilter>, CliError> {
    let listed = Some(text).filter(|text| !text.starts_with('{')).and_then(Filter::listed);
    let Some((field, file)) =
        listed.and_then(|(field, values)| Some((field, values.trim().strip_prefix('@')?)))
    else {
        return Ok(None);
    };
    let values = values(Path::new(file))?;
    Ok(Some(ListedFilter { field: field.to_owned(), values }))
}

/// Returns the lines of a file that are not blank, without the spaces around them.
fn values(path: &Path) -> Result<Vec<String>, CliError> {
    let bytes = input::read(path).map_err(|error| CliError::file("read", path, &error))?;
    let text = input::text(&bytes)
        .ok_or_else(|| CliError::usage(format!("{} {}", path.display(), input::NO_TEXT)))?;
    let values: Vec<String> =
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if values.is_empty() {
        return Err(CliError::usage(format!(
            "{} has no values: write one on each line, or take the filter away",
            path.display()
        )));
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j4_a_file_has_a_value_on_each_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ids.txt");
        let text = format!("id in @{}", file.display());
        for contents in ["b\n\n a,c \n", "\u{FEFF}b\r\n\t\r\na,c\r\nb"] {
            std::fs::write(&file, contents).unwrap();
            assert_eq!(typed(&text).unwrap().values(), ["a,c", "b"], "{contents:?}");
        }
        for (contents, told) in [(&b"\n \n"[..], "has no values"), (b"\xff", "neither UTF-8")] {
            std::fs::write(&file, contents).unwrap();
            let error = typed(&text).unwrap_err();
            assert!(error.message().contains(told) && error.message().contains("ids.txt"), "{error:?}");
        }
        let error = typed("id in @nowhere.txt").unwrap_err();
        assert!(error.message().contains("nowhere.txt"), "{error:?}");
    }
}
