//! The sets that may hold records about a person.

use axum::Json;
use axum::extract::State;
use cdds_core::domain::access::Action;
use cdds_core::domain::id::SubjectRequestId;
use cdds_view::{CopyDeletionView, CopyRecallView, CopyView, PageView, ProblemView, copy_place};

use super::super::Whole;
use super::super::document::Api;
use super::super::operation::Operation;
use super::super::taken::is_set;
use crate::App;
use crate::answers::{Id, Query, wrong};
use crate::forms::subject as form;
use crate::visit::Caller;

pub(super) fn routes(api: Api) -> Api {
    api.get(
        "/subjects/{id}/copies",
        list,
        Operation::new(
            "list_subject_copies",
            "Find the copies that may hold a data subject",
            "Looks at up to 100 sets, kept and past ones, and returns those that may hold records about the person, or of \
             which nobody can tell; who downloaded them, and where they were delivered. A page may be empty though there is \
             a next one. The first page puts the question on record.",
        )
        .needs(Action::FindSubjectCopies)
        .queries(&["all", "next"])
        .pages::<CopyView>()
        .refuses(409),
    )
    .post(
        "/subjects/{id}/copies/notify",
        notify,
        Operation::new(
            "recall_subject_copies",
            "Tell those who have copies that may hold a data subject to delete them",
            "Tells the subscribers of each set that may hold records about the person and that was downloaded or delivered, \
             kept or gone, and never who the person is. Names those who have a set that nobody subscribes to. Nobody is told \
             twice, so the same call may be made again. The request has to ask for erasure.",
        )
        .needs(Action::RecallCopies)
        .whole::<CopyRecallView>(200),
    )
    .post(
        "/subjects/{id}/copies/delete",
        delete,
        Operation::new(
            "delete_subject_copies",
            "Delete the copies that may hold a data subject",
            "Deletes the sets that may hold records about the person and can still be downloaded. Those on legal hold stay, \
             and so do those of which nobody can tell. If it breaks off, the same call goes on with the rest.",
        )
        .needs(Action::DeleteArtifacts)
        .whole::<CopyDeletionView>(200),
    )
}

async fn list(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<SubjectRequestId>,
    Query(answers): Query,
) -> Result<Json<PageView<CopyView>>, ProblemView> {
    let all = is_set(&answers, "all")?;
    let behind = answers.one("next").map(copy_place).transpose();
    let behind = behind.map_err(|error| wrong("next", &error.to_string()))?;
    let page = services.copies.page(&by, id, behind).await.map_err(form::told)?;
    Ok(Json(PageView::of_copies(page, all)))
}

async fn delete(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<SubjectRequestId>,
) -> Result<Json<Whole<CopyDeletionView>>, ProblemView> {
    // Who may not delete is refused before anything is looked for.
    let kept = match by.check(Action::DeleteArtifacts) {
        Ok(()) => services.copies.survey(&by, id).await.map_err(form::told)?.kept,
        Err(_) => Vec::new(),
    };
    let deletions = services.copies.delete(&by, id, &kept).await?;
    Ok(Json(Whole::of(deletions.into_iter().map(CopyDeletionView::from))))
}

async fn notify(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<SubjectRequestId>,
) -> Result<Json<Whole<CopyRecallView>>, ProblemView> {
    // Who may tell nobody is refused before anything is looked for.
    let had = match by.check(Action::RecallCopies) {
        Ok(()) => services.copies.survey(&by, id).await.map_err(form::told)?.had,
        Err(_) => Vec::new(),
    };
    let recalls = services.copies.notify(&by, id, &had).await?;
    Ok(Json(Whole::of(recalls.into_iter().map(CopyRecallView::from))))
}
