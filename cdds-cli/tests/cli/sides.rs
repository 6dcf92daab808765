//! The table of docs/API.md: each command, each operation of the API and each address of a page is in it, or a reason is.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::help::leaves;
use crate::support::Place;

const PAGE: &str = include_str!("../../../docs/API.md");
const DOCUMENT: &str = include_str!("../../../cdds-console/openapi.json");

/// A row of the table: what is done, and its commands, operations and pages.
fn rows() -> Vec<Vec<&'static str>> {
    let (_, table) = PAGE.split_once("\n|---|---|---|---|\n").unwrap();
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// Returns what a cell names as code.
fn named(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

fn assert_column(column: usize, known: &BTreeSet<String>) {
    let listed: BTreeSet<String> = rows().iter().flat_map(|row| named(row[column])).collect();
    let difference: Vec<_> = known.symmetric_difference(&listed).collect();
    assert!(difference.is_empty(), "only in the table of docs/API.md, or missing there: {difference:?}");
}

#[test]
fn every_row_has_three_sides_or_a_reason() {
    let rows = rows();
    assert!(rows.len() > 40, "{}", rows.len());
    for row in rows {
        assert_eq!(row.len(), 4, "{row:?}");
        for cell in &row[1..] {
            let is_reason = cell.split_whitespace().count() >= 3 && !cell.contains('`');
            let names = cell.split(", ").all(|name| name.starts_with('`') && name.ends_with('`'));
            assert!(is_reason || names, "{cell:?} in {row:?}");
        }
    }
}

#[test]
fn the_table_has_every_command() {
    assert_column(1, &leaves(&Place::new()).into_iter().collect());
}

#[test]
fn the_table_has_every_operation_of_the_api() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let mut known = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            known.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    assert_column(2, &known);
}

#[test]
fn the_table_has_every_address_of_a_page() {
    let mut known = BTreeSet::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../cdds-console/src"), &mut known);
    assert!(known.len() > 40, "{known:?}");
    assert_column(3, &known);
}

/// Reads the routes in the files of a folder; those of the API are in its document, and files of pages are no pages.
fn read(folder: &Path, known: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap();
        if name == "api" || name == "assets" {
            continue;
        }
        if path.is_dir() {
            read(&path, known);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for route in text.split(".route(").skip(1) {
            let route = route.trim_start();
            let (address, handlers) = route.strip_prefix('"').unwrap().split_once('"').unwrap();
            // Its handlers end where the line does, at which rustfmt puts the next route.
            let handlers = handlers.split(")\n").next().unwrap();
            for method in ["get", "post", "put", "patch", "delete"] {
                if handlers.contains(&format!(" {method}(")) || handlers.contains(&format!(".{method}(")) {
                    known.insert(format!("{} {address}", method.to_uppercase()));
                }
            }
        }
    }
}
