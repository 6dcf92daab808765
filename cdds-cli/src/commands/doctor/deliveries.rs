//! Checks of destinations, endpoints and deliveries, by what is on record: nothing is connected to.

use cdds_core::domain::notice::Notice;
use cdds_core::domain::work::row::{GivenUp, WorkState, WorkStatus};
use cdds_core::ports::catalog::query::{DeliveryQuery, NoticeQuery};
use cdds_view::{DestinationView, EndpointView, HealthState, HealthView, NoticeView, words};
use chrono::TimeDelta;

use super::Finding;
use crate::commands::every_row;
use crate::compose::App;
use crate::error::CliError;
use crate::session::Session;

pub(super) async fn deliveries(app: &App, session: &Session) -> Result<Vec<Finding>, CliError> {
    let by = &session.principal;
    let mut findings = Vec::new();
    for state in app.deliveries.destinations(by).await? {
        let view = DestinationView::from(state);
        let (check, way_out) =
            (format!("destination {}", view.id), format!("`cdds destination check {}`", view.id));
        let enable = format!("mend it, then `cdds destination enable {}`", view.id);
        findings.push(health(&check, &view.health, &way_out, &enable));
    }
    for state in app.subscribers.endpoints(by).await? {
        let view = EndpointView::from(state);
        let (check, way_out) =
            (format!("webhook {}", view.id), format!("`cdds notice test webhook:{}`", view.id));
        let enable = format!("mend it, then `cdds notice enable webhook:{}`", view.id);
        findings.push(health(&check, &view.health, &way_out, &enable));
    }
    findings.extend(given_up(app, session).await?);
    findings.extend(untold(app, session).await?);
    Ok(findings)
}

fn health(check: &str, health: &HealthView, way_out: &str, enable: &str) -> Finding {
    let error = health.error.as_deref().unwrap_or("it did not say why");
    match (health.state, health.disabled_at, health.failing_since) {
        (HealthState::Disabled, Some(at), _) => {
            let why =
                health.disabled_by.as_ref().map_or_else(|| format!(": {error}"), |who| format!(" by {who}"));
            Finding::failed(check, format!("it was disabled at {at}{why}; sets wait"), enable)
        }
        (HealthState::Failing, _, Some(since)) => {
            Finding::failed(check, format!("it fails since {since}: {error}"), way_out)
        }
        (HealthState::Failing, ..) => Finding::failed(check, format!("it fails: {error}"), way_out),
        (HealthState::Unused, ..) => Finding::warning(check, "it was never used", way_out),
        _ => {
            let at = health.contacted_at.map_or_else(String::new, |at| format!(", last at {at}"));
            Finding::ok(check, format!("it works{at}"))
        }
    }
}

/// How far back deliveries are named that were given up: what is older was seen, or is wanted no more.
const GIVEN_UP_WITHIN: TimeDelta = TimeDelta::days(7);

/// Names the deliveries that were given up: nobody tries them again.
async fn given_up(app: &App, session: &Session) -> Result<Option<Finding>, CliError> {
    let query = DeliveryQuery::default().with_status(WorkStatus::GivenUp);
    let page = async |slice| app.deliveries.list(&session.principal, &query.clone().with_slice(slice)).await;
    let since = app.now().await? - GIVEN_UP_WITHIN;
    let mut found = every_row(page).await?;
    found.retain(|one| one.created_at >= since);
    let Some(newest) = found.first() else { return Ok(None) };
    let count = match found.len() as u64 {
        1 => "1 delivery was".to_owned(),
        count => format!("{} deliveries were", words::count(count)),
    };
    let detail = format!(
        "{count} given up; the newest is that of execution {} to {}",
        newest.execution_id, newest.to.destination
    );
    let way_out = format!("`cdds history redeliver {}`", newest.execution_id);
    Ok(Some(Finding::warning("deliveries", detail, &way_out)))
}

/// Names the notices that were given up: whoever was to be told does not know.
async fn untold(app: &App, session: &Session) -> Result<Option<Finding>, CliError> {
    let query = NoticeQuery::default().with_status(WorkStatus::GivenUp);
    let page = async |slice| app.outbox.list(&session.principal, &query.clone().with_slice(slice)).await;
    let since = app.now().await? - GIVEN_UP_WITHIN;
    let mut found = every_row(page).await?;
    // One of which nothing was left to tell is missed by nobody.
    let is_missed =
        |notice: &Notice| !matches!(notice.work.state, WorkState::GivenUp { reason: GivenUp::Gone, .. });
    found.retain(|one| one.at >= since && is_missed(one));
    let Some(newest) = found.first().cloned().map(NoticeView::from) else { return Ok(None) };
    let detail = format!(
        "{} {} given up; the newest is that of {} to {}",
        words::counted(found.len() as u64, "notice"),
        if found.len() == 1 { "was" } else { "were" },
        newest.kind,
        newest.target
    );
    let way_out = format!("`cdds notice list --state failed` shows why; `cdds notice replay {}`", newest.id);
    Ok(Some(Finding::warning("notices", detail, &way_out)))
}
