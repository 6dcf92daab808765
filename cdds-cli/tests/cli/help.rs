//! The help texts of the commands.

use crate::pty::Terminal;
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
fn the_short_help_has_a_line_for_each_option_of_the_command() {
    let place = Place::new();
    let mut all = leaves(&place);
    all.extend(["", "job", "history", "artifact"].map(str::to_owned));
    for path in all {
        let words: Vec<&str> = path.split_whitespace().chain(["-h"]).collect();
        let ended = Terminal::start(&place, &words, 80, &[("NO_COLOR", "1")]).end();
        let short = text(&place.cdds(&words).env("COLUMNS", "80").output().unwrap().stdout);
        assert_eq!(ended.code, 0, "{path}");
        assert!(short.trim_end().ends_with("Global options: see `cdds --help`"), "{path}: {short}");
        assert!(!short.contains("--no-progress") && !short.contains("\nExamples:"), "{path}: {short}");
        let listed = short.lines().skip_while(|line| !line.ends_with(':') || line.starts_with("Usage"));
        for line in listed.filter(|line| line.starts_with(' ')) {
            let is_option = line.trim_start().starts_with(['-', '<', '[']);
            let is_command = line.starts_with("  ") && !line.starts_with("   ");
            assert!(is_option || is_command, "{path}: not a line of its own: {line:?} in\n{short}");
            assert!(line.chars().count() <= 80, "{path}: {line}");
        }
        let long = help(&place, &path.split_whitespace().collect::<Vec<_>>());
        assert!(long.contains("--no-progress") && long.len() > short.len(), "{path}");
    }
    let short = |words: &[&str]| text(&place.cdds(words).env("COLUMNS", "80").output().unwrap().stdout);
    insta::assert_snapshot!("cdds_short", short(&["-h"]));
    insta::assert_snapshot!("job_create_short", short(&["job", "create", "-h"]));
}

#[test]
fn manual_pages_are_written_into_a_folder_and_open_without_warnings() {
    let place = Place::new();
    let written = place.json(&["man", "--to", "man/man1"]);
    let pages = place.files("man/man1");
    assert_eq!(written["pages"].as_array().unwrap().len(), pages.len());
    for leaf in leaves(&place) {
        let page = format!("cdds-{}.1", leaf.replace(' ', "-"));
        assert!(pages.contains(&page), "{page} is not among {pages:?}");
    }
    assert!(pages.contains(&"cdds.1".to_owned()) && pages.contains(&"cdds-job.1".to_owned()));
    let modes = place.program("find", &["man/man1", "-printf", "%m\\n"], &[]);
    assert!(modes.lines().all(|mode| mode == "644" || mode == "755"), "others may read them: {modes}");
    for page in &pages {
        let path = format!("man/man1/{page}");
        let command = format!("groff -man -Tutf8 -ww -z {path} && groff -man -Tascii -ww -P-c {path}");
        let output =
            std::process::Command::new("sh").args(["-c", &command]).current_dir(place.root()).output();
        let output = output.unwrap();
        assert!(output.status.success(), "groff has to be installed: {}", text(&output.stderr));
        assert_eq!(text(&output.stderr), "", "{page}");
    }
    let shown = place.program("groff", &["-man", "-Tascii", "-P-cbou"], &["man/man1/cdds-decrypt.1"]);
    for expected in ["SYNOPSIS", "cdds decrypt --key FILE", "[--signer CERT]", "FILE...", "EXAMPLES"] {
        assert!(shown.contains(expected), "{expected} is not in {shown}");
    }
    assert_eq!(place.refused(&["man", "job", "--to", "elsewhere"]), (2, "usage".to_owned()));
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
    assert!(page.contains("\\fB\\-\\-title\\fR \\fITITLE\\fR"), "the synopsis names values: {page}");
    let output = place.cdds(&["man", "job", "creat"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        text(&output.stderr),
        "error: cdds job has no command creat, did you mean create?: see `cdds --help`\n"
    );
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.done(&["completions", shell]);
        assert!(script.contains("CDDS_COMPLETE") && script.contains("cdds"), "{shell}: {script}");
    }
}
