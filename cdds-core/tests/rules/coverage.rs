//! Every rule has a test that carries its number.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The sections of the rules that this library decides itself, with how many each has.
const SECTIONS: [(char, u32); 5] = [('j', 15), ('f', 8), ('w', 8), ('e', 10), ('a', 9)];

#[test]
fn every_rule_has_a_test() {
    let mut tested = BTreeSet::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut tested);
    let rules =
        SECTIONS.into_iter().flat_map(|(section, count)| (1..=count).map(move |n| format!("{section}{n}")));
    let untested: Vec<String> = rules.filter(|rule| !tested.contains(rule)).collect();
    assert!(untested.is_empty(), "rules without a test: {untested:?}");
}

/// The rules that name tests in the Rust files under `folder`.
fn collect(folder: &Path, tested: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            collect(&path, tested);
        } else if name.ends_with(".rs") {
            tested.extend(rules_of(&fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The rules in the names of functions that are marked as tests: `fn j7_j14_…` proves J7 and J14.
fn rules_of(source: &str) -> Vec<String> {
    let mut rules = Vec::new();
    let mut marked = false;
    for line in source.lines().map(str::trim) {
        marked |= line == "#[test]";
        let Some(name) = line.strip_prefix("fn ") else { continue };
        if std::mem::take(&mut marked) {
            let parts = name.split('_').take_while(|part| is_rule(part));
            rules.extend(parts.map(str::to_owned));
        }
    }
    rules
}

fn is_rule(part: &str) -> bool {
    let mut chars = part.chars();
    let section = chars.next().is_some_and(|first| SECTIONS.iter().any(|(section, _)| *section == first));
    let number = chars.as_str();
    section && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}
