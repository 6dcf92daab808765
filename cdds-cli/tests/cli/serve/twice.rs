//! Requests that arrive at two servers on one catalog at the same time.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::running::Running;
use crate::support::{Place, string};

/// Two servers on one catalog, and a token for both.
struct Servers<'a> {
    servers: [Running<'a>; 2],
    bearer: String,
}

/// Status and body of an answer.
type Answer = (u16, Value);

impl<'a> Servers<'a> {
    fn start(place: &'a Place) -> Self {
        let token = place.done(&["token", "create", "--role", "administrator"]);
        let bearer = format!("Authorization: Bearer {}", token.trim_end());
        Self { servers: [Running::start(place, &[]), Running::start(place, &[])], bearer }
    }

    /// Sends the requests to the servers in turn, each without its end; then all the ends. Returns the answers.
    fn at_once(&self, requests: &[(&str, &str, &str, &Value)]) -> Vec<Answer> {
        let mut begun: Vec<(TcpStream, u8)> = Vec::new();
        for (number, (method, path, header, body)) in requests.iter().enumerate() {
            let host = self.servers[number % 2].host();
            let body = body.to_string();
            let request = format!(
                "{method} /api/v1/{path} HTTP/1.1\r\nHost: {host}\r\n{}\r\n{header}\r\nConnection: close\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                self.bearer,
                body.len()
            );
            let (last, all_but) = request.as_bytes().split_last().unwrap();
            let mut stream = TcpStream::connect(&host).unwrap();
            stream.set_nodelay(true).unwrap();
            stream.write_all(all_but).unwrap();
            begun.push((stream, *last));
        }
        for (stream, last) in &mut begun {
            stream.write_all(&[*last]).unwrap();
        }
        begun.into_iter().map(|(stream, _)| answer(stream)).collect()
    }

    fn items(&self, list: &str) -> Vec<Value> {
        let page = self.servers[0].ask(&format!("api/v1/{list}"), &["-H", &self.bearer]).body;
        let page: Value = serde_json::from_str(&page).unwrap();
        page["items"].as_array().unwrap().clone()
    }
}

fn answer(mut stream: TcpStream) -> Answer {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

fn job(title: &str) -> Value {
    json!({
        "title": title, "source": "contact-history", "type": "interaction", "timeframe": "rolling:1d",
        "run": "daily", "at": "02:00", "plaintext": true
    })
}

/// Returns the only id of the answers.
fn only(answers: &[Answer]) -> String {
    let ids: BTreeSet<String> = answers.iter().map(|(_, body)| string(&body["id"])).collect();
    assert_eq!(ids.len(), 1, "{answers:?}");
    ids.into_iter().next().unwrap()
}

#[test]
fn j18_requests_with_one_key_create_one_thing_on_two_servers() {
    let place = Place::with_interactions(3);
    place.share_interactions();
    let servers = Servers::start(&place);
    let range = json!({"from": "2020-01-02T00:00:00Z", "to": "2020-01-05T00:00:00Z"});
    let mut executions = 0;
    for round in 0..10 {
        let key: &str = &format!("Idempotency-Key: round-{round}");
        let form = job(&format!("Round {round}"));
        let created = servers.at_once(&[("POST", "jobs", key, &form); 6]);
        assert!(created.iter().all(|(status, _)| *status == 201), "{created:?}");
        let path = format!("jobs/{}", only(&created));
        let (run, backfill): (&str, &str) = (&format!("{path}/run"), &format!("{path}/backfill"));
        let other = servers.at_once(&[("POST", "jobs", key, &job("Other"))]);
        assert_eq!((other[0].0, &other[0].1["type"]), (422, &"request_key_used".into()));
        let ran = servers.at_once(&[("POST", run, key, &Value::Null); 6]);
        assert!(ran.iter().all(|(status, _)| *status == 202), "{ran:?}");
        only(&ran);
        let filled = servers.at_once(&[("POST", backfill, key, &range); 6]);
        let refused: Vec<_> = filled.iter().filter(|(status, _)| *status != 202).collect();
        assert!(refused.is_empty(), "{refused:?}");
        let queued: BTreeSet<Vec<String>> = filled
            .iter()
            .map(|(_, body)| {
                body["items"].as_array().unwrap().iter().map(|item| string(&item["id"])).collect()
            })
            .collect();
        assert_eq!(queued.iter().map(Vec::len).collect::<Vec<_>>(), [3], "{filled:?}");
        executions += 4;
    }
    assert_eq!(servers.items("jobs").len(), 10);
    assert_eq!(servers.items("executions?limit=1000").len(), executions);
}

#[test]
fn j1_one_of_two_changes_of_a_version_wins() {
    let place = Place::with_interactions(3);
    let servers = Servers::start(&place);
    for round in 0..20 {
        let created = servers.at_once(&[("POST", "jobs", "Accept: */*", &job("Calls"))]);
        let path = format!("jobs/{}", string(&created[0].1["id"]));
        let (suspend, resume) = (format!("{path}/suspend"), format!("{path}/resume"));
        let nothing = Value::Null;
        let changes: [(&str, &str, &str, &Value); 4] = [
            ("PATCH", &path, "If-Match: \"1\"", &json!({"title": "Other"})),
            ("POST", &suspend, "If-Match: \"1\"", &nothing),
            ("DELETE", &path, "If-Match: \"1\"", &nothing),
            ("POST", &suspend, "If-Match: \"1\"", &nothing),
        ];
        let mut turned = changes;
        turned.rotate_left(round % 4);
        let answers = servers.at_once(&turned);
        let won = answers.iter().filter(|(status, _)| matches!(status, 200 | 204)).count();
        let lost = answers.iter().filter(|(status, _)| matches!(status, 412 | 404)).count();
        assert_eq!((won, lost), (1, 3), "{answers:?}");
        let stale = servers.at_once(&[("POST", &resume, "If-Match: \"1\"", &nothing)]);
        assert!(matches!(stale[0].0, 412 | 404), "{stale:?}");
    }
}
