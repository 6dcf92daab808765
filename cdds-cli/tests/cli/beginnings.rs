//! What people type for an id: its beginning, or the title of a job.

use serde_json::Value;

use crate::support::{Place, string, text};

fn id(value: &Value) -> String {
    string(&value["id"])
}

#[test]
fn the_beginning_of_an_id_is_enough_wherever_an_id_is_typed() {
    let place = Place::with_interactions(30);
    let job = place.plaintext_job(&["--timeframe", "all"]);
    place.done(&["run", "--until-idle"]);
    let execution = id(&place.json(&["history", "list"])[0]);
    let file = id(&place.json(&["artifact", "list"])[0]);
    let (job8, execution8, file8) = (&job[..8], &execution[..8], &file[..8]);

    assert_eq!(id(&place.json(&["job", "show", job8])), job);
    assert_eq!(id(&place.json(&["job", "show", &job8.to_uppercase()])), job);
    assert_eq!(id(&place.json(&["job", "show", &job[..4]])), job);
    assert_eq!(id(&place.json(&["history", "show", execution8])), execution);
    assert_eq!(place.json(&["history", "list", "--job", job8]).as_array().unwrap().len(), 1);
    assert_eq!(place.json(&["artifact", "list", "--job", job8, "--execution", execution8])[0]["id"], file);
    let got = place.json(&["artifact", "download", file8, "--to", "got"]);
    assert_eq!(place.records(got[0]["path"].as_str().unwrap()).len(), 30);
    // A set goes by any of its files, and by the execution that the lists of history name.
    for set in [file8, &file, execution8, &execution] {
        assert_eq!(place.json(&["artifact", "hold", set])[0]["hold"], true, "{set}");
        assert_eq!(place.json(&["artifact", "release", set])[0]["hold"], false, "{set}");
    }
    place.done(&["artifact", "release", "--execution", execution8]);
    assert_eq!(place.json(&["check", "--job", job8, "--within", "1h"])["job_id"], job);
    place.done(&["artifact", "delete", file8]);
    place.done(&["history", "delete", execution8]);
    assert_ne!(id(&place.json(&["job", "clone", job8, "--title", "U"])), job);
    place.done(&["job", "delete", job8]);

    for typed in [&job[..3], "", "zzzz", "00000000", "no such title"] {
        assert_eq!(place.refused(&["job", "show", typed]), (4, "not_found".to_owned()), "{typed}");
    }
    assert_eq!(place.refused(&["history", "show", &execution[..3]]), (4, "not_found".to_owned()));
}

#[test]
fn a_job_is_named_by_its_exact_title_too() {
    let place = Place::with_interactions(3);
    let voice = place.plaintext_job(&["--title", "Voice of the week"]);
    place.plaintext_job(&["--title", "Voice of the week, again"]);
    assert_eq!(id(&place.json(&["job", "show", "Voice of the week"])), voice);
    assert_eq!(place.refused(&["job", "show", "voice of the week"]), (4, "not_found".to_owned()));
    // A title that looks like the beginning of an id is one if no id begins so.
    let short = place.plaintext_job(&["--title", "cafe"]);
    assert_eq!(id(&place.json(&["job", "show", "cafe"])), short);
    // Another owner's job does not exist.
    let refused = place.refused(&["job", "show", &voice[..8], "--owner", "acme"]);
    assert_eq!(refused, (4, "not_found".to_owned()));
    let refused = place.refused(&["job", "show", "Voice of the week", "--owner", "acme"]);
    assert_eq!(refused, (4, "not_found".to_owned()));
}

#[test]
fn what_can_mean_several_names_them() {
    let place = Place::with_interactions(3);
    let (first, second) = (place.plaintext_job(&[]), place.plaintext_job(&[]));
    let before = place.json(&["job", "list"]);
    let output = place.cdds(&["job", "suspend", "T"]).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains(&first) && said.contains(&second) && said.contains("type more of the id"),
        "{said}"
    );
    assert_eq!(place.refused(&["job", "delete", "T", "--yes"]), (3, "ambiguous_id".to_owned()));
    assert_eq!(place.json(&["job", "list"]), before, "nothing was done to any of them");
}
