//! The renewal of a certificate, under the same name (rule S3).

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cdds_core::domain::access::Action;
use cdds_core::domain::id::RecipientName;
use cdds_view::ProblemView;
use maud::{Markup, html};

use super::super::Refused;
use super::super::frame::{Section, page};
use super::form::{Typed, certificate, status_of};
use super::{Users, named, used_by};
use crate::answers::Query;
use crate::done::Done;
use crate::handed::Handed;
use crate::texts::{self, recipients as said};
use crate::visit::Visit;
use crate::{App, Services};

/// `GET /recipients/renew`: the certificate that is stored, and the form that replaces it.
pub(in super::super) async fn ask(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Query(answers): Query,
) -> Result<Markup, Refused> {
    visit.principal().check(Action::RenewRecipient).map_err(cdds_core::ServiceError::from)?;
    shown(&services, &visit, &named(&answers)?, &Typed::default()).await
}

async fn shown(
    services: &Services,
    visit: &Visit,
    name: &RecipientName,
    typed: &Typed<'_>,
) -> Result<Markup, Refused> {
    let by = visit.principal();
    let recipient = super::view(services, services.recipients.show(by, name).await?);
    let users = Users::of(services, by, name).await?;
    let now = services.jobs.now().await?;
    let title = said::renew_this(name.as_str());
    let body = html! {
        div.rows.tight {
            p.sub { a href=(visit.to("recipients")) { (texts::RECIPIENTS) } }
            h1 { (title) }
            p.sub { (said::RENEWING) }
        }
        section.card.pad.rows aria-labelledby="present" {
            h2 #present { (said::PRESENT) }
            (super::certificate::facts(&recipient, now, &html! {
                dt { (said::JOBS_TITLE) } dd { (used_by(visit, name, Some(&users))) }
            }))
        }
        section.card.pad aria-labelledby="new" {
            form.rows method="post" enctype="multipart/form-data" action=(visit.to("recipients/renew")) {
                h2 #new { (said::RENEWED) }
                input type="hidden" name="name" value=(name);
                input type="hidden" name="replaces" value=(recipient.fingerprint);
                (certificate(typed))
                p.hint { (said::OLD_KEY) }
                div.acts {
                    button.primary { (said::RENEW) }
                    a.btn href=(visit.to("recipients")) { (said::LEAVE) }
                }
            }
        }
    };
    Ok(page(visit, Section::Recipients, &typed.title(&title), &body))
}

/// `POST /recipients/renew`: replaces the certificate, or shows the form again with what was refused.
pub(in super::super) async fn renew(
    State(App { services, .. }): State<App>,
    visit: Visit,
    handed: Handed,
) -> Result<Response, Refused> {
    let by = visit.principal();
    by.check(Action::RenewRecipient).map_err(cdds_core::ServiceError::from)?;
    let name = named(&handed.answers)?;
    let renewed = async {
        let expected = handed.answers.one("replaces");
        let renewal = services.recipients.renew(by, &name, handed.certificate()?, expected).await?;
        let same = || ProblemView::new(422, "invalid_certificate", said::same(name.as_str()));
        renewal.replaced.ok_or_else(same)
    };
    let refusal = match renewed.await {
        Ok(_) => return Ok(visit.tell("recipients", Done::RecipientRenewed)),
        Err(refusal) => refusal,
    };
    let status = status_of(&refusal)?;
    let typed = Typed { certificate: handed.shown_again(), refusal: Some(refusal), ..Typed::default() };
    Ok((status, shown(&services, &visit, &name, &typed).await?).into_response())
}
