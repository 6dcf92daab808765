//! Records supplied key by key, like a database's rows.

use cdds_core::domain::record::{Place, RecordBatchBuilder};

use crate::Contacts;

/// The values that differ from row to row.
#[derive(Debug, Clone)]
pub struct Row {
    id: i64,
    notes: String,
}

impl Row {
    /// Returns the first `count` rows.
    pub fn first(count: usize) -> Vec<Self> {
        let mut contacts = Contacts::new();
        (0..).take(count).map(|id| Self { id, notes: notes(contacts.next_line()).to_owned() }).collect()
    }

    /// Writes the row with the typed builder; two of its values are empty.
    pub fn write(&self, builder: &mut RecordBatchBuilder, place: &Place) {
        let mut record = builder.record(place);
        record.integer("id", self.id).text("conversation_id", "d5776a7e-1841-8c63-bc4f-38d53d6c1e18");
        record.text("started_at", "2026-01-01T01:22:41.500Z").text("media_type", "chat");
        record.text("direction", "inbound").text("external_tag", "").integer("talk_ms", 616_838);
        record
            .float("sentiment", 0.68)
            .text("notes", &self.notes)
            .text("language", "")
            .boolean("flagged", false);
        record.text("user_id", "01cf212e-1e21-f046-52e2-0db4167c0e97").text("wrap_up", "complaint");
        record.finish();
    }

    /// Returns the row as a line of JSON, including empty values.
    pub fn line(&self) -> String {
        format!(
            r#"{{"id":{},"conversation_id":"d5776a7e-1841-8c63-bc4f-38d53d6c1e18","started_at":"2026-01-01T01:22:41.500Z","media_type":"chat","direction":"inbound","external_tag":"","talk_ms":616838,"sentiment":0.68,"notes":"{}","language":"","flagged":false,"user_id":"01cf212e-1e21-f046-52e2-0db4167c0e97","wrap_up":"complaint"}}"#,
            self.id, self.notes
        )
    }
}

/// The text of the notes, which needs no escapes.
fn notes(line: &str) -> &str {
    let (_, after) = line.split_once(r#""notes":""#).unwrap_or_default();
    after.split_once('"').unwrap_or_default().0
}
