//! Lists on terminals of four widths: a line a row, nothing wider than the terminal, and what is left out is named.

use unicode_width::UnicodeWidthStr;

use crate::delivering::configure;
use crate::pty::Terminal;
use crate::support::{Place, id, string};
use crate::tables::steady;

/// When the lists are looked at.
const LATER: &str = "2020-01-03T12:00:00Z";

/// A place in which every list has rows.
fn place() -> Place {
    let place = Place::with_interactions(1_500);
    std::fs::create_dir(place.path("partner")).unwrap();
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    let keys = ("# [subjects]\n# key_file = \"subjects.keys\"", "[subjects]\nkey_file = \"subjects.keys\"");
    std::fs::write(place.path("cdds.toml"), config.replace(keys.0, keys.1)).unwrap();
    configure(
        &place,
        "[[destination]]\nid = \"partner-of-the-north\"\nurl = \"file:partner\"\n\n[[webhook]]\nid = \"ops\"\n\
         url = \"http://127.0.0.1:9/hook\"\nallow_private = true\nallow_http = true\nsecret_file = \"hook.secret\"\n",
    );
    std::fs::write(
        place.path("events-1.jsonl"),
        "{\"at\":\"2020-01-01T00:00:00Z\",\"caller\":{\"phone\":\"+49 30 1815\"},\"seconds\":12.5,\"tags\":[\"a\"]}\n",
    )
    .unwrap();
    std::fs::write(place.path("hook.secret"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    place.sqlite("update interactions set note = 'Asked for a call back on ' || seconds");
    place.done(&["subject", "key", "2020"]);
    place
}

/// Fills it. What is sent to the webhook fails, and is tried again later.
fn filled() -> Place {
    let place = place();
    place.recipient("ops");
    let run = |args: &[&str]| {
        let output = place.cdds(args).output().unwrap();
        assert!(output.status.code().is_some_and(|code| code <= 1), "{output:?}");
    };
    let zoned =
        ["--run", "daily", "--at", "02:30", "--time-zone", "Europe/Berlin", "--timeframe", "rolling:1d"];
    let sent =
        ["--destination", "partner-of-the-north", "--notify", "webhook:ops", "--title", "Voice of the week"];
    let create = ["job", "create", "--source", "contact-history", "--type", "interaction", "--plaintext"];
    run(&[&create[..], &zoned, &sent, &["--now", "2020-01-01T12:00:00Z"]].concat());
    run(&["run", "--until-idle", "--now", "2020-01-02T02:00:00Z"]);
    run(&[
        "subject",
        "create",
        "--identifier",
        "email=ada@example.org",
        "--kind",
        "erasure",
        "--now",
        "2020-01-02T09:00:00Z",
    ]);
    run(&["token", "create", "--role", "viewer", "--name", "monthly reports of the north"]);
    place
}

/// Returns the screen, and the lines of the table and of the remarks.
fn screen(place: &Place, columns: u16, args: &[&str]) -> (String, Vec<String>) {
    let ended = Terminal::start(place, &[args, &["--now", LATER]].concat(), columns, &[]).end();
    assert_eq!(ended.code, 0, "{args:?}: {}", ended.screen);
    let shown = steady(&ended.screen).replace('\r', "");
    let is_remark = |line: &&str| {
        ["not shown: ", "going: ", "note: ", "of ", "1 set ", "no set", "warning"]
            .iter()
            .any(|begin| line.starts_with(begin))
    };
    let table = shown.lines().filter(|line| !is_remark(line)).map(str::to_owned).collect();
    (shown, table)
}

/// Checks a list at each width, and returns the screens.
fn at_widths(place: &Place, args: &[&str]) -> String {
    let rows = |args: &[&str]| {
        let args = [args, &["--now", LATER, "--output", "json"]].concat();
        let output = place.cdds(&args).output().unwrap();
        let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        printed.as_array().unwrap().len()
    };
    let (rows, mut screens) = (rows(args), String::new());
    assert!(rows > 0, "{args:?} shows nothing");
    let mut headings = 0;
    for columns in [60, 80, 120, 200] {
        let (shown, table) = screen(place, columns, args);
        // Where even the columns that matter do not fit, each row has a second line.
        let lines = if table.len() == 2 * (rows + 1) { 2 } else { 1 };
        assert_eq!(table.len(), lines * (rows + 1), "{args:?}: as many lines for each row: {shown}");
        assert!(lines == 1 || table[1].starts_with("  "), "{args:?}: {shown}");
        let widest = table.iter().map(|line| line.width()).max().unwrap();
        assert!(widest <= usize::from(columns), "{args:?} at {columns}: {shown}");
        let named: usize =
            table[..lines].iter().map(|line| line.split("  ").filter(|one| !one.is_empty()).count()).sum();
        if lines == 1 {
            assert!(named >= headings, "{args:?}: a wider terminal shows no less: {shown}");
            headings = named;
        }
        screens.push_str(&format!("{columns}\n{shown}\n"));
    }
    let (wide, _) = screen(place, 60, &[args, &["--wide"]].concat());
    assert!(!wide.contains("not shown: "), "{wide}");
    screens
}

#[test]
fn every_list_fits_the_terminal_and_names_what_it_leaves_out() {
    let place = filled();
    for (name, args) in [
        ("source_fields", &["source", "fields", "contact-history"][..]),
        ("event_fields", &["source", "fields", "events"]),
        ("zoned_history", &["history", "list"]),
    ] {
        insta::assert_snapshot!(name, at_widths(&place, args));
    }
    // These hold names, ids and sizes that differ from machine to machine.
    for args in [
        &["audit"][..],
        &["notice", "list"],
        &["workers", "list"],
        &["recipient", "list"],
        &["token", "list"],
        &["destination", "list"],
        &["subject", "list"],
        &["retention", "preview", "--until", "60d"],
    ] {
        let shown = at_widths(&place, args);
        assert!(shown.contains("60\n"), "{shown}");
    }
}

#[test]
fn what_is_found_of_a_person_fits_the_terminal() {
    let place = crate::erasing::shop();
    for (of_type, title) in [("call", "Calls of the day before, for the partner"), ("customer", "Customers")]
    {
        let create =
            ["job", "create", "--source", "shop", "--type", of_type, "--run", "once", "--title", title];
        place.done(&[&create[..], &["--timeframe", "all", "--plaintext", "--now", LATER]].concat());
    }
    place.done(&["run", "--until-idle", "--no-progress", "--now", LATER]);
    let id = crate::erasing::approved(&place, &["--source", "shop"]);
    // They go on record, at an instant that is far from now: a terminal asks about that.
    for args in [&["subject", "copies", &id, "--all", "-y"][..], &["subject", "preview", &id, "-y"]] {
        let shown = at_widths(&place, args);
        assert!(shown.contains("call"), "{shown}");
    }
}

#[test]
fn one_thing_goes_on_under_its_values() {
    let place = filled();
    let request = string(&place.json(&["subject", "list"])[0]["id"]);
    let history = place.json(&["history", "list"]);
    let worker = string(&place.json(&["workers"])[0]["id"]);
    for args in [
        &["subject", "show", request.as_str()][..],
        &["history", "show", id(&history[0])],
        &["workers", "show", &worker],
        &["destination", "show", "partner-of-the-north"],
    ] {
        for columns in [60, 80, 120, 200] {
            let (shown, lines) = screen(&place, columns, args);
            // Behind the name of the first line and its blanks.
            let first = lines[0].find("  ").unwrap();
            let values = first + lines[0][first..].len() - lines[0][first..].trim_start().len();
            for line in lines.iter().filter(|line| line.width() > usize::from(columns)) {
                // A word that is to be copied is not broken.
                let value: String = line.chars().skip(values).collect();
                assert!(!value.contains(' '), "{args:?} at {columns}: {shown}");
            }
            let hanging = lines.iter().filter(|line| line.starts_with(' '));
            let indents: std::collections::BTreeSet<usize> =
                hanging.map(|line| line.len() - line.trim_start().len()).collect();
            assert!(indents.len() <= 1, "{args:?} at {columns}: values begin in one column: {shown}");
        }
    }
}
