//! Artifacts and sets: what the pages say, downloads and their record, holds, and that owners stay apart.

use axum::body::Body;
use cdds_core::domain::archive::artifact::artifact_id;
use http::{Method, StatusCode};
use serde_json::json;

use crate::host::{ADA, Answer, Host, MALLORY, OLGA, VIC, ask, request};

const HOSTILE: &str = "<img src=x onerror=alert(1)> \"&'";
const ESCAPED: &str = "&lt;img src=x onerror=alert(1)&gt; &quot;&amp;'";

/// Returns the id of the first artifact of an execution.
fn first(execution: &str) -> String {
    artifact_id(execution.parse().unwrap(), 1).to_string()
}

/// The number of downloads on record.
async fn on_record(host: &Host) -> u64 {
    let page = host.get(ADA, "/artifacts").await.text;
    let (before, _) = page.split_once(" times<span").or(page.split_once(" time<span")).unwrap_or(("0", ""));
    before.rsplit('>').next().unwrap().parse().unwrap()
}

async fn head(host: &Host, user: &str, path: &str) -> Answer {
    ask(&host.router, request(Method::HEAD, user, path).body(Body::empty()).unwrap()).await
}

async fn with(host: &Host, path: &str, name: &str, value: &str) -> Answer {
    let asked = request(Method::GET, OLGA, path).header(name, value).body(Body::empty()).unwrap();
    ask(&host.router, asked).await
}

#[tokio::test]
async fn the_page_lists_files_by_sets_and_filters_them() {
    let host = Host::new();
    assert!(host.get(VIC, "/artifacts").await.text.contains("No files yet"));
    let execution = host.exported(ADA, HOSTILE).await;
    let (id, name) = (first(&execution), format!("export-{execution}.zip"));
    let page = host.get(OLGA, "/artifacts").await.text;
    assert!(page.contains(ESCAPED) && !page.contains("<img"), "{page}");
    for said in [
        &*name,
        "1 of 1",
        "1 file. Not encrypted",
        &format!("./artifacts/{id}/content"),
        &format!("./sets/{execution}\""),
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(!page.contains("Delete…"), "{page}");
    // A viewer sees files, and has nothing to download them by.
    let seen = host.get(VIC, "/artifacts").await.text;
    assert!(
        seen.contains(&name) && !seen.contains("/content") && !seen.contains("Download script"),
        "{seen}"
    );
    let other = host.get(MALLORY, "/artifacts").await.text;
    assert!(!other.contains(&execution) && other.contains("No files yet"), "{other}");
    for (query, is_there) in [
        ("search=EXPORT-", true),
        ("search=%25", false),
        ("on_hold=true", false),
        ("on_hold=false", true),
        ("size_min=1GiB", false),
        ("size_max=1GiB&type=call", true),
        ("created_to=2026-11-26", false),
        ("expires_from=2026-11-27", true),
        (&*format!("execution={execution}"), true),
        ("sort=downloads:desc", true),
    ] {
        let page = host.get(VIC, &format!("/artifacts?{query}")).await;
        assert_eq!((page.status, page.text.contains(&name)), (StatusCode::OK, is_there), "{query}");
    }
}

#[tokio::test]
async fn a_file_is_downloaded_whole_or_in_pieces_and_a_head_is_not_on_record() {
    let host = Host::new();
    let execution = host.exported(ADA, "Calls").await;
    let path = format!("/artifacts/{}/content", first(&execution));
    let looked = head(&host, OLGA, &path).await;
    let size = looked.header("content-length").to_owned();
    assert_eq!((looked.status, looked.text.is_empty()), (StatusCode::OK, true));
    assert_eq!(on_record(&host).await, 0);

    let whole = host.get(OLGA, &path).await;
    assert_eq!((whole.status, whole.header("content-length")), (StatusCode::OK, &*size));
    assert_eq!(whole.text.len().to_string(), size);
    let saved = format!("attachment; filename=\"export-{execution}.zip\"");
    assert_eq!(
        (whole.header("content-disposition"), whole.header("x-content-type-options")),
        (&*saved, "nosniff")
    );
    assert_eq!(on_record(&host).await, 1);

    let tag = whole.header("etag").to_owned();
    let piece = with(&host, &path, "range", "bytes=2-5").await;
    assert_eq!((piece.status, piece.text.as_str()), (StatusCode::PARTIAL_CONTENT, &whole.text[2..6]));
    assert_eq!(with(&host, &path, "if-none-match", &tag).await.status, StatusCode::NOT_MODIFIED);
    let asked =
        request(Method::GET, OLGA, &path).header("range", "bytes=2-5").header("if-range", "\"other\"");
    assert_eq!(ask(&host.router, asked.body(Body::empty()).unwrap()).await.status, StatusCode::OK);
    assert_eq!(with(&host, &path, "range", "bytes=99999-").await.status, StatusCode::RANGE_NOT_SATISFIABLE);

    let refused = host.get(VIC, &path).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text.contains("may not download artifacts"), "{}", refused.text);
    assert_eq!(host.get(MALLORY, &path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_set_says_how_to_download_and_open_it_and_who_did() {
    let host = Host::new();
    let execution = host.exported(ADA, HOSTILE).await;
    let path = format!("/sets/{execution}");
    host.get(OLGA, &format!("/artifacts/{}/content", first(&execution))).await;
    let page = host.get(ADA, &path).await.text;
    assert!(page.contains(ESCAPED) && !page.contains("<img"), "{page}");
    for said in [
        format!("cdds extract export-{execution}.zip --to records"),
        format!("unzip export-{execution}.zip -d records"),
        ">2. Unpack<".to_owned(),
        "<strong>olga</strong>".to_owned(),
        "Verified".to_owned(),
        format!("{execution}/download.sh"),
    ] {
        assert!(page.contains(&said), "{said}: {page}");
    }
    let operator = host.get(OLGA, &path).await.text;
    assert!(!operator.contains("Who downloaded it") && !operator.contains("Delete…"), "{operator}");
    for part in ["", "/manifest", "/signature", "/download.sh"] {
        let other = host.get(MALLORY, &format!("{path}{part}")).await;
        assert_eq!(other.status, StatusCode::NOT_FOUND, "{part}");
        assert!(!other.text.contains("img"), "{}", other.text);
    }
    let manifest = host.get(OLGA, &format!("{path}/manifest")).await;
    assert_eq!(manifest.status, StatusCode::OK);
    assert!(manifest.json().to_string().contains(&execution), "{}", manifest.text);
    assert_eq!(host.get(OLGA, &format!("{path}/signature")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(host.get(VIC, &format!("{path}/manifest")).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_script_names_the_console_as_the_browser_sees_it_and_no_other_host() {
    let host = Host::new();
    let execution = host.exported(ADA, "Calls").await;
    let path = format!("/sets/{execution}/download.sh");
    let mounted = axum::Router::new().nest_service("/exports", host.router.clone());
    let script = async |host: &str, page: &str| {
        let asked = request(Method::GET, OLGA, &format!("/exports{path}"))
            .header("host", host)
            .header("referer", page);
        ask(&mounted, asked.body(Body::empty()).unwrap()).await
    };
    for (host, page, console) in [
        ("x.example", "https://x.example/a/exports/sets/7", "https://x.example/a/exports"),
        ("x.example", "https://x.example/a/exports/artifacts?sort=name", "https://x.example/a/exports"),
        ("x.example", "https://evil.example/exports/artifacts", "https://x.example/exports"),
        ("127.0.0.1:8750", "", "http://127.0.0.1:8750/exports"),
    ] {
        let script = script(host, page).await;
        assert_eq!(script.status, StatusCode::OK);
        assert!(
            script.text.contains(&format!("console=${{CDDS_CONSOLE:-'{console}'}}\n")),
            "{}",
            script.text
        );
        assert!(
            script.text.contains(&format!("get 'api/v1/artifacts/{}/content' ", first(&execution))),
            "{}",
            script.text
        );
        assert!(script.text.contains(&format!("'./export-{execution}.manifest.json' ")), "{}", script.text);
        assert!(script.header("content-disposition").starts_with("attachment"));
        assert!(script.header("content-type").starts_with("text/plain"));
    }
    let chosen = format!("id={}&do=script", first(&execution));
    let script = host.post(OLGA, "/artifacts/selected", &chosen).await;
    assert!(
        script.text.contains(&format!("get 'api/v1/artifacts/{}/content' ", first(&execution))),
        "{}",
        script.text
    );
    assert_eq!(host.post(VIC, "/artifacts/selected", &chosen).await.status, StatusCode::FORBIDDEN);
    assert_eq!(host.post(MALLORY, "/artifacts/selected", &chosen).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_held_set_is_not_deleted_until_it_is_released() {
    let host = Host::new();
    let execution = host.exported(ADA, "Calls").await;
    let at = |action: &str| format!("/sets/{execution}/{action}");
    for (user, status) in [(OLGA, StatusCode::FORBIDDEN), (MALLORY, StatusCode::NOT_FOUND)] {
        for action in ["hold", "release", "delete"] {
            assert_eq!(host.post(user, &at(action), "").await.status, status, "{user} {action}");
        }
    }
    let held = host.post(ADA, &at("hold"), "").await;
    assert_eq!(
        (held.status, held.header("location")),
        (StatusCode::SEE_OTHER, &*format!("../../sets/{execution}?done=held"))
    );
    let page = host.get(ADA, &format!("/sets/{execution}")).await.text;
    assert!(page.contains("On hold") && page.contains("Release…") && !page.contains("Delete…"), "{page}");
    let history = host.get(ADA, &format!("/history/{execution}")).await.text;
    assert!(history.contains("Its files are on hold") && !history.contains("Delete it and"), "{history}");
    let chosen = format!("id={}", first(&execution));
    let asked = host.post(ADA, "/artifacts/selected", &format!("{chosen}&do=delete")).await.text;
    assert!(asked.contains("1 of them is on hold") && !asked.contains("Delete 1 file</button>"), "{asked}");
    assert_eq!(host.post(ADA, "/artifacts/delete", &chosen).await.status, StatusCode::CONFLICT);
    assert_eq!(host.post(ADA, &at("release"), "").await.status, StatusCode::SEE_OTHER);
    let gone = host.post(ADA, &at("delete"), "").await;
    assert_eq!(
        (gone.status, gone.header("location")),
        (StatusCode::SEE_OTHER, "../../artifacts?done=set-deleted")
    );
    assert_eq!(host.get(ADA, &format!("/sets/{execution}")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn deleting_parts_of_a_set_warns_that_the_rest_cannot_be_read() {
    let host = Host::with_records(20_000);
    let job = json!({"title": "Calls", "source": "calls", "type": "call", "run": "once", "plaintext": true, "split-size": "64KiB"});
    let job = host.job(ADA, job).await;
    host.run().await;
    let execution = host.execution(&job);
    let chosen = format!("id={}", first(&execution));
    let asked = host.post(ADA, "/artifacts/selected", &format!("{chosen}&do=delete")).await.text;
    assert!(asked.contains("The rest of the set cannot be read"), "{asked}");
    assert!(asked.contains("Delete 1 file</button>"), "{asked}");
    assert_eq!(
        host.post(OLGA, "/artifacts/selected", &format!("{chosen}&do=delete")).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(host.post(MALLORY, "/artifacts/delete", &chosen).await.status, StatusCode::NOT_FOUND);
    assert_eq!(host.post(ADA, "/artifacts/delete", &chosen).await.status, StatusCode::SEE_OTHER);
    let torn = host.get(ADA, &format!("/sets/{execution}")).await.text;
    assert!(torn.contains("1 file of this set was deleted"), "{torn}");
}
