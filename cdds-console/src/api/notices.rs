//! Notices, and how far their delivery has come.

use axum::Json;
use axum::extract::State;
use cdds_core::domain::access::Action;
use cdds_core::domain::id::NoticeId;
use cdds_core::domain::notice::subscription::Subscription;
use cdds_core::ports::catalog::query::NoticeColumn;
use cdds_view::{NoticeTestView, NoticeView, PageView, ProblemView};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::body::Body;
use super::document::Api;
use super::operation::Operation;
use super::{LIMIT, columns};
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
            .lists::<NoticeView>(&lists::PARAMETERS, &columns(NoticeColumn::ALL))
            .words("status", lists::statuses()),
    )
    .post(
        "/notices/{id}/replay",
        replay,
        Operation::new(
            "replay_notice",
            "Send a notice again",
            "Sends a notice again that was sent or given up. Its id stays, by which a receiver knows a repetition. One that \
             is still to be sent is refused with `notice_open`, which says when it is tried.",
        )
        .needs(Action::SendAgain)
        .answers::<NoticeView>(202),
    )
    .post(
        "/notices/test",
        test,
        Operation::new(
            "test_notice",
            "Send a test notice",
            "Sends a message that says it is a test to one subscriber, whatever its health, for a minute at most. A \
             subscriber that was not told is an answer as well.",
        )
        .needs(Action::TestNotice)
        .takes::<TestForm>(json!({"subscriber": "mailto:ada@example.com"}))
        .answers::<NoticeTestView>(200),
    )
}

async fn list(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Query(answers): Query,
) -> Result<Json<PageView<NoticeView>>, ProblemView> {
    let query = lists::query(&answers, LIMIT)?;
    let page = services.outbox.list(&by, &query).await?;
    Ok(Json(PageView::new(page, query.sort, NoticeView::from)))
}

/// Sends a notice again that was sent or given up.
async fn replay(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<NoticeId>,
) -> Result<(StatusCode, NoticeView), ProblemView> {
    Ok((StatusCode::ACCEPTED, services.outbox.send_again(&by, id).await?.into()))
}

/// A subscriber to be tried.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TestForm {
    /// Who, as jobs name it: `mailto:ADDRESS` or `webhook:NAME`.
    subscriber: String,
}

/// Tells a subscriber that this is a test.
async fn test(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Body(TestForm { subscriber }): Body<TestForm>,
) -> Result<Json<NoticeTestView>, ProblemView> {
    let of_field = |problem: ProblemView| problem.with_field("subscriber");
    let subscription: Subscription =
        subscriber.parse().map_err(|refused| of_field(ProblemView::from(refused)))?;
    let tested = services.subscribers.test(&by, &subscription).await.map_err(|error| {
        let problem = ProblemView::from(error);
        if problem.code == "invalid_subscribers" { of_field(problem) } else { problem }
    })?;
    Ok(Json(NoticeTestView::new(&subscription, tested)))
}
