//! Workers: what the page and the API say of who works, and to whom (rule E19), and who is to claim nothing
//! more (rule E20).

use std::time::Duration;

use cdds_core::domain::calendar::zone::database::DatabaseVersion;
use cdds_core::domain::id::{Owner, WorkerId};
use cdds_core::domain::work::worker::{FactText, WorkerFacts};
use cdds_core::engine::Engine;
use cdds_core::ports::catalog::WorkerRegister;
use cdds_core::{Action, Actions, Principal, PrincipalName, Role};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::host::{ADA, Host, MALLORY, OLGA, VIC, once};

const MINUTE: Duration = Duration::from_secs(60);

/// Gives a sign of life of a worker.
async fn attend(host: &Host, worker: &str, facts: WorkerFacts) {
    let catalog = &host.memory.catalog;
    catalog.attend(&WorkerId::new(worker).unwrap(), &facts, MINUTE).await.unwrap();
}

#[tokio::test]
async fn e19_the_page_says_who_works_and_what_to_do_if_nobody_does() {
    let host = Host::new();
    let page = host.get(VIC, "/workers").await;
    assert_eq!(page.status, StatusCode::OK);
    for said in
        ["No worker has ever run", "<code>cdds serve</code>", "href=\"./workers\" aria-current=\"page\""]
    {
        assert!(page.text.contains(said), "{said}: {}", page.text);
    }

    let program = FactText::new("reports <b>2.1</b>");
    let facts =
        WorkerFacts::default().with_program(program).with_host(FactText::new("<i>h</i>")).with_process(77);
    attend(&host, "silent", facts).await;
    host.memory.clock.advance(MINUTE);
    let page = host.get(VIC, "/workers").await.text;
    for said in [
        "reports &lt;b&gt;2.1&lt;/b&gt;",
        "&lt;i&gt;h&lt;/i&gt;, process 77",
        "Gone",
        "without a word",
        "0 alive, 1 gone",
        "Nobody works at the moment",
        "1 min ago",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    host.run().await;
    attend(&host, "busy", WorkerFacts::default()).await;
    let page = host.get(VIC, "/workers").await.text;
    for said in
        ["Alive", "Ended", "1 alive, 1 gone", "Unnamed program", "Not said", ">Nothing<", "0 of 1 at once"]
    {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(!page.contains("Nobody works"), "{page}");
}

#[tokio::test]
async fn e19_each_owner_sees_what_runs_of_its_own_and_the_number_of_the_rest() {
    let host = Host::new();
    let job = host.job(ADA, once("<u>Only for acme</u>")).await;
    host.job(MALLORY, once("Only for others")).await;
    let engine = Engine::builder(&host.memory.ports).build();
    let tick = engine.tick().await.unwrap();
    assert_eq!(tick.executions.len(), 2);
    let execution = host.execution(&job);

    let page = host.get(OLGA, "/workers").await.text;
    let link = format!("<a href=\"./history/{execution}\">&lt;u&gt;Only for acme&lt;/u&gt;</a>");
    for said in [&*link, "2 of 2 at once", "1 of other owners"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(!page.contains("Only for others"), "{page}");
    let other = host.get(MALLORY, "/workers").await.text;
    assert!(other.contains("Only for others") && other.contains("1 of other owners"), "{other}");
    for hidden in [&*execution, &*job, "Only for acme"] {
        assert!(!other.contains(hidden), "{hidden}: {other}");
    }

    let list = host.get(VIC, "/api/v1/workers").await.json();
    assert!(list["next"].is_null());
    let worker = &list["items"][0];
    assert_eq!((&worker["state"], &worker["concurrency"]), (&"alive".into(), &2.into()), "{list}");
    assert_eq!(worker["running"][0]["id"], *execution);
    assert_eq!((&worker["running_own"], &worker["running_others"]), (&1.into(), &1.into()));
    let other = host.get(MALLORY, "/api/v1/workers").await.text;
    assert!(!other.contains(&execution) && !other.contains("Only for acme"), "{other}");
}

#[tokio::test]
async fn e19_an_execution_says_where_it_ran() {
    let host = Host::new();
    let execution = host.exported(ADA, "Calls").await;
    let page = format!("/history/{execution}");
    let id = host.memory.catalog.record()[0].attempts[0].worker.to_string();
    let unplaced = host.get(VIC, &page).await.text;
    assert!(unplaced.contains(&format!("worker {id}")), "an id is better than nothing: {unplaced}");
    let facts = WorkerFacts::default().with_host(FactText::new("<i>h</i>")).with_process(77);
    attend(&host, &id, facts).await;
    let placed = host.get(VIC, &page).await.text;
    for said in [
        "<a href=\"../workers\">on &lt;i&gt;h&lt;/i&gt;, process 77</a>",
        "On &lt;i&gt;h&lt;/i&gt;, process 77",
    ] {
        assert!(placed.contains(said), "{said}: {placed}");
    }
    assert!(!placed.contains(&id), "{placed}");
}

#[tokio::test]
async fn c1_workers_are_for_those_who_may_see_them() {
    let host = Host::new();
    let fleet = cdds_core::Fleet::new(&host.memory.ports);
    let owner = Owner::new("acme").unwrap();
    let name = PrincipalName::new("nobody").unwrap();
    let mut by = Principal::new(name, owner, Role::Viewer);
    assert_eq!(fleet.list(&by).await.unwrap(), []);
    by.actions = Actions::NONE.with(Action::See);
    assert_eq!(fleet.list(&by).await.unwrap_err().code(), "forbidden");
}

#[tokio::test]
async fn e20_an_administrator_drains_a_worker_and_lets_it_resume() {
    let host = Host::new();
    let program = FactText::new("reports <b>");
    attend(&host, "busy", WorkerFacts::default().with_program(program)).await;
    let page = host.get(ADA, "/workers").await.text;
    for said in [
        "Drain reports &lt;b&gt;?",
        "action=\"./workers/drain\"",
        "aria-label=\"Drain: reports &lt;b&gt; busy\"",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    for user in [VIC, OLGA] {
        let page = host.get(user, "/workers").await.text;
        assert!(!page.contains("workers/drain") && !page.contains("Actions"), "{user}: {page}");
        for form in ["drain", "resume"] {
            let refused = host.post(user, &format!("/workers/{form}"), "name=busy").await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{user} {form}");
        }
    }
    let answer = host.post(ADA, "/workers/drain", "name=busy").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let page = host.get(ADA, "/workers?done=drains").await.text;
    assert!(
        page.contains("Draining") && !page.contains("can be stopped"),
        "it has not heard of that: {page}"
    );
    host.memory.clock.advance(Duration::from_secs(10));
    attend(&host, "busy", WorkerFacts::default().with_program(FactText::new("reports <b>"))).await;
    let page = host.get(ADA, "/workers?done=drains").await.text;
    for said in
        ["Drained", "can be stopped", "Every worker drains", "claims nothing more", "./workers/resume"]
    {
        assert!(page.contains(said), "{said}: {page}");
    }
    let known = host.get(VIC, "/api/v1/workers/busy").await.json();
    assert!(known["draining_since"].is_string(), "{known}");
    let resumed = host.send(ADA, Method::POST, "/api/v1/workers/busy/resume", &Value::Null).await.json();
    assert!(resumed["draining_since"].is_null(), "{resumed}");
    let audit = host.get(ADA, "/api/v1/audit").await.json();
    let did =
        |action: &str| audit["items"].as_array().unwrap().iter().find(|one| one["action"] == action).cloned();
    for action in ["drain_worker", "resume_worker"] {
        let entry = did(action).unwrap();
        assert_eq!(entry["object"], json!({"id": "busy", "kind": "worker"}), "{entry}");
    }
    for path in ["drain", "resume"] {
        let unknown =
            host.send(ADA, Method::POST, &format!("/api/v1/workers/never/{path}"), &Value::Null).await;
        assert_eq!(unknown.status, StatusCode::NOT_FOUND);
        assert_eq!(
            host.post(ADA, &format!("/workers/{path}"), "").await.status,
            StatusCode::UNPROCESSABLE_ENTITY
        );
    }
}

#[tokio::test]
async fn f9_the_page_names_a_worker_that_leaves_jobs_with_a_zone_to_others() {
    let host = Host::new();
    // The first engine puts its database on record.
    host.run().await;
    let said = "It leaves jobs with a time zone to the others";
    let facts = |zones: &str| WorkerFacts::default().with_zones(zones.parse::<DatabaseVersion>().unwrap());
    attend(&host, "newest", facts(&DatabaseVersion::bundled().to_string())).await;
    let page = host.get(VIC, "/workers").await.text;
    assert!(page.contains(&format!("Time zones {}", DatabaseVersion::bundled())), "{page}");
    assert!(!page.contains(said), "{page}");
    attend(&host, "older", facts("2020a")).await;
    let page = host.get(VIC, "/workers").await.text;
    assert!(page.contains(said) && page.contains("Time zones 2020a"), "{page}");
}
