//! Queries of lists, as the parameters of pages and of the API say them. The command line has the same names.

pub(crate) mod artifacts;
pub(crate) mod audit;
pub(crate) mod deliveries;
pub(crate) mod executions;
pub(crate) mod jobs;
pub(crate) mod notices;
pub(crate) mod subjects;

use std::str::FromStr;

use cdds_core::ports::catalog::query::{Between, Slice, Sort};
use cdds_view::ProblemView;
use cdds_view::settings::parse_bytes;
use cdds_view::token::{self, ListColumn};

use crate::answers::{Answers, wrong};

/// The most rows of a page.
pub(crate) const LIMIT_MAX: u64 = 1_000;

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

/// Reads an id.
fn id<T: FromStr>(answers: &Answers, name: &str) -> Result<Option<T>, ProblemView> {
    let Some(text) = answers.one(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| wrong(name, "write an id as lists show it, such as 8f14e45f-…"))
}

/// Reads a size: bytes, or a number with a unit.
fn bytes(answers: &Answers, name: &str) -> Result<Option<u64>, ProblemView> {
    let Some(text) = answers.one(name) else { return Ok(None) };
    let refusal = || wrong(name, "write a number of bytes, or a unit: 64KiB, 100MiB, 1GiB");
    parse_bytes(text).map(Some).ok_or_else(refusal)
}

/// Reads `true` or `false`.
fn yes_or_no(answers: &Answers, name: &str) -> Result<Option<bool>, ProblemView> {
    answers.word(name, &["true", "false"], |word| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_of_a_list_are_those_that_it_reads() {
        let read = |parameters: &[&str], value: &str, query: &dyn Fn(&Answers) -> Result<(), ProblemView>| {
            for name in parameters {
                let answers = Answers::default().with(name, value);
                assert!(query(&answers).is_err(), "{name} is not read");
            }
        };
        let free = ["search", "object"];
        let bound = |parameters: &[&'static str]| -> Vec<&str> {
            parameters.iter().filter(|name| !free.contains(name)).copied().collect()
        };
        // A blank is part of no name, no number and no instant.
        read(&bound(&executions::PARAMETERS), " ", &|answers| executions::query(answers, 1).map(drop));
        read(&bound(&artifacts::PARAMETERS), " ", &|answers| artifacts::query(answers, 1).map(drop));
        read(&bound(&notices::PARAMETERS), " ", &|answers| notices::query(answers, 1).map(drop));
        read(&bound(&subjects::PARAMETERS), " ", &|answers| subjects::query(answers, 1).map(drop));
        read(&bound(&audit::PARAMETERS), " ", &|answers| audit::query(answers, 1).map(drop));
    }

    #[test]
    fn ids_sizes_and_days_are_read_as_people_write_them() {
        let answers = Answers::parse(
            b"execution=00000000-0000-0000-0000-00000000000A&size_min=64KiB&on_hold=false&created_from=2026-11-26",
        );
        let query = artifacts::query(&answers, 7).unwrap();
        assert_eq!(query.execution.unwrap().to_string(), "00000000-0000-0000-0000-00000000000a");
        assert_eq!((query.bytes_min, query.hold, query.slice.limit), (Some(65_536), Some(false), 7));
        assert_eq!(query.created.from, Some("2026-11-26T00:00:00Z".parse().unwrap()));
        let object = Answers::parse(b"object=00000000-0000-0000-0000-00000000000A");
        let object = audit::query(&object, 7).unwrap().object.unwrap();
        assert_eq!(object, "00000000-0000-0000-0000-00000000000a");
    }
}
