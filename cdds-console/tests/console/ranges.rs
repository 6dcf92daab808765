//! Ranges of files over HTTP (RFC 9110, 13 and 14): who goes on with a download, and with what file.

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use cdds_core::ports::sink::{Key, Sink as _};
use chrono::TimeDelta;
use http::{Method, StatusCode};
use tower::ServiceExt as _;

use crate::host::{ADA, Answer, Host, OLGA, ask, request};

/// A host with one file.
struct Stored {
    host: Host,
    /// Where it is downloaded: the page and the API.
    paths: [String; 2],
    key: Key,
    bytes: Vec<u8>,
}

impl Stored {
    async fn new() -> Self {
        let host = Host::new();
        let execution = host.exported(ADA, "Calls").await;
        let page = host.get(ADA, "/api/v1/artifacts").await.json();
        let id = page["items"][0]["id"].as_str().unwrap().to_owned();
        let stored = host.memory.sink.objects();
        let is_part = |key: &Key| key.as_str().starts_with(&execution) && !key.as_str().ends_with("manifest");
        let (key, bytes) = stored.iter().find(|(key, _)| is_part(key)).unwrap();
        let (key, bytes) = (key.clone(), bytes.to_vec());
        let paths = [format!("/artifacts/{id}/content"), format!("/api/v1/artifacts/{id}/content")];
        Self { host, paths, key, bytes }
    }

    async fn asked(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request = headers
            .iter()
            .fold(request(method, OLGA, path), |request, (name, value)| request.header(*name, *value));
        ask(&self.host.router, request.body(Body::empty()).unwrap()).await
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.asked(Method::GET, path, headers).await
    }

    async fn tag(&self) -> String {
        self.asked(Method::HEAD, &self.paths[0], &[]).await.header("etag").to_owned()
    }

    /// Somebody writes other bytes over the stored file.
    async fn replace(&self, bytes: Vec<u8>) {
        let mut upload = self.host.memory.sink.begin(&self.key).await.unwrap();
        upload.write(Bytes::from(bytes)).await.unwrap();
        upload.finish().await.unwrap();
    }
}

#[tokio::test]
async fn a_range_is_given_only_of_the_file_that_the_client_names() {
    let stored = Stored::new().await;
    let (tag, size) = (stored.tag().await, stored.bytes.len());
    let weak = format!("W/{tag}");
    let bare = tag.trim_matches('"').to_owned();
    let whole = StatusCode::OK;
    for path in &stored.paths {
        for (validator, status) in [
            (None, StatusCode::PARTIAL_CONTENT),
            (Some(tag.as_str()), StatusCode::PARTIAL_CONTENT),
            (Some("\"another\""), whole),
            // Neither promises that the bytes are equal (RFC 9110, 13.1.5).
            (Some(weak.as_str()), whole),
            (Some("Thu, 26 Nov 2026 14:32:08 GMT"), whole),
            (Some(bare.as_str()), whole),
        ] {
            let mut headers = vec![("range", "bytes=7-")];
            headers.extend(validator.map(|validator| ("if-range", validator)));
            let answer = stored.get(path, &headers).await;
            let given = if status == whole { &stored.bytes[..] } else { &stored.bytes[7..] };
            assert_eq!((answer.status, answer.text.as_bytes()), (status, given), "{path}: {validator:?}");
            let place = if status == whole { String::new() } else { format!("bytes 7-{}/{size}", size - 1) };
            assert_eq!(answer.header("content-range"), place, "{path}: {validator:?}");
            assert_eq!(answer.header("etag"), tag);
        }
        let without_range = stored.get(path, &[("if-range", "\"another\"")]).await;
        assert_eq!((without_range.status, without_range.text.len()), (whole, size));
    }
}

#[tokio::test]
async fn a_head_request_asks_for_no_range() {
    let stored = Stored::new().await;
    for path in &stored.paths {
        let answer = stored.asked(Method::HEAD, path, &[("range", "bytes=7-")]).await;
        assert_eq!((answer.status, answer.header("content-range")), (StatusCode::OK, ""), "{path}");
        assert_eq!(answer.header("content-length"), stored.bytes.len().to_string());
        let behind = stored.asked(Method::HEAD, path, &[("range", "bytes=999999-")]).await;
        assert_eq!(behind.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a12_a_resume_breaks_off_if_the_stored_file_was_replaced_and_goes_on_when_it_is_back() {
    let stored = Stored::new().await;
    let tag = stored.tag().await;
    let resume = [("range", "bytes=7-"), ("if-range", tag.as_str())];
    let mut altered = stored.bytes.clone();
    altered[20] ^= 1;
    let longer = [&stored.bytes[..], b"x"].concat();
    for path in &stored.paths {
        // The range is remembered as right.
        for _ in 0..2 {
            assert_eq!(stored.get(path, &resume).await.text.as_bytes(), &stored.bytes[7..]);
        }
        for other in [&altered, &longer, &stored.bytes[..9].to_vec()] {
            stored.replace(other.clone()).await;
            let request = resume.iter().fold(request(Method::GET, OLGA, path), |request, (name, value)| {
                request.header(*name, *value)
            });
            let answer =
                stored.host.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT, "its headers come before its bytes");
            assert!(to_bytes(answer.into_body(), 1 << 20).await.is_err(), "{} bytes", other.len());
        }
        stored.replace(stored.bytes.clone()).await;
        let again = stored.get(path, &resume).await;
        assert_eq!((again.status, again.text.as_bytes()), (StatusCode::PARTIAL_CONTENT, &stored.bytes[7..]));
    }
}

#[tokio::test]
async fn a_resume_of_a_file_that_expired_or_is_gone_finds_nothing() {
    let stored = Stored::new().await;
    let tag = stored.tag().await;
    let resume = [("range", "bytes=7-"), ("if-range", tag.as_str())];
    assert_eq!(stored.get(&stored.paths[0], &resume).await.status, StatusCode::PARTIAL_CONTENT);
    stored.host.memory.sink.delete(&stored.key).await.unwrap();
    for path in &stored.paths {
        let gone = stored.get(path, &resume).await;
        assert!(gone.status.is_client_error() || gone.status.is_server_error(), "{path}: {gone:?}");
        assert_eq!((gone.header("content-range"), gone.header("etag")), ("", ""));
    }
    stored.replace(stored.bytes.clone()).await;
    stored.host.memory.clock.advance(TimeDelta::days(40).to_std().unwrap());
    for path in &stored.paths {
        let expired = stored.get(path, &resume).await;
        assert_eq!(expired.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!((expired.header("content-range"), expired.header("etag")), ("", ""));
    }
}
