//! A store of one's own: a folder, in which a file has its name only once it is whole and durable.
//!
//! ```text
//! $ cargo run -p cdds-examples --example custom_sink
//! every clause of the store's contract holds
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use blocking::unblock;
use bytes::Bytes;
use cdds_core::ports::sink::{Key, Prefix, Sink, SinkError, SinkErrorKind, Stored, Upload};
use cdds_core::testing::conformance::sink::check;
use futures::stream::{self, BoxStream, StreamExt};

/// Ends the name of a file that is being written, before its number. No key has these characters.
const UNFINISHED: &str = "~";

/// Tells the uploads of a process apart, whichever handle they belong to.
static UPLOADS: AtomicU64 = AtomicU64::new(0);

#[derive(Debug)]
struct Folder {
    root: PathBuf,
}

/// The kind of an error tells the engine whether another attempt may help.
fn failed(context: &Path, error: io::Error) -> SinkError {
    let kind = match error.kind() {
        ErrorKind::NotFound => SinkErrorKind::NotFound,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => SinkErrorKind::Full,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => SinkErrorKind::Refused,
        _ => SinkErrorKind::Unavailable,
    };
    SinkError::with_source(kind, context.display().to_string(), error)
}

/// Runs work that blocks on a thread for it, so that nothing else waits.
async fn on_disk<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> Result<T, SinkError> {
    unblock(move || work(&path).map_err(|error| failed(&path, error))).await
}

/// Makes the entries of a folder durable.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Returns the files below a folder. One that is deleted meanwhile may be missing.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(found);
        }
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    Ok(found)
}

fn is_upload_of(key: &str, name: &str) -> bool {
    name.strip_prefix(key).is_some_and(|rest| rest.starts_with(UNFINISHED))
}

#[async_trait]
impl Sink for Folder {
    async fn begin(&self, key: &Key) -> Result<Box<dyn Upload>, SinkError> {
        let target = self.root.join(key.as_str());
        let number = UPLOADS.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.root.join(format!("{key}{UNFINISHED}{}-{number}", std::process::id()));
        let file = on_disk(unfinished.clone(), |path| {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            File::create_new(path)
        });
        Ok(Box::new(Writing {
            file: Arc::new(file.await?),
            unfinished,
            target,
            root: self.root.clone(),
            bytes: 0,
        }))
    }

    async fn read(
        &self,
        key: &Key,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, SinkError>>, SinkError> {
        let path = self.root.join(key.as_str());
        let file = on_disk(path.clone(), move |path| {
            let mut file = File::open(path)?;
            if file.metadata()?.is_dir() {
                return Err(ErrorKind::NotFound.into());
            }
            // Behind the end there is nothing to read, wherever that is.
            file.seek(SeekFrom::Start(from.min(file.metadata()?.len())))?;
            Ok(Some(file))
        });
        let chunks = stream::try_unfold(file.await?, move |file| {
            let path = path.clone();
            async move {
                let Some(mut file) = file else { return Ok(None) };
                on_disk(path, move |_| {
                    let mut chunk = Vec::new();
                    (&mut file).take(1 << 20).read_to_end(&mut chunk)?;
                    Ok((!chunk.is_empty()).then(|| (Bytes::from(chunk), Some(file))))
                })
                .await
            }
        });
        Ok(chunks.boxed())
    }

    async fn delete(&self, key: &Key) -> Result<(), SinkError> {
        let (root, key) = (self.root.clone(), key.clone());
        on_disk(self.root.join(key.as_str()), move |path| {
            let Some(folder) = path.parent() else { return Ok(()) };
            for file in files(folder)? {
                let name = file
                    .strip_prefix(&root)
                    .map_or_else(|_| String::new(), |name| name.display().to_string());
                if file == path || is_upload_of(key.as_str(), &name) {
                    match fs::remove_file(&file) {
                        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                        _ => {}
                    }
                }
            }
            // Also if nothing was left: an earlier removal may have been interrupted.
            if folder.exists() { sync(folder) } else { Ok(()) }
        })
        .await
    }

    async fn list(&self, prefix: &Prefix) -> Result<Vec<Key>, SinkError> {
        let root = self.root.clone();
        on_disk(self.root.join(prefix.as_str()), move |folder| {
            let key = |file: PathBuf| {
                let name = file.strip_prefix(&root).ok()?.to_str()?.to_owned();
                // Of an unfinished upload the key of its object.
                Some(Key::new(name.split(UNFINISHED).next()?))
            };
            let mut keys: Vec<Key> = files(folder)?.into_iter().filter_map(key).collect();
            keys.sort_unstable();
            keys.dedup();
            Ok(keys)
        })
        .await
    }
}

/// A file being written.
#[derive(Debug)]
struct Writing {
    file: Arc<File>,
    unfinished: PathBuf,
    target: PathBuf,
    root: PathBuf,
    bytes: u64,
}

#[async_trait]
impl Upload for Writing {
    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        let file = Arc::clone(&self.file);
        self.bytes += bytes.len() as u64;
        on_disk(self.unfinished.clone(), move |_| (&*file).write_all(&bytes)).await
    }

    async fn finish(self: Box<Self>) -> Result<Stored, SinkError> {
        on_disk(self.unfinished.clone(), move |unfinished| {
            // The contents before the name, and the name, with the folders that hold it, before the report.
            self.file.sync_all()?;
            fs::rename(unfinished, &self.target)?;
            let folders = self.target.ancestors().skip(1);
            folders.take_while(|folder| folder.starts_with(&self.root)).try_for_each(sync)?;
            Ok(Stored { bytes: self.bytes })
        })
        .await
    }

    async fn abort(self: Box<Self>) -> Result<(), SinkError> {
        on_disk(self.unfinished.clone(), |unfinished| fs::remove_file(unfinished)).await
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    // Each call opens another handle, as another process does.
    let open = || Arc::new(Folder { root: folder.path().to_owned() }) as Arc<dyn Sink>;
    futures::executor::block_on(check(open)).into_result()?;
    println!("every clause of the store's contract holds");
    Ok(())
}
