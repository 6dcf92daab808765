//! The help texts of the commands.

use crate::support::{Place, text};

fn help(place: &Place, command: &[&str]) -> String {
    let output = place.cdds(&[command, &["--help"]].concat()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{command:?}");
    text(&output.stdout)
}

/// Returns the commands that a help text lists, each with its description.
fn commands(help: &str) -> Vec<(String, String)> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    listed
        .take_while(|line| !line.is_empty())
        .map(|line| {
            let (name, words) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
            (name.to_owned(), words.trim().to_owned())
        })
        .filter(|(name, _)| name != "help")
        .collect()
}

/// Returns the commands below which there are no others.
pub(crate) fn leaves(place: &Place) -> Vec<String> {
    let (mut leaves, mut look_at) = (Vec::new(), vec![String::new()]);
    while let Some(path) = look_at.pop() {
        let below = commands(&help(place, &path.split_whitespace().collect::<Vec<_>>()));
        if below.is_empty() {
            leaves.push(path.trim_start().to_owned());
        }
        look_at.extend(below.into_iter().map(|(name, _)| format!("{path} {name}")));
    }
    leaves
}

#[test]
fn every_command_says_in_a_line_what_it_does() {
    let place = Place::new();
    let mut seen = 0;
    let mut look_at = vec![Vec::new()];
    while let Some(path) = look_at.pop() {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        for (name, words) in commands(&help(&place, &path)) {
            assert!(words.len() > 8 && words.starts_with(char::is_uppercase), "{path:?} {name}: {words:?}");
            seen += 1;
            look_at.push(path.iter().map(|name| (*name).to_owned()).chain([name]).collect());
        }
    }
    assert!(seen > 40, "{seen} commands");
}

#[test]
fn every_option_says_what_it_is_for() {
    let place = Place::new();
    for command in [
        &["job", "create"][..],
        &["job", "edit"],
        &["job", "list"],
        &["history", "list"],
        &["artifact", "list"],
        &["artifact", "delete"],
    ] {
        let help = help(&place, command);
        let (help, _examples) = help.split_once("Examples:").unwrap();
        let lines: Vec<&str> = help.lines().collect();
        for pair in lines.windows(2).filter(|pair| pair[0].trim().starts_with("--")) {
            assert!(!pair[1].trim().is_empty() && !pair[1].trim().starts_with('-'), "{command:?}: {pair:?}");
        }
    }
}

#[test]
fn the_options_of_a_job_are_grouped() {
    let place = Place::new();
    let headings = [
        "What is exported:",
        "Schedule, in UTC or the job's time zone:",
        "Archive:",
        "When things do not go to plan:",
        "Global options:",
    ];
    for command in [["job", "create"], ["job", "edit"], ["job", "clone"], ["history", "clone"]] {
        let help = help(&place, &command);
        let places: Vec<usize> = headings
            .iter()
            .map(|heading| help.find(heading).unwrap_or_else(|| panic!("{command:?} lacks {heading}")))
            .collect();
        assert!(places.is_sorted(), "{command:?}");
    }
    assert!(
        help(&place, &["job", "create"])
            .contains("[possible values: once, hourly, daily, weekly, monthly, cron]")
    );
}

/// Returns the description of a command and the examples in its help text.
fn examples(help: &str) -> String {
    let (said, examples) = help.split_once("\nExamples:\n").unwrap_or((help, ""));
    format!("{}\n{examples}", said.lines().next().unwrap_or_default())
}

#[test]
fn every_command_shows_examples() {
    let place = Place::new();
    let mut all = String::new();
    let mut look_at = vec![Vec::new()];
    while let Some(path) = look_at.pop() {
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        let shown = help(&place, &words);
        if !path.is_empty() {
            assert!(shown.contains("\nExamples:\n  cdds "), "{path:?} has no examples: {shown}");
            all.push_str(&format!("## cdds {}: {}\n", words.join(" "), examples(&shown)));
        }
        let below = commands(&shown).into_iter().rev();
        look_at.extend(below.map(|(name, _)| path.iter().cloned().chain([name]).collect::<Vec<String>>()));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn the_program_and_its_largest_command_say_this_of_themselves() {
    let place = Place::new();
    insta::assert_snapshot!("cdds", help(&place, &[]));
    insta::assert_snapshot!("job_create", help(&place, &["job", "create"]));
}

#[test]
fn a_group_without_a_command_prints_its_help_and_fails() {
    let place = Place::new();
    for group in ["job", "history", "artifact", "source", "recipient"] {
        let output = place.cdds(&[group]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{group}");
        let told = text(&output.stderr);
        assert!(told.contains("\nCommands:\n") && told.contains("\nExamples:\n"), "{told}");
        assert_eq!(text(&output.stdout), "");
        assert_eq!(place.refused(&[group]), (2, "usage".to_owned()));
    }
}

#[test]
fn colours_are_for_terminals_only_and_not_for_those_who_want_none() {
    let place = Place::new();
    let coloured = |prefix: &str, args: &str| {
        let command = format!("{prefix} {} {args}", env!("CARGO_BIN_EXE_cdds"));
        place.program("script", &["-qec", &command], &["/dev/null"]).contains('\u{1b}')
    };
    let failing = "frobnicate; true";
    assert!(coloured("TERM=xterm", "--help") && coloured("TERM=xterm", failing));
    assert!(!coloured("TERM=xterm NO_COLOR=1", "--help") && !coloured("TERM=xterm NO_COLOR=1", failing));
    assert!(!coloured("TERM=dumb CI=true", "--help") && !coloured("TERM=dumb CI=true", failing));
    assert!(
        coloured("TERM=dumb", "--help --color always") && !coloured("TERM=xterm", "--color=never --help")
    );
    let piped = place.cdds(&["--help"]).output().unwrap();
    assert!(!piped.stdout.contains(&0x1b));
    let piped = place.cdds(&["frobnicate"]).output().unwrap();
    assert!(!piped.stderr.contains(&0x1b));
}

#[test]
fn manual_pages_and_completions_know_every_command() {
    let place = Place::new();
    let page = place.done(&["man", "job", "create"]);
    assert!(page.contains(".TH cdds-job-create") && page.contains("\\-\\-dry\\-run"), "{page}");
    assert!(place.done(&["man"]).contains(".TH cdds 1"));
    let output = place.cdds(&["man", "job", "creat"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        text(&output.stderr),
        "error: cdds job has no command creat, did you mean create?: see `cdds --help`\n"
    );
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.done(&["completions", shell]);
        for word in ["backfill", "dry-run", "doctor"] {
            assert!(script.contains(word), "{shell} does not complete {word}");
        }
    }
}
