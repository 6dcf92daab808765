//! Registered sources.

use axum::Json;
use axum::extract::State;
use cdds_core::Principal;
use cdds_core::domain::access::Action;
use cdds_core::domain::id::{SourceId, TypeId};
use cdds_view::{FieldView, ProblemView, SourceCheckView, SourceView, TypeView};

use super::Whole;
use super::document::Api;
use super::operation::Operation;
use crate::answers::{Id, Query, wrong};
use crate::visit::Caller;
use crate::{App, Services};

pub(super) fn routes(api: Api) -> Api {
    let about = |id: &str, summary: &str, text: &str| Operation::new(id, summary, text).needs(Action::See);
    api.get(
        "/sources",
        list,
        about("list_sources", "List sources", "Returns the registered sources that the owner sees.")
            .whole::<SourceView>(200),
    )
    .get(
        "/sources/{id}",
        show,
        about("show_source", "Show a source", "Returns a source.").answers::<SourceView>(200),
    )
    .get(
        "/sources/{id}/types",
        types,
        about("list_types", "List data types", "Returns the data types of a source.").whole::<TypeView>(200),
    )
    .get(
        "/sources/{id}/fields",
        fields,
        about(
            "list_fields",
            "List fields",
            "Returns the fields of the data types, as the source knows them, and those that its first records have: with the \
             declared types, whether they are indexed, and what they are used for. Those who may create jobs also get the \
             shape of a value. A source that fails gives the declared names; a check says why. A type that declares no \
             fields takes any name.",
        )
        .queries(&["type"])
        .whole::<FieldView>(200),
    )
    .post(
        "/sources/{id}/check",
        check,
        Operation::new(
            "check_source",
            "Check a source",
            "Reads the beginning of each data type and asks for an estimate, for ten seconds at most. Gives what came of \
             it, and no record.",
        )
        .needs(Action::CreateJob)
        .answers::<SourceCheckView>(200)
        .refuses(409),
    )
}

/// Returns a source that the principal's owner sees.
fn found(services: &Services, by: &Principal, id: &SourceId) -> Result<SourceView, ProblemView> {
    let sources = services.sources(by)?;
    let source = sources.iter().find(|(known, _)| known == id);
    let missing = || ProblemView::new(404, "not_found", format!("there is no source {id}"));
    source.map(|(id, source)| SourceView::new(id, source)).ok_or_else(missing)
}

async fn list(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
) -> Result<Json<Whole<SourceView>>, ProblemView> {
    let sources = services.sources(&by)?;
    Ok(Json(Whole::of(sources.iter().map(|(id, source)| SourceView::new(id, source)))))
}

async fn show(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<SourceId>,
) -> Result<SourceView, ProblemView> {
    found(&services, &by, &id)
}

async fn types(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<SourceId>,
) -> Result<Json<Whole<TypeView>>, ProblemView> {
    Ok(Json(Whole::of(found(&services, &by, &id)?.types)))
}

async fn check(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<SourceId>,
) -> Result<Json<SourceCheckView>, ProblemView> {
    let check = services.checks.check(&by, &id).await?;
    Ok(Json(SourceCheckView::new(&id, check)))
}

async fn fields(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<SourceId>,
    Query(answers): Query,
) -> Result<Json<Whole<FieldView>>, ProblemView> {
    let wanted: Option<TypeId> = answers.parsed("type")?;
    let known = found(&services, &by, &id)?;
    if wanted.as_ref().is_some_and(|wanted| known.types.iter().all(|known| known.id != *wanted)) {
        return Err(wrong("type", &format!("the source {id} has no such data type")));
    }
    if !known.supported {
        return Ok(Json(Whole::of([])));
    }
    let found = services.checks.fields(&by, &id, wanted.as_ref()).await?;
    Ok(Json(Whole::of(found.into_iter().flat_map(FieldView::of))))
}
