//! Tables of deliveries, destinations and notices.

use cdds_view::{DeliveryState, DeliveryView, DestinationView, EndpointView, HealthView, NoticeView};

use crate::output::{Cell, View};

/// Returns the cell of where a delivery stands, in the words of the contract.
pub(super) fn standing(state: DeliveryState) -> Cell {
    Cell::Word(state.as_str())
}

impl View for DeliveryView {
    const COLUMNS: &'static [&'static str] =
        &["destination", "state", "attempts", "delivered", "path", "files", "error"];
    const GIVES_WAY: &'static [&'static str] = &["files", "path", "attempts"];

    fn row(&self) -> Vec<Cell> {
        vec![
            Cell::Whole(self.destination.to_string()),
            standing(self.state),
            Cell::Count(u64::from(self.attempts)),
            self.delivered_at.into(),
            self.path.as_str().into(),
            Cell::Count(u64::from(self.files)),
            self.error.clone().into(),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        Self::COLUMNS.iter().copied().zip(self.row()).collect()
    }
}

impl View for NoticeView {
    const COLUMNS: &'static [&'static str] =
        &["id", "target", "kind", "state", "attempts", "sent", "about", "error"];
    const GIVES_WAY: &'static [&'static str] = &["attempts", "sent", "error", "about"];

    fn row(&self) -> Vec<Cell> {
        vec![
            Cell::Id(self.id.to_string()),
            self.target.as_str().into(),
            self.kind.as_str().into(),
            Cell::Word(self.state.as_str()),
            Cell::Count(u64::from(self.attempts)),
            self.sent_at.into(),
            about(self),
            self.error.clone().into(),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        Self::COLUMNS.iter().copied().zip(self.row()).collect()
    }
}

/// The execution that a notice is about, or the recipient whose certificate expires.
fn about(notice: &NoticeView) -> Cell {
    let (words, id) = match (&notice.execution_id, &notice.recipient) {
        (Some(execution), _) => ("", execution.to_string()),
        (None, Some(recipient)) => ("certificate of", recipient.to_string()),
        (None, None) => ("job", notice.job_id.to_string()),
    };
    Cell::About(words.to_owned(), id)
}

impl View for DestinationView {
    const COLUMNS: &'static [&'static str] = &["id", "title", "address", "state", "last used", "error"];
    const GIVES_WAY: &'static [&'static str] = &["title", "last used", "error"];

    fn row(&self) -> Vec<Cell> {
        vec![
            Cell::Whole(self.id.to_string()),
            // Without a title, it is the address once more.
            if self.title == self.address { Cell::Unknown } else { self.title.as_str().into() },
            self.address.as_str().into(),
            Cell::Word(self.health.state.as_str()),
            self.health.contacted_at.into(),
            self.health.error.clone().into(),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("id", self.id.to_string().into()),
            ("title", self.title.as_str().into()),
            ("kind", self.kind.as_str().into()),
            ("address", self.address.as_str().into()),
            ("files appear", naming(&self.naming).into()),
            ("on the way", if self.is_open { "open: encrypted sets only" } else { "protected" }.into()),
            ("server's key", self.pinned.clone().into()),
            ("state", Cell::Word(self.health.state.as_str())),
            ("disabled", disabled(&self.health)),
            ("last used", self.health.contacted_at.into()),
            ("failing since", self.health.failing_since.into()),
            ("error", self.health.error.clone().into()),
        ]
    }
}

impl View for EndpointView {
    const COLUMNS: &'static [&'static str] = &["id", "state", "last used", "error"];
    const GIVES_WAY: &'static [&'static str] = &["last used", "error"];

    fn row(&self) -> Vec<Cell> {
        vec![
            Cell::Whole(self.id.to_string()),
            Cell::Word(self.health.state.as_str()),
            self.health.contacted_at.into(),
            self.health.error.clone().into(),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("id", self.id.to_string().into()),
            ("state", Cell::Word(self.health.state.as_str())),
            ("disabled", disabled(&self.health)),
            ("last used", self.health.contacted_at.into()),
            ("failing since", self.health.failing_since.into()),
            ("error", self.health.error.clone().into()),
        ]
    }
}

fn naming(naming: &str) -> &str {
    match naming {
        "rename" => "renamed once they are whole",
        "whole" => "whole",
        "direct" => "while they are written; the manifest comes last",
        other => other,
    }
}

fn disabled(health: &HealthView) -> Cell {
    let (Some(at), Some(reason)) = (health.disabled_at, health.disabled_reason.as_deref()) else {
        return Cell::Unknown;
    };
    let why = match (reason, &health.disabled_by) {
        (_, Some(name)) => format!("by {name}"),
        ("failing", None) => "after five days of failures".to_owned(),
        ("gone", None) => "it said that it is gone".to_owned(),
        (other, None) => other.to_owned(),
    };
    format!("{at}: {why}").into()
}
