//! Queries of lists, as the parameters of pages and of the API say them. The command line has the same names.

pub(crate) mod jobs;

use cdds_core::ports::catalog::query::{Between, Slice, Sort};
use cdds_view::ProblemView;
use cdds_view::token::{self, ListColumn};

use crate::answers::{Answers, wrong};

/// The most rows of a page.
const LIMIT_MAX: u64 = 1_000;

/// The parameters that every list has.
pub(crate) const COMMON: [&str; 3] = ["sort", "limit", "next"];

/// Reads `sort=title` or `sort=title:desc`.
fn sort<C: ListColumn>(answers: &Answers, columns: &[C], default: Sort<C>) -> Result<Sort<C>, ProblemView> {
    let Some(text) = answers.one("sort") else { return Ok(default) };
    let (name, direction) = text.split_once(':').unwrap_or((text, "asc"));
    let column = columns.iter().copied().find(|column| column.name() == name);
    match (column, direction) {
        (Some(column), "asc" | "desc") => Ok(Sort { column, descending: direction == "desc" }),
        _ => {
            let names: Vec<_> = columns.iter().map(|column| column.name()).collect();
            let names = names.join(", ");
            Err(wrong(
                "sort",
                &format!("write one of {names}, with `:desc` behind it for the other direction"),
            ))
        }
    }
}

/// Reads how many rows a page has, and after which row it begins.
fn slice<C: ListColumn>(answers: &Answers, sort: Sort<C>, limit: u64) -> Result<Slice, ProblemView> {
    let limit = answers.number("limit", 1, LIMIT_MAX)?.unwrap_or(limit);
    let after = match answers.one("next") {
        None => None,
        Some(token) => Some(token::decode(sort, token).map_err(|error| wrong("next", &error.to_string()))?),
    };
    Ok(Slice { after, limit })
}

/// Reads `NAME_from` and `NAME_to`.
fn between(answers: &Answers, name: &str) -> Result<Between, ProblemView> {
    let end = |end| answers.instant(&format!("{name}_{end}"));
    Ok(Between { from: end("from")?, to: end("to")? })
}
