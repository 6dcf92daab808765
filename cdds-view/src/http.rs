//! Files and errors as HTTP responses.
//!
//! The responses are those of the [`http`] crate, which hyper, axum and warp share. With the feature `axum`,
//! [`FileResponse`] and [`ProblemView`] are answers of its handlers:
//!
//! ```
//! # #[cfg(feature = "axum")] {
//! use axum_core::response::IntoResponse;
//! use cdds_core::{ArtifactId, Artifacts, Principal};
//! use cdds_view::http::FileResponse;
//! use cdds_view::ProblemView;
//! use http::HeaderMap;
//!
//! async fn download(
//!     artifacts: Artifacts,
//!     user: Principal,
//!     id: ArtifactId,
//!     request: HeaderMap,
//! ) -> Result<FileResponse, ProblemView> {
//!     Ok(FileResponse::new(artifacts.download(&user, id, 0).await?, &request))
//! }
//! # async fn answer(a: Artifacts, u: Principal, i: ArtifactId, r: HeaderMap) -> impl IntoResponse {
//! #     download(a, u, i, r).await
//! # }
//! # }
//! ```

mod range;

use std::fmt::Write as _;

use bytes::Bytes;
use cdds_core::domain::archive::artifact::Sha256Digest;
use cdds_core::service::ServiceError;
use cdds_core::service::artifacts::Download;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};

use self::range::{Wanted, wanted};
use crate::ProblemView;

/// The body of a response.
pub type Body = BoxStream<'static, Result<Bytes, ServiceError>>;

/// A file, or a range of it, as the response to a GET request.
///
/// The body breaks off before its announced length if the stored file is not the published one (see
/// [`Download`]), so a client never takes a corrupt file for a whole one. The file's digest is its entity tag: a
/// client that goes on with `Range` and `If-Range` gets the rest of the same file. One range is served; a request
/// for several gets the whole file (RFC 9110, 14.2). Responses are not to be stored by caches.
#[derive(Debug)]
pub struct FileResponse {
    status: StatusCode,
    headers: HeaderMap,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Empty,
    File(Box<Download>),
    Problem(ProblemView),
}

impl FileResponse {
    /// Answers a request with these headers by a download from its first byte on.
    ///
    /// The status is 200, 206 for a range, 304 if the client has the file (`If-None-Match`), or 416 with a
    /// [problem](ProblemView) if it ends before the range. To answer a HEAD request, drop the
    /// [body](Self::into_response): nothing is put on record before its first byte.
    pub fn new(download: Download, request: &HeaderMap) -> Self {
        let bytes = download.bytes();
        let tag = format!("\"{}\"", download.sha256());
        let mut headers = headers_of(&download, &tag);
        let (status, content) = match wanted(request, &tag, bytes) {
            Wanted::Nothing => (StatusCode::NOT_MODIFIED, Content::Empty),
            Wanted::BehindEnd { from } => {
                headers = HeaderMap::new();
                set(&mut headers, header::CONTENT_RANGE, &format!("bytes */{bytes}"));
                set(&mut headers, header::CONTENT_TYPE, ProblemView::MEDIA_TYPE);
                let problem = ServiceError::BehindEnd { from, bytes }.into();
                (StatusCode::RANGE_NOT_SATISFIABLE, Content::Problem(problem))
            }
            Wanted::All => {
                headers.insert(header::CONTENT_LENGTH, bytes.into());
                (StatusCode::OK, Content::File(Box::new(download)))
            }
            Wanted::Range(range) => {
                headers.insert(header::CONTENT_LENGTH, (range.end - range.start).into());
                let place = format!("bytes {}-{}/{bytes}", range.start, range.end - 1);
                set(&mut headers, header::CONTENT_RANGE, &place);
                (StatusCode::PARTIAL_CONTENT, Content::File(Box::new(download.within(range))))
            }
        };
        Self { status, headers, content }
    }

    /// Returns the response, whose body is read as it is sent.
    pub fn into_response(self) -> Response<Body> {
        let body = match self.content {
            Content::Empty => stream::empty().boxed(),
            Content::File(download) => download.into_stream(),
            Content::Problem(problem) => stream::iter([Ok(problem.to_json())]).boxed(),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

impl ProblemView {
    /// Its media type (RFC 9457).
    pub const MEDIA_TYPE: &'static str = "application/problem+json";

    /// Returns the problem as a response.
    pub fn into_response(self) -> Response<Bytes> {
        let mut response = Response::new(self.to_json());
        // The statuses of the classes are all valid; one that somebody else made up may not be.
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        set(response.headers_mut(), header::CONTENT_TYPE, Self::MEDIA_TYPE);
        response
    }

    fn to_json(&self) -> Bytes {
        // Texts and numbers are always written.
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}

fn headers_of(download: &Download, tag: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    set(&mut headers, header::CONTENT_TYPE, "application/octet-stream");
    set(&mut headers, header::CONTENT_DISPOSITION, &disposition(download.name()));
    set(&mut headers, header::ETAG, tag);
    set(&mut headers, header::ACCEPT_RANGES, "bytes");
    set(&mut headers, header::CACHE_CONTROL, "private, no-store");
    set(&mut headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    let digest = HeaderName::from_static("repr-digest");
    set(&mut headers, digest, &repr_digest(download.sha256()));
    headers
}

/// Sets a header. The values here have only visible ASCII characters.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Returns the digest of the whole file, whatever range is sent (RFC 9530).
fn repr_digest(digest: Sha256Digest) -> String {
    use base64ct::Encoding as _;
    format!("sha-256=:{}:", base64ct::Base64::encode_string(&digest.0))
}

/// Returns the header that lets a browser save a file under this name (RFC 6266), whatever characters it has.
fn disposition(name: &str) -> String {
    let plain = |character: char| match character {
        '"' | '\\' | '/' | '%' => '_',
        ' '..='~' => character,
        _ => '_',
    };
    let fallback: String = name.chars().map(plain).collect();
    let mut header = format!("attachment; filename=\"{fallback}\"");
    if fallback != name {
        header.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            let _infallible = match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                    write!(header, "{}", char::from(byte))
                }
                _ => write!(header, "%{byte:02X}"),
            };
        }
    }
    header
}

#[cfg(feature = "axum")]
mod axum {
    use axum_core::body::Body;
    use axum_core::response::{IntoResponse, Response};

    use super::FileResponse;
    use crate::ProblemView;

    impl IntoResponse for FileResponse {
        fn into_response(self) -> Response {
            Self::into_response(self).map(Body::from_stream)
        }
    }

    impl IntoResponse for ProblemView {
        fn into_response(self) -> Response {
            Self::into_response(self).map(Body::from)
        }
    }
}

#[cfg(test)]
mod tests;
