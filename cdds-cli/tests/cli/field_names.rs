//! Fields that a job misspells are refused when it is submitted, as far as its source can know.

use crate::support::{NOON, Place, string, text};

/// Submits a job of a type with these options. Returns the exit code and what was said.
fn submitted(place: &Place, source: [&str; 2], options: &[&str]) -> (i32, String) {
    let job = ["job", "create", "--title", "T", "--source", source[0], "--type", source[1], "--plaintext"];
    let daily = ["--run", "daily", "--at", "02:00", "--timeframe", "all", "--now", NOON];
    let output = place.cdds(&[&job[..], &daily, options].concat()).output().unwrap();
    (output.status.code().unwrap(), text(&output.stderr))
}

#[test]
fn j4_a_misspelt_field_is_refused_with_the_nearest_name() {
    let place = Place::with_interactions(90);
    let events: String = (0..5).map(|n| format!("{{\"id\":{n},\"agent\":\"a\",\"note\":\"\"}}\n")).collect();
    std::fs::write(place.path("events-1.jsonl"), events).unwrap();
    let (table, lines) = (["contact-history", "interaction"], ["events", "event"]);
    for (source, options, told) in [
        (table, ["--filter", "media_typ=voice"], "there is no column \"media_typ\": choose from"),
        (table, ["--field", "contact_id,nte"], "there is no column \"nte\""),
        (
            ["contact-history", "note"],
            ["--field", "notes"],
            "type note has no field notes: did you mean note?",
        ),
        (lines, ["--filter", "agnt=a"], "has no field agnt, by 5 records of it: did you mean agent?"),
        (lines, ["--field", "something"], "choose from agent, id; if records are to come that have it"),
        (table, ["--filter", "seconds>=abc"], "the filter on seconds compares numbers with a text"),
        (lines, ["--filter", "id=x"], "write a number, like =60"),
        (table, ["--filter", "note="], "\"note\" has no value behind =: write one, like status=open"),
        (table, ["--filter", "note!="], "has no value behind !="),
    ] {
        let (code, said) = submitted(&place, source, &options);
        assert!(code == 3 && said.contains(told), "{options:?}: {code} {said}");
    }
    assert!(place.json(&["job", "list"]).as_array().unwrap().is_empty());
    for (source, options) in [
        (table, ["--filter", "seconds>=30"]),
        (table, ["--filter", "media_type=voice"]),
        (table, ["--filter", "seconds in 1,x"]),
        (lines, ["--field", "id"]),
        (lines, ["--filter", "agent>=3"]),
    ] {
        let (code, said) = submitted(&place, source, &options);
        assert_eq!(code, 0, "{options:?}: {said}");
    }

    let job = string(&place.json(&["job", "list"])[0]["id"]);
    assert_eq!(place.refused(&["job", "edit", &job, "--filter", "agnt=a"]), (3, "unknown_field".to_owned()));
    assert_eq!(place.refused(&["job", "clone", &job, "--filter", "agnt=a"]), (3, "unknown_field".to_owned()));
    // What the job names already is nobody's mistake now.
    place.json(&["job", "edit", &job, "--title", "Other"]);
}

#[test]
fn j4_a_source_that_cannot_be_read_is_not_judged() {
    let place = Place::new();
    let (code, said) =
        submitted(&place, ["contact-history", "interaction"], &["--filter", "media_typ=voice"]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = submitted(&place, ["events", "event"], &["--filter", "agnt=a"]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn j4_a_field_that_the_first_of_many_records_lack_may_come_later() {
    let place = Place::new();
    let events: String = (0..3_000).map(|n| format!("{{\"id\":{n},\"agent\":\"a\"}}\n")).collect();
    std::fs::write(place.path("events-1.jsonl"), events).unwrap();
    let (code, said) = submitted(&place, ["events", "event"], &["--filter", "escalated=yes"]);
    assert!(code == 0 && said.contains("warning: none of the first"), "{said}");
    let (code, said) = submitted(&place, ["events", "event"], &["--filter", "agnt=a"]);
    assert!(code == 3 && said.contains("did you mean agent?"), "{said}");
}
