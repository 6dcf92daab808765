//! The history and an execution: what they say, who may do what, and that owners stay apart.

use std::time::Duration;

use async_trait::async_trait;
use cdds_core::{DataType, Ownership, ReadRequest, RecordStream, Source, SourceDescription, SourceError};
use http::StatusCode;

use crate::host::{ADA, Host, MALLORY, OLGA, VIC, daily};

const HOSTILE: &str = "<img src=x onerror=alert(1)> \"&'";
const ESCAPED: &str = "&lt;img src=x onerror=alert(1)&gt; &quot;&amp;'";

/// A source that cannot be read.
#[derive(Debug)]
pub(crate) struct Broken(SourceDescription);

impl Broken {
    pub(crate) fn new() -> Self {
        let call = DataType::new("call".parse().unwrap()).with_ownership(Ownership::Shared);
        Self(SourceDescription::new("calls".parse().unwrap(), "Telephony").with_type(call))
    }
}

#[async_trait]
impl Source for Broken {
    fn describe(&self) -> &SourceDescription {
        &self.0
    }

    async fn read(&self, _: ReadRequest) -> Result<RecordStream, SourceError> {
        Err(SourceError::missing(format!("no table {HOSTILE}")))
    }
}

#[tokio::test]
async fn the_page_lists_executions_with_their_files_and_filters_in_every_column() {
    let host = Host::new();
    let nothing = host.get(VIC, "/history").await;
    assert!(nothing.text.contains("Nothing has run yet"), "{}", nothing.text);

    let id = host.exported(ADA, HOSTILE).await;
    let page = host.get(VIC, "/history").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains(ESCAPED) && !page.text.contains("<img"), "{}", page.text);
    assert!(page.text.contains(&format!("href=\"./history/{id}\"")), "{}", page.text);
    assert!(page.text.contains("1 execution. ") && page.text.contains("Telephony"), "{}", page.text);
    let job = host.memory.catalog.record()[0].job_id;
    for (query, is_there) in [
        ("status=finished", true),
        ("status=failed", false),
        ("source=calls&type=call", true),
        ("source=other", false),
        (&*format!("job={job}"), true),
        ("from=2026-11-26&to=2026-11-27", true),
        ("to=2026-11-26", false),
        ("started_from=2026-11-27", false),
        ("sort=duration:desc", true),
    ] {
        let page = host.get(VIC, &format!("/history?{query}")).await;
        assert_eq!(page.status, StatusCode::OK, "{query}");
        assert_eq!(page.text.contains(&id), is_there, "{query}");
        assert_eq!(page.text.contains("No execution fits"), !is_there, "{query}");
    }
    let wrong = host.get(VIC, "/history?status=fine").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn an_execution_shows_its_facts_attempts_files_and_settings() {
    let host = Host::new();
    let id = host.exported(ADA, HOSTILE).await;
    let page = host.get(OLGA, &format!("/history/{id}")).await.text;
    assert!(page.contains(ESCAPED) && !page.contains("<img"), "{page}");
    for said in [
        "Finished",
        "Attempt 1",
        "<svg class=\"gantt\" aria-hidden=\"true\">",
        "<time class=\"clock\" datetime=\"2026-11-26T14:32:08Z\">14:32:08 UTC</time>",
        "x=\"0.0%\" width=\"",
        "Published",
        "Nobody: not encrypted",
        "export-",
        &format!("href=\"../jobs/new?execution={id}\""),
        "Kept for",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    // An operator may not delete, and what finished is not run again.
    for unsaid in ["Delete…", "Run again", "Cancel…", "style="] {
        assert!(!page.contains(unsaid), "{unsaid}: {page}");
    }
    for user in [MALLORY, "eve/other/viewer"] {
        let other = host.get(user, &format!("/history/{id}")).await;
        assert_eq!(other.status, StatusCode::NOT_FOUND);
        assert!(!other.text.contains("img") && !other.text.contains("export-"), "{}", other.text);
    }
}

#[tokio::test]
async fn a_failure_says_why_what_is_missing_and_what_to_do() {
    let host = Host::over(Broken::new());
    let id = host.exported(ADA, "Calls").await;
    let page = host.get(OLGA, &format!("/history/{id}")).await.text;
    assert!(page.contains("Why it failed") && page.contains(ESCAPED), "{page}");
    assert!(!page.contains("<img"), "{page}");
    assert!(page.contains("No later run will export these records"), "{page}");
    assert!(page.contains("Edit the job") && page.contains("<code>missing</code>"), "{page}");
    assert!(!host.get(VIC, &format!("/history/{id}")).await.text.contains("Run again"));

    let again = format!("/history/{id}/rerun");
    assert_eq!(host.post(VIC, &again, "").await.status, StatusCode::FORBIDDEN);
    assert_eq!(host.post(MALLORY, &again, "").await.status, StatusCode::NOT_FOUND);
    let queued = host.post(OLGA, &again, "").await;
    assert_eq!(queued.status, StatusCode::SEE_OTHER, "{}", queued.text);
    let there = queued.header("location").strip_prefix("../../history/").unwrap();
    let other = there.strip_suffix("?done=again").unwrap().to_owned();
    let waiting = host.get(OLGA, &format!("/history/{other}")).await.text;
    assert!(waiting.contains("Why it waits") && waiting.contains("Cancel…"), "{waiting}");
    assert!(waiting.contains(&format!("href=\"../history/{id}\"")), "{waiting}");

    let cancel = format!("/history/{other}/cancel");
    assert_eq!(host.post(MALLORY, &cancel, "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(host.post(OLGA, &cancel, "").await.status, StatusCode::SEE_OTHER);
    let cancelled = host.get(OLGA, &format!("/history/{other}")).await.text;
    assert!(cancelled.contains("Somebody cancelled it"), "{cancelled}");
}

#[tokio::test]
async fn what_was_skipped_says_why() {
    let host = Host::new();
    let job = host.job(ADA, daily("Calls")).await;
    host.post(ADA, &format!("/jobs/{job}/suspend"), "").await;
    host.memory.clock.advance(std::time::Duration::from_secs(60 * 60 * 24 * 2));
    host.run().await;
    host.post(ADA, &format!("/jobs/{job}/resume"), "").await;
    host.run().await;
    let skipped = host.execution(&job);
    let page = host.get(VIC, &format!("/history/{skipped}")).await.text;
    assert!(page.contains("Why it did not run") && page.contains("<code>suspended</code>"), "{page}");
    assert!(page.contains("Go to the job"), "{page}");
}

#[tokio::test]
async fn deleting_says_what_goes_and_needs_the_files_to_go_too() {
    let host = Host::new();
    let id = host.exported(ADA, "Calls").await;
    let page = host.get(ADA, &format!("/history/{id}")).await.text;
    assert!(page.contains("Its file goes with it") && page.contains("Delete it and 1 file"), "{page}");
    let path = format!("/history/{id}/delete");
    assert_eq!(host.post(OLGA, &path, "artifacts=delete").await.status, StatusCode::FORBIDDEN);
    assert_eq!(host.post(MALLORY, &path, "artifacts=delete").await.status, StatusCode::NOT_FOUND);
    let kept = host.post(ADA, &path, "artifacts=keep").await;
    assert_eq!(kept.status, StatusCode::CONFLICT, "{}", kept.text);
    assert_eq!(host.get(ADA, &format!("/history/{id}")).await.status, StatusCode::OK);
    let gone = host.post(ADA, &path, "artifacts=delete").await;
    assert_eq!(
        (gone.status, gone.header("location")),
        (StatusCode::SEE_OTHER, "../../history?done=forgotten")
    );
    assert_eq!(host.get(ADA, &format!("/history/{id}")).await.status, StatusCode::NOT_FOUND);
    assert!(host.memory.sink.objects().is_empty());
}

#[tokio::test]
async fn several_executions_are_asked_about_before_they_are_deleted() {
    let host = Host::new();
    let (one, two) = (host.exported(ADA, "One").await, host.exported(ADA, "Two").await);
    let ids = format!("id={one}&id={two}");
    let asked = host.post(ADA, "/history/selected", &format!("{ids}&do=delete")).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.text);
    assert!(asked.text.contains("Delete 2 executions?"), "{}", asked.text);
    assert!(asked.text.contains("Delete them and 2 files"), "{}", asked.text);
    assert_eq!(
        host.post(OLGA, "/history/selected", &format!("{ids}&do=delete")).await.status,
        StatusCode::FORBIDDEN
    );
    let other = host.post(MALLORY, "/history/selected", &format!("{ids}&do=delete")).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);

    // What has files is not deleted without them, and the page names it.
    let kept = host.post(ADA, "/history/selected", &format!("{ids}&do=delete_kept")).await;
    assert!(
        kept.text.contains("execution_has_artifacts") && kept.text.contains("0 done, 2 not"),
        "{}",
        kept.text
    );
    let ended = host.post(ADA, "/history/selected", &format!("{ids}&do=cancel")).await;
    assert!(ended.text.contains("Not everything was done"), "{}", ended.text);
    let done = host.post(ADA, "/history/selected", &format!("{ids}&do=delete_all")).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    assert_eq!(host.get(ADA, &format!("/history/{one}")).await.status, StatusCode::NOT_FOUND);

    let many: String = (0..101).map(|number| format!("id=00000000-0000-0000-0000-{number:012}&")).collect();
    for form in ["do=cancel", "id=x&do=cancel", &format!("{many}do=cancel"), &format!("{ids}&do=dance")] {
        let refused = host.post(ADA, "/history/selected", form).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
    }
}

#[tokio::test]
async fn a_run_whose_files_are_gone_says_so() {
    let host = Host::new();
    let id = host.exported(ADA, "Calls").await;
    let there = host.get(ADA, &format!("/history/{id}")).await.text;
    assert!(!there.contains("None is left"), "{there}");
    assert_eq!(host.post(ADA, &format!("/sets/{id}/delete"), "").await.status, StatusCode::SEE_OTHER);
    let gone = host.get(ADA, &format!("/history/{id}")).await.text;
    assert!(gone.contains("This run published 1 file. None is left"), "{gone}");
    assert!(gone.contains(&format!("href=\"../audit?object={id}\"")), "{gone}");
    assert!(!host.get(VIC, &format!("/history/{id}")).await.text.contains("/audit?"));
}

#[tokio::test]
async fn a_run_that_was_skipped_or_cancelled_is_not_about_to_start() {
    let host = Host::new();
    let id = host.job(ADA, daily("Calls")).await;
    host.post(OLGA, &format!("/jobs/{id}/suspend"), "").await;
    host.memory.clock.advance(Duration::from_secs(86_400));
    host.post(OLGA, &format!("/jobs/{id}/resume"), "").await;
    host.run().await;
    let runs = host.get(OLGA, &format!("/api/v1/executions?job={id}&status=skipped")).await.json();
    let skipped = runs["items"][0]["id"].as_str().unwrap();
    for page in ["/history".to_owned(), format!("/jobs/{id}")] {
        let page = host.get(OLGA, &page).await.text;
        assert!(page.contains("<span class=\"sub\">The job was suspended when it was due</span>"), "{page}");
    }
    for page in ["/history".to_owned(), format!("/history/{skipped}")] {
        let page = host.get(OLGA, &page).await;
        assert!(page.text.contains("Skipped, never started"), "{}", page.text);
        assert!(!page.text.contains("suspended: "), "{}", page.text);
        assert!(!page.text.contains("Not yet") && !page.text.contains("Not begun"), "{}", page.text);
    }
}
