//! Checks whether the sources still have what active jobs name: a type, its fields, the fields of filters.
//!
//! A source may change after a job was submitted: a column is renamed, a type leaves the configuration.

use std::collections::BTreeMap;

use cdds_core::domain::id::{SourceId, TypeId};
use cdds_core::domain::job::{Job, JobState, Read};
use cdds_core::ports::catalog::query::JobQuery;
use cdds_core::ports::source::RegisteredSource;

use super::Finding;
use crate::commands::{every_row, known_fields};
use crate::compose::App;
use crate::config::nearest;
use crate::error::CliError;
use crate::session::Session;

/// How many jobs are named: what is wrong with a source is wrong with all of its jobs.
const NAMED_MAX: usize = 10;

/// Returns a finding for each active job that names what its source does not have.
pub(super) async fn unknown(app: &App, session: &Session) -> Result<Vec<Finding>, CliError> {
    let query = JobQuery::default().with_state(JobState::Active);
    let jobs =
        every_row(async |slice| app.jobs.list(&session.principal, &query.clone().with_slice(slice)).await)
            .await?;
    let mut sources = Sources { app, session, fields: BTreeMap::new() };
    let (mut findings, mut more) = (Vec::new(), 0_usize);
    for job in jobs.into_iter().map(|overview| overview.job) {
        let Some(finding) = sources.check(&job).await else { continue };
        if findings.len() < NAMED_MAX {
            findings.push(finding);
        } else {
            more += 1;
        }
    }
    if more > 0 {
        let detail = format!("{more} more active jobs name what their sources do not have");
        findings.push(Finding::failed("jobs", detail, "mend those that are named, and check again"));
    }
    Ok(findings)
}

/// The sources, asked once for the fields of each type.
struct Sources<'a> {
    app: &'a App,
    session: &'a Session,
    /// What each knows. What keeps one from answering is another finding's.
    fields: BTreeMap<(SourceId, TypeId), Option<Vec<String>>>,
}

impl Sources<'_> {
    async fn check(&mut self, job: &Job) -> Option<Finding> {
        for read in job.settings.reads.iter() {
            let source = read.source.as_ref().unwrap_or(&job.settings.source);
            if let Some((why, way_out)) = self.fault(source, read).await {
                let title = job.settings.title.as_str();
                let way_out = way_out.replace("{job}", &job.id.to_string());
                return Some(Finding::failed("jobs", format!("{title:?} will fail: {why}"), &way_out));
            }
        }
        None
    }

    /// Returns why the records of a read cannot be exported, and what to do about it.
    async fn fault(&mut self, id: &SourceId, read: &Read) -> Option<(String, String)> {
        let data_type = &read.data_type;
        let declare = "declare it in the configuration again, or delete the job: `cdds job delete {job}`";
        let of_owner = self.app.sources.for_owner(&self.session.principal.owner);
        let source = match of_owner.find(id) {
            None => return Some((format!("there is no source {id} for this owner"), declare.to_owned())),
            Some(RegisteredSource::Unsupported { reason, .. }) => {
                return Some((format!("source {id}: {reason}"), "`cdds job suspend {job}`".to_owned()));
            }
            Some(RegisteredSource::Supported(source)) => source.clone(),
        };
        let Some(declared) = source.describe().data_type(data_type) else {
            return Some((format!("source {id} has no type {data_type}"), declare.to_owned()));
        };
        let edit = format!(
            "`cdds source fields {id} {data_type}` lists its fields; `cdds job edit {{job}} --field … --filter …` names others"
        );
        if let Err(violation) = read.template.check(declared) {
            return Some((violation.to_string(), edit));
        }
        let named = known_fields::named(read);
        // Of declared fields, the template's own check knows all; records of other kinds may have any field.
        if named.is_empty() || !declared.pushes_down || declared.fields.is_some() {
            return None;
        }
        let key = (id.clone(), data_type.clone());
        if !self.fields.contains_key(&key) {
            let fields = known_fields::names(source.as_ref(), data_type, self.session).await;
            self.fields.insert(key.clone(), fields);
        }
        let known = self.fields.get(&key)?.as_ref()?;
        let names: Vec<&str> = known.iter().map(String::as_str).collect();
        let missing = named.into_iter().find(|name| !names.contains(name))?;
        let hint = nearest(missing, &names)
            .map_or_else(String::new, |nearest| format!(", did you mean {nearest:?}?"));
        Some((format!("{data_type} of {id} has no field {missing:?}{hint}"), edit))
    }
}
