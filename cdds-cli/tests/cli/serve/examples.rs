//! The examples of docs/API.md, typed one after the other into one shell.

use std::process::Command;

use tempfile::TempDir;

use super::running::Running;
use crate::support::{Place, text};

const PAGE: &str = include_str!("../../../../docs/API.md");
/// What the shell prints behind the output of each example.
const BEHIND: &str = "=== behind an example ===";

/// Returns the examples, each with the output that the page shows behind it.
fn examples() -> Vec<(&'static str, &'static str)> {
    let blocks = PAGE.split("```sh\n").skip(1).map(|block| block.split_once("```\n").unwrap());
    let shown = |rest: &'static str| {
        let block = rest.strip_prefix("\n```text\n")?;
        Some(block.split_once("```\n")?.0)
    };
    blocks.map(|(lines, rest)| (lines, shown(rest).unwrap_or_default())).collect()
}

#[test]
fn the_examples_of_the_api_print_what_its_page_says() {
    let place = Place::of(TempDir::new().unwrap());
    place.done(&["demo", ".", "--records", "300"]);
    let token = place.done(&["token", "create", "--role", "administrator", "--name", "curl"]);
    let server = Running::start(&place, &[]);
    let examples = examples();
    assert!(examples.len() > 8, "{}", examples.len());
    let script: String = examples.iter().map(|(lines, _)| format!("{lines}echo '{BEHIND}'\n")).collect();
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .current_dir(place.root())
        .env("API", format!("{}api/v1", server.address))
        .env("TOKEN", token.trim_end())
        .output()
        .unwrap();
    let (printed, told) = (text(&output.stdout), text(&output.stderr));
    let behind = format!("{BEHIND}\n");
    let printed: Vec<&str> = printed.split_terminator(&behind).collect();
    for (number, (lines, shown)) in examples.iter().enumerate() {
        assert_eq!(printed.get(number), Some(shown), "{lines}\n{told}");
    }
    assert!(output.status.success() && told.is_empty(), "{told}");
}
