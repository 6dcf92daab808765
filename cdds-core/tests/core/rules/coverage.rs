//! Every rule of `RULES.md` has a test that carries its number, and no test carries an unknown number.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use cdds_core::testing::sim::Invariant;

#[test]
fn every_rule_has_a_test_and_every_number_in_a_test_is_one_of_a_rule() {
    let core = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules = written(&fs::read_to_string(core.join("RULES.md")).unwrap());
    let mut tests = BTreeMap::new();
    collect(&core.join(".."), &mut tests);
    let untested: Vec<&String> = rules.iter().filter(|rule| !tests.contains_key(*rule)).collect();
    assert!(untested.is_empty(), "rules without a test: {untested:?}");
    // The simulation has a planted bug for each of these.
    let invariants: BTreeSet<String> =
        Invariant::ALL.into_iter().map(|invariant| format!("{invariant:?}").to_lowercase()).collect();
    tests.retain(|number, _| !rules.contains(number) && !invariants.contains(number));
    assert!(tests.is_empty(), "tests of rules that RULES.md does not have: {tests:?}");
}

#[test]
fn numbers_are_read_out_of_rules_and_tests() {
    let text = "## W. Windows\n\n- **W3** A rolling\n- **W3a** An occurrence, see **W9**\n  - **W8** below\n- other\n";
    assert_eq!(written(text), ["w3", "w3a"].map(str::to_owned).into());
    let source = "#[test]\nfn w3_w3a_holds() {}\nfn w7_is_no_test() {}\n    #[test]\n    #[cfg(unix)]\n    fn a10_modes() {}\n\
                  #[test]\nfn i1_to_i12_hold() {}\n#[test]\nfn s_and_t() {}\n#[test]\nasync fn e5_waits() {}\n";
    let found: Vec<String> = named(source).into_iter().map(|(number, _)| number).collect();
    assert_eq!(found, ["w3", "w3a", "a10", "i1", "e5"]);
}

/// Returns the numbers of the rules in a text: `- **W3a** …` at the beginning of a line.
fn written(text: &str) -> BTreeSet<String> {
    let numbers = text.lines().filter_map(|line| line.strip_prefix("- **")?.split_once("**"));
    numbers.map(|(number, _)| number.to_lowercase()).filter(|number| is_number(number)).collect()
}

/// Collects the numbers in the names of tests in the Rust files under `folder`, each with one of its tests.
fn collect(folder: &Path, tests: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            collect(&path, tests);
        } else if name.ends_with(".rs") {
            tests.extend(named(&fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Returns the numbers in the names of functions that are marked as tests: `fn j7_j14_…` proves J7 and J14.
fn named(source: &str) -> Vec<(String, String)> {
    let mut numbers = Vec::new();
    let mut marked = false;
    for line in source.lines().map(str::trim) {
        marked |= line == "#[test]";
        let Some(name) = line.trim_start_matches("async ").strip_prefix("fn ") else { continue };
        if std::mem::take(&mut marked) {
            let name = name.split('(').next().unwrap_or_default();
            let parts = name.split('_').take_while(|part| is_number(part));
            numbers.extend(parts.map(|part| (part.to_owned(), name.to_owned())));
        }
    }
    numbers
}

/// Whether this is a letter followed by digits and at most one more letter.
fn is_number(part: &str) -> bool {
    let Some(rest) = part.strip_prefix(|first: char| first.is_ascii_lowercase()) else { return false };
    let digits = rest.trim_end_matches(|last: char| last.is_ascii_lowercase());
    rest.len() - digits.len() <= 1 && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}
