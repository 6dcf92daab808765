//! Checks what sets hold: copies for people (rule D9), and whom the others name (rule D10).

use std::collections::BTreeSet;

use bytes::Bytes;

use super::super::model::{Broken, Check, ensure};
use super::super::report::Invariant;
use super::super::shared::lock;
use super::super::source::number;
use super::super::time::Micros;
use super::seal;
use super::steps::By;
use super::town::{RowType, TYPES, is_named, names_anybody};
use super::ward::{Known, Model, Ward};
use crate::domain::execution::Execution;
use crate::domain::id::{ExecutionId, Owner, SubjectRequestId};
use crate::domain::job::Protection;
use crate::domain::subject::copies::Holding;
use crate::ports::catalog::{CatalogError, CatalogErrorKind, Fence, Publication};
use crate::service::copies::CopyOf;
use crate::testing::packager::unpack;

/// The page of a copy.
const INDEX: &str = "index.html";

impl Ward {
    /// Checks a publication that was made or refused.
    pub(super) fn published(
        &self,
        fence: Fence<ExecutionId>,
        publication: &Publication,
        result: &Result<(), CatalogError>,
    ) {
        self.look(|model| {
            let Some(id) = publication.request else {
                return if result.is_ok() { self.check_set(model, fence.id, publication) } else { Ok(()) };
            };
            let Some(known) = model.requests.get(&id).cloned() else {
                return Err(Broken(Invariant::D9, format!("a copy for request {id}, which nobody knows")));
            };
            let is_ready = known.request.is_to_hand_over();
            if let Err(error) = result {
                let lawful = match error.kind() {
                    CatalogErrorKind::Conflict => !is_ready,
                    kind => matches!(kind, CatalogErrorKind::Fenced | CatalogErrorKind::Cancelled),
                };
                return ensure(lawful, Invariant::Answer, || format!("refused: {}", error.report()));
            }
            ensure(is_ready, Invariant::D9, || {
                format!("a copy is published for request {id}, which is {}", known.request.status())
            })?;
            let execution = self.execution(publication, fence.id)?;
            self.check_copy(&known, &execution, publication)?;
            let stored = self.read(self.catalog.subject_request(&execution.owner, id))?;
            let Some(after) = known.request.clone().handed_over(fence.id, publication.published_at).ok()
            else {
                return Ok(());
            };
            self.shared.count(|figures| figures.handed_over += 1);
            self.step_taken(model, &known.request, &after, stored.as_ref(), By::Publication)
        });
    }

    fn execution(&self, publication: &Publication, id: ExecutionId) -> Check<Execution> {
        let owner = publication.set.artifacts.first().map(|file| file.owner.clone());
        let owner = owner.ok_or_else(|| Broken(Invariant::I3, format!("{id} published nothing")))?;
        let now = self.shared.timeline.now();
        let found = self.read(self.catalog.execution(&owner, id, now))?;
        let found = found.ok_or_else(|| Broken(Invariant::Record, format!("execution {id} is gone")))?;
        Ok(found.execution)
    }

    /// Returns the files of a set, which is sealed for the holder of this certificate, or for nobody.
    fn files(&self, publication: &Publication, fingerprint: Option<&str>) -> Check<Vec<(String, Bytes)>> {
        let mut parts = Vec::new();
        for file in &publication.set.artifacts {
            let missing = || Broken(Invariant::I8, format!("{} is published and not stored", file.key));
            let part = self.store.object(&file.key).ok_or_else(missing)?;
            parts.push(match fingerprint {
                None => part,
                Some(print) => seal::opened(&part, print).ok_or_else(|| {
                    Broken(Invariant::D9, format!("{} is not sealed for who asked", file.name))
                })?,
            });
        }
        unpack(&parts).map_err(|error| Broken(Invariant::D9, error.report()))
    }

    /// Rule D9: a copy holds each record about the person that the sources had while it was made once, and no other. It is
    /// sealed for the certificate that came with the request.
    fn check_copy(&self, known: &Known, execution: &Execution, publication: &Publication) -> Check {
        let (request, owner) = (&known.request, &execution.owner);
        let told =
            |what: String| Broken(Invariant::D9, format!("the copy for request {}: {what}", request.id));
        let print = known.certificate.as_deref().map(seal::fingerprint);
        let protection = match &print {
            None => Protection::Plaintext,
            Some(print) => Protection::Handed { fingerprint: print.clone() },
        };
        ensure(execution.settings.protection == protection, Invariant::D9, || {
            format!("request {}: {:?}", request.id, execution.settings.protection)
        })?;
        let files = self.files(publication, print.as_deref())?;
        let manifest = self.store.object(&publication.set.manifest.key).unwrap_or_default();
        if names_anybody(&String::from_utf8_lossy(&manifest)) {
            return Err(told("its manifest names somebody".to_owned()));
        }
        if files.last().is_none_or(|(path, _)| path != INDEX) {
            return Err(told("it has no page".to_owned()));
        }
        let since = self.since(execution);
        let mut held = BTreeSet::new();
        let town = lock(&self.town);
        for (path, contents) in files.iter().filter(|(path, _)| path != INDEX) {
            for line in contents.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let row = number(line).and_then(|number| Some((number, town.row(number)?)));
                let Some((number, row)) = row else { return Err(told(format!("no record in {path}"))) };
                let folder = format!("{}/{}/", row.kind.source, row.kind.name);
                let about = row.named().any(|(by, person)| is_named(&known.subject, by, person));
                let theirs = row.owner == owner.as_str() && (about || row.changed >= since);
                if !theirs || !path.starts_with(&folder) || !held.insert(number) {
                    return Err(told(format!("record {number} of {path}: {row:?}")));
                }
            }
        }
        let asked = |kind: &&RowType| kind.is_in(&known.request.scope) && kind.names_by(&known.subject);
        for kind in TYPES.iter().filter(asked) {
            let there = town.of_type(owner, kind, Some(&known.subject));
            let missing = |number: &&usize| {
                !held.contains(*number) && town.row(**number).is_some_and(|row| row.changed < since)
            };
            if let Some(missing) = there.iter().find(missing) {
                return Err(told(format!("record {missing} is missing: {:?}", town.row(*missing))));
            }
        }
        Ok(())
    }

    /// When the attempt that published began, in the time of the world.
    fn since(&self, execution: &Execution) -> Micros {
        let began = execution.attempts.last().map_or(execution.created_at, |attempt| attempt.started_at);
        self.shared.timeline.micros(began)
    }

    /// Notes whom a set names, and checks that it holds records of its owner alone.
    fn check_set(&self, model: &mut Model, id: ExecutionId, publication: &Publication) -> Check {
        let execution = self.execution(publication, id)?;
        let since = self.since(&execution);
        let mut named = BTreeSet::new();
        let files = self.files(publication, None)?;
        let town = lock(&self.town);
        for line in files.iter().flat_map(|(_, contents)| contents.split(|byte| *byte == b'\n')) {
            let Some(row) = number(line).and_then(|number| town.row(number)) else { continue };
            ensure(row.owner == execution.owner.as_str(), Invariant::Owner, || {
                format!("a set of {} holds {row:?}", execution.owner)
            })?;
            // What has changed while it was read may have named others.
            if row.changed < since {
                named.extend(row.named());
            }
        }
        model.sets.insert(id, named);
        Ok(())
    }

    /// Rule D10: of no set that names the person it is said that it does not.
    pub(super) fn check_holdings(&self, owner: &Owner, request: SubjectRequestId, sets: &[CopyOf]) {
        self.look(|model| {
            let Some(known) = model.requests.get(&request) else { return Ok(()) };
            ensure(known.request.owner == *owner, Invariant::D10, || format!("{owner} asked for {request}"))?;
            for copy in sets {
                let id = copy.set.execution;
                let named = model.sets.get(&id);
                let is_in = named.is_some_and(|named| {
                    named.iter().any(|(by, person)| is_named(&known.subject, *by, *person))
                });
                ensure(!is_in || copy.holding != Holding::Not, Invariant::D10, || {
                    format!("set {id} names the person of request {request}, and is said not to: {copy:?}")
                })?;
                self.shared.count(|figures| {
                    figures.filters_asked += u64::from(copy.set.filter.is_some());
                });
            }
            Ok(())
        });
    }
}
