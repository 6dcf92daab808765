//! Files, views and errors as HTTP responses.
//!
//! The responses are those of the [`http`] crate, which hyper, axum and warp share. With the feature `axum`,
//! [`FileResponse`], [`ProblemView`] and all views are answers of its handlers, and a
//! [`SettingsForm`](crate::settings::SettingsForm) is what one takes as the body of a request. So the handlers of a
//! service need nothing of JSON:
//!
//! ```
//! # #[cfg(feature = "axum")] {
//! # use axum_core::extract::FromRequest;
//! # use axum_core::response::IntoResponse;
//! use cdds_core::{ArtifactId, Artifacts, Jobs, NewJob, Principal};
//! use cdds_view::http::{Answer, FileResponse, HeaderMap};
//! use cdds_view::{JobView, settings::SettingsForm};
//!
//! async fn submit(jobs: Jobs, user: Principal, form: SettingsForm) -> Answer<JobView> {
//!     Ok(jobs.submit(&user, NewJob::try_from(form)?).await?.into())
//! }
//!
//! async fn download(files: Artifacts, user: Principal, id: ArtifactId, head: HeaderMap) -> FileResponse {
//!     FileResponse::answer(&files, &user, id, &head).await
//! }
//! # fn is_body<T: FromRequest<()>>() {}
//! # is_body::<SettingsForm>();
//! # fn is_answer<T: IntoResponse>() {}
//! # is_answer::<Answer<JobView>>();
//! # is_answer::<FileResponse>();
//! # let _ = (submit, download);
//! # }
//! ```

#[cfg(feature = "axum")]
mod axum;
mod range;

use bytes::Bytes;
use cdds_core::domain::access::link::attachment;
use cdds_core::domain::archive::artifact::Sha256Digest;
use cdds_core::ports::sink::{SinkError, SinkErrorKind};
use cdds_core::service::ServiceError;
use cdds_core::service::artifacts::{Artifacts, Download, DownloadLink};
use cdds_core::{ArtifactId, Principal};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
pub use http::HeaderMap;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};

use self::range::{Wanted, wanted};
use crate::ProblemView;

/// The digest of a whole file (RFC 9530).
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// The answer of a handler: a view, or the problem in its place.
pub type Answer<T> = Result<T, ProblemView>;

/// The body of a response.
pub type Body = BoxStream<'static, Result<Bytes, ServiceError>>;

/// The most bytes of a file that the body of a response gives at once. Servers keep some pieces for a client that reads
/// slowly: hyper up to sixteen, and by default 400 KiB of larger ones.
const PIECE_BYTES_MAX: usize = 8 * 1024;

/// A file, or a range of it, as the response to a GET request.
///
/// The body breaks off before its announced length if the stored file is not the published one (see
/// [`Download`]), so a client never takes a corrupt file for a whole one. The file's digest is its entity tag: a
/// client that goes on with `Range` and `If-Range` gets the rest of the same file. One range is served; a request
/// for several gets the whole file (RFC 9110, 14.2). Responses are not to be stored by caches.
///
/// The body gives pieces of at most 8 KiB, so that a server does not keep much of it for a slow reader. With the
/// stores of `cdds-storage` and hyper as it comes that is less than 256 KiB for each.
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
                let problem = Self::from(ServiceError::BehindEnd { from, bytes });
                headers = problem.headers;
                set(&mut headers, header::CONTENT_RANGE, &format!("bytes */{bytes}"));
                (StatusCode::RANGE_NOT_SATISFIABLE, problem.content)
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

    /// Answers a request with these headers for a file: the [download](Self::new), or the problem why there is none.
    ///
    /// # Cancel safety
    /// If dropped, nothing was sent and nothing is on record.
    pub async fn answer(artifacts: &Artifacts, by: &Principal, id: ArtifactId, request: &HeaderMap) -> Self {
        match artifacts.download(by, id, 0).await {
            Ok(download) => Self::new(download, request),
            Err(error) => error.into(),
        }
    }

    /// Answers a GET request by sending the client to the store, with a link that was handed out
    /// ([`Artifacts::link`]): status 307, also if it asked for a range, for which it then asks the store.
    ///
    /// The response has digest and entity tag of the file. No cache keeps it, and the store is not told where the
    /// client comes from.
    pub fn redirect(link: &DownloadLink) -> Self {
        let Ok(mut location) = HeaderValue::from_str(link.expose()) else {
            let why = "the store gave a link that is no URL";
            return ServiceError::from(SinkError::new(SinkErrorKind::Refused, why)).into();
        };
        // Whoever has it has the file.
        location.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(header::LOCATION, location);
        headers.insert(header::CONTENT_LENGTH, 0.into());
        set(&mut headers, header::ETAG, &format!("\"{}\"", link.sha256()));
        set(&mut headers, header::CACHE_CONTROL, "private, no-store");
        set(&mut headers, header::REFERRER_POLICY, "no-referrer");
        set(&mut headers, REPR_DIGEST, &repr_digest(link.sha256()));
        Self { status: StatusCode::TEMPORARY_REDIRECT, headers, content: Content::Empty }
    }

    /// Returns the response, whose body is read as it is sent.
    pub fn into_response(self) -> Response<Body> {
        let body = match self.content {
            Content::Empty => stream::empty().boxed(),
            Content::File(download) => download.into_stream().map_ok(pieces).try_flatten().boxed(),
            Content::Problem(problem) => stream::iter([Ok(json(&problem))]).boxed(),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// Cuts a chunk into pieces, without copying.
fn pieces(mut chunk: Bytes) -> impl futures::Stream<Item = Result<Bytes, ServiceError>> {
    stream::iter(std::iter::from_fn(move || {
        let piece = chunk.split_to(chunk.len().min(PIECE_BYTES_MAX));
        (!piece.is_empty()).then_some(Ok(piece))
    }))
}

/// The problem in place of a file.
impl From<ServiceError> for FileResponse {
    fn from(error: ServiceError) -> Self {
        let problem = ProblemView::from(error);
        let mut headers = HeaderMap::new();
        set(&mut headers, header::CONTENT_TYPE, ProblemView::MEDIA_TYPE);
        Self { status: problem.status_code(), headers, content: Content::Problem(problem) }
    }
}

impl ProblemView {
    /// Its media type (RFC 9457).
    pub const MEDIA_TYPE: &'static str = "application/problem+json";

    /// Returns the problem as a response.
    pub fn into_response(self) -> Response<Bytes> {
        let mut response = Response::new(json(&self));
        *response.status_mut() = self.status_code();
        set(response.headers_mut(), header::CONTENT_TYPE, Self::MEDIA_TYPE);
        response
    }

    /// Those of the classes are all valid; one that somebody else made up may not be.
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// Returns a view as the JSON of a body. Views have nothing but texts, numbers and lists, which are always written.
fn json(view: &impl serde::Serialize) -> Bytes {
    serde_json::to_vec(view).unwrap_or_default().into()
}

/// Returns a view as a response of the status 200.
pub fn view_response(view: &impl serde::Serialize) -> Response<Bytes> {
    let mut response = Response::new(json(view));
    set(response.headers_mut(), header::CONTENT_TYPE, "application/json");
    response
}

fn headers_of(download: &Download, tag: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    set(&mut headers, header::CONTENT_TYPE, "application/octet-stream");
    set(&mut headers, header::CONTENT_DISPOSITION, &attachment(download.name()));
    set(&mut headers, header::ETAG, tag);
    set(&mut headers, header::ACCEPT_RANGES, "bytes");
    set(&mut headers, header::CACHE_CONTROL, "private, no-store");
    set(&mut headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(&mut headers, REPR_DIGEST, &repr_digest(download.sha256()));
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

#[cfg(test)]
mod tests;
