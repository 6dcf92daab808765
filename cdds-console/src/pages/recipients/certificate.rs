//! What a page says of a certificate.

use cdds_core::domain::recipient::{EXPIRES_SOON, EXPIRY_WARNING, SELF_SIGNED};
use cdds_view::{RecipientView, words};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::super::parts::{day, mark};
use crate::texts::{execution, recipients as said};

/// Returns what the certificate is, with `more` at the end of its list.
pub(super) fn facts(recipient: &RecipientView, now: DateTime<Utc>, more: &Markup) -> Markup {
    html! {
        dl.kv {
            dt { (said::SUBJECT) } dd { (recipient.subject) }
            @if let Some(issuer) = &recipient.issuer {
                dt { (said::ISSUER) }
                dd { (if *issuer == recipient.subject { said::SELF_SIGNED } else { issuer }) }
            }
            @if let Some(serial) = &recipient.serial { dt { (said::SERIAL) } dd { code { (serial) } } }
            @if let (Some(key), Some(bits)) = (&recipient.key_type, recipient.key_bits) {
                dt { (said::KEY) } dd { (key) ", " (bits) " " (said::BITS) }
            }
            dt { "SHA-256" } dd { code { (recipient.fingerprint) } }
            dt { (said::VALID) } dd { (validity(recipient, now)) }
            dt { (said::STORED) } dd { (day(recipient.added_at.0)) }
            (more)
        }
    }
}

/// Returns whether the certificate has expired or expires soon (rule S3).
pub(super) fn needs_renewal(recipient: &RecipientView, now: DateTime<Utc>) -> bool {
    recipient.not_after.0 - now < EXPIRY_WARNING
}

/// Returns what is unusual about the certificate. Its end is told beside its validity, as of now and not of the day on
/// which it was stored; that it is self-signed was accepted then, and is no more than worth knowing.
pub(super) fn oddities(recipient: &RecipientView) -> Markup {
    html! {
        @for warning in recipient.warnings.iter().filter(|warning| !warning.starts_with(EXPIRES_SOON)) {
            @if warning.starts_with(SELF_SIGNED) { p.hint { (warning) } } @else { p { (mark("warn", "warn", warning)) } }
        }
    }
}

fn validity(recipient: &RecipientView, now: DateTime<Utc>) -> Markup {
    let end = recipient.not_after.0;
    let left = words::relative(end - now);
    html! {
        (day(recipient.not_before.0)) " " (execution::TO) " " (day(end)) " "
        @if end < now {
            (mark("bad", "bad", said::EXPIRED))
        } @else if needs_renewal(recipient, now) {
            (mark("warn", "warn", &format!("{} {left}", said::EXPIRES)))
        } @else {
            span.sub { (said::EXPIRES) " " (left) }
        }
    }
}
