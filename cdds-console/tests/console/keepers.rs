//! A visitor whose host allows only the care of certificates: what such a person sees and may do.

use cdds_console::access::{Visitor, by_request};
use cdds_console::{Services, router};
use cdds_core::{Action, Actions, JobRules};
use http::StatusCode;
use http::request::Parts;

use crate::host::{ADA, Host, VIC, principal};
use crate::surroundings::{form, host};

/// A host that lets everybody see, and keep certificates.
fn for_keepers() -> Host {
    let Host { memory, .. } = host();
    let access = by_request(|_: &Parts| {
        let mut keeper = principal(VIC);
        let actions = [Action::See, Action::AddRecipient, Action::RenewRecipient, Action::RemoveRecipient];
        keeper.actions = actions.into_iter().fold(Actions::NONE, Actions::with);
        Ok(Visitor::new(keeper))
    });
    Host { router: router(Services::new(&memory.ports, JobRules::default()), access), memory }
}

#[tokio::test]
async fn c1_a_keeper_of_certificates_finds_what_to_do_and_nothing_that_is_refused() {
    let host = for_keepers();
    let execution = host.exported(ADA, "Calls").await;
    let page = host.get(VIC, "/recipients").await.text;
    for said in ["chosen actions", "Add a recipient", "No recipient yet"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    for hidden in ["./workers", "./audit"] {
        assert!(!page.contains(hidden), "{hidden}: {page}");
    }
    let added = host.post(VIC, "/recipients", &form("team", "CERTIFICATE CN=old")).await;
    assert_eq!(added.status, StatusCode::SEE_OTHER, "{}", added.text);
    let renewal = host.get(VIC, "/recipients/renew?name=team").await;
    assert_eq!(renewal.status, StatusCode::OK, "{}", renewal.text);
    let renewed = format!("{}&replaces={}", form("team", "CERTIFICATE CN=new"), "ab".repeat(32));
    let renewed = host.post(VIC, "/recipients/renew", &renewed).await;
    assert_eq!(renewed.status, StatusCode::SEE_OTHER, "{}", renewed.text);
    assert_eq!(host.get(VIC, "/recipients/sample?name=team").await.status, StatusCode::OK);
    assert_eq!(host.post(VIC, "/recipients/remove", "name=team").await.status, StatusCode::SEE_OTHER);

    // No page has a form of an action that is not theirs, whatever it shows.
    for path in ["/jobs", "/history", "/artifacts", "/sources", "/destinations", "/notices"] {
        let shown = host.get(VIC, path).await;
        assert_eq!(shown.status, StatusCode::OK, "{path}");
        for act in ["Add a job", "/content", "value=\"delete\"", "value=\"suspend\"", "Check", "Send a test"]
        {
            assert!(!shown.text.contains(act), "{path} offers {act}: {}", shown.text);
        }
    }
    for path in [format!("/sets/{execution}"), format!("/history/{execution}")] {
        let shown = host.get(VIC, &path).await.text;
        assert!(!shown.contains("method=\"post\""), "{path}: {shown}");
        assert_eq!(
            shown.contains("ask somebody who may download"),
            path.starts_with("/sets"),
            "{path}: {shown}"
        );
    }
    for path in ["/workers", "/audit", "/jobs/new"] {
        assert_eq!(host.get(VIC, path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
}
