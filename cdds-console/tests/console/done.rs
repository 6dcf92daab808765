//! What pages say after something was done.

use crate::host::{ADA, Host, daily};

#[tokio::test]
async fn a_page_says_what_was_done_and_nothing_that_a_link_makes_up() {
    let host = Host::new();
    let id = host.job(ADA, daily("Calls")).await;
    let suspended = host.post(ADA, &format!("/jobs/{id}/suspend"), "").await;
    assert_eq!(suspended.header("location"), "../../jobs?done=suspended");
    let list = host.get(ADA, "/jobs?done=suspended&sort=title").await;
    assert!(list.text.contains("The job was suspended."), "{}", list.text);
    assert!(!list.text.contains("done="), "links of the page would say it again: {}", list.text);
    let made_up = host.get(ADA, "/jobs?done=Your+account+is+closed").await;
    assert!(!made_up.text.contains("account"), "{}", made_up.text);
    for page in ["/history", "/artifacts", "/recipients"] {
        let page = host.get(ADA, &format!("{page}?done=done")).await;
        assert!(page.text.contains("role=\"status\">Done.<"), "{}", page.text);
        assert!(!page.text.contains("done=done"), "{}", page.text);
    }
}

#[tokio::test]
async fn what_a_script_announces_never_stands_in_the_notice_of_what_was_done() {
    let host = Host::new();
    let id = host.job(ADA, daily("Calls")).await;
    for page in ["/jobs", &format!("/jobs/{id}?done=queued"), "/jobs/new"] {
        let page = host.get(ADA, page).await.text;
        assert!(page.contains("<p class=\"vh\" id=\"said\" role=\"status\"></p>"), "{page}");
    }
    assert!(include_str!("../../assets/console.js").contains("getElementById('said').textContent"));
}
