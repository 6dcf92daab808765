//! The calls of a store, polled in the context of the network's runtime, with errors that tell what the service says.

use async_trait::async_trait;
use cdds_core::ports::destination::DestinationErrorKind as Kind;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};

use super::super::failure::call_error;
use super::BucketStore;
use crate::net::Net;

/// The store's name in errors.
const STORE: &str = "object store";

/// Replaces an error by what the service has said, in the form in which stores tell refusals and full disks.
pub(super) fn told(path: &str, why: Error) -> Error {
    let Some(call) = call_error(&why) else { return why };
    let words = format!("{}{}", call.told(), call.remedy());
    match call.kind() {
        Kind::Refused => Error::PermissionDenied { path: path.to_owned(), source: words.into() },
        Kind::Full => {
            let full = std::io::Error::new(std::io::ErrorKind::StorageFull, words);
            Error::Generic { store: STORE, source: Box::new(full) }
        }
        _ => Error::Generic { store: STORE, source: words.into() },
    }
}

impl BucketStore {
    async fn call<T>(&self, path: &Path, call: impl Future<Output = Result<T>>) -> Result<T> {
        self.net.run(call).await.map_err(|why| told(path.as_ref(), why))
    }

    /// Polls a stream in the context of the runtime.
    fn within<T: Send + 'static>(
        &self,
        path: &Path,
        mut inner: BoxStream<'static, Result<T>>,
    ) -> BoxStream<'static, Result<T>> {
        let (net, path) = (self.net.clone(), path.clone());
        let polled = stream::poll_fn(move |context| net.within(|| inner.as_mut().poll_next(context)));
        polled.map(move |found| found.map_err(|why| told(path.as_ref(), why))).boxed()
    }
}

#[async_trait]
impl ObjectStore for BucketStore {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.call(path, self.store.put_opts(path, payload, options)).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let upload = self.call(path, self.store.put_multipart_opts(path, options)).await?;
        Ok(Box::new(BucketUpload { upload, net: self.net.clone(), path: path.clone() }))
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let mut found = self.call(path, self.store.get_opts(path, options)).await?;
        if let GetResultPayload::Stream(pieces) = found.payload {
            found.payload = GetResultPayload::Stream(self.within(path, pieces));
        }
        Ok(found)
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let deleted = self.net.within(|| self.store.delete_stream(paths));
        self.within(&Path::default(), deleted)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let found = self.net.within(|| self.store.list(prefix));
        self.within(prefix.unwrap_or(&Path::default()), found)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.call(prefix.unwrap_or(&Path::default()), self.store.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.call(to, self.store.copy_opts(from, to, options)).await
    }
}

/// An upload in parts.
#[derive(Debug)]
struct BucketUpload {
    upload: Box<dyn MultipartUpload>,
    net: Net,
    path: Path,
}

#[async_trait]
impl MultipartUpload for BucketUpload {
    fn put_part(&mut self, payload: PutPayload) -> UploadPart {
        let (net, path) = (self.net.clone(), self.path.clone());
        let part = net.within(|| self.upload.put_part(payload));
        Box::pin(async move { net.run(part).await.map_err(|why| told(path.as_ref(), why)) })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let completed = self.net.run(self.upload.complete()).await;
        completed.map_err(|why| told(self.path.as_ref(), why))
    }

    async fn abort(&mut self) -> Result<()> {
        self.net.run(self.upload.abort()).await.map_err(|why| told(self.path.as_ref(), why))
    }
}
