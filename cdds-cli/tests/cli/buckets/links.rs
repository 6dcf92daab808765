//! Downloads that a bucket answers itself (rule C3).

use std::process::Command;

use serde_json::Value;

use super::{Bucket, Make};
use crate::serve::running::Running;
use crate::support::{Place, string, text};

#[test]
fn c3_a_server_hands_out_links_only_where_it_is_told_to_and_puts_them_on_record() {
    let (bucket, place) = (Bucket::start(Make::S3), Place::with_interactions(90));
    bucket.keep_for(&place);
    place.plaintext_job(&["--timeframe", "all"]);
    place.done(&["run", "--until-idle"]);
    let token = place.done(&["token", "create", "--role", "operator"]);
    let bearer = format!("Authorization: Bearer {}", token.trim_end());
    let id = string(&place.json(&["artifact", "list"])[0]["id"]);
    let page = format!("api/v1/artifacts/{id}/content");
    {
        let server = Running::start(&place, &[]);
        let whole = server.ask(&page, &["-H", &bearer, "-o", "whole.zip", "-D", "-"]);
        assert_eq!(whole.status, 200);
    }
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    let config = config.replace("allow_http = true\n", "allow_http = true\nlinks = true\n");
    std::fs::write(place.path("cdds.toml"), config).unwrap();
    let server = Running::start(&place, &[]);
    let answer = server.ask(&page, &["-H", &bearer]);
    assert_eq!(answer.status, 307, "{}", answer.body);
    let link = answer.header("location").to_owned();
    let begin = format!("http://127.0.0.1:{}/exports/in/", bucket.server.port);
    assert!(link.starts_with(&begin), "{link}");
    // Without the token, which the bucket must not see.
    let mut curl = Command::new("curl");
    curl.args(["-sS", "-f", "--noproxy", "*", "-o", "got.zip", &link]);
    let output = curl.current_dir(place.root()).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(place.records("got.zip").len(), 90);
    let listed = place.json(&["audit", "--action", "download"]);
    let entries = listed["items"].as_array().or(listed.as_array()).unwrap();
    let outcomes: Vec<&Value> = entries.iter().map(|entry| &entry["outcome"]).collect();
    assert_eq!(outcomes[0], "linked", "{listed}");
    assert_ne!(outcomes[1], "linked", "{listed}");
}
