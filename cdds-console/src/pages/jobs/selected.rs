//! What is done with several jobs at once.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cdds_core::domain::access::Action;
use cdds_core::ports::catalog::query::{JobQuery, Slice};
use cdds_core::{JobId, Principal, ServiceError};
use cdds_view::ProblemView;
use maud::{Markup, html};

use crate::answers::{Form, wrong};
use crate::done::Done;
use crate::pages::Refused;
use crate::pages::confirm::{again, chosen, refusals};
use crate::pages::frame::{Section, page};
use crate::texts::{self, job as said};
use crate::visit::Visit;
use crate::{App, Services};

/// What is done with each.
#[derive(Clone, Copy)]
enum Deed {
    Run,
    Suspend,
    Resume,
    Delete,
}

impl Deed {
    async fn to(self, services: &Services, by: &Principal, id: JobId) -> Result<(), ServiceError> {
        match self {
            Self::Run => services.jobs.run_now(by, id).await.map(drop),
            Self::Suspend => services.jobs.suspend(by, id).await.map(drop),
            Self::Resume => services.jobs.resume(by, id).await.map(drop),
            Self::Delete => services.jobs.delete(by, id).await,
        }
    }
}

/// `POST /jobs/selected`: leads to one job, or does something with up to 100. A refusal of one stops none of the others.
pub(in crate::pages) async fn selected(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Form(answers): Form,
) -> Result<Response, Refused> {
    let ids: Vec<JobId> = chosen(&answers)?;
    let deed = match answers.one("do") {
        Some("history") => return Ok(visit.see(&format!("history?job={}", only(&ids)?))),
        Some("clone") => return clone(&services, &visit, &ids).await,
        Some("edit") => return Ok(visit.see(&format!("jobs/{}/edit", only(&ids)?))),
        Some("run") => Deed::Run,
        Some("suspend") => Deed::Suspend,
        Some("resume") => Deed::Resume,
        Some("delete") => return Ok(ask(&services, &visit, &ids).await?.into_response()),
        Some("delete_all") => Deed::Delete,
        _ => return Err(wrong("do", said::CHOOSE_A_DEED).into()),
    };
    let mut refused = Vec::new();
    for id in &ids {
        if let Err(error) = deed.to(&services, visit.principal(), *id).await {
            refused.push((title(&services, &visit, *id).await, ProblemView::from(error)));
        }
    }
    if refused.is_empty() {
        return Ok(
            visit.tell("jobs", if matches!(deed, Deed::Delete) { Done::JobDeleted } else { Done::All })
        );
    }
    let body = refusals(ids.len() - refused.len(), &refused, &visit.to("jobs"));
    Ok(page(&visit, Section::Jobs, texts::SOME_REFUSED, &body).into_response())
}

/// Leads to the draft of a clone. A clone is free to change before it is saved (rule J6), so that several are several
/// drafts: a page leads to each, and nothing is stored before one of them is saved.
async fn clone(services: &Services, visit: &Visit, ids: &[JobId]) -> Result<Response, Refused> {
    visit.principal().check(Action::CreateJob).map_err(ServiceError::from)?;
    if let [only] = ids {
        return Ok(visit.see(&format!("jobs/new?clone={only}")));
    }
    let titles = titles(services, visit, ids).await?;
    let title = said::clone_many(ids.len());
    let body = html! {
        h1 { (title) }
        section.card.pad.rows {
            p { (said::CLONE_MANY_SAYS) }
            ul.rows {
                @for (id, title) in ids.iter().zip(&titles) {
                    li { a href=(visit.to(&format!("jobs/new?clone={id}"))) { (said::CLONE) " “" (title) "”" } }
                }
            }
            div.acts { a.btn href=(visit.to("jobs")) { (texts::GO_BACK) } }
        }
    };
    Ok(page(visit, Section::Jobs, &title, &body).into_response())
}

/// Returns the only job that was ticked, for what goes with one alone.
fn only(ids: &[JobId]) -> Result<JobId, ProblemView> {
    match ids {
        [id] => Ok(*id),
        _ => Err(wrong("id", said::TICK_ONE)),
    }
}

/// Returns the title of a job; its id if the visitor does not see it.
async fn title(services: &Services, visit: &Visit, id: JobId) -> String {
    match services.jobs.show(visit.principal(), id).await {
        Ok(overview) => overview.job.settings.title.to_string(),
        Err(_) => id.to_string(),
    }
}

/// Returns the titles of these jobs, all of which must exist.
async fn titles(services: &Services, visit: &Visit, ids: &[JobId]) -> Result<Vec<String>, Refused> {
    let by = visit.principal();
    let query = JobQuery::default().with_ids(ids.to_vec()).with_slice(Slice::first(ids.len() as u64));
    let found = services.jobs.list(by, &query).await?.items.into_iter();
    let mut found: BTreeMap<_, _> = found.map(|overview| (overview.job.id, overview)).collect();
    let mut titles = Vec::with_capacity(ids.len());
    for id in ids {
        let overview = match found.remove(id) {
            Some(overview) => overview,
            // Says why.
            None => services.jobs.show(by, *id).await?,
        };
        titles.push(overview.job.settings.title.to_string());
    }
    Ok(titles)
}

/// Asks whether to delete these jobs: names them, and says what goes and what stays.
async fn ask(services: &Services, visit: &Visit, ids: &[JobId]) -> Result<Markup, Refused> {
    visit.principal().check(Action::DeleteJob).map_err(ServiceError::from)?;
    let titles = titles(services, visit, ids).await?;
    let question = said::delete_many(ids.len());
    let body = html! {
        h1 { (question) }
        form.card.pad.rows method="post" action=(visit.to("jobs/selected")) {
            (again(ids))
            ul.rows.tight { @for title in &titles { li { strong { (title) } } } }
            p { (said::DELETE_MANY_SAYS) }
            div.acts {
                button.danger name="do" value="delete_all" { (said::DELETE_THEM) }
                a.btn href=(visit.to("jobs")) { (said::KEEP_THEM) }
            }
        }
    };
    Ok(page(visit, Section::Jobs, &question, &body))
}
