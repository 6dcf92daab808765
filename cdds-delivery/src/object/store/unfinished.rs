//! Unfinished uploads, as S3 and Google Cloud Storage list them (`ListMultipartUploads`; Google's XML API has the same
//! form).

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::{Method, Request, StatusCode};
use object_store::aws::{AmazonS3, AwsAuthorizer};
use object_store::client::{HttpErrorKind, HttpRequest, HttpRequestBody, HttpService};
use object_store::gcp::GoogleCloudStorage;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::signer::Url;
use object_store::{Error, MultipartId, Result};
use serde::Deserialize;

use super::super::http::Caller;

/// How often a list is asked for, and how long is waited in between at first, then twice as long, up to a limit: as
/// `object_store` does for other calls.
const TRIES: u32 = 9;
const PAUSE: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// A thousand uploads with the longest keys take no more.
const PAGE_BYTES_MAX: usize = 8 << 20;

/// Whose protocol is spoken.
pub(in crate::object) enum Protocol {
    S3 { client: Arc<AmazonS3>, region: String },
    Google(Arc<GoogleCloudStorage>),
}

/// Where a bucket is asked.
pub(in crate::object) struct Where {
    /// The address of the bucket.
    pub(in crate::object) bucket: String,
    pub(in crate::object) caller: Caller,
}

/// The unfinished uploads of a bucket.
pub(super) struct Uploads {
    protocol: Protocol,
    at: Where,
}

/// A page of the list.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(default)]
    is_truncated: bool,
    next_key_marker: Option<String>,
    next_upload_id_marker: Option<String>,
    #[serde(default, rename = "Upload")]
    uploads: Vec<Found>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Found {
    key: String,
    upload_id: MultipartId,
}

impl Uploads {
    pub(super) fn new(protocol: Protocol, at: Where) -> Self {
        Self { protocol, at }
    }

    pub(super) async fn end(&self, path: &Path, id: &MultipartId) -> Result<()> {
        match &self.protocol {
            Protocol::S3 { client, .. } => client.abort_multipart(path, id).await,
            Protocol::Google(client) => client.abort_multipart(path, id).await,
        }
    }

    /// Lists all uploads whose keys begin with a text.
    pub(super) async fn list(&self, prefix: &Path) -> Result<Vec<(Path, MultipartId)>> {
        let mut all = Vec::new();
        let mut behind = None;
        loop {
            let page = self.page(prefix.as_ref(), behind.as_ref()).await?;
            // Keys that are no paths are not ours.
            let found = page.uploads.into_iter();
            all.extend(found.filter_map(|found| Some((Path::parse(found.key).ok()?, found.upload_id))));
            let next = page.next_key_marker.filter(|_| page.is_truncated);
            let Some(key) = next else { return Ok(all) };
            behind = Some((key, page.next_upload_id_marker.unwrap_or_default()));
        }
    }

    async fn page(&self, prefix: &str, behind: Option<&(String, String)>) -> Result<Page> {
        let url = address(&self.at.bucket, prefix, behind)?;
        let (mut tries, mut pause) = (1, PAUSE);
        loop {
            let answer = self.at.caller.call(self.signed(&url).await?).await;
            let why: Box<dyn std::error::Error + Send + Sync> = match answer {
                Ok(answer) if answer.status().is_success() => {
                    let body = Limited::new(answer.into_body(), PAGE_BYTES_MAX).collect().await;
                    match body {
                        Ok(body) => return read(&body.to_bytes()),
                        Err(why) => why,
                    }
                }
                Ok(answer) if answer.status() == StatusCode::NOT_IMPLEMENTED => {
                    return Err(Error::NotSupported { source: "the service lists no uploads".into() });
                }
                Ok(answer) => format!("the service says {}", answer.status().as_u16()).into(),
                Err(why) if why.kind() == HttpErrorKind::Unknown => return Err(failed(why)),
                Err(why) => Box::new(why),
            };
            if tries == TRIES {
                return Err(failed(why));
            }
            tokio::time::sleep(pause).await;
            (tries, pause) = (tries + 1, PAUSE_MAX.min(2 * pause));
        }
    }

    async fn signed(&self, url: &Url) -> Result<HttpRequest> {
        let request = Request::builder().method(Method::GET).uri(url.as_str());
        let mut request = request.body(HttpRequestBody::empty()).map_err(failed)?;
        match &self.protocol {
            Protocol::S3 { client, region } => {
                let credential = client.credentials().get_credential().await?;
                AwsAuthorizer::new(&credential, "s3", region).try_authorize(&mut request, None)?;
            }
            Protocol::Google(client) => {
                let credential = client.credentials().get_credential().await?;
                if !credential.bearer.is_empty() {
                    let mut token =
                        HeaderValue::from_str(&format!("Bearer {}", credential.bearer)).map_err(failed)?;
                    token.set_sensitive(true);
                    request.headers_mut().insert(AUTHORIZATION, token);
                }
            }
        }
        Ok(request)
    }
}

/// Returns the address of a page of the list.
fn address(bucket: &str, prefix: &str, behind: Option<&(String, String)>) -> Result<Url> {
    let mut url = Url::parse(bucket).map_err(failed)?;
    {
        let mut query = url.query_pairs_mut();
        query.append_pair("uploads", "");
        if !prefix.is_empty() {
            query.append_pair("prefix", prefix);
        }
        if let Some((key, id)) = behind {
            query.append_pair("key-marker", key).append_pair("upload-id-marker", id);
        }
    }
    // Signatures are over %20, not over the + of forms. A + itself is %2B by now.
    let query = url.query().map(|query| query.replace('+', "%20"));
    url.set_query(query.as_deref());
    Ok(url)
}

fn read(body: &[u8]) -> Result<Page> {
    quick_xml::de::from_reader(body).map_err(failed)
}

fn failed(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Generic { store: "list of unfinished uploads", source: why.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read_and_asked_for_one_behind_the_other() {
        let begin = "<?xml version=\"1.0\"?><ListMultipartUploadsResult xmlns=\"http://s3.amazonaws.com/doc/\"><Bucket>b</Bucket>";
        let upload = |key: &str, id: &str| {
            format!("<Upload><Key>{key}</Key><UploadId>{id}</UploadId><Owner><ID>o</ID></Owner></Upload>")
        };
        let more = "<NextKeyMarker>e/a b+</NextKeyMarker><NextUploadIdMarker>i&amp;1</NextUploadIdMarker>\
                    <IsTruncated>true</IsTruncated>";
        let (first, second) = (upload("e/1", "x"), upload("e/a b+", "i&amp;1"));
        let page =
            read(format!("{begin}{more}{first}{second}</ListMultipartUploadsResult>").as_bytes()).unwrap();
        assert!(page.is_truncated);
        let found: Vec<_> = page.uploads.iter().map(|found| (&*found.key, &*found.upload_id)).collect();
        assert_eq!(found, [("e/1", "x"), ("e/a b+", "i&1")]);
        let behind = (page.next_key_marker.unwrap(), page.next_upload_id_marker.unwrap());
        let url = address("http://h:1/exports", "e", Some(&behind)).unwrap();
        assert_eq!(
            url.as_str(),
            "http://h:1/exports?uploads=&prefix=e&key-marker=e%2Fa%20b%2B&upload-id-marker=i%261"
        );
        let last =
            read(format!("{begin}<IsTruncated>false</IsTruncated></ListMultipartUploadsResult>").as_bytes());
        assert!(last.unwrap().uploads.is_empty());
        assert_eq!(address("http://h:1/exports", "", None).unwrap().as_str(), "http://h:1/exports?uploads=");
    }
}
