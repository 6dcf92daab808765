//! Notices, and how far their delivery has come.

use axum::Json;
use axum::extract::State;
use cdds_core::domain::access::Action;
use cdds_core::domain::id::NoticeId;
use cdds_view::{NoticeView, PageView, ProblemView};
use http::StatusCode;

use super::LIMIT;
use super::document::Api;
use super::operation::Operation;
use crate::App;
use crate::answers::{Id, Query};
use crate::lists::notices as lists;
use crate::visit::Caller;

pub(super) fn routes(api: Api) -> Api {
    api.get(
        "/notices",
        list,
        Operation::new("list_notices", "List notices", "Returns a page of notices, the newest first.")
            .needs(Action::See)
            .queries(&lists::PARAMETERS)
            .words("status", lists::statuses())
            .pages::<NoticeView>(),
    )
    .post(
        "/notices/{id}/replay",
        replay,
        Operation::new(
            "replay_notice",
            "Send a notice again",
            "Starts over with a notice that was given up.",
        )
        .needs(Action::SendAgain)
        .answers::<NoticeView>(202),
    )
}

async fn list(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Query(answers): Query,
) -> Result<Json<PageView<NoticeView>>, ProblemView> {
    let query = lists::query(&answers, LIMIT)?;
    Ok(Json(NoticeView::page(services.outbox.list(&by, &query).await?)))
}

/// Starts over with a notice that was given up.
async fn replay(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<NoticeId>,
) -> Result<(StatusCode, NoticeView), ProblemView> {
    Ok((StatusCode::ACCEPTED, services.outbox.send_again(&by, id).await?.into()))
}
