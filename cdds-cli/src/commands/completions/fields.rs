//! The fields of the records that a job is about to export: asked of the source, which has a moment to answer.

use std::collections::BTreeMap;

use cdds_core::domain::access::Principal;
use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::job::JobSettings;
use cdds_core::ports::source::{DataType, ReadRequest, RegisteredSource, Source, Sources};
use chrono::Utc;
use futures::TryStreamExt;
use serde_json::{Map, Value};

/// How many records are looked at where the source does not know its fields.
const RECORDS_MAX: usize = 50;

/// The source and the types that were typed, or that a job has.
pub(super) struct Chosen {
    pub(super) source: Option<String>,
    pub(super) types: Vec<String>,
}

impl Chosen {
    /// Takes those of a job where none were typed.
    pub(super) fn of_job(self, settings: &JobSettings) -> Self {
        let of_job = || settings.reads.iter().map(|read| read.data_type.to_string()).collect();
        let types = if self.types.is_empty() { of_job() } else { self.types };
        Self { source: Some(settings.source.to_string()), types }
    }

    /// Returns the names of the fields, each with what is known of it. Without a source, those of all sources.
    pub(super) async fn fields(&self, sources: &Sources, by: &Principal) -> BTreeMap<String, String> {
        let mut fields = BTreeMap::new();
        for (id, source) in sources.for_owner(&by.owner).iter() {
            let RegisteredSource::Supported(source) = source else { continue };
            if self.source.as_ref().is_some_and(|wanted| wanted != id.as_str()) {
                continue;
            }
            for data_type in &source.describe().types {
                if self.types.is_empty() || self.types.iter().any(|wanted| wanted == data_type.id.as_str()) {
                    of_type(&**source, data_type, by, &mut fields).await;
                }
            }
        }
        fields
    }
}

async fn of_type(
    source: &dyn Source,
    data_type: &DataType,
    by: &Principal,
    fields: &mut BTreeMap<String, String>,
) {
    let named = source.fields(&by.owner, &data_type.id).await.ok().flatten().unwrap_or_default();
    for field in named {
        fields.entry(field.name).or_insert(field.declared.unwrap_or_default());
    }
    for name in data_type.fields.iter().flatten() {
        fields.entry(name.clone()).or_default();
    }
    // Where the engine applies the templates, the source has no schema.
    if data_type.pushes_down || data_type.fields.is_some() {
        return;
    }
    let request = ReadRequest::new(by.owner.clone(), data_type.id.clone(), Window::until(Utc::now()));
    let Ok(mut batches) = source.read(request).await else { return };
    let Ok(Some(batch)) = batches.try_next().await else { return };
    for record in batch.iter().take(RECORDS_MAX) {
        let record = serde_json::from_slice::<Map<String, Value>>(record.line).unwrap_or_default();
        for (name, _) in record {
            fields.entry(name).or_default();
        }
    }
}
