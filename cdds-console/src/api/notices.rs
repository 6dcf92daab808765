//! Notices, and how far their delivery has come.

use axum::Json;
use axum::extract::State;
use cdds_core::domain::id::NoticeId;
use cdds_view::{NoticeView, PageView, ProblemView};
use http::StatusCode;

use super::LIMIT;
use super::taken::Id;
use crate::App;
use crate::answers::Query;
use crate::lists::notices as lists;
use crate::visit::Caller;

pub(super) async fn list(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Query(answers): Query,
) -> Result<Json<PageView<NoticeView>>, ProblemView> {
    answers.only(&lists::PARAMETERS)?;
    let query = lists::query(&answers, LIMIT)?;
    Ok(Json(NoticeView::page(services.outbox.list(&by, &query).await?)))
}

/// Starts over with a notice that was given up.
pub(super) async fn replay(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<NoticeId>,
) -> Result<(StatusCode, NoticeView), ProblemView> {
    Ok((StatusCode::ACCEPTED, services.outbox.send_again(&by, id).await?.into()))
}
