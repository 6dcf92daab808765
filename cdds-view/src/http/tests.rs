use std::sync::Arc;

use cdds_core::domain::archive::artifact::Artifact;
use cdds_core::domain::record::{Place, RecordBatchBuilder};
use cdds_core::testing::{MemoryPorts, PreparedSource, administrator};
use cdds_core::{
    ArtifactId, ArtifactQuery, Artifacts, Engine, Frequency, JobRules, JobSettings, Jobs, Owner, Protection,
    Sources, Start, Title, Until,
};
use futures::TryStreamExt;
use futures::executor::block_on;

use super::*;

/// A service with one published file, and what a request for it is answered.
struct Service {
    memory: MemoryPorts,
    published: Vec<u8>,
}

impl Service {
    fn new() -> Self {
        let mut batch = RecordBatchBuilder::new();
        batch.record(&Place::of(None, None)).finish();
        Self::of(batch)
    }

    fn of(mut batch: RecordBatchBuilder) -> Self {
        let source = PreparedSource::of("calls", "call", vec![batch.take()]).unwrap();
        let memory =
            MemoryPorts::new("2026-03-01T10:00:00Z".parse().unwrap(), Sources::new().with(Arc::new(source)));
        let (source, data_type) = ("calls".parse().unwrap(), "call".parse().unwrap());
        let once = Frequency::Once(Start::Immediately);
        let job =
            JobSettings::new(Title::new("Calls").unwrap(), source, data_type, once, Protection::Plaintext);
        let jobs = Jobs::new(&memory.ports, JobRules::default());
        block_on(jobs.submit(&administrator(&Owner::default()), job)).unwrap();
        let engine = Engine::builder(&memory.ports).build();
        block_on(engine.run(Until::Idle, futures::future::pending())).unwrap();
        let service = Self { memory, published: Vec::new() };
        let stored = service.memory.sink.objects();
        let published = stored[&service.artifact().key].to_vec();
        assert!(published.len() > 20, "there is something to cut");
        Self { published, ..service }
    }

    fn artifact(&self) -> Artifact {
        let (artifacts, by) = (Artifacts::new(&self.memory.ports), administrator(&Owner::default()));
        let page = block_on(artifacts.list(&by, &ArtifactQuery::default())).unwrap();
        page.items[0].artifact.clone()
    }

    fn answer(&self, headers: &[(HeaderName, &str)]) -> Response<Body> {
        let (artifacts, by) = (Artifacts::new(&self.memory.ports), administrator(&Owner::default()));
        let download = block_on(artifacts.download(&by, self.artifact().id, 0)).unwrap();
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        FileResponse::new(download, &headers.collect()).into_response()
    }

    /// The same in one call.
    fn answer_for(&self, id: ArtifactId, headers: &[(HeaderName, &str)]) -> Response<Body> {
        let (artifacts, by) = (Artifacts::new(&self.memory.ports), administrator(&Owner::default()));
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        block_on(FileResponse::answer(&artifacts, &by, id, &headers)).into_response()
    }

    fn bytes(&self, headers: &[(HeaderName, &str)]) -> Vec<u8> {
        block_on(self.answer(headers).into_body().try_collect::<Vec<_>>()).unwrap().concat()
    }
}

fn header(response: &Response<Body>, name: impl header::AsHeaderName) -> &str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[test]
fn a_file_is_sent_with_its_name_size_and_digest() {
    let service = Service::new();
    let response = service.answer(&[]);
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, header::CONTENT_LENGTH), service.published.len().to_string());
    assert!(header(&response, header::CONTENT_DISPOSITION).starts_with("attachment; filename=\"export-"));
    assert_eq!(header(&response, header::ACCEPT_RANGES), "bytes");
    assert!(header(&response, "repr-digest").starts_with("sha-256=:"));
    assert_eq!(header(&response, header::ETAG).len(), 66);
    assert_eq!(service.bytes(&[]), service.published);
}

#[test]
fn a_large_file_is_given_in_small_pieces() {
    let mut batch = RecordBatchBuilder::new();
    // Digits that no packager makes small.
    let digits = (1_u64..4_000).map(|at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).to_string());
    let record = serde_json::json!({"digits": digits.collect::<String>()});
    batch.serialize(&Place::of(None, None), &record).unwrap();
    let service = Service::of(batch);
    assert!(service.published.len() > 3 * PIECE_BYTES_MAX, "{} bytes", service.published.len());
    let given: Vec<Bytes> = block_on(service.answer(&[]).into_body().try_collect()).unwrap();
    assert!(given.iter().all(|piece| (1..=PIECE_BYTES_MAX).contains(&piece.len())), "{given:?}");
    assert_eq!(given.concat(), service.published);
}

#[test]
fn a_download_that_broke_off_goes_on() {
    let service = Service::new();
    let tag = header(&service.answer(&[]), header::ETAG).to_owned();
    let asked = [(header::RANGE, "bytes=9-"), (header::IF_RANGE, tag.as_str())];
    let (response, size) = (service.answer(&asked), service.published.len());
    assert_eq!(response.status(), 206);
    assert_eq!(header(&response, header::CONTENT_RANGE), format!("bytes 9-{}/{size}", size - 1));
    assert_eq!(header(&response, header::CONTENT_LENGTH), (size - 9).to_string());
    assert_eq!(service.bytes(&asked), service.published[9..]);
    assert_eq!(service.bytes(&[(header::RANGE, "bytes=9-11")]), service.published[9..12]);
}

#[test]
fn what_the_client_has_is_not_sent_and_what_lies_behind_the_end_is_refused() {
    let service = Service::new();
    let tag = header(&service.answer(&[]), header::ETAG).to_owned();
    assert_eq!(service.answer(&[(header::IF_NONE_MATCH, &tag)]).status(), 304);
    assert!(service.bytes(&[(header::IF_NONE_MATCH, &tag)]).is_empty());

    let behind = [(header::RANGE, "bytes=999999-")];
    let response = service.answer(&behind);
    assert_eq!(response.status(), 416);
    assert_eq!(header(&response, header::CONTENT_RANGE), format!("bytes */{}", service.published.len()));
    assert_eq!(header(&response, header::CONTENT_TYPE), "application/problem+json");
    let problem: ProblemView = serde_json::from_slice(&service.bytes(&behind)).unwrap();
    assert_eq!((problem.code.as_str(), problem.status), ("behind_end", 416));
}

#[test]
fn names_are_saved_whatever_characters_they_have() {
    for (name, expected) in [
        ("calls-1.zip", "attachment; filename=\"calls-1.zip\""),
        ("a\"b\\c.zip", "attachment; filename=\"a_b_c.zip\"; filename*=UTF-8''a%22b%5Cc.zip"),
        ("Gespräche.zip", "attachment; filename=\"Gespr_che.zip\"; filename*=UTF-8''Gespr%C3%A4che.zip"),
        ("a\r\nX: y", "attachment; filename=\"a__X: y\"; filename*=UTF-8''a%0D%0AX%3A%20y"),
    ] {
        assert_eq!(attachment(name), expected);
    }
}

#[test]
fn an_answer_is_the_file_or_the_problem() {
    let service = Service::new();
    let range = [(header::RANGE, "bytes=5-")];
    let found = service.answer_for(service.artifact().id, &range);
    let expected = service.answer(&range);
    assert_eq!((found.status(), found.headers()), (expected.status(), expected.headers()));
    let body = block_on(found.into_body().try_collect::<Vec<_>>()).unwrap().concat();
    assert_eq!(body, service.published[5..]);

    let missing = service.answer_for("00000000-0000-4000-8000-000000000000".parse().unwrap(), &[]);
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    assert_eq!(missing.headers()[header::CONTENT_TYPE], ProblemView::MEDIA_TYPE);
    assert!(!missing.headers().contains_key(header::ETAG));
    let body = block_on(missing.into_body().try_collect::<Vec<_>>()).unwrap().concat();
    let problem: ProblemView = serde_json::from_slice(&body).unwrap();
    assert_eq!((problem.code.as_str(), problem.status), ("not_found", 404));
}
