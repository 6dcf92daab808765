//! What a mail says, before it is text or HTML.

use cdds_core::domain::archive::part_name::PartName;
use cdds_core::ports::notifier::{Message, MessageDelivery, NoticeKind};
use cdds_view::words;

use super::texts as said;
use crate::links::ConsoleLinks;

/// The most parts of which each has a command of its own, and the most certificates that are named.
const COMMANDS_MAX: usize = 4;
const CERTIFICATES_MAX: usize = 10;

/// What a mail says. Titles and reasons are cleaned of characters that would break or reverse the line.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) subject: String,
    pub(super) headline: &'static str,
    pub(super) title: String,
    pub(super) explanation: &'static str,
    pub(super) facts: Vec<(&'static str, String)>,
    /// Names and sizes.
    pub(super) files: Vec<(String, String)>,
    /// Says how many files are not listed.
    pub(super) more_files: Option<String>,
    /// Places, and how far each has come.
    pub(super) deliveries: Vec<(String, String)>,
    /// The words of a link, and its address.
    pub(super) link: Option<(&'static str, String)>,
    /// Commands that decrypt; empty if nothing is sealed.
    pub(super) commands: Vec<String>,
    /// Whether the files can be had now.
    pub(super) has_files: bool,
    pub(super) why: String,
}

impl Letter {
    pub(super) fn of(message: &Message, console: Option<&ConsoleLinks>) -> Self {
        let kind = message.kind();
        let title = clean(&message.job.title);
        let has_files = matches!(
            kind,
            NoticeKind::Published | NoticeKind::Delivered | NoticeKind::DeliveryFailed | NoticeKind::Expiring
        ) && !message.files.is_empty();
        let listed = message
            .files
            .iter()
            .chain(&message.manifest)
            .map(|file| (clean(&file.name), words::bytes(file.bytes)));
        let more = message.files_total.0.saturating_sub(message.files.len() as u64);
        Self {
            subject: if message.is_test { said::TEST.to_owned() } else { said::subject(kind, &title) },
            headline: if message.is_test { said::TEST } else { said::headline(kind) },
            explanation: if message.is_test { said::TESTED } else { said::explanation(kind) },
            facts: if message.is_test { Vec::new() } else { facts(message, &title) },
            files: listed.collect(),
            more_files: (more > 0).then(|| said::more_files(more)),
            deliveries: message.deliveries.iter().map(delivery).collect(),
            link: console.filter(|_| !message.is_test).map(|links| link(message, has_files, links)),
            commands: if has_files { commands(message) } else { Vec::new() },
            has_files,
            why: said::why(message.notice.subscriber.as_str(), message.is_test),
            title,
        }
    }
}

fn facts(message: &Message, title: &str) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(reason) = &message.reason {
        facts.push((said::REASON, clean(reason)));
    }
    facts.push((said::JOB, title.to_owned()));
    if let Some(execution) = &message.execution {
        facts.push((said::DUE, said::instant(execution.slot)));
        if let Some(window) = execution.window {
            facts.push((said::RECORDED, said::window(window)));
        }
        facts.push((said::RECORDS, said::records(execution.records, execution.bad_records)));
    }
    if let Some(certificate) = &message.certificate {
        let name = clean(certificate.recipient.as_str());
        facts.push((said::RECIPIENT, name.clone()));
        facts.push((said::VALID_UNTIL, said::instant(certificate.not_after)));
        facts.push((said::RENEWAL, said::renewal(&name)));
    }
    let (files, bytes) = message.files_total;
    if files > 0 {
        facts.push((said::FILES, said::files(files, bytes)));
    }
    // How long they are kept here is nothing to those who have a copy.
    if let Some(until) = message.expires_at.filter(|_| message.kind() != NoticeKind::Recall) {
        facts.push((said::KEPT_UNTIL, said::instant(until)));
    }
    let fingerprints = message.sealed_for.iter().take(CERTIFICATES_MAX).map(|fingerprint| clean(fingerprint));
    facts.extend(fingerprints.map(|fingerprint| match message.certificate {
        Some(_) => (said::FINGERPRINT, said::fingerprint(&fingerprint)),
        None => (said::SEALED_FOR, said::certificate(&fingerprint)),
    }));
    facts
}

fn delivery(delivery: &MessageDelivery) -> (String, String) {
    let place = match &delivery.place {
        Some((title, _, address)) => {
            let folder = if delivery.folder.is_empty() { "" } else { "/" };
            format!(
                "{} ({}{folder}{})",
                clean(title),
                clean(address.trim_end_matches('/')),
                clean(&delivery.folder)
            )
        }
        None => delivery.destination.to_string(),
    };
    let status = said::delivery(delivery.status);
    let state = match &delivery.failure {
        Some(failure) => format!("{status}: {}", clean(failure)),
        None => status.to_owned(),
    };
    (place, state)
}

fn link(message: &Message, has_files: bool, links: &ConsoleLinks) -> (&'static str, String) {
    if let Some(certificate) = &message.certificate {
        return (said::TO_RENEWAL, links.renewal(&certificate.recipient));
    }
    match &message.execution {
        Some(execution) if has_files => (said::TO_FILES, links.files(execution.id)),
        Some(execution) => (said::TO_RUN, links.execution(execution.id)),
        None => (said::TO_JOB, links.job(message.job.id)),
    }
}

/// Returns the commands that decrypt the parts: one for each, or a loop if they are many.
fn commands(message: &Message) -> Vec<String> {
    // Names are made of ids. A name that said something to a shell would get no command.
    let harmless = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let parts = message.files.iter().filter(|file| harmless(&file.name) && !file.name.starts_with('-'));
    let sealed: Vec<PartName> =
        parts.filter_map(|file| PartName::parse(&file.name)).filter(|part| part.sealed).collect();
    let openssl = "openssl cms -decrypt -binary -inform DER -inkey key.pem -in";
    let all_listed = message.files_total.0 <= message.files.len() as u64;
    match sealed.first() {
        None => Vec::new(),
        Some(_) if sealed.len() <= COMMANDS_MAX && all_listed => {
            let command = |part: PartName| {
                let plain = PartName { sealed: false, ..part.clone() };
                format!("{openssl} {part} -out {plain}")
            };
            sealed.into_iter().map(command).collect()
        }
        Some(PartName { stem, .. }) => {
            vec![format!(
                "for part in {stem}.z*.smime; do {openssl} \"$part\" -out \"${{part%.smime}}\"; done"
            )]
        }
    }
}

/// Leaves out what would break a line, hide in it or reverse it.
fn clean(text: &str) -> String {
    let disturbs = |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    let kept = text.chars().filter(|c| !disturbs(*c)).map(|c| if c.is_control() { ' ' } else { c });
    kept.collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n2_text_cannot_break_or_reverse_its_line() {
        assert_eq!(
            clean(" a\r\nBcc: eve\t\u{202e}gpj.\u{2066}x\u{2028}\u{0}\u{1b}[2J "),
            "a  Bcc: eve gpj.x  [2J"
        );
        assert_eq!(clean("صادرات 😀 <b>"), "صادرات 😀 <b>");
    }
}
