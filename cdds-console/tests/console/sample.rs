//! The sample of masked records in the form of a job (rule F8a).

use async_trait::async_trait;
use cdds_core::domain::record::{Place, RecordBatchBuilder, RejectedRecord};
use cdds_core::domain::source::Visibility;
use cdds_core::testing::PreparedSource;
use cdds_core::{
    DataType, Owner, Ownership, ReadRequest, RecordStream, Source, SourceDescription, SourceError,
};
use futures::{StreamExt, stream};
use http::StatusCode;
use serde_json::json;

use crate::host::{ADA, Answer, Host, MALLORY, OLGA, VIC, daily};
use crate::job_form::{assert_has, filled};

const MASKED: &str = "<dt>caller</dt><dd><code>+00 00 0</code> <span class=\"hint\">text</span></dd>\
    <dt>queue</dt><dd><code>xxxxx</code> <span class=\"hint\">text</span></dd>";

fn description() -> SourceDescription {
    let call = DataType::new("call".parse().unwrap()).with_ownership(Ownership::Shared);
    SourceDescription::new("calls".parse().unwrap(), "Telephony").with_type(call)
}

/// A source that breaks off behind its first record, and quotes it.
#[derive(Debug)]
struct Fragile(SourceDescription);

#[async_trait]
impl Source for Fragile {
    fn describe(&self) -> &SourceDescription {
        &self.0
    }

    async fn read(&self, _: ReadRequest) -> Result<RecordStream, SourceError> {
        let mut batch = RecordBatchBuilder::new();
        batch.serialize(&Place::of(None, None), &json!({"caller": "+49 30 1", "queue": "sales"})).unwrap();
        let quote = SourceError::bad_record("cannot read +49 30 2");
        Ok(stream::iter([Ok(batch.take()), Err(quote)]).boxed())
    }
}

fn assert_masked(answer: &Answer) {
    assert!(!answer.text.contains("+49") && !answer.text.contains("sales"), "{}", answer.text);
}

/// A source of which some records cannot be read.
#[derive(Debug)]
struct Damaged(SourceDescription);

#[async_trait]
impl Source for Damaged {
    fn describe(&self) -> &SourceDescription {
        &self.0
    }

    async fn read(&self, _: ReadRequest) -> Result<RecordStream, SourceError> {
        let mut batch = RecordBatchBuilder::new();
        batch.serialize(&Place::of(None, None), &json!({"caller": "+49 30 1", "queue": "sales"})).unwrap();
        for line in 2..9 {
            let position = format!("<i>.jsonl line {line}");
            batch.reject(RejectedRecord::new(position, "a text has no end", b"{\"caller\": \"+49 30 2"));
        }
        Ok(stream::iter([Ok(batch.take())]).boxed())
    }
}

#[tokio::test]
async fn a_check_of_a_source_names_the_first_bad_records_and_nothing_of_them() {
    let host = Host::over(Damaged(description()));
    let page = host.post(OLGA, "/sources/check", "id=calls").await;
    let lines =
        (2..7).map(|line| format!("<li><code>&lt;i&gt;.jsonl line {line}</code>: a text has no end</li>"));
    assert_has(&page, &["7 of 8 records cannot be read", &lines.collect::<String>(), "And 2 more"]);
    assert_masked(&page);
    let program = host.send(OLGA, http::Method::POST, "/api/v1/sources/calls/check", &json!(null)).await;
    let examples = &program.json()["types"][0]["bad_examples"];
    assert_eq!(examples.as_array().unwrap().len(), 5);
    assert_eq!(examples[0], json!({"position": "<i>.jsonl line 2", "reason": "a text has no end"}));
    assert_masked(&program);
}

#[tokio::test]
async fn f8a_a_sample_shows_keys_and_no_value_and_saves_nothing() {
    let host = Host::new();
    let page = host.get(OLGA, "/jobs/new").await;
    assert_has(&page, &["name=\"do\" value=\"sample\" formnovalidate formaction=\"../jobs/new#sample-h\""]);
    assert!(!page.text.contains("id=\"sample-h\""), "{}", page.text);
    let sample = host.post(OLGA, "/jobs/new", &filled(&[("do", "sample")])).await;
    assert_eq!(sample.status, StatusCode::OK, "{}", sample.text);
    // What was typed stays, and the runs ahead stay beside it.
    assert_has(&sample, &[MASKED, "value=\"Calls\"", "Fri 27 Nov 02:00 UTC"]);
    assert!(!sample.text.contains("there may be more"), "{}", sample.text);
    assert_masked(&sample);
    assert!(host.get(ADA, "/jobs").await.text.contains("No jobs yet"));
}

#[tokio::test]
async fn f8a_a_sample_of_an_edit_is_of_what_was_typed() {
    let host = Host::new();
    let id = host.job(ADA, daily("Calls")).await;
    let address = format!("/jobs/{id}/edit");
    let form = filled(&[("do", "sample"), ("version", "1"), ("fields-0", "queue"), ("title", "Other")]);
    let sample = host.post(OLGA, &address, &form).await;
    assert_eq!(sample.status, StatusCode::OK, "{}", sample.text);
    assert_has(&sample, &["<dt>queue</dt><dd><code>xxxxx</code>", "value=\"Other\""]);
    assert!(!sample.text.contains("<dt>caller</dt>"), "{}", sample.text);
    assert_eq!(host.get(ADA, &format!("/api/v1/jobs/{id}")).await.json()["title"], "Calls");
}

#[tokio::test]
async fn a_sample_of_no_record_and_a_sample_that_breaks_off_say_so() {
    let host = Host::new();
    let none = filled(&[("do", "sample"), ("filters-0", "queue=none")]);
    assert_has(&host.post(OLGA, "/jobs/new", &none).await, &["No record fits."]);

    let partial =
        Host::over(Fragile(description())).post(OLGA, "/jobs/new", &filled(&[("do", "sample")])).await;
    assert_eq!(partial.status, StatusCode::OK, "{}", partial.text);
    assert_has(&partial, &[MASKED, "The source failed or was slow: there may be more."]);
    assert_masked(&partial);
}

#[tokio::test]
async fn a_refusal_stands_beside_its_field_and_no_record_is_shown() {
    let host = Host::new();
    for (others, field) in [
        (&[("type-0", "mail")][..], "type-0"),
        (&[("filters-0", "nothing")], "filters-0"),
        (&[("title", "")], "title"),
        (&[("run", "once"), ("first-run-now", "1")], "first-run-now"),
    ] {
        let others = [others, &[("do", "sample")]].concat();
        let refused = host.post(OLGA, "/jobs/new", &filled(&others)).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert_has(&refused, &[&format!("id=\"{field}-e\"")]);
        assert!(!refused.text.contains("id=\"sample-h\""), "{}", refused.text);
    }
}

#[tokio::test]
async fn a_sample_is_for_those_who_may_create_jobs_and_see_the_source() {
    let host = Host::new();
    let id = host.job(ADA, daily("Calls")).await;
    let form = filled(&[("do", "sample"), ("version", "1")]);
    let edit = format!("/jobs/{id}/edit");
    for (user, address, status) in [
        (VIC, "/jobs/new", StatusCode::FORBIDDEN),
        (VIC, &*edit, StatusCode::FORBIDDEN),
        (MALLORY, &*edit, StatusCode::NOT_FOUND),
    ] {
        let answer = host.post(user, address, &form).await;
        assert_eq!(answer.status, status, "{user} {address}");
        assert!(!answer.text.contains("xxxxx"), "{}", answer.text);
    }

    let mut batch = RecordBatchBuilder::new();
    batch.serialize(&Place::of(None, None), &json!({"caller": "+49 30 1", "queue": "sales"})).unwrap();
    let visibility = Visibility::Owners([Owner::new("acme").unwrap()].into());
    let source = PreparedSource::new(description().with_visibility(visibility), vec![batch.take()]);
    let host = Host::over(source);
    assert_has(&host.post(OLGA, "/jobs/new", &form).await, &[MASKED]);
    let other = host.post(MALLORY, "/jobs/new", &form).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_has(&other, &["id=\"source-e\""]);
    assert!(!other.text.contains("xxxxx"), "{}", other.text);
}
