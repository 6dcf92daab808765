//! Completion as shells do it: bash and fish really run, and ask the program.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::{Place, string, text};

/// Runs a shell that finds the program.
fn shell(place: &Place, program: &str, script: &str) -> Output {
    let folder = Path::new(env!("CARGO_BIN_EXE_cdds")).parent().unwrap().display().to_string();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
    let mut command = Command::new(program);
    command.args(["-c", script]).current_dir(place.root()).env("PATH", path).env("HOME", place.root());
    let output = command.env_remove("CDDS_CONFIG").env_remove("CDDS_OUTPUT").output();
    let output = output.unwrap_or_else(|error| panic!("{program} has to be installed: {error}"));
    assert_eq!(text(&output.stderr), "", "{script}");
    output
}

/// Returns what bash offers for the last of these words.
fn in_bash(place: &Place, words: &[&str]) -> Vec<String> {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let last = words.len() - 1;
    let script = format!(
        "source <(cdds completions bash); COMP_WORDS=({}); COMP_CWORD={last}; COMP_TYPE=9; \
         _clap_complete_cdds cdds {} x; for word in \"${{COMPREPLY[@]}}\"; do printf '%s\\n' \"$word\"; done",
        quoted.join(" "),
        quoted[last]
    );
    let offered = text(&shell(place, "bash", &script).stdout);
    // Where an option may be typed as well, it is offered, too.
    let words = offered.lines().filter(|word| !word.starts_with("--") || words[last].starts_with('-'));
    words.map(str::to_owned).collect()
}

/// Returns what fish offers at the end of a line, with the meanings.
fn in_fish(place: &Place, line: &str) -> Vec<String> {
    let script = format!("cdds completions fish | source; complete -C '{line}'");
    text(&shell(place, "fish", &script).stdout).lines().map(str::to_owned).collect()
}

#[test]
fn shells_complete_commands_options_and_what_there_is() {
    let place = Place::with_interactions(30);
    place.recipient("ops");
    let job = place.plaintext_job(&["--title", "Voice of the week"]);
    place.json(&["run", "--until-idle"]);
    let execution = string(&place.json(&["history", "list"])[0]["id"]);
    let artifact = string(&place.json(&["artifact", "list"])[0]["id"]);
    let bash = |words: &[&str]| in_bash(&place, &[&["cdds"], words].concat());

    assert!(bash(&["hist"]).contains(&"history".to_owned()));
    assert!(bash(&["job", "create", "--dry"]).contains(&"--dry-run".to_owned()));
    assert!(bash(&["history", "list", "--status", "fin"]).contains(&"finished".to_owned()));
    assert_eq!(bash(&["job", "show", ""]), [job.as_str(), "Voice\\ of\\ the\\ week"]);
    assert_eq!(bash(&["job", "show", &job[..5]]), [job.as_str()]);
    assert_eq!(bash(&["job", "show", "Voice\\ o"]), ["Voice\\ of\\ the\\ week"]);
    assert_eq!(bash(&["history", "list", "--job", "Vo"]), ["Voice\\ of\\ the\\ week"]);
    assert_eq!(bash(&["history", "show", &execution[..4]]), [execution.as_str()]);
    assert_eq!(bash(&["artifact", "download", "--to", "x", ""]), [artifact.as_str()]);
    assert_eq!(bash(&["job", "create", "--recipient", "o"]), ["ops"]);
    assert_eq!(bash(&["job", "create", "--source", "c"]), ["contact-history"]);
    assert_eq!(
        bash(&["job", "create", "--source", "contact-history", "--type", "interaction,n"]),
        ["interaction,note"]
    );
    assert_eq!(bash(&["job", "create", "--source", "events", "--type", ""]), ["event"]);
    assert_eq!(bash(&["job", "list", "--columns", "title,next_"]), ["title,next_starts"]);
    assert!(bash(&["history", "list", "--sort", "s"]).contains(&"slot".to_owned()));
    assert_eq!(bash(&["job", "show", "no such"]), Vec::<String>::new());
    // Another owner has no jobs, and another folder another configuration.
    assert_eq!(bash(&["--owner", "acme", "job", "show", ""]), Vec::<String>::new());
    std::fs::create_dir(place.path("below")).unwrap();
    assert_eq!(bash(&["--config", "none.toml", "job", "show", ""]), Vec::<String>::new());

    let fish = |line: &str| in_fish(&place, line);
    assert!(fish("cdds job show ").contains(&format!("{job}\tVoice of the week")));
    assert!(
        fish("cdds history show ")[0].starts_with(&format!("{execution}\tVoice of the week, finished, "))
    );
    assert_eq!(fish("cdds recipient remove o"), ["ops"]);
}

#[test]
fn completing_leaves_no_trace_and_says_nothing_of_what_fails() {
    let place = Place::new();
    let listed = || place.program("sh", &["-c", "find . | sort"], &[]);
    for name in ["cdds.db", "artifacts/.cdds-store"] {
        std::fs::remove_file(place.path(name)).unwrap();
    }
    std::fs::remove_dir(place.path("artifacts")).unwrap();
    let before = listed();
    for words in [["job", "show", ""], ["recipient", "remove", ""], ["workers", "show", ""]] {
        assert_eq!(in_bash(&place, &[&["cdds"], &words[..]].concat()), Vec::<String>::new(), "{words:?}");
    }
    assert_eq!(listed(), before, "no catalog is created");
    for (name, text) in [("cdds.db", "not a database at all, but text"), ("cdds.toml", "[catalog")] {
        std::fs::write(place.path(name), text).unwrap();
        assert_eq!(in_bash(&place, &["cdds", "job", "show", ""]), Vec::<String>::new(), "{name}");
        assert!(in_bash(&place, &["cdds", "job", "sho"]).contains(&"show".to_owned()), "{name}");
    }
    // The variable of another program is no question.
    let output = place.cdds(&["--version"]).env("COMPLETE", "bash").output().unwrap();
    assert!(text(&output.stdout).starts_with("cdds "));
    let output = place.cdds(&["--", "cdds", ""]).env("CDDS_COMPLETE", "no-shell").output().unwrap();
    assert_eq!((text(&output.stdout), text(&output.stderr)), (String::new(), String::new()));
    assert!(!output.status.success());
}
