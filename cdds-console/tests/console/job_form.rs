//! The form of a job: what it offers, keeps and refuses, and what it saves.

use cdds_core::domain::record::selection::CategoryDimension;
use cdds_core::testing::PreparedSource;
use cdds_core::{DataType, JobRules, Jobs, Ownership, SourceDescription};
use http::StatusCode;
use serde_json::json;

use crate::host::{ADA, Answer, Host, MALLORY, OLGA, VIC, daily, principal};
use crate::partner;

/// What a browser sends of a form that was filled in.
const FILLED: &str = "reads=1&title=Calls&description=&source=calls&type-0=call&cat-0=all&fields-0=&filters-0=&run=daily\
    &once-date=&daily-at=02%3A00&weekly-day=mon&weekly-at=&monthly-day=&cron=&frame=all&rolling-count=&rolling-unit=h\
    &split-size=&seal=plaintext&retention-days=&overlap=&catch-up=&incomplete=";

/// Returns the form with other answers in place of those of their names.
pub(crate) fn filled(others: &[(&str, &str)]) -> String {
    let kept = form_urlencoded::parse(FILLED.as_bytes())
        .filter(|(name, _)| others.iter().all(|(other, _)| other != name));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).extend_pairs(others).finish()
}

pub(crate) fn assert_has(answer: &Answer, texts: &[&str]) {
    for text in texts {
        assert!(answer.text.contains(text), "{text} is not in {}", answer.text);
    }
}

#[tokio::test]
async fn a_job_is_added_with_what_was_typed() {
    let host = Host::new();
    let page = host.get(OLGA, "/jobs/new").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_has(
        &page,
        &[
            "<h1>Add a job</h1>",
            "action=\"../jobs/new\"",
            "Description (optional)",
            "Times of day are by the time zone below; all other times are in UTC.",
            "id=\"title\" name=\"title\" required",
            "pattern=\"([01]?[0-9]|2[0-3]):",
            "name=\"daily-at\" value=\"02:00\"",
        ],
    );
    let form = filled(&[
        ("title", "Sales"),
        ("filters-0", "queue=sales\r\ncaller!=\"\""),
        ("run", "weekly"),
        ("weekly-at", "03:15"),
        ("cron", "nonsense that does not apply"),
        ("split-size", "100"),
        ("retries", "7"),
    ]);
    let saved = host.post(OLGA, "/jobs/new", &form).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.text);
    let id =
        saved.header("location").strip_prefix("../jobs/").unwrap().strip_suffix("?done=created").unwrap();
    let job = host.get(ADA, &format!("/api/v1/jobs/{id}")).await.json();
    assert_eq!((&job["title"], &job["run"]), (&json!("Sales"), &json!("weekly on mon at 03:15")));
    assert_eq!(job["filters"].as_array().unwrap().len(), 2);
    assert_eq!((&job["split_size"], &job["retries"]), (&json!(100 << 20), &json!(7)));
}

#[tokio::test]
async fn a_refusal_stands_beside_its_field_and_keeps_everything_that_was_typed() {
    let host = Host::new();
    let form = filled(&[
        ("title", "<i>Calls</i>"),
        ("run", "hourly"),
        ("every", "99"),
        ("description", "</textarea><script>"),
        ("filters-0", "nothing"),
        ("retries", "many"),
    ]);
    let refused = host.post(OLGA, "/jobs/new", &form).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_has(
        &refused,
        &[
            "<title>Error: Add a job",
            "id=\"errors\"",
            "href=\"#every\"",
            "id=\"every-e\"",
            "href=\"#filters-0\"",
            "aria-describedby=\"filters-0-h filters-0-e\"",
            "href=\"#retries\"",
            "value=\"many\"",
            "value=\"99\"",
            "value=\"&lt;i&gt;Calls&lt;/i&gt;\"",
            "\n&lt;/textarea&gt;&lt;script&gt;</textarea>",
            "<details id=\"more-0\" open><summary>Fields and filters",
            "<details id=\"policies\" open><summary>When things go wrong",
        ],
    );
    assert!(!refused.text.contains("<script>") && !refused.text.contains("<i>"), "{}", refused.text);
    assert!(host.get(ADA, "/jobs").await.text.contains("No jobs yet"));
}

#[tokio::test]
async fn refusals_of_the_core_find_their_field() {
    let host = Host::new();
    for (others, field) in [
        (&[("type-0", "mail")][..], "type-0"),
        (&[("source", "nothing")], "source"),
        (&[("frame", "rolling"), ("rolling-count", "1"), ("rolling-unit", "w")], "frame"),
        (&[("run", "once"), ("once-date", "2026-01-01")], "once-date"),
        (&[("seal", "sealed"), ("recipient", "ops")], "recipient"),
        (&[("ends-date", "2026-11-01")], "ends-date"),
        (&[("retention-days", "31")], "retention-days"),
        (&[("run", "once"), ("first-run-now", "1")], "first-run-now"),
        (&[("reads", "2"), ("type-1", "mail")], "type-1"),
        (&[("cat-0", "some"), ("category-0", "voice")], "cat-0"),
    ] {
        let refused = host.post(OLGA, "/jobs/new", &filled(others)).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        let id = format!("id=\"{field}-e\"");
        assert_has(&refused, &[&format!("href=\"#{field}\""), &id, &format!("id=\"{field}\"")]);
    }
}

#[tokio::test]
async fn types_are_added_and_removed_by_posting_back() {
    let host = Host::new();
    let two = host.post(OLGA, "/jobs/new", &filled(&[("do", "add:reads"), ("title", "")])).await;
    assert_eq!(two.status, StatusCode::OK);
    assert_has(&two, &["name=\"reads\" value=\"2\"", "id=\"type-1\"", "value=\"drop:reads:1\""]);
    let one =
        filled(&[("do", "drop:reads:0"), ("reads", "2"), ("type-1", "call"), ("filters-1", "queue=sales")]);
    let one = host.post(OLGA, "/jobs/new", &one).await;
    assert_has(&one, &["name=\"reads\" value=\"1\"", "\nqueue=sales</textarea>"]);
    assert!(!one.text.contains("type-1"));
    // Of another number the group is not known, and nothing is saved.
    let forged = host.post(OLGA, "/jobs/new", &filled(&[("do", "add:reads"), ("reads", "999999999")])).await;
    assert_has(&forged, &["name=\"reads\" value=\"100\""]);
    assert!(host.get(ADA, "/jobs").await.text.contains("No jobs yet"));
}

#[tokio::test]
async fn a_preview_shows_the_next_ten_runs_and_saves_nothing() {
    let host = Host::new();
    let preview = host.post(OLGA, "/jobs/new", &filled(&[("do", "preview")])).await;
    assert_eq!(preview.status, StatusCode::OK, "{}", preview.text);
    assert_has(&preview, &["Fri 27 Nov 02:00 UTC", "The beginning to", "6 Dec 02:00 UTC", "value=\"Calls\""]);
    assert!(!preview.text.contains("7 Dec 02:00 UTC"));
    assert!(host.get(ADA, "/jobs").await.text.contains("No jobs yet"));
    let refused = host.post(OLGA, "/jobs/new", &filled(&[("do", "preview"), ("title", "")])).await;
    assert_has(&refused, &["id=\"title-e\""]);
}

#[tokio::test]
async fn f8_a_preview_says_how_many_records_the_source_holds_now_and_where_it_cannot_know() {
    let host = Host::with_records(1_234);
    let preview = host.post(OLGA, "/jobs/new", &filled(&[("do", "preview")])).await;
    assert_has(&preview, &["About 1,234 records so far"]);
    let filtered = filled(&[("do", "preview"), ("filters-0", "queue=sales")]);
    let unknown = host.post(OLGA, "/jobs/new", &filtered).await;
    assert_has(&unknown, &["Number of records unknown"]);
    assert!(!unknown.text.contains("About 1"), "{}", unknown.text);

    let id = host.job(ADA, daily("Calls")).await;
    let edit = host.get(OLGA, &format!("/jobs/{id}/edit")).await;
    assert_has(&edit, &["About 1,234 records so far"]);
}

#[tokio::test]
async fn a_clone_begins_with_the_settings_of_a_job_or_of_an_execution() {
    let host = Host::new();
    let id = host.job(ADA, daily("Calls & more")).await;
    let clone = host.get(OLGA, &format!("/jobs/new?clone={id}")).await;
    assert_has(
        &clone,
        &["<h1>Add a job as a clone</h1>", "value=\"Calls &amp; more (copy)\"", "action=\"../jobs/new\""],
    );
    assert_eq!(host.get(MALLORY, &format!("/jobs/new?clone={id}")).await.status, StatusCode::NOT_FOUND);

    let jobs = Jobs::new(&host.memory.ports, JobRules::default());
    let execution = jobs.run_now(&principal(ADA), id.parse().unwrap()).await.unwrap().id;
    let clone = host.get(OLGA, &format!("/jobs/new?execution={execution}")).await;
    assert_has(&clone, &["value=\"Calls &amp; more (copy)\""]);
    let other = host.get(MALLORY, &format!("/jobs/new?execution={execution}")).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_edit_is_of_the_version_that_was_seen_and_a_conflict_keeps_what_was_typed() {
    let host = Host::new();
    let id = host.job(ADA, daily("Calls")).await;
    let address = format!("/jobs/{id}/edit");
    assert_has(
        &host.get(OLGA, &address).await,
        &[
            "<h1>Edit job</h1>",
            "name=\"version\" value=\"1\"",
            &format!("action=\"../../jobs/{id}/edit\""),
            "Fri 27 Nov 02:00 UTC",
        ],
    );
    let edited = host.post(OLGA, &address, &filled(&[("version", "1"), ("title", "Sales")])).await;
    let there = format!("../../jobs/{id}?done=edited");
    assert_eq!((edited.status, edited.header("location")), (StatusCode::SEE_OTHER, &*there));

    let mine = filled(&[("version", "1"), ("title", "Mine")]);
    let late = host.post(ADA, &address, &mine).await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_has(
        &late,
        &[
            "<title>Error: Edit job",
            "This job was changed while you were editing it",
            "olga, ",
            "version 1 to 2: title",
            "value=\"Mine\"",
            "name=\"version\" value=\"2\"",
        ],
    );
    // Only those who see the audit learn who it was.
    let late = host.post(OLGA, &address, &mine).await;
    assert!(late.text.contains("it has version 2 now") && !late.text.contains("olga, "), "{}", late.text);
    assert_eq!(host.get(ADA, &format!("/api/v1/jobs/{id}")).await.json()["title"], "Sales");
}

#[tokio::test]
async fn the_form_is_for_those_who_may_save_it() {
    let host = Host::new();
    let id = host.job(ADA, daily("Calls")).await;
    for path in ["/jobs/new".to_owned(), format!("/jobs/{id}/edit")] {
        assert_eq!(host.get(VIC, &path).await.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(host.post(VIC, &path, FILLED).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    let path = format!("/jobs/{id}/edit");
    for answer in [host.get(MALLORY, &path).await, host.post(MALLORY, &path, FILLED).await] {
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(!answer.text.contains("Calls"), "{}", answer.text);
    }
}

/// A host whose source has categories, and instants by which it can be exported since the last time.
fn rich() -> Host {
    let values = ["voice", "video & more"].map(str::to_owned).to_vec();
    let call = DataType::new("call".parse().unwrap())
        .with_ownership(Ownership::Shared)
        .with_event_instant()
        .with_change_instant()
        .with_category(CategoryDimension { name: "Channel".to_owned(), values });
    let chat = DataType::new("chat".parse().unwrap()).with_ownership(Ownership::Shared);
    let description = SourceDescription::new("calls".parse().unwrap(), "Telephony");
    Host::over(PreparedSource::new(description.with_type(call).with_type(chat), Vec::new()))
}

#[tokio::test]
async fn the_categories_of_a_type_are_offered_chosen_and_kept() {
    let host = rich();
    let page = host.get(OLGA, "/jobs/new").await;
    let box_of = |value: &str| format!("name=\"category-0\" value=\"{value}\"");
    assert_has(
        &page,
        &["<legend>Categories: Channel</legend>", &box_of("voice"), &box_of("video &amp; more")],
    );
    // The other type has none, which shows once it is chosen.
    let other = host.post(OLGA, "/jobs/new", &filled(&[("do", "show"), ("type-0", "chat")])).await;
    assert!(!other.text.contains("name=\"category-0\""), "{}", other.text);

    let none = host.post(OLGA, "/jobs/new", &filled(&[("cat-0", "some")])).await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_has(&none, &["id=\"cat-0-e\"", "id=\"cat-0\""]);

    let some = filled(&[("cat-0", "some"), ("category-0", "voice"), ("category-0", "video & more")]);
    let saved = host.post(OLGA, "/jobs/new", &some).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.text);
    let job = host.get(ADA, "/api/v1/jobs").await.json()["items"][0].clone();
    assert_eq!(job["category"], json!(["video & more", "voice"]));
    let edit = host.get(OLGA, &format!("/jobs/{}/edit", job["id"].as_str().unwrap())).await;
    for value in ["voice", "video &amp; more"] {
        assert_has(&edit, &[&format!("{} checked", box_of(value))]);
    }
}

#[tokio::test]
async fn j11_an_edit_of_what_is_exported_asks_where_the_job_goes_on() {
    for (choice, generation) in [("continue", 1), ("reset", 2)] {
        let host = rich();
        let mut settings = daily("Calls");
        settings["timeframe"] = json!("since-last");
        let id = host.job(ADA, settings).await;
        let (address, of_api) = (format!("/jobs/{id}/edit"), format!("/api/v1/jobs/{id}"));
        host.post(OLGA, &format!("/jobs/{id}/run"), "").await;
        host.run().await;
        let before = host.get(ADA, &of_api).await.json()["watermark"]["at"].clone();
        assert!(before.is_string(), "{before}");
        assert_has(
            &host.get(OLGA, &address).await,
            &["id=\"watermark\"", "value=\"continue\"", "value=\"reset\""],
        );

        let change = [("version", "1"), ("frame", "since-last"), ("filters-0", "queue=sales")];
        let refused = host.post(OLGA, &address, &filled(&change)).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_has(&refused, &["id=\"watermark-e\"", "href=\"#watermark\"", "\nqueue=sales</textarea>"]);

        let chosen = [&change[..], &[("watermark", choice)]].concat();
        let preview = [&chosen[..], &[("do", "preview")]].concat();
        let preview = host.post(OLGA, &address, &filled(&preview)).await;
        assert_eq!(preview.text.contains("The beginning to"), choice == "reset", "{}", preview.text);
        let saved = host.post(OLGA, &address, &filled(&chosen)).await;
        assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.text);
        let watermark = &host.get(ADA, &of_api).await.json()["watermark"];
        let at = if choice == "reset" { json!(null) } else { before };
        assert_eq!((&watermark["generation"], &watermark["at"]), (&json!(generation), &at), "{choice}");
        let page = host.get(OLGA, &format!("/jobs/{id}")).await;
        assert_eq!(page.text.contains("Begun again 1 time"), choice == "reset", "{}", page.text);
    }
}

#[tokio::test]
async fn boxes_of_the_form_stay_open_if_they_were_or_hold_something() {
    let host = Host::new();
    let details = |id: &str, open: &str| format!("<details id=\"{id}\"{open}><summary>");
    let preview = async |others: &[(&str, &str)]| {
        host.post(OLGA, "/jobs/new", &filled(&[others, &[("do", "preview")]].concat())).await
    };
    assert_has(&preview(&[]).await, &[&details("more-0", ""), &details("policies", "")]);
    let filled_in = preview(&[("jitter", "10m"), ("fields-0", "queue")]).await;
    assert_has(&filled_in, &[&details("more-0", " open"), &details("policies", " open")]);
    let opened = preview(&[("open", "policies")]).await;
    assert_has(&opened, &[&details("more-0", ""), &details("policies", " open")]);
}

#[tokio::test]
async fn each_field_of_a_time_has_a_label_of_its_own() {
    let host = rich();
    let page = host.get(OLGA, "/jobs/new").await;
    let labels: Vec<&str> = page
        .text
        .split("<label for=")
        .skip(1)
        .filter(|rest| {
            rest.split_once('>').is_some_and(|(id, _)| id.ends_with("-at\"") || id.ends_with("-time\""))
        })
        .map(|rest| rest.split_once('>').unwrap().1.split_once('<').unwrap().0)
        .collect();
    let apart: std::collections::BTreeSet<_> = labels.iter().collect();
    assert_eq!((labels.len(), apart.len()), (9, 9), "{labels:?}");
}

#[tokio::test]
async fn a_trial_says_what_it_needs_and_not_that_nothing_was_saved() {
    let host = Host::new();
    for (deed, title) in
        [("preview", "Before the next runs can be shown"), ("", "Not saved: one answer needs")]
    {
        let refused = host.post(OLGA, "/jobs/new", &filled(&[("title", ""), ("do", deed)])).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{deed}");
        assert_has(&refused, &[title]);
    }
}

#[tokio::test]
async fn n1_an_edit_keeps_destinations_and_subscribers_and_refusals_stand_beside_them() {
    let host = Host::with(partner::ports(&[&partner::place()], &partner::Postbox::default()));
    let job = host.job(ADA, partner::told(daily("Calls"))).await;
    let form = host.get(OLGA, &format!("/jobs/{job}/edit")).await;
    assert_has(
        &form,
        &[
            "value=\"partner\" selected>Partner &lt;i&gt;Ltd&lt;/i&gt;",
            "name=\"path-0\" value=\"in/{yyyy}\"",
            "name=\"who-0\" value=\"ada@example.com\"",
            "name=\"who-1\" value=\"billing\"",
            "For example <code>in/2026</code>",
        ],
    );
    let pairs = [
        ("places", "1"),
        ("to-0", "partner"),
        ("path-0", "in/{yyyy}"),
        ("receipt-0", "digest"),
        ("subscribers", "2"),
        ("who-0", "ada@example.com"),
        ("told-0", "usual"),
        ("who-1", "billing"),
        ("told-1", "some"),
        ("on-1", "failed"),
        ("on-1", "delivered"),
        ("version", "1"),
    ];
    let saved = host.post(OLGA, &format!("/jobs/{job}/edit"), &filled(&pairs)).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.text);
    let settings = host.get(VIC, &format!("/api/v1/jobs/{job}/settings")).await.json();
    let kept = json!([{"destination": "partner", "path": "in/{yyyy}", "receipt": "digest"}]);
    assert_eq!(settings["destination"], kept, "{settings}");
    assert_eq!(settings["notify"], json!(["mailto:ada@example.com", "webhook:billing?on=delivered,failed"]));
    let page = host.get(VIC, &format!("/jobs/{job}")).await;
    assert_has(&page, &["<code>webhook:billing?on=delivered,failed</code>"]);
    for (field, value) in [("to-0", "elsewhere"), ("path-0", "../up"), ("who-1", "other"), ("told-1", "some")]
    {
        let pairs = [
            ("places", "1"),
            ("to-0", "partner"),
            ("subscribers", "2"),
            ("who-0", "ada@example.com"),
            ("who-1", "billing"),
            (field, value),
        ];
        let refused = host.post(OLGA, "/jobs/new", &filled(&pairs)).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{value}");
        assert_has(&refused, &[&format!("id=\"{field}-e\""), &format!("href=\"#{field}\"")]);
    }
}

#[tokio::test]
async fn n1_destinations_and_subscribers_are_added_and_removed_without_a_script() {
    let host = Host::with(partner::ports(&[&partner::place()], &partner::Postbox::default()));
    let fresh = host.get(OLGA, "/jobs/new").await;
    assert_has(&fresh, &["Add a destination", "Notify someone"]);
    assert!(!fresh.text.contains("name=\"to-0\""), "{}", fresh.text);
    let press = async |pairs: &[(&str, &str)]| host.post(OLGA, "/jobs/new", &filled(pairs)).await;
    let one = press(&[("places", "0"), ("do", "add:places")]).await;
    assert_has(&one, &["name=\"to-0\"", "Add another destination", "name=\"places\" value=\"1\""]);
    let kept = [("places", "1"), ("to-0", "partner"), ("subscribers", "1"), ("who-0", "billing")];
    let two = press(&[&kept[..], &[("do", "add:subscribers")]].concat()).await;
    assert_has(&two, &["name=\"who-0\" value=\"billing\"", "name=\"who-1\"", "value=\"partner\" selected"]);
    let none = press(&[&kept[..], &[("do", "drop:places:0")]].concat()).await;
    assert_has(&none, &["name=\"who-0\" value=\"billing\"", "name=\"places\" value=\"0\""]);
    assert!(!none.text.contains("name=\"to-0\""), "{}", none.text);
    let tried = press(&[&kept[..], &[("path-0", "x/{job}/{hh}"), ("do", "preview")]].concat()).await;
    assert_has(&tried, &["id=\"path-0-x\"", "<code>x/Calls/02</code>", "data-preview=\"ahead path-0-x\""]);
    let without = Host::new().get(OLGA, "/jobs/new").await;
    assert!(!without.text.contains("Add a destination"), "{}", without.text);
}
