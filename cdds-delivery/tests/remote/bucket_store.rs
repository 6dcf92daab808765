//! Buckets as stores of a service's own parts.

use std::sync::Arc;

use bytes::Bytes;
use cdds_core::ports::sink::{Key, Prefix, Sink, SinkErrorKind};
use cdds_core::testing::conformance::{self, sink::Clause};
use cdds_delivery::object::{BucketStore, S3Destination};
use cdds_storage::sink::UnfinishedUploads;
use futures::executor::block_on;

use super::drill::contents;
use super::process::Server;
use super::steps::Steps;
use super::store_steps::{Fate, line};
use super::stores::{ask, azurite, gcs_on_moto, moto, moto_that_checks, on_azurite, on_moto, secret};

const PART: usize = 8 * 1024 * 1024;

/// Returns which promises a store does not keep, as several processes use it.
fn broken(store: &BucketStore) -> Vec<Clause> {
    let report = block_on(conformance::sink::check(|| Arc::new(store.clone().sink())));
    report.broken.iter().map(|broken| broken.clause).collect()
}

#[test]
fn s3_keeps_the_contract_of_the_sink() {
    let server = moto();
    assert_eq!(broken(&on_moto(&server).with_folder("in/deep").store().unwrap()), []);
}

#[test]
fn google_keeps_the_contract_of_the_sink() {
    let server = moto();
    assert_eq!(broken(&gcs_on_moto(&server).store().unwrap()), []);
}

#[test]
fn azure_keeps_the_contract_of_the_sink_but_for_unfinished_uploads() {
    let server = azurite();
    // Azure neither lists them nor ends them.
    assert_eq!(broken(&on_azurite(&server).with_folder("in").store().unwrap()), [Clause::DeleteEndsUploads]);
}

/// Begins an upload of two parts, and forgets it as a process that is killed does.
fn begin(sink: &dyn Sink, key: &str) {
    block_on(async {
        let mut upload = sink.begin(&Key::new(key)).await.unwrap();
        upload.write(contents(2 * PART, 1)).await.unwrap();
        std::mem::forget(upload);
    });
}

fn listed(sink: &dyn Sink, prefix: &str) -> Vec<String> {
    let keys = block_on(sink.list(&Prefix::new(prefix))).unwrap();
    keys.iter().map(ToString::to_string).collect()
}

#[test]
fn what_a_killed_process_leaves_is_listed_and_deleted_and_nothing_beside_it() {
    // With a server that checks signatures, also that of the list.
    let server = moto_that_checks(("AKIAEXPORTS", "rightsecretkey"));
    let own =
        |folder| on_moto(&server).with_keys("AKIAEXPORTS", secret("rightsecretkey")).with_folder(folder);
    let (store, other) = (own("in").store().unwrap(), own("in-other").store().unwrap().sink());
    let sink = store.clone().sink();
    for key in ["e/1-ab/000001", "e/1-ab/0000012", "f/1-ab/000001"] {
        begin(&sink, key);
    }
    begin(&sink, "e/1-ab/000001");
    begin(&other, "e/1-ab/000001");
    assert_eq!(listed(&sink, "e"), ["e/1-ab/000001", "e/1-ab/0000012"]);
    assert_eq!(listed(&sink, "").len(), 3);
    assert_eq!(block_on(store.unfinished(&"e".into())).unwrap().len(), 3);

    block_on(sink.delete(&Key::new("e/1-ab/000001"))).unwrap();
    assert_eq!(listed(&sink, ""), ["e/1-ab/0000012", "f/1-ab/000001"]);
    assert_eq!(listed(&other, ""), ["e/1-ab/000001"]);
}

fn behind_a_line(
    server: &Server,
    fate: impl FnMut(&super::steps::Step) -> Fate + Send + 'static,
) -> S3Destination {
    let port = line(server.port, &Steps::listen(), fate);
    on_moto(server).with_endpoint(format!("http://127.0.0.1:{port}"))
}

#[test]
fn an_upload_whose_completion_was_not_answered_is_looked_up() {
    let server = moto();
    for (name, bytes) in [("complete", 2 * PART + 5), ("put", 1000)] {
        // As often as it is tried: the upload is gone by the second time.
        let mute = behind_a_line(&server, move |step| match step.name == name {
            true => Fate::LosesAnswer,
            false => Fate::Passes,
        });
        let sink = mute.store().unwrap().sink();
        let stored = block_on(async {
            let mut upload = sink.begin(&Key::new(name)).await.unwrap();
            upload.write(contents(bytes, 1)).await.unwrap();
            upload.finish().await
        });
        assert_eq!(stored.unwrap().bytes, bytes as u64, "{name}");
    }
}

#[test]
fn an_upload_that_cannot_be_completed_leaves_no_parts() {
    let server = moto();
    let refusing = behind_a_line(&server, |step| match step.name.as_str() {
        "complete" => Fate::IsRefused(403, "AccessDenied"),
        _ => Fate::Passes,
    });
    let sink = refusing.store().unwrap().sink();
    let error = block_on(async {
        let mut upload = sink.begin(&Key::new("a")).await.unwrap();
        upload.write(contents(2 * PART, 1)).await.unwrap();
        upload.finish().await.unwrap_err()
    });
    assert_eq!(error.kind(), SinkErrorKind::Refused);
    assert!(error.report().contains("the service says 403 AccessDenied"), "{}", error.report());
    assert!(!ask(&server, "GET", "/exports?uploads").contains("<UploadId>"));
}

#[test]
fn what_a_service_refuses_is_told_by_its_kind() {
    for (status, code, kind, told) in [
        (403, "AccessDenied", SinkErrorKind::Refused, "must allow it"),
        (403, "QuotaExceeded", SinkErrorKind::Full, "free some space"),
        (404, "NoSuchBucket", SinkErrorKind::Refused, "create the bucket"),
        (503, "SlowDown", SinkErrorKind::Unavailable, "SlowDown"),
    ] {
        let sink = super::stores::refusing(status, code).store().unwrap().sink();
        let error = block_on(async {
            let mut upload = sink.begin(&Key::new("a")).await.unwrap();
            upload.write(Bytes::from_static(b"x")).await.unwrap();
            upload.finish().await.unwrap_err()
        });
        assert_eq!(error.kind(), kind, "{code}: {}", error.report());
        assert!(error.report().contains(told), "{code}: {}", error.report());
    }
}
