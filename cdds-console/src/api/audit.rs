//! Who did what.

use axum::Json;
use axum::extract::State;
use cdds_view::{AuditView, PageView, ProblemView};

use super::{LIMIT, check};
use crate::App;
use crate::answers::Query;
use crate::lists::audit as lists;
use crate::visit::Caller;

pub(super) async fn list(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Query(answers): Query,
) -> Result<Json<PageView<AuditView>>, ProblemView> {
    check(&answers, &lists::PARAMETERS)?;
    let query = lists::query(&answers, LIMIT)?;
    let page = services.audit.list(&by, &query).await?;
    Ok(Json(PageView::new(page, query.sort, AuditView::from)))
}
