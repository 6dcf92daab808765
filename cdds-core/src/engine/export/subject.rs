//! What an export needs to hand records over to the person whom they are about (rule D9): who that is, the certificate for
//! which they are sealed, and the page that says what is there.

use super::attempt::Export;
use super::prepare::{PreparedRead, catalog_failure};
use crate::domain::archive::cut::CutFile;
use crate::domain::archive::index::{Index, IndexedFile, IndexedType, NotIndexed};
use crate::domain::execution::failure::{Failure, FailureKind, Step};
use crate::domain::id::{RecipientName, SourceId, SubjectRequestId};
use crate::domain::job::Protection;
use crate::domain::recipient::Recipient;
use crate::domain::subject::Subject;
use crate::domain::subject::request::{NotAsked, SubjectRequest};
use crate::engine::calls::call_now;
use crate::identifiers;
use crate::ports::sealer::SealerErrorKind;
use crate::ports::source::RegisteredSource;

/// The name of the holder of the certificate, for the sealer.
const HOLDER: &str = "request";

/// The person to whom records are handed over.
pub(super) struct Asking {
    request: SubjectRequest,
    subject: Subject,
    /// Whoever can read the parts; `None` for plaintext.
    holder: Option<Recipient>,
}

impl Asking {
    /// Returns the person.
    pub(super) fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Returns for whom the parts are sealed; nobody for plaintext.
    pub(super) fn recipients(&self) -> Vec<Recipient> {
        self.holder.iter().cloned().collect()
    }
}

impl Export {
    /// Opens the identifiers of the request that the execution answers; `None` if it answers none. A worker without their
    /// key fails the attempt, so that the next one may be another worker's.
    pub(super) async fn asking(&self) -> Result<Option<Asking>, Failure> {
        let Some(id) = self.execution.settings.request else { return Ok(None) };
        let ports = &self.shared.ports;
        let found = ports.catalog.subject_request(&self.execution.owner, id).await;
        let request = found.map_err(|error| catalog_failure(Step::Prepare, &error))?;
        let request = request.filter(SubjectRequest::is_to_hand_over).ok_or_else(|| ended(id))?;
        let opened =
            call_now(Step::Prepare, "store of keys", || identifiers::person(&*ports.subject_keys, &request))?;
        let person = opened.map_err(|error| Failure {
            step: Step::Prepare,
            kind: FailureKind::Missing,
            message: format!("this worker cannot open the identifiers of request {id}: {}", error.report()),
            // Another worker may have the key, or somebody may bring it back.
            retryable: true,
        })?;
        let holder = match person.certificate {
            Some(der) => Some(self.holder(id, &der).await?),
            None => None,
        };
        // What is sealed for nobody would be plaintext.
        let is_sealed = matches!(self.execution.settings.protection, Protection::Handed { .. });
        if is_sealed != holder.is_some() {
            return Err(unusable(id));
        }
        Ok(Some(Asking { request, subject: person.subject, holder }))
    }

    /// Checks the certificate that came with the request again (rule S2). It may name the person, so failures say nothing of
    /// it.
    async fn holder(&self, id: SubjectRequestId, der: &[u8]) -> Result<Recipient, Failure> {
        let ports = &self.shared.ports;
        let now = ports.catalog.now().await.map_err(|error| catalog_failure(Step::Prepare, &error))?;
        let inspected =
            call_now(Step::Prepare, "certificate store", || ports.certificates.inspect(der, now))?;
        let certificate = match inspected {
            Ok(certificate) => certificate,
            Err(error) if error.kind() == SealerErrorKind::Certificate => return Err(unusable(id)),
            Err(error) => return Err(Failure::of(Step::Prepare, &error)),
        };
        match &self.execution.settings.protection {
            Protection::Handed { fingerprint } if *fingerprint == certificate.fingerprint => {}
            _ => return Err(unusable(id)),
        }
        let name = RecipientName::new(HOLDER);
        let name = name.map_err(|_| Failure::internal(Step::Prepare, "the holder has no name"))?;
        Ok(Recipient { owner: self.execution.owner.clone(), name, certificate, added_at: now })
    }

    /// Returns the page about what is read, as far as it is known before: which types, and what is not asked.
    pub(super) fn indexing(&self, asking: &Asking, reads: &[PreparedRead]) -> Indexing {
        let sources = self.shared.ports.sources.for_owner(&self.execution.owner);
        let titled = |id: &SourceId| match sources.find(id) {
            Some(RegisteredSource::Supported(source)) => source.describe().title.clone(),
            Some(RegisteredSource::Unsupported { title, .. }) => title.clone(),
            None => id.to_string(),
        };
        let types = reads.iter().map(|read| IndexedType {
            source: titled(&read.source_id),
            data_type: read.data_type.id.to_string(),
            shown: read.data_type.copy.in_words(),
            files: Vec::new(),
        });
        let left_out = |one: NotAsked| NotIndexed {
            source: titled(&one.source),
            data_type: one.data_type.map(|data_type| data_type.to_string()),
            why: one.why.in_words(),
        };
        let is_read = |one: &NotAsked| {
            reads.iter().any(|read| {
                read.source_id == one.source
                    && one.data_type.as_ref().is_none_or(|id| read.data_type.id == *id)
            })
        };
        let not_asked = asking.request.asked(&sources).not_asked.into_iter().filter(|one| !is_read(one));
        Indexing(Index {
            request: asking.request.id,
            made_at: self.execution.window.end(),
            types: types.collect(),
            not_asked: not_asked.map(left_out).collect(),
        })
    }
}

/// The page, while files are written.
pub(super) struct Indexing(Index);

impl Indexing {
    /// Notes a file of the read with this number.
    pub(super) fn note(&mut self, read: usize, file: &CutFile) {
        if let Some(of_type) = self.0.types.get_mut(read) {
            of_type.files.push(IndexedFile::of(file));
        }
    }

    /// Returns the page as the last file.
    pub(super) fn file(self) -> CutFile {
        self.0.file()
    }
}

fn ended(id: SubjectRequestId) -> Failure {
    Failure {
        step: Step::Prepare,
        kind: FailureKind::Invalid,
        message: format!("request {id} has ended or was answered: there is nothing to hand over"),
        retryable: false,
    }
}

fn unusable(id: SubjectRequestId) -> Failure {
    Failure {
        step: Step::Prepare,
        kind: FailureKind::Certificate,
        message: format!(
            "the certificate that came with request {id} cannot be used, or not any more: withdraw the request, and put it \
             on record again with another one"
        ),
        retryable: false,
    }
}
