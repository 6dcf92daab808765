//! Registered sources.

use axum::Json;
use axum::extract::State;
use cdds_core::Principal;
use cdds_core::domain::access::Action;
use cdds_core::domain::id::{SourceId, TypeId};
use cdds_view::{ProblemView, SourceCheckView, SourceView, TypeView};
use serde::Serialize;
use utoipa::ToSchema;

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
            "Returns the fields that the data types declare. A type that declares none takes any name.",
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

/// A declared field of a data type.
#[derive(Debug, Serialize, ToSchema)]
struct FieldView {
    /// The data type.
    #[schema(value_type = String)]
    r#type: TypeId,
    /// The name of the field, as selections and filters spell it.
    name: String,
}

/// Types that do not declare fields have none here: any name may be selected of them.
async fn fields(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<SourceId>,
    Query(answers): Query,
) -> Result<Json<Whole<FieldView>>, ProblemView> {
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
