//! A letter as a message of RFC 5322.

use std::time::SystemTime;

use cdds_core::ports::notifier::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};

use super::letter::Letter;
use super::{html, plain};

/// Makes the message. Its id is made of the notice's, so that programs recognise a repetition.
pub(super) fn message(
    letter: &Letter,
    from: &Mailbox,
    to: &Mailbox,
    message: &Message,
) -> Result<lettre::Message, lettre::error::Error> {
    lettre::Message::builder()
        .from(from.clone())
        .to(to.clone())
        .subject(letter.subject.clone())
        .date(SystemTime::from(message.sent_at))
        .message_id(Some(format!("<{}@{}>", message.notice.work.id, from.email.domain())))
        // So that nobody's absence is answered to us: RFC 3834 section 5, and the same for Exchange. `Precedence` would
        // say it to older programs, is discouraged (RFC 2076 section 3.9), and makes some filters take it for a
        // mailing.
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("X-Auto-Response-Suppress", "All"))
        .multipart(MultiPart::alternative_plain_html(plain::text(letter), html::page(letter)))
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}
