//! The look of tables: for programs and files, and for a person at a terminal.

use serde_json::json;

use crate::pty::Terminal;
use crate::support::{Place, id, string, text};

const LATER: &str = "2020-01-02T11:30:00Z";

/// Creates a job that has run, one that has failed, and one with wide letters.
fn place() -> Place {
    let place = Place::with_interactions(1_500);
    let job = |now: &str, title: &str, options: &[&str]| {
        let args = ["job", "create", "--title", title, "--source", "contact-history", "--plaintext"];
        string(&place.at(now, &[&args[..], options].concat())["id"])
    };
    let daily =
        ["--type", "interaction", "--timeframe", "rolling:1d", "--field", "contact_id", "--run", "daily"];
    job("2020-01-01T12:00:00Z", "Voice of the week", &[&daily[..], &["--at", "02:00"]].concat());
    place.run_at("2020-01-02T02:00:05Z");
    job("2020-01-02T03:00:00Z", "Payroll", &["--type", "interaction", "--run", "once"]);
    place.fail_at("2020-01-02T03:00:30Z");
    let hidden = job("2020-01-02T04:00:00Z", "日本語のタイトル", &["--type", "note", "--run", "hourly"]);
    place.at("2020-01-02T04:10:00Z", &["job", "suspend", &hidden]);
    place
}

/// Replaces ids, and everything else that differs from run to run, with text of the same width.
pub(crate) fn steady(printed: &str) -> String {
    let mut steady = String::new();
    let mut rest = printed;
    while let Some(c) = rest.chars().next() {
        // A line of a list begins with the beginning of an id.
        let begins = (steady.is_empty() || steady.ends_with('\n')) && is_short_id(rest);
        let length = if is_id(rest) {
            36
        } else if begins {
            8
        } else {
            c.len_utf8()
        };
        match length {
            36 => steady.push_str("00000000-0000-0000-0000-000000000000"),
            8 => steady.push_str("00000000"),
            _ => steady.push(c),
        }
        rest = &rest[length..];
    }
    steady.split('\n').map(|line| untimed(&unnamed(line))).collect::<Vec<_>>().join("\n")
}

/// Replaces what is left of an id in the name of a file that was shortened.
fn unnamed(line: &str) -> String {
    let Some((before, name)) = line.split_once("export-") else { return line.to_owned() };
    let (name, after) = name.split_once(".zip").unwrap_or((name, ""));
    let ending = if name.len() + after.len() < line.len() - before.len() - 7 { ".zip" } else { "" };
    let digits = name.chars().map(|c| if c.is_ascii_hexdigit() || c == '-' { '0' } else { c });
    match name.contains('…') {
        true => format!("{before}export-{}{ending}{after}", digits.collect::<String>()),
        false => line.to_owned(),
    }
}

/// Replaces how long something took: `49 ms`, `0.1 s`.
fn untimed(line: &str) -> String {
    for unit in [" ms  ", " s  "] {
        let Some(at) = line.find(unit) else { continue };
        let number = line[..at].trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        let start = number.trim_end_matches(' ').len();
        let end = at + unit.len() - 2;
        if number.len() < at {
            return format!("{}{:>width$}{}", &line[..start], "# ms", &line[end..], width = end - start);
        }
    }
    line.to_owned()
}

fn is_short_id(text: &str) -> bool {
    text.get(..10).is_some_and(|id| {
        id.ends_with("  ") && id[..8].chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
    })
}

fn is_id(text: &str) -> bool {
    text.get(..36).is_some_and(|id| {
        id.char_indices().all(|(at, c)| match at {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_hexdigit(),
        })
    })
}

/// Returns the screen of a terminal of this width.
fn on_terminal(place: &Place, columns: u16, args: &[&str]) -> String {
    let ended = Terminal::start(place, &[args, &["--now", LATER]].concat(), columns, &[]).end();
    assert_eq!(ended.code, 0, "{}", ended.screen);
    steady(&ended.screen)
}

#[test]
fn programs_get_a_row_a_line_with_exact_values() {
    let place = place();
    let printed = |list: &str| steady(&place.done(&[list, "list", "--now", LATER]));
    insta::assert_snapshot!("jobs", cells(&printed("job")));
    insta::assert_snapshot!("history", cells(&printed("history")));
    insta::assert_snapshot!("artifacts", cells(&printed("artifact")));
    let job = string(&place.json(&["job", "list", "--search", "voice"])[0]["id"]);
    assert!(
        place
            .done(&["job", "show", &job, "--now", LATER])
            .contains("next starts           2020-01-03T02:00:00Z\n")
    );
}

/// Returns the cells by column, without what differs from run to run: instants to the microsecond, and
/// durations.
fn cells(printed: &str) -> String {
    let told = |cell: &str| match cell {
        _ if cell.starts_with("2020-") && cell.contains('.') => "(instant)".to_owned(),
        _ if cell.starts_with("the beginning to 2020-") && cell.contains('.') => "(window)".to_owned(),
        _ if cell.split_once('.').is_some_and(|(_, millis)| millis.len() == 3)
            && cell.parse::<f64>().is_ok() =>
        {
            "(seconds)".to_owned()
        }
        _ => cell.to_owned(),
    };
    let row = |line: &str| {
        let cells = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
        cells.map(told).collect::<Vec<_>>().join(" | ")
    };
    printed.lines().map(row).collect::<Vec<_>>().join("\n")
}

#[test]
fn people_read_tables_as_wide_as_their_terminal() {
    let place = place();
    for list in ["job", "history", "artifact"] {
        let mut screens = String::new();
        for columns in [60, 80, 120, 200] {
            let shown = on_terminal(&place, columns, &[list, "list"]);
            let (table, remarks): (Vec<&str>, Vec<&str>) =
                shown.lines().partition(|line| !line.starts_with("not shown: "));
            let rows = place.json(&[list, "list", "--now", LATER]).as_array().unwrap().len();
            assert_eq!(table.len(), rows + 1, "a line a row: {shown}");
            let widest = table.iter().map(|line| unicode_width::UnicodeWidthStr::width(*line)).max().unwrap();
            assert!(widest <= usize::from(columns), "{columns}: {shown}");
            assert!(columns > 60 || !remarks.is_empty(), "what is left out is named: {shown}");
            let named = table.iter().filter(|line| line.starts_with("00000000  "));
            assert_eq!(named.count(), rows, "the beginning of each id: {shown}");
            screens.push_str(&format!("{columns}\n{shown}\n"));
        }
        insta::assert_snapshot!(format!("{list}_at_widths"), screens.replace("\r", ""));
    }
    let job = string(&place.json(&["job", "list", "--search", "voice"])[0]["id"]);
    let shown = on_terminal(&place, 80, &["job", "show", &job]);
    assert!(shown.contains("2020-01-03T02:00:00Z (in 14 h)"), "{shown}");
    let history = on_terminal(&place, 200, &["history", "list"]);
    assert!(history.contains(" 9 h ago ") && history.contains(" 1,380 "), "{history}");
    let artifacts = on_terminal(&place, 200, &["artifact", "list"]);
    assert!(
        artifacts.contains(" KiB ") && artifacts.contains(" 30 ") && artifacts.contains(" no "),
        "{artifacts}"
    );
}

#[test]
fn statuses_are_coloured_where_a_person_sees_it() {
    let place = place();
    let raw = |args: &[&str], variables: &[(&str, &str)]| {
        Terminal::start(&place, &[&["history", "list"], args].concat(), 200, variables).end().raw
    };
    let shown = raw(&[], &[]);
    assert!(
        shown.contains("\u{1b}[32mfinished\u{1b}[0m") && shown.contains("\u{1b}[31mfailed\u{1b}[0m"),
        "{shown:?}"
    );
    for (args, variables) in [
        (&[][..], &[("NO_COLOR", "1")][..]),
        (&[], &[("TERM", "dumb")]),
        (&["--color", "never"], &[]),
        (&["--output", "json"], &[("CLICOLOR_FORCE", "1")]),
        (&["--output", "json", "--color", "always"], &[]),
    ] {
        assert!(!raw(args, variables).contains('\u{1b}'), "{args:?} {variables:?}");
    }
    assert!(raw(&[], &[("NO_COLOR", "")]).contains('\u{1b}'), "an empty NO_COLOR is none");
    assert!(!place.done(&["history", "list"]).contains('\u{1b}'));
    assert!(place.done(&["history", "list", "--color", "always"]).contains("\u{1b}[31mfailed"));
}

#[test]
fn titles_cannot_hide_characters_nor_turn_the_line_around() {
    let place = Place::with_interactions(3);
    place.plaintext_job(&["--title", "pay\u{200b}roll", "--description", "a\u{202e}b"]);
    for printed in [
        place.done(&["job", "list"]),
        place.done(&["history", "list"]),
        // The emulated screen drops the replacement character, so this compares the raw output.
        Terminal::start(&place, &["job", "list"], 200, &[]).end().raw,
    ] {
        assert!(printed.contains("pay\u{fffd}roll"), "{printed}");
        assert!(!printed.contains(['\u{200b}', '\u{202e}']), "{printed}");
    }
    let jobs = place.json(&["job", "list", "--search", "roll"]);
    assert!(place.done(&["job", "show", id(&jobs[0])]).contains("a\u{fffd}b\n"));
    assert_eq!(jobs[0]["title"], json!("pay\u{200b}roll"), "JSON is exact");
}

#[test]
fn an_empty_list_tells_the_way_forward() {
    let place = Place::with_interactions(3);
    for (list, yet, filtered) in [
        ("job", "cdds job create", "no job matches"),
        ("history", "cdds run", "no execution matches"),
        ("artifact", "cdds run", "no artifact matches"),
    ] {
        for (args, expected) in [(&[list, "list"][..], yet), (&[list, "list", "--type", "note"], filtered)] {
            let output = place.cdds(args).output().unwrap();
            assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), String::new()));
            assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
        }
        let quiet = place.cdds(&[list, "list", "-q"]).output().unwrap();
        assert_eq!((text(&quiet.stdout), text(&quiet.stderr)), (String::new(), String::new()));
        assert_eq!(place.json(&[list, "list"]), json!([]));
    }
}

#[test]
fn columns_are_chosen_and_rows_are_limited() {
    let place = place();
    let chosen = on_terminal(&place, 60, &["job", "list", "--columns", "title,Run,created"]);
    assert_eq!(
        chosen.lines().next().unwrap().split_whitespace().collect::<Vec<_>>(),
        ["TITLE", "RUN", "CREATED"]
    );
    assert!(!chosen.contains("not shown"), "{chosen}");
    let wide = on_terminal(&place, 60, &["job", "list", "--wide"]);
    assert!(wide.contains("CREATED") && !wide.contains("not shown"), "{wide}");
    assert!(wide.contains("00000000-0000-0000-0000-000000000000"), "{wide}");
    let (code, why) = place.refused(&["job", "list", "--columns", "title,nothing"]);
    assert_eq!((code, why.as_str()), (2, "usage"));

    let first = on_terminal(&place, 120, &["job", "list", "--limit", "2"]);
    assert!(first.contains("2 of 3 shown; for more: --limit N, or --cursor "), "{first}");
    let token = first.split("--cursor ").nth(1).unwrap().split_whitespace().collect::<String>();
    let rest = place.json(&["job", "list", "--cursor", &token]);
    assert_eq!(rest.as_array().unwrap().len(), 1, "{rest}");
    assert_eq!(rest[0]["title"], "Voice of the week");

    let page = place.json(&["job", "list", "--limit", "2", "--page"]);
    assert_eq!((page["items"].as_array().unwrap().len(), page["next"].as_str()), (2, Some(token.as_str())));
    let page = place.json(&["job", "list", "--limit", "2", "--page", "--cursor", &token]);
    assert_eq!((page["items"].as_array().unwrap().len(), &page["next"]), (1, &json!(null)));
    let page = place.json(&["job", "list", "--page", "--search", "no such title"]);
    assert_eq!(page, json!({"items": [], "next": null}));
    assert_eq!(place.refused(&["history", "list", "--cursor", &token]), (2, "usage".to_owned()));
    // A script gets all, however many there are.
    assert_eq!(place.json(&["job", "list"]).as_array().unwrap().len(), 3);
}

#[test]
fn ranges_of_time_are_typed_as_people_say_them() {
    let place = place();
    let count = |options: &[&str]| {
        let args = [&["job", "list", "--now", LATER], options].concat();
        place.json(&args).as_array().unwrap().len()
    };
    assert_eq!(count(&["--created-from", "8h"]), 1);
    assert_eq!(count(&["--created-from", "today"]), 2);
    assert_eq!(count(&["--created-to", "2020-01-02"]), 1);
    assert_eq!(count(&["--created-from", "yesterday", "--created-to", "today"]), 1);
    assert_eq!(count(&["--next-starts-to", "1d"]), 1);
    assert_eq!(place.refused(&["job", "list", "--created-from", "last week"]), (2, "usage".to_owned()));
}
