//! Signed manifests (rule A5): stored, downloaded, and checked by us and by `openssl`.

use std::fs;

use crate::support::{Place, string};

const SIGNING: &str = "\n[signing]\nkey = \"service.key\"\ncertificate = \"service.pem\"\n";

fn key_pair(place: &Place, name: &str) {
    let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
    let subject = format!("/CN={name}");
    let arguments = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", &subject];
    place.program("openssl", &arguments, &["-keyout", &key, "-out", &certificate]);
}

/// Creates a place whose service signs.
fn signing() -> Place {
    let place = Place::with_interactions(50);
    key_pair(&place, "service");
    let config = fs::read_to_string(place.path("cdds.toml")).unwrap();
    fs::write(place.path("cdds.toml"), config + SIGNING).unwrap();
    place
}

/// Exports a set and downloads it into `out`. Returns its manifest.
fn fetched(place: &Place) -> String {
    place.plaintext_job(&[]);
    place.json(&["run", "--until-idle"]);
    let execution = string(&place.json(&["history", "list"])[0]["id"]);
    place.json(&["artifact", "download", "--execution", &execution, "--to", "out"]);
    let files = place.files("out");
    format!("out/{}", files.iter().find(|name| name.ends_with(".manifest.json")).unwrap())
}

#[test]
fn a5_a_signed_set_is_fetched_with_its_signature_which_everybody_can_check() {
    let place = signing();
    let manifest = fetched(&place);
    let signature = format!("{manifest}.p7s");
    assert!(place.path(&signature).is_file());
    let verdict = place.json(&["verify", "--manifest", &manifest, "--signer", "service.pem"]);
    assert_eq!(verdict[0]["ok"], true);
    assert!(string(&verdict[0]["signed_at"]).ends_with('Z'), "{verdict}");
    let words = place.done(&["verify", "--manifest", &manifest, "--signer", "service.pem"]);
    assert!(words.contains("manifest signed at "), "{words}");
    place.program(
        "openssl",
        &["cms", "-verify", "-binary", "-inform", "DER", "-in", &signature, "-content", &manifest],
        &["-certfile", "service.pem", "-noverify", "-out", "checked"],
    );
    // Any part identifies the set, also for a check of the signer. Without `--signer`, no signature is
    // checked.
    let part = manifest.replace(".manifest.json", ".zip");
    place.json(&["verify", &part, "--signer", "service.pem"]);
    assert_eq!(place.json(&["verify", &part])[0]["signed_at"], serde_json::Value::Null);
}

#[test]
fn a5_what_is_not_vouched_for_is_refused_by_kind() {
    let place = signing();
    let manifest = fetched(&place);
    key_pair(&place, "other");
    let check = |signer: &str| place.refused(&["verify", "--manifest", &manifest, "--signer", signer]);
    assert_eq!(check("other.pem"), (1, "other_signer".to_owned()));
    assert_eq!(check("service.key"), (1, "invalid_certificate".to_owned()));
    assert_eq!(check("none.pem"), (4, "not_found".to_owned()));

    let (json, signature) = (place.path(&manifest), place.path(&format!("{manifest}.p7s")));
    let original = fs::read_to_string(&json).unwrap();
    fs::write(&json, original.replace("\"records\": 50", "\"records\": 51")).unwrap();
    assert_eq!(check("service.pem"), (1, "manifest_changed".to_owned()));
    fs::write(&json, original).unwrap();
    fs::write(&signature, b"0").unwrap();
    assert_eq!(check("service.pem"), (1, "invalid_signature".to_owned()));
    fs::remove_file(&signature).unwrap();
    assert_eq!(check("service.pem"), (1, "not_signed".to_owned()));
    place.json(&["verify", "--manifest", &manifest]);
}

#[test]
fn a5_a_key_that_cannot_sign_stops_the_engine_and_nothing_else() {
    let place = signing();
    let job = place.plaintext_job(&[]);
    key_pair(&place, "other");
    fs::copy(place.path("other.key"), place.path("service.key")).unwrap();
    assert_eq!(place.refused(&["run", "--until-idle"]), (2, "invalid_config".to_owned()));
    fs::remove_file(place.path("service.key")).unwrap();
    assert_eq!(place.refused(&["run", "--until-idle"]), (4, "not_found".to_owned()));
    assert_eq!(place.json(&["job", "show", &job])["latest_status"], "queued");
}
