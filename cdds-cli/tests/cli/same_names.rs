//! Sets and files with the same name are never confused, and never overwrite one another (rule A9).

use std::fs;

use serde_json::Value;

use crate::support::{Place, string, text};

/// Creates a plain archive in `good`, and a damaged one with the same name in `bad`. Returns the name.
fn namesakes(place: &Place) -> String {
    place.plaintext_job(&[]);
    place.json(&["run", "--until-idle"]);
    let execution = string(&place.json(&["history", "list"])[0]["id"]);
    place.json(&["artifact", "download", "--execution", &execution, "--to", "good"]);
    let name = place.files("good").into_iter().find(|name| name.ends_with(".zip")).unwrap();
    fs::create_dir(place.path("bad")).unwrap();
    let mut bytes = fs::read(place.path(&format!("good/{name}"))).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(place.path(&format!("bad/{name}")), bytes).unwrap();
    name
}

/// Verifies files. Returns exit code, verdicts and message.
fn verify(place: &Place, files: &[&str]) -> (i32, Value, String) {
    let output = place.cdds(&[&["verify", "--output", "json"], files].concat()).output().unwrap();
    let verdicts = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code().unwrap(), verdicts, text(&output.stderr))
}

#[test]
fn a9_a_set_of_the_same_name_in_another_folder_has_a_verdict_of_its_own() {
    let place = Place::with_interactions(3_000);
    let name = namesakes(&place);
    let (good, bad) = (format!("good/{name}"), format!("bad/{name}"));
    for files in [[good.as_str(), &bad], [&bad, &good]] {
        let (code, verdicts, message) = verify(&place, &files);
        assert_eq!((code, verdicts.as_array().unwrap().len()), (1, 2), "{verdicts}");
        let ok = |index: usize| (verdicts[index]["folder"].as_str().unwrap(), &verdicts[index]["ok"]);
        for index in 0..2 {
            assert_eq!(ok(index).1, &Value::Bool(ok(index).0 == "good"), "{verdicts}");
        }
        assert!(message.contains("bad/export-") && !message.contains("good/export-"), "{message}");
    }
    let table = place.cdds(&["verify", &good, &bad]).output().unwrap();
    let table = text(&table.stdout);
    assert!(table.contains("good/export-") && table.contains("bad/export-"), "{table}");
}

#[test]
fn a9_what_failed_is_told_beside_what_cannot_be_looked_at() {
    let place = Place::with_interactions(3_000);
    let name = namesakes(&place);
    let bad = format!("bad/{name}");
    for files in [[bad.as_str(), "nowhere.zip"], ["nowhere.zip", &bad]] {
        let (code, verdicts, message) = verify(&place, &files);
        assert_eq!((code, verdicts.as_array().unwrap().len()), (1, 1), "{verdicts}");
        assert!(message.contains("nowhere.zip") && message.contains("export-"), "{message}");
    }
}

#[test]
#[cfg(unix)]
fn a9_a_set_that_is_named_twice_is_looked_at_once() {
    let place = Place::with_interactions(3_000);
    let name = namesakes(&place);
    std::os::unix::fs::symlink("good", place.path("link")).unwrap();
    let manifest = place.files("good").into_iter().find(|name| name.ends_with(".json")).unwrap();
    let (file, dotted, linked, manifest) = (
        format!("good/{name}"),
        format!("./bad/../good/{name}"),
        format!("link/{name}"),
        format!("good/{manifest}"),
    );
    let (code, verdicts, _) = verify(&place, &[&file, &dotted, &linked, &manifest]);
    assert_eq!((code, verdicts.as_array().unwrap().len()), (0, 1), "{verdicts}");
}

/// Creates two files with these names, sealed for `ops`.
fn sealed(place: &Place, names: [&str; 2]) {
    place.recipient("ops");
    for (name, contents) in names.into_iter().zip(["first", "second"]) {
        let file = place.path(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(place.path(contents), contents).unwrap();
        let args =
            ["cms", "-encrypt", "-binary", "-aes256", "-outform", "DER", "-in", contents, "-out", name];
        place.program("openssl", &args, &["-recip", "ops.pem"]);
    }
}

#[test]
fn a9_files_that_would_become_one_are_refused_before_any_is_written() {
    for names in [["a/x.zip.smime", "b/x.zip.smime"], ["a/x.zip.smime", "b/X.zip.smime"]] {
        let place = Place::new();
        sealed(&place, names);
        let decrypt = ["decrypt", names[0], names[1], "--key", "ops.key", "--to", "plain"];
        for force in [&[][..], &["--force"]] {
            let refused = place.refused(&[&decrypt[..], force].concat());
            assert_eq!(refused, (3, "same_target".to_owned()), "{names:?} {force:?}");
            assert!(!place.path("plain").exists());
        }
    }
    let place = Place::new();
    sealed(&place, ["a/x.zip.smime", "b/y.zip.smime"]);
    place.json(&["decrypt", "a/x.zip.smime", "b/y.zip.smime", "--key", "ops.key", "--to", "plain"]);
    assert_eq!(fs::read(place.path("plain/x.zip")).unwrap(), b"first");
    assert_eq!(fs::read(place.path("plain/y.zip")).unwrap(), b"second");
}

#[test]
#[cfg(unix)]
fn a9_one_file_by_two_names_is_decrypted_once() {
    let place = Place::new();
    sealed(&place, ["a/x.zip.smime", "b/y.zip.smime"]);
    fs::create_dir(place.path("c")).unwrap();
    std::os::unix::fs::symlink("../a/x.zip.smime", place.path("c/x.zip.smime")).unwrap();
    std::os::unix::fs::symlink("a", place.path("d")).unwrap();
    let files = ["a/x.zip.smime", "./a/x.zip.smime", "c/x.zip.smime", "d/x.zip.smime"];
    let decrypted = place.json(&[&["decrypt"], &files[..], &["--key", "ops.key", "--to", "plain"]].concat());
    assert_eq!(decrypted["files"], serde_json::json!(["x.zip"]));
    assert_eq!(fs::read(place.path("plain/x.zip")).unwrap(), b"first");
}

#[test]
fn a9_a_part_is_never_replaced_by_the_whole_that_it_belongs_to() {
    let place = Place::with_interactions(9_000);
    place.plaintext_job(&["--split-size", "64KiB"]);
    place.json(&["run", "--until-idle"]);
    let execution = string(&place.json(&["history", "list"])[0]["id"]);
    place.json(&["artifact", "download", "--execution", &execution, "--to", "out"]);
    let name = place.files("out").into_iter().find(|name| name.ends_with(".zip")).unwrap();
    let (part, other) = (format!("out/{name}"), format!("./out/../out/{name}"));
    let before = fs::read(place.path(&part)).unwrap();
    let refused = place.refused(&["join", &part, "--to", &other, "--force"]);
    assert_eq!(refused, (3, "same_target".to_owned()));
    assert_eq!(fs::read(place.path(&part)).unwrap(), before);
}
