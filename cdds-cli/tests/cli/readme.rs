//! The README of the project, whose lines can be typed as they are, and the reference, which lists every key of
//! `cdds.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use tempfile::TempDir;

use super::support::{Place, text};

const README: &str = include_str!("../../../README.md");
const REFERENCE: &str = include_str!("../../CONFIGURATION.md");
/// The form of the configuration, from which the keys are read.
const FORM: &str = include_str!("../../src/config/file.rs");

/// Returns the part of the README under a heading.
fn section(heading: &str) -> &'static str {
    let (_, rest) = README.split_once(&format!("\n## {heading}\n")).unwrap();
    rest.split("\n## ").next().unwrap()
}

/// Returns the keys of the reference, each with its default as TOML if it has one.
fn reference() -> BTreeMap<&'static str, Option<&'static str>> {
    let rows = REFERENCE.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let (key, rest) = row.split_once("` | ").unwrap();
        let default = rest.split(" | ").nth(1).unwrap();
        (key, default.strip_prefix('`').and_then(|default| default.strip_suffix('`')))
    })
    .collect()
}

/// Collects the keys of a struct of the form, and those of the structs in it, as dotted paths.
fn collect(name: &str, prefix: &str, keys: &mut BTreeSet<String>) {
    let (_, body) = FORM.split_once(&format!("struct {name} {{\n")).unwrap();
    let fields = body.split("\n}").next().unwrap().lines();
    for field in fields.filter_map(|line| line.trim().strip_prefix("pub(super) ")) {
        let (key, kind) = field.trim_end_matches(',').split_once(": ").unwrap();
        let key = format!("{prefix}{}", key.trim_start_matches("r#"));
        let inner = kind.trim_start_matches("Option<").trim_start_matches("Vec<").trim_end_matches('>');
        if FORM.contains(&format!("struct {inner} {{")) {
            // A table that is one value inside another is a key of its own.
            if inner == "Category" {
                keys.insert(key.clone());
            }
            collect(inner, &format!("{key}."), keys);
        } else {
            keys.insert(key);
        }
    }
}

#[test]
fn the_reference_lists_every_key_of_the_configuration_and_no_other() {
    let mut keys = BTreeSet::new();
    collect("File", "", &mut keys);
    assert!(keys.contains("engine.lease") && keys.contains("source.type.category.values"), "{keys:?}");
    let listed: BTreeSet<String> = reference().into_keys().map(str::to_owned).collect();
    let difference: Vec<_> = keys.symmetric_difference(&listed).collect();
    assert!(difference.is_empty(), "only in CONFIGURATION.md or only in config/file.rs: {difference:?}");
}

#[test]
fn the_defaults_of_the_reference_are_those_that_init_writes_and_are_understood() {
    let place = Place::of(TempDir::new().unwrap());
    place.done(&["init"]);
    let written = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    let written: toml::Table = toml::from_str(&written).unwrap();
    let mut listed = String::new();
    for (key, default) in reference().into_iter().filter(|(key, _)| !key.starts_with("source.")) {
        let Some(default) = default else { continue };
        let line = format!("{key} = {default}\n");
        let value: toml::Table = toml::from_str(&line).unwrap();
        let (table, name) = key.split_once('.').unwrap();
        assert_eq!(value[table][name], written[table][name], "{key}");
        listed.push_str(&line);
    }
    let values = written.values().map(|table| table.as_table().unwrap().len()).sum::<usize>();
    assert_eq!(listed.lines().count(), values, "init writes each default: {listed}");
    std::fs::write(place.path("cdds.toml"), listed).unwrap();
    place.done(&["job", "list"]);
}

/// From an empty folder to the records, in a shell that stops at the first failure.
#[cfg(unix)]
#[test]
fn the_lines_of_the_readme_lead_from_an_empty_folder_to_the_records() {
    let blocks = section("Use the command line").split("```sh\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap());
    // The first installs the binary, which is here already.
    let lines: String = blocks.skip_while(|block| block.starts_with("cargo install")).collect();
    let folder = TempDir::new().unwrap();
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_cdds")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-eu", "-c", &lines]).current_dir(&folder);
    shell.env("PATH", format!("{}:{path}", binary.display()));
    let output = shell.env_remove("CDDS_CONFIG").env_remove("CDDS_OUTPUT").output().unwrap();
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{printed}{}", text(&output.stderr));
    for caller in ["Ada", "Grace", "Radia"] {
        assert!(printed.contains(&format!("\"caller\":\"{caller}\"}}\n")), "{printed}");
    }
}
