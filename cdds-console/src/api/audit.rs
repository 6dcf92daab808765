//! Who did what.

use axum::Json;
use axum::extract::State;
use cdds_core::domain::access::Action;
use cdds_core::ports::catalog::query::AuditColumn;
use cdds_view::{AuditView, PageView, ProblemView};

use super::document::Api;
use super::operation::Operation;
use super::{LIMIT, columns};
use crate::App;
use crate::answers::Query;
use crate::lists::audit as lists;
use crate::visit::Caller;

pub(super) fn routes(api: Api) -> Api {
    api.get(
        "/audit",
        list,
        Operation::new("list_audit", "List the audit", "Returns a page of who did what, the newest first.")
            .needs(Action::SeeAudit)
            .lists::<AuditView>(&lists::PARAMETERS, &columns(AuditColumn::ALL)),
    )
}

async fn list(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Query(answers): Query,
) -> Result<Json<PageView<AuditView>>, ProblemView> {
    let query = lists::query(&answers, LIMIT)?;
    let page = services.audit.list(&by, &query).await?;
    Ok(Json(PageView::new(page, query.sort, AuditView::from)))
}
