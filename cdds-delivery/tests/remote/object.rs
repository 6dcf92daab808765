//! Object stores, with the servers that stand in for the services.

use std::thread::yield_now;

use cdds_core::domain::id::DestinationId;
use cdds_core::ports::destination::{Destination, DestinationErrorKind, Session};
use cdds_core::ports::sink::SinkErrorKind;
use cdds_delivery::net::Net;
use cdds_delivery::object::{AzureDestination, GcsDestination, S3Destination};
use cdds_delivery::secret::Secret;
use futures::executor::block_on;
use sha2::{Digest, Sha256};

use super::drill::{
    Abilities, connect, contents, deliver_a_set, lose_the_server, path, read, refusal, wait_in_vain, write,
};
use super::process::Server;
use super::stores::{
    ask, azurite, container, gcs_on_moto, moto, moto_that_checks, on_azurite, on_moto, on_s3, refusing, s3,
    s3_over_tls, secret,
};

const ALL: Abilities = Abilities { renames: false };
const PART: usize = 8 * 1024 * 1024;

/// Delivers files of several parts: with a rest, without one, and one byte more and less than a part.
fn deliver_parts(destination: &dyn Destination) {
    let mut session = connect(destination).session;
    for (bytes, seed) in [(3 * PART + 5, 1), (2 * PART, 2), (PART, 3), (PART + 1, 4), (PART - 1, 5)] {
        let file = contents(bytes, seed);
        assert_eq!(block_on(write(session.as_mut(), "parts/a", &file)), Ok(bytes as u64));
        assert_eq!(block_on(session.size(&path("parts/a"))).unwrap(), Some(bytes as u64));
        let back = block_on(read(session.as_mut(), "parts/a")).unwrap();
        assert_eq!(Sha256::digest(&back), Sha256::digest(&file), "{bytes}");
    }
}

#[test]
fn n1_s3_takes_a_set() {
    let server = s3();
    deliver_a_set(&on_s3(&server), ALL);
    deliver_a_set(&on_s3(&server).with_folder("in/deep"), ALL);
    deliver_parts(&on_s3(&server));
    let names = block_on(connect(&on_s3(&server)).session.list(&path("in/deep/2026/11"))).unwrap().unwrap();
    assert!(names.contains(&"manifest.json".to_owned()), "{names:?}");
}

#[test]
fn n1_s3_takes_a_set_over_tls_whoever_else_is_refused() {
    let (server, roots) = s3_over_tls();
    let over_tls = on_s3(&server).with_endpoint(format!("https://127.0.0.1:{}", server.port));
    deliver_a_set(&over_tls.clone().with_roots(roots), ALL);
    let (kind, told) = refusal(&over_tls);
    assert_eq!(kind, DestinationErrorKind::Refused, "{told}");
    assert!(told.contains("configure the root certificate"), "{told}");
}

#[test]
fn n1_a_store_of_another_make_takes_a_set() {
    let server = moto();
    deliver_a_set(&on_moto(&server), ALL);
    for parts in [1, 16] {
        deliver_parts(&on_moto(&server).with_parts_in_flight(parts));
    }
}

#[test]
fn n1_google_takes_a_set() {
    let server = moto();
    deliver_a_set(&gcs_on_moto(&server).with_folder("in"), ALL);
    deliver_parts(&gcs_on_moto(&server));
}

#[test]
fn n1_azure_takes_a_set() {
    let server = azurite();
    deliver_a_set(&on_azurite(&server), ALL);
    deliver_a_set(&on_azurite(&server).with_folder("in"), ALL);
    deliver_parts(&on_azurite(&server));
}

#[test]
fn n3_who_is_not_let_in_is_told_why() {
    let (server, azure) = (s3(), azurite());
    let wrong_key = secret("c2VjcmV0IGtleSBvZiBub2JvZHk=");
    for wrong in [
        Box::new(on_s3(&server).with_keys("nobody", wrong_key.clone())) as Box<dyn Destination>,
        Box::new(on_azurite(&azure).with_access_key(wrong_key)),
    ] {
        let (kind, told) = refusal(wrong.as_ref());
        assert_eq!(kind, DestinationErrorKind::Refused, "{told}");
        assert!(told.contains("check the keys") && !told.contains("c2VjcmV0"), "{told}");
    }
    let missing = Secret::file("/nowhere");
    assert!(refusal(&on_s3(&server).with_keys("S3RVER", missing.clone())).1.contains("/nowhere"));
    assert!(refusal(&on_azurite(&azure).with_sas(missing)).1.contains("/nowhere"));
    let (_, told) =
        refusal(&gcs_on_moto(&server).with_service_account(secret("{\"private_key\": \"s3cret\"}")));
    assert!(told.contains("cannot be used") && !told.contains("s3cret"), "{told}");
}

#[test]
fn n3_a_wrong_secret_key_is_told_without_being_shown() {
    let server = moto_that_checks(("AKIAEXPORTS", "rightsecretkey"));
    let with = |id, secret_key| on_moto(&server).with_keys(id, secret(secret_key));
    deliver_a_set(&with("AKIAEXPORTS", "rightsecretkey"), ALL);
    for (id, secret_key) in [("AKIAEXPORTS", "wr0ngsecretkey"), ("AKIAOTHER", "rightsecretkey")] {
        let destination = with(id, secret_key);
        let (kind, told) = refusal(&destination);
        assert_eq!(kind, DestinationErrorKind::Refused, "{told}");
        assert!(told.contains("check the keys"), "{told}");
        for shown in [told, format!("{destination:?}")] {
            assert!(!shown.contains("secretkey"), "{shown}");
        }
    }
}

#[test]
fn n3_who_has_neither_key_nor_environment_is_told_so() {
    let id = || DestinationId::new("partner").unwrap();
    let net = || super::stores::any();
    let here = "http://127.0.0.1:9";
    for bare in [
        Box::new(S3Destination::new(id(), "exports", net()).with_endpoint(here)) as Box<dyn Destination>,
        Box::new(GcsDestination::new(id(), "exports", net()).with_endpoint(here)),
        Box::new(AzureDestination::new(id(), "partner", "exports", net()).with_endpoint(here)),
    ] {
        let (kind, told) = refusal(bare.as_ref());
        assert_eq!(kind, DestinationErrorKind::Refused);
        assert!(told.contains("configure it, or use the environment's"), "{told}");
    }
}

#[test]
fn n3_a_bucket_that_is_missing_is_told() {
    let (server, azure) = (s3(), azurite());
    let elsewhere = on_s3(&server);
    let missing = S3Destination::new(elsewhere.describe().id.clone(), "missing", super::stores::any())
        .with_endpoint(format!("http://127.0.0.1:{}", server.port))
        .with_keys("S3RVER", secret("S3RVER"));
    for (kind, told) in [refusal(&missing), refusal(&container(&azure, "missing"))] {
        assert_eq!(kind, DestinationErrorKind::Refused, "{told}");
        assert!(told.contains("create the bucket") && told.contains("/missing"), "{told}");
    }
}

#[test]
fn n9_a_private_address_is_refused_by_default() {
    let id = || DestinationId::new("partner").unwrap();
    let net = || Net::new().unwrap();
    for private in [
        Box::new(S3Destination::new(id(), "exports", net()).with_endpoint("http://127.0.0.1:9"))
            as Box<dyn Destination>,
        // Not even if the machine itself may be asked who it is.
        Box::new(
            S3Destination::new(id(), "exports", net())
                .with_endpoint("http://169.254.169.254")
                .with_environment(),
        ),
        Box::new(GcsDestination::new(id(), "exports", net()).with_endpoint("https://[::1]:9")),
        Box::new(AzureDestination::new(id(), "partner", "exports", net()).with_endpoint("https://10.0.0.1")),
    ] {
        let (kind, told) = refusal(private.as_ref());
        assert_eq!(kind, DestinationErrorKind::Refused);
        assert!(told.contains("may not be reached"), "{told}");
    }
}

#[test]
fn what_a_store_refuses_is_told_by_its_kind() {
    for (status, code, kind, remedy) in [
        (403, "AccessDenied", SinkErrorKind::Refused, "must allow it"),
        (403, "QuotaExceeded", SinkErrorKind::Full, "free some space"),
        (507, "XMinioStorageFull", SinkErrorKind::Full, "free some space"),
        (400, "BadDigest", SinkErrorKind::Corrupt, "BadDigest"),
        (301, "PermanentRedirect", SinkErrorKind::Refused, "check the region"),
        (404, "NoSuchBucket", SinkErrorKind::Refused, "create the bucket"),
        (404, "NoSuchUpload", SinkErrorKind::Unavailable, "its upload was ended"),
        (503, "SlowDown", SinkErrorKind::Unavailable, "SlowDown"),
    ] {
        let mut session = connect(&refusing(status, code)).session;
        for bytes in [100, PART + 1] {
            let mut upload = block_on(session.create(&path("a"))).unwrap();
            let written = block_on(upload.write(contents(bytes, 1)));
            let error = match written {
                Ok(()) => block_on(upload.finish()).unwrap_err(),
                Err(error) => error,
            };
            assert_eq!(error.kind(), kind, "{code}: {}", error.report());
            assert!(error.report().contains(remedy), "{code}: {}", error.report());
        }
    }
}

/// Servers of several makes, each with a destination.
fn several() -> [(Server, Box<dyn Destination>); 3] {
    let (s3, moto, azure) = (s3(), moto(), azurite());
    let on_s3: Box<dyn Destination> = Box::new(on_s3(&s3));
    let gcs: Box<dyn Destination> = Box::new(gcs_on_moto(&moto));
    let on_azure: Box<dyn Destination> = Box::new(on_azurite(&azure));
    [(s3, on_s3), (moto, gcs), (azure, on_azure)]
}

#[test]
fn a_server_that_is_killed_breaks_the_upload_off() {
    for (server, destination) in several() {
        lose_the_server(destination.as_ref(), || server.signal("KILL", true));
    }
}

#[test]
fn a_server_that_is_stopped_holds_nobody_who_gives_up() {
    for (server, destination) in several() {
        wait_in_vain(destination.as_ref(), || server.signal("STOP", true));
        server.signal("CONT", true);
    }
}

/// Begins an upload with parts on their way.
fn begin(session: &mut dyn Session) -> Box<dyn cdds_core::ports::destination::Upload> {
    let mut upload = block_on(session.create(&path("given/up"))).unwrap();
    for n in 0..3 {
        block_on(upload.write(contents(PART, n))).unwrap();
    }
    upload
}

#[test]
fn uploads_that_are_aborted_or_dropped_leave_no_parts() {
    let server = moto();
    let unfinished = || ask(&server, "GET", "/exports?uploads");
    let mut session = connect(&on_moto(&server)).session;
    let upload = begin(session.as_mut());
    assert!(unfinished().contains("<UploadId>"), "{}", unfinished());
    block_on(upload.abort()).unwrap();
    assert!(!unfinished().contains("<UploadId>"), "{}", unfinished());
    drop(begin(session.as_mut()));
    // Nobody waits for its end.
    while unfinished().contains("<UploadId>") {
        yield_now();
    }
    assert_eq!(block_on(session.size(&path("given/up"))).unwrap(), None);
    assert_eq!(
        block_on(write(session.as_mut(), "given/up", &contents(10, 1))),
        Ok(10),
        "the session goes on"
    );
}
