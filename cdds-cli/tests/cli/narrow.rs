//! Terminals of 60 columns: what matters in a row is there, if need be in a second line.

use crate::pty::Terminal;
use crate::support::{NOON, Place, id};

/// Returns the lines on a terminal of this width.
fn lines(place: &Place, columns: u16, args: &[&str]) -> Vec<String> {
    let ended = Terminal::start(place, args, columns, &[]).end();
    assert_eq!(ended.code, 0, "{args:?}: {}", ended.screen);
    ended.screen.lines().map(str::to_owned).collect()
}

#[test]
fn the_configuration_is_shown_with_its_values() {
    let place = Place::new();
    // It is longer than the screen.
    let shown = Terminal::start(&place, &["config", "show"], 60, &[]).end().raw.replace('\r', "");
    let shown: Vec<&str> = shown.lines().collect();
    let at = shown
        .iter()
        .position(|line| line.starts_with("source[contact-history].type[interaction].category.name"));
    let value = at.and_then(|at| shown.get(at + 1)).unwrap_or_else(|| panic!("{shown:?}"));
    assert_eq!(*value, "  \"media types\"", "{shown:?}");
    let reference = lines(&place, 60, &["config", "reference", "source.type"]);
    assert!(reference.iter().all(|line| line.chars().count() <= 60), "{reference:?}");
    let whole = reference.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
    let meaning = place.json(&["config", "reference", "source.type.granularity"]);
    assert!(whole.contains(meaning["meaning"].as_str().unwrap()), "{meaning}: {whole}");
}

#[test]
fn f8_what_comes_next_is_shown_with_its_windows() {
    let place = Place::with_interactions(3);
    let zoned =
        ["--run", "daily", "--at", "02:30", "--time-zone", "Europe/Berlin", "--timeframe", "rolling:1d"];
    let job = place.job_at(NOON, &zoned);
    let preview = ["job", "preview", id(&job), "-n", "2", "--now", NOON];
    insta::assert_snapshot!(lines(&place, 60, &preview).join("\n"), @r"
    SLOT
      WINDOW FROM           WINDOW TO             RECORDS
    2020-01-02T01:30:00Z (2020-01-02T02:30:00+01:00)
      2020-01-01T01:30:00Z  2020-01-02T01:30:00Z  unknown
    2020-01-03T01:30:00Z (2020-01-03T02:30:00+01:00)
      2020-01-02T01:30:00Z  2020-01-03T01:30:00Z  unknown
    ");
    let some = lines(&place, 60, &[&preview[..], &["--columns", "slot,records"]].concat());
    assert!(some[0].starts_with("SLOT") && some[0].ends_with("RECORDS"), "{some:?}");
    let wide = lines(&place, 60, &[&preview[..], &["--wide"]].concat());
    assert!(wide.iter().all(|line| !line.contains("not shown")), "{wide:?}");
    let create = ["job", "create", "--title", "D", "--source", "contact-history", "--type", "interaction"];
    let dry = [&create[..], &zoned, &["--plaintext", "--dry-run", "--now", NOON]].concat();
    let shown = lines(&place, 60, &dry);
    assert!(shown.iter().any(|line| line.starts_with("  WINDOW FROM")), "{shown:?}");
    assert!(shown[1..].iter().all(|line| line.chars().count() <= 60), "{shown:?}");
}
