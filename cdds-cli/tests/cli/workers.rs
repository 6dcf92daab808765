//! `cdds workers`: who runs the exports (rule E19), and who is to claim nothing more (rule E20).

use std::process::Stdio;

use crate::support::{NOON, Place, string, text};

#[test]
fn e19_a_run_is_listed_as_it_is_and_as_it_ended() {
    let place = Place::with_interactions(3);
    let output = place.cdds(&["workers"]).output().unwrap();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(said.contains("no worker has ever run: start `cdds run`"), "{said}");
    assert_eq!(place.json(&["workers"]).as_array().unwrap().len(), 0);

    place.job_at(NOON, &["--run", "once"]);
    place.run_at("2020-01-01T12:00:05Z");
    let listed = place.at("2020-01-01T12:01:00Z", &["workers"]);
    let [worker] = &listed.as_array().unwrap()[..] else { panic!("one worker: {listed}") };
    assert_eq!(worker["state"], "left");
    assert_eq!(worker["program"], concat!("cdds ", env!("CARGO_PKG_VERSION")));
    assert_eq!(string(&worker["host"]), place.program("uname", &["-n"], &[]).trim());
    assert!(worker["process"].as_u64().unwrap() > 1 && worker["left_at"].is_string(), "{worker}");
    assert_eq!(worker["running_own"], 0);
    let table = place.done(&["workers"]);
    assert!(table.contains("left") && table.contains("0 of 2"), "{table}");
}

#[test]
fn e19_a_killed_run_is_gone_at_once() {
    let place = Place::with_interactions(3);
    let mut running = place.cdds(&["run"]).stderr(Stdio::null()).spawn().unwrap();
    let state = || string(&place.json(&["workers"])[0]["state"]);
    while place.json(&["workers"]).as_array().unwrap().is_empty() {
        assert_eq!(running.try_wait().unwrap(), None, "it runs");
    }
    assert_eq!(state(), "alive");
    running.kill().unwrap();
    running.wait().unwrap();
    assert_eq!(state(), "gone");
    let worker = place.json(&["workers"])[0].clone();
    // Other checks may fail here: the folder holds no events.
    let output = place.cdds(&["--output", "json", "doctor"]).output().unwrap();
    let findings: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut findings = findings.as_array().unwrap().iter();
    let gone = findings.find(|finding| string(&finding["detail"]).contains("is gone without having left"));
    let gone = gone.unwrap();
    assert_eq!((&gone["check"], &gone["status"]), (&"workers".into(), &"warning".into()), "{gone}");
    for told in [&worker["id"], &worker["host"], &worker["seen_at"]] {
        assert!(string(&gone["detail"]).contains(&string(told)), "{told}: {gone}");
    }
    assert!(string(&gone["way_out"]).contains("start it again"), "{gone}");
}

#[test]
fn e20_a_worker_that_drains_leaves_what_is_due_to_others_until_it_resumes() {
    let place = Place::with_interactions(3);
    let mut running = place.cdds(&["run"]).stderr(Stdio::null()).spawn().unwrap();
    while place.json(&["workers"]).as_array().unwrap().is_empty() {
        assert_eq!(running.try_wait().unwrap(), None, "it runs");
    }
    let worker = string(&place.json(&["workers"])[0]["id"]);
    let drained = place.json(&["workers", "drain", &worker[..6], "--wait"]);
    assert!(drained["draining_since"].is_string(), "{drained}");
    for (typed, code) in [(&worker[..3], "not_found"), ("nobody", "not_found")] {
        let output = place.cdds(&["--output", "json", "workers", "show", typed]).output().unwrap();
        assert!(text(&output.stderr).contains(code), "{typed}: {}", text(&output.stderr));
    }
    assert!(place.done(&["workers"]).contains("drained"));

    let status = |title: &str| {
        let list = place.json(&["history", "list"]);
        let found = list.as_array().unwrap().iter().find(|one| one["job_title"] == title);
        found.map_or_else(String::new, |one| string(&one["status"]))
    };
    let create = |title: &str| {
        let create = [
            "job",
            "create",
            "--title",
            title,
            "--source",
            "contact-history",
            "--type",
            "interaction",
            "--timeframe",
            "all",
            "--plaintext",
        ];
        place.done(&[&create[..], &["--run", "once"]].concat());
    };
    create("Others");
    // It looks for work every second, and each of these programs takes its time.
    for _ in 0..60 {
        assert_eq!(status("Others"), "queued", "it claims nothing");
    }
    place.done(&["run", "--until-idle"]);
    assert_eq!(status("Others"), "finished");

    let resumed = place.json(&["workers", "resume", &worker]);
    assert!(resumed["draining_since"].is_null(), "{resumed}");
    create("Again");
    while status("Again") != "finished" {
        assert_eq!(running.try_wait().unwrap(), None, "it runs");
    }
    assert_eq!(place.json(&["workers", "show", &worker])["running_own"], 0);
    running.kill().unwrap();
    running.wait().unwrap();
    let output = place.cdds(&["workers", "drain", "nobody"]).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(text(&output.stderr).contains("there is no worker nobody"), "{}", text(&output.stderr));
}
