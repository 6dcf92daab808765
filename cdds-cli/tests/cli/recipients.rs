//! Certificates: whether their files can be opened, and how long they will remain valid.

use serde_json::json;

use crate::support::{NOON, Place, string, text};

#[test]
fn a_sample_is_opened_by_whoever_has_the_key_as_an_export_would_be() {
    let place = Place::new();
    place.recipient("ops");
    let made = place.json(&["recipient", "test", "ops"]);
    assert_eq!(made, json!({ "recipient": "ops", "file": "sample.zip.smime" }));

    let extract = ["extract", "sample.zip.smime", "--key", "ops.key", "--to", "ours"];
    let output = place.cdds(&extract).output().unwrap();
    assert!(output.status.success() && text(&output.stderr).contains("there is no manifest"), "{output:?}");
    let decrypt = ["-decrypt", "-binary", "-inform", "DER", "-in", "sample.zip.smime", "-inkey", "ops.key"];
    place.program("openssl", &["cms"], &[&decrypt[..], &["-out", "theirs.zip"]].concat());
    let records = place.records("theirs.zip");
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["recipient"], "ops");
    assert_eq!(place.files("ours"), ["sample.json"]);
    assert_eq!(place.json(&["artifact", "list"]), json!([]), "nothing is stored");
}

#[test]
fn the_way_to_open_a_sample_is_that_of_its_form() {
    let place = Place::new();
    place.recipient("ops");
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    for (form, named) in [("binary", "DER"), ("mime", "SMIME")] {
        std::fs::write(place.path("cdds.toml"), config.replace("\"binary\"", &format!("\"{form}\"")))
            .unwrap();
        let words = place.done(&["recipient", "test", "ops", "--force"]);
        assert!(words.contains(&format!("-inform {named} ")), "{words}");
        let decrypt =
            ["-decrypt", "-binary", "-inform", named, "-in", "sample.zip.smime", "-inkey", "ops.key"];
        place.program("openssl", &["cms"], &[&decrypt[..], &["-out", form]].concat());
        assert_eq!(place.records(form).len(), 1);
    }
}

#[test]
fn a_sample_replaces_nothing_unless_forced_and_needs_a_usable_certificate() {
    let place = Place::new();
    place.recipient("ops");
    place.done(&["recipient", "test", "ops", "--to", "x.zip.smime"]);
    let again = ["recipient", "test", "ops", "--to", "x.zip.smime"];
    assert_eq!(place.refused(&again), (3, "file_exists".to_owned()));
    place.done(&[&again[..], &["--force"]].concat());
    assert_eq!(place.refused(&["recipient", "test", "nobody"]), (4, "not_found".to_owned()));
    let late = place.refused_at("2100-01-01T00:00:00Z", &["recipient", "test", "ops"]);
    assert_eq!(late, (3, "invalid_certificate".to_owned()));
}

#[test]
fn s3_a_job_warns_wherever_it_is_shown() {
    let place = Place::with_interactions(1);
    place.program(
        "openssl",
        &["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "60", "-subj", "/CN=ops"],
        &["-keyout", "ops.key", "-out", "ops.pem"],
    );
    place.done(&["recipient", "add", "ops", "ops.pem"]);
    let job = ["job", "create", "--title", "T", "--source", "contact-history", "--type", "interaction"];
    let created =
        place.json(&[&job[..], &["--run", "daily", "--at", "02:00", "--recipient", "ops"]].concat());
    assert_eq!(created["warnings"], json!([]), "60 days are enough");

    let yearly = ["job", "edit", created["id"].as_str().unwrap(), "--run", "cron", "--cron", "0 0 1 1 *"];
    let edited = place.json(&[&yearly[..], &["--starts-at", "2099-01-01T00:00:00Z"]].concat());
    let warning = string(&edited["warnings"][0]);
    assert!(warning.contains("before the next run"), "{warning}");
    assert_eq!(place.json(&["job", "list"])[0]["warnings"], json!([warning]));
    let details = place.done(&["job", "show", created["id"].as_str().unwrap()]);
    assert!(details.contains("certificate of ops expires on"), "{details}");
    let past = place.at(NOON, &["job", "list"]);
    assert_eq!(
        past[0]["warnings"],
        json!([warning]),
        "the occurrence, not today, is what it is too short for"
    );
    let late = place.at("2100-01-01T00:00:00Z", &["job", "list"]);
    assert!(string(&late[0]["warnings"][0]).contains("every run will fail"), "{late}");
}

#[test]
fn s3_a_renewed_certificate_is_sealed_for_from_the_next_attempt_on_and_the_old_key_opens_what_was_before() {
    let place = Place::with_interactions(1);
    place.recipient("ops");
    let first = place.json(&["recipient", "list"])[0].clone();
    let serial = place.program("openssl", &["x509", "-noout", "-serial"], &["-in", "ops.pem"]);
    assert_eq!(format!("serial={}", string(&first["serial"])), serial.trim());
    assert_eq!((&first["key_type"], &first["key_bits"]), (&json!("RSA"), &json!(2048)));
    let job = ["job", "create", "--title", "T", "--source", "contact-history", "--type", "interaction"];
    let job = [&job[..], &["--run", "once", "--recipient", "ops"]].concat();
    let before = place.json(&job)["id"].clone();
    place.done(&["run", "--until-idle"]);

    let make = ["req", "-x509", "-newkey", "rsa:3072", "-nodes", "-days", "90", "-subj", "/CN=ops"];
    place.program("openssl", &make, &["-keyout", "new.key", "-out", "new.pem"]);
    let renewed = place.json(&["recipient", "renew", "ops", "new.pem"]);
    assert_eq!(renewed["replaced"], first["fingerprint"]);
    assert_eq!(renewed["recipient"]["key_bits"], 3072);
    let output = place.cdds(&["recipient", "renew", "ops", "new.pem"]).output().unwrap();
    assert!(output.status.success() && text(&output.stderr).contains("nothing was changed"), "{output:?}");
    let again = place.json(&["recipient", "renew", "ops", "new.pem"]);
    assert_eq!((&again["replaced"], &again["recipient"]), (&json!(null), &renewed["recipient"]));
    let entries = place.json(&["audit", "--action", "renew_recipient"]);
    let settings = json!([
        format!("replaced:{}", string(&first["fingerprint"])),
        format!("certificate:{}", string(&renewed["recipient"]["fingerprint"])),
    ]);
    assert_eq!((entries.as_array().unwrap().len(), &entries[0]["settings"]), (1, &settings));

    let after = place.json(&job)["id"].clone();
    place.done(&["run", "--until-idle"]);
    for (job, key, fingerprint) in
        [(before, "ops.key", &first["fingerprint"]), (after, "new.key", &renewed["recipient"]["fingerprint"])]
    {
        let execution = place.json(&["history", "list", "--job", &string(&job)])[0]["id"].clone();
        let to = format!("out-{key}");
        place.done(&["artifact", "download", "--execution", &string(&execution), "--to", &to]);
        let files = place.files(&to);
        let manifest = files.iter().find(|name| name.ends_with(".manifest.json")).unwrap();
        let manifest = std::fs::read_to_string(place.path(&format!("{to}/{manifest}"))).unwrap();
        let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
        assert_eq!(&manifest["recipients"], &json!([{"fingerprint": fingerprint}]));
        let part = files.iter().find(|name| name.ends_with(".smime")).unwrap();
        let other = if key == "ops.key" { "new.key" } else { "ops.key" };
        let part = format!("{to}/{part}");
        place.done(&["verify", &part, "--key", key]);
        assert!(!place.cdds(&["verify", &part, "--key", other]).output().unwrap().status.success());
    }
}

#[test]
fn s2_s3_a_renewal_is_refused_as_a_new_certificate_is() {
    let place = Place::new();
    place.recipient("ops");
    let first = place.json(&["recipient", "list"]);
    assert_eq!(place.refused(&["recipient", "renew", "law", "ops.pem"]), (4, "not_found".to_owned()));
    let key = place.cdds(&["recipient", "renew", "ops", "ops.key"]).output().unwrap();
    let told = text(&key.stderr);
    assert_eq!(key.status.code(), Some(3), "{told}");
    assert!(told.contains("ops.key") && told.contains("this is a private key: never hand it out"), "{told}");
    for (algorithm, named) in [("ec", "an elliptic curve (EC) key"), ("ed25519", "an Ed25519 key")] {
        let new: &[&str] =
            if algorithm == "ec" { &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] } else { &["ed25519"] };
        let make =
            [&["req", "-x509", "-nodes", "-days", "90", "-subj", "/CN=ops", "-newkey"][..], new].concat();
        place.program("openssl", &make, &["-keyout", "bad.key", "-out", "bad.pem"]);
        let output = place.cdds(&["recipient", "renew", "ops", "bad.pem"]).output().unwrap();
        let told = text(&output.stderr);
        assert!(output.status.code() == Some(3) && told.contains(named), "{told}");
    }
    assert_eq!(place.refused(&["recipient", "renew", "ops", "missing.pem"]).0, 4);
    assert_eq!(place.json(&["recipient", "list"]), first);
}

#[test]
fn s2_a_certificate_that_has_expired_by_then_fails_the_execution_and_nothing_is_stored() {
    let place = Place::with_interactions(1);
    place.recipient("ops");
    let job = ["job", "create", "--title", "T", "--source", "contact-history", "--type", "interaction"];
    let late = "2100-01-01T00:00:00Z";
    let options = ["--run", "daily", "--at", "02:00", "--recipient", "ops", "--catch-up", "coalesce"];
    let created = place.json(&[&job[..], &options].concat());
    assert_eq!(place.refused_at(late, &["run", "--until-idle"]), (1, "execution_failed".to_owned()));
    let history = place.at(late, &["history", "list", "--job", created["id"].as_str().unwrap()]);
    let failed = history.as_array().unwrap().iter().find(|one| one["status"] == "failed").unwrap();
    assert_eq!(failed["error"]["kind"], "certificate", "{failed}");
    assert!(string(&failed["error"]["message"]).contains("expired"), "{failed}");
    assert_eq!(place.files("artifacts"), Vec::<String>::new());
}

#[test]
fn s2_a_certificate_is_checked_again_when_an_execution_is_tried_again() {
    let place = Place::with_interactions(1);
    place.recipient("ops");
    let job = ["job", "create", "--title", "T", "--source", "contact-history", "--type", "interaction"];
    place.json(&[&job[..], &["--run", "once", "--recipient", "ops"]].concat());
    place.sqlite("alter table interactions rename column started_at to gone");
    assert_eq!(place.refused(&["run", "--until-idle"]), (1, "execution_failed".to_owned()));
    place.sqlite("alter table interactions rename column gone to started_at");
    let failed = place.json(&["history", "list"])[0].clone();
    assert_ne!(failed["error"]["kind"], "certificate", "{failed}");

    let late = "2100-01-01T00:00:00Z";
    let again = place.at(late, &["history", "rerun", &string(&failed["id"])]);
    assert_eq!(place.refused_at(late, &["run", "--until-idle"]), (1, "execution_failed".to_owned()));
    let failed = place.at(late, &["history", "show", &string(&again["id"])]);
    assert_eq!(failed["error"]["kind"], "certificate", "{failed}");
    assert_eq!(place.files("artifacts"), Vec::<String>::new());
}

#[test]
fn s2_a_certificate_that_openssl_cannot_read_is_not_stored() {
    let place = Place::new();
    let subject =
        ["-subj", "/CN=J\u{f6}rgen", "-utf8", "-keyout", "bad.key", "-outform", "DER", "-out", "bad.der"];
    place.program("openssl", &["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "90"], &subject);
    place.done(&["recipient", "add", "good", "bad.der"]);
    // Latin-1 in the place of UTF-8, as an old authority writes it.
    let der = std::fs::read(place.path("bad.der")).unwrap();
    let (right, wrong) = ("J\u{f6}rgen".as_bytes(), b"J\xF6rgens");
    let mut bad = der.clone();
    for at in (0..der.len() - right.len()).filter(|at| der[*at..].starts_with(right)) {
        bad[at..at + right.len()].copy_from_slice(wrong);
    }
    std::fs::write(place.path("bad.der"), bad).unwrap();
    let output = place.cdds(&["recipient", "add", "bad", "bad.der"]).output().unwrap();
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{told}");
    for part in ["bad.der", "the issuer's commonName", "not valid UTF-8", "have the certificate issued again"]
    {
        assert!(told.contains(part), "{told}");
    }
    assert_eq!(place.json(&["recipient", "list"]).as_array().unwrap().len(), 1);
}
