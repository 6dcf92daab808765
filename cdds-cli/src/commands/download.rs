//! `cdds artifact download`: fetches files from the store. A file gets its name only when it is whole and
//! verified.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::pin::pin;

use cdds_core::domain::access::Principal;
use cdds_core::domain::archive::artifact::{Artifact, Sha256Digest, StoredManifest, StoredSignature};
use cdds_core::domain::id::{ArtifactId, ExecutionId};
use cdds_core::service::ServiceError;
use cdds_core::service::artifacts::{self, Artifacts};
use cdds_storage::durable;
use cdds_view::words;
use futures::future::{Either, select};
use tempfile::NamedTempFile;

use super::artifact::distinct;
use super::found;
use super::offline::{make_folder, refuse_shared_targets};
use crate::args::DownloadArgs;
use crate::compose::App;
use crate::error::CliError;
use crate::progress::BytesProgress;
use crate::session::Session;
use crate::signals::Stop;
use crate::text::escaped;
use crate::view::DownloadedView;

/// A stored file and where it goes.
#[derive(Debug)]
struct Download {
    stored: Stored,
    name: String,
    bytes: u64,
    sha256: Sha256Digest,
    target: PathBuf,
}

pub(super) async fn download(args: DownloadArgs, session: &Session) -> Result<(), CliError> {
    let app = session.open().await?;
    app.check_store().await?;
    let files = match &args.execution {
        Some(execution) => {
            let execution = found::execution(execution, &app, &session.principal).await?;
            set(&app.artifacts, execution, &args.to, session).await?
        }
        None => selection(&app, &args.ids, &args.to, session).await?,
    };
    let views = fetch_to(&app.artifacts, &files, &args.to, args.force, session).await?;
    session.output.list(&views)?;
    let fetched = words::counted(files.len() as u64, "file");
    let bytes = words::bytes(files.iter().map(|file| file.bytes).sum());
    let to = args.to.display().to_string();
    session.console.note(&format!("{fetched}, {bytes}, in {}", escaped(&to)));
    Ok(())
}

/// Downloads everything that an execution published into a folder.
pub(super) async fn set_to(
    artifacts: &Artifacts,
    execution: ExecutionId,
    to: &Path,
    session: &Session,
) -> Result<(), CliError> {
    let files = set(artifacts, execution, to, session).await?;
    fetch_to(artifacts, &files, to, false, session).await?;
    Ok(())
}

/// Fetches files into a folder.
async fn fetch_to(
    artifacts: &Artifacts,
    files: &[Download],
    to: &Path,
    force: bool,
    session: &Session,
) -> Result<Vec<DownloadedView>, CliError> {
    refuse_shared_targets(files.iter().map(|file| (file.name.as_str(), file.target.as_path())))?;
    if !force {
        refuse_existing(files)?;
    }
    make_folder(to)?;
    let stop = Stop::listen(&session.console, Some("stopping the download"))?;
    let (views, failure) = fetch_all(artifacts, files, force, stop, session).await;
    match failure {
        None => Ok(views),
        Some(failure) => Err(failure.with_way_out(&rest(views.len(), files.len(), to))),
    }
}

/// Describes how much of a failed download was fetched.
fn rest(fetched: usize, asked: usize, to: &Path) -> String {
    match fetched {
        0 => format!("none of the {asked} files was fetched"),
        _ => format!("only the first {fetched} of {asked} files are whole in {}", to.display()),
    }
}

/// Returns the named artifacts, each once.
async fn selection(
    app: &App,
    typed: &[String],
    to: &Path,
    session: &Session,
) -> Result<Vec<Download>, CliError> {
    let found = app.artifacts.select(&session.principal, &distinct(typed, app, session).await?).await?;
    Ok(found.into_iter().map(|artifact| Download::artifact(artifact, to)).collect())
}

/// Returns everything that an execution published. The manifest comes last, after its signature, so that its
/// presence means that the set is complete.
async fn set(
    artifacts: &Artifacts,
    execution: ExecutionId,
    to: &Path,
    session: &Session,
) -> Result<Vec<Download>, CliError> {
    let set = artifacts.complete_set(&session.principal, execution).await?;
    let files = set.artifacts.into_iter().map(|artifact| Download::artifact(artifact, to));
    let signature = set.signature.map(|signature| Download::signature(execution, signature, to));
    Ok(files.chain(signature).chain([Download::manifest(execution, set.manifest, to)]).collect())
}

/// Identifies a stored file.
#[derive(Debug, Clone, Copy)]
enum Stored {
    Artifact(ArtifactId),
    Manifest(ExecutionId),
    Signature(ExecutionId),
}

impl Stored {
    /// Begins to read the file.
    async fn read(self, artifacts: &Artifacts, by: &Principal) -> Result<artifacts::Download, ServiceError> {
        match self {
            Self::Artifact(id) => artifacts.download(by, id, 0).await,
            Self::Manifest(execution) => artifacts.download_manifest(by, execution).await,
            Self::Signature(execution) => artifacts.download_signature(by, execution).await,
        }
    }

    fn artifact(self) -> Option<ArtifactId> {
        match self {
            Self::Artifact(id) => Some(id),
            Self::Manifest(_) | Self::Signature(_) => None,
        }
    }
}

impl Download {
    fn artifact(artifact: Artifact, to: &Path) -> Self {
        let Artifact { id, name, bytes, sha256, .. } = artifact;
        Self { stored: Stored::Artifact(id), target: to.join(&name), name, bytes, sha256 }
    }

    fn manifest(execution: ExecutionId, manifest: StoredManifest, to: &Path) -> Self {
        let StoredManifest { name, bytes, sha256, .. } = manifest;
        Self { stored: Stored::Manifest(execution), target: to.join(&name), name, bytes, sha256 }
    }

    fn signature(execution: ExecutionId, signature: StoredSignature, to: &Path) -> Self {
        let StoredSignature { name, bytes, sha256, .. } = signature;
        Self { stored: Stored::Signature(execution), target: to.join(&name), name, bytes, sha256 }
    }
}

/// Refuses to overwrite existing files before anything is written, so that a refusal changes nothing.
fn refuse_existing(files: &[Download]) -> Result<(), CliError> {
    match files.iter().find(|file| file.target.symlink_metadata().is_ok()) {
        Some(file) => Err(exists(&file.target)),
        None => Ok(()),
    }
}

fn exists(target: &Path) -> CliError {
    CliError::refused(
        "file_exists",
        format!("{} already exists: use --force to replace it, or choose another folder", target.display()),
    )
}

/// Fetches the files in order, up to the first that fails or until somebody stops it.
async fn fetch_all(
    artifacts: &Artifacts,
    files: &[Download],
    force: bool,
    stop: Stop,
    session: &Session,
) -> (Vec<DownloadedView>, Option<CliError>) {
    let progress = BytesProgress::new(&session.console);
    progress.begin("", files.iter().map(|file| file.bytes).sum());
    let mut views = Vec::with_capacity(files.len());
    let mut stopped = pin!(stop.asked());
    for file in files {
        let mut download = None;
        let fetched = async {
            let download = download.insert(file.stored.read(artifacts, &session.principal).await?);
            fetch(download, file, force, &progress).await
        };
        // A fetch that is dropped takes its unnamed file with it.
        let failure = match select(pin!(fetched), stopped.as_mut()).await {
            Either::Left((fetched, _)) => fetched.err(),
            Either::Right(((), _)) => Some(CliError::failed("interrupted", "the download was stopped")),
        };
        if let Some(failure) = failure {
            if let Some(download) = download {
                // What comes of this is less important than the failure: the download stays on record as begun.
                let _recorded = download.stop().await;
            }
            return (views, Some(failure));
        }
        let id = file.stored.artifact().map(|id| id.to_string());
        views.push(DownloadedView::new(id, &file.name, &file.target, file.bytes, file.sha256.to_string()));
    }
    (views, None)
}

/// Fetches into an unnamed file, which gets its name only once every byte is there, verified and durable.
async fn fetch(
    download: &mut artifacts::Download,
    file: &Download,
    force: bool,
    progress: &BytesProgress,
) -> Result<(), CliError> {
    let failed = |error: &std::io::Error| CliError::file("write", &file.target, error);
    let folder = file.target.parent().unwrap_or(Path::new("."));
    progress.name(&file.name);
    let mut part = NamedTempFile::new_in(folder).map_err(|error| failed(&error))?;
    while let Some(chunk) = download.next().await? {
        part.write_all(&chunk).map_err(|error| failed(&error))?;
        progress.add(chunk.len() as u64);
    }
    part.as_file().sync_all().map_err(|error| failed(&error))?;
    let named = if force { part.persist(&file.target) } else { part.persist_noclobber(&file.target) };
    named.map_err(|error| match error.error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(&file.target),
        _ => failed(&error.error),
    })?;
    durable::sync_folder(folder).map_err(|error| failed(&error))
}
