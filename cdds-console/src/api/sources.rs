//! Registered sources.

use axum::Json;
use axum::extract::State;
use cdds_core::Principal;
use cdds_core::domain::id::{SourceId, TypeId};
use cdds_view::{ProblemView, SourceView, TypeView};
use serde::Serialize;

use super::Whole;
use super::taken::Id;
use crate::answers::{Query, wrong};
use crate::visit::Caller;
use crate::{App, Services};

/// Returns a source that the principal's owner sees.
fn found(services: &Services, by: &Principal, id: &SourceId) -> Result<SourceView, ProblemView> {
    let sources = services.sources(by)?;
    let source = sources.iter().find(|(known, _)| known == id);
    let missing = || ProblemView::new(404, "not_found", format!("there is no source {id}"));
    source.map(|(id, source)| SourceView::new(id, source)).ok_or_else(missing)
}

pub(super) async fn list(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
) -> Result<Json<Whole<SourceView>>, ProblemView> {
    let sources = services.sources(&by)?;
    Ok(Json(Whole::of(sources.iter().map(|(id, source)| SourceView::new(id, source)))))
}

pub(super) async fn show(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<SourceId>,
) -> Result<SourceView, ProblemView> {
    found(&services, &by, &id)
}

pub(super) async fn types(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<SourceId>,
) -> Result<Json<Whole<TypeView>>, ProblemView> {
    Ok(Json(Whole::of(found(&services, &by, &id)?.types)))
}

/// A declared field of a data type.
#[derive(Debug, Serialize)]
pub(super) struct FieldView {
    /// The data type.
    r#type: TypeId,
    /// The name of the field, as selections and filters spell it.
    name: String,
}

/// Types that do not declare fields have none here: any name may be selected of them.
pub(super) async fn fields(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<SourceId>,
    Query(answers): Query,
) -> Result<Json<Whole<FieldView>>, ProblemView> {
    answers.only(&["type"])?;
    let wanted: Option<TypeId> = answers.parsed("type")?;
    let types = found(&services, &by, &id)?.types;
    let is_wanted = |known: &TypeView| wanted.as_ref().is_none_or(|wanted| known.id == *wanted);
    if wanted.is_some() && !types.iter().any(is_wanted) {
        return Err(wrong("type", &format!("the source {id} has no such data type")));
    }
    let fields = types.into_iter().filter(|known| is_wanted(known)).flat_map(|known| {
        let data_type = known.id;
        let names = known.fields.unwrap_or_default().into_iter();
        names.map(move |name| FieldView { r#type: data_type.clone(), name })
    });
    Ok(Json(Whole::of(fields)))
}
