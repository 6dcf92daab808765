//! What the reply of an endpoint means (rule N9).

use std::time::Duration;

use cdds_core::ports::notifier::{NotifyError, NotifyErrorKind};
use chrono::{DateTime, Utc};
use hyper::header::{DATE, HeaderMap, RETRY_AFTER};
use hyper::http::HeaderValue;
use hyper::http::StatusCode;

use super::endpoint::Endpoint;

/// The longest wait that an endpoint may ask for.
const LATER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Judges a reply to a call that began at `sent_at`.
pub(super) fn judge(
    endpoint: &Endpoint,
    status: StatusCode,
    headers: &HeaderMap,
    sent_at: DateTime<Utc>,
) -> Result<(), NotifyError> {
    let fail = |kind, remedy: &str| {
        // The number alone, since the words beside it are the endpoint's.
        Err(NotifyError::new(kind, format!("{endpoint} answered {}{remedy}", status.as_u16())))
    };
    match status.as_u16() {
        200..=299 => Ok(()),
        410 => fail(NotifyErrorKind::Gone, ", gone: it is not called again until somebody enables it"),
        429 | 503 => match wait(headers, sent_at) {
            Some(wait) => fail(NotifyErrorKind::Later(wait), ", and asks to be called later"),
            None => fail(NotifyErrorKind::Unavailable, ", too busy"),
        },
        300..=399 => fail(
            NotifyErrorKind::Unavailable,
            ", a redirect, which is never followed: register the address to which it leads",
        ),
        400..=499 => fail(NotifyErrorKind::Unavailable, ": look into its log for why it refuses the call"),
        _ => fail(NotifyErrorKind::Unavailable, ": look into its log for what failed"),
    }
}

/// Returns for how long `Retry-After` asks to wait: seconds, or an instant (RFC 9110 section 10.2.3). An instant is
/// compared with the endpoint's own clock where it tells it.
fn wait(headers: &HeaderMap, sent_at: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if text.bytes().all(|digit| digit.is_ascii_digit()) {
        // More digits than fit mean the longest wait.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let now = headers.get(DATE).and_then(instant).unwrap_or(sent_at);
        let until = DateTime::parse_from_rfc2822(text).ok()?.to_utc();
        // One that has passed means at once.
        (until - now).to_std().unwrap_or_default()
    };
    Some(wait.min(LATER_MAX))
}

/// Reads an instant as all but the oldest servers write it (RFC 9110 section 5.6.7).
fn instant(value: &HeaderValue) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(value.to_str().ok()?.trim()).ok().map(|instant| instant.to_utc())
}

#[cfg(test)]
mod tests {
    use cdds_core::domain::id::Subscriber;

    use super::*;
    use crate::secret::Secret;

    fn judged(status: u16, headers: &[(&'static str, &'static str)]) -> Result<(), NotifyError> {
        let name = Subscriber::new("billing").unwrap();
        let url = "https://hooks.example.com/in?token=s3cret";
        let endpoint = Endpoint::new(name, url, Secret::env("K")).unwrap();
        let headers = headers.iter().map(|(name, value)| {
            (hyper::header::HeaderName::from_static(name), HeaderValue::from_static(value))
        });
        let sent_at = "2026-11-06T08:00:00Z".parse().unwrap();
        judge(&endpoint, StatusCode::from_u16(status).unwrap(), &headers.collect(), sent_at)
    }

    #[test]
    fn n9_only_2xx_is_success_and_410_is_for_good() {
        for status in [200, 201, 202, 204, 299] {
            judged(status, &[]).unwrap();
        }
        for status in
            [301, 302, 303, 307, 308, 304, 400, 401, 403, 404, 409, 429, 500, 501, 502, 503, 599, 999]
        {
            let error = judged(status, &[("location", "https://elsewhere.example/s3cret")]).unwrap_err();
            assert_eq!(error.kind(), NotifyErrorKind::Unavailable, "{status}");
            assert!(error.is_retryable() && error.report().contains(&status.to_string()), "{status}");
            assert!(!error.report().contains("s3cret"), "{}", error.report());
        }
        assert_eq!(judged(410, &[("retry-after", "1")]).unwrap_err().kind(), NotifyErrorKind::Gone);
    }

    #[test]
    fn n9_an_endpoint_may_ask_to_be_called_later() {
        let later = |headers: &[(&'static str, &'static str)]| {
            let [busy, down] = [429, 503].map(|status| judged(status, headers).unwrap_err().kind());
            assert_eq!(busy, down);
            match busy {
                NotifyErrorKind::Later(wait) => Some(wait.as_secs()),
                _ => None,
            }
        };
        assert_eq!(later(&[("retry-after", "120")]), Some(120));
        assert_eq!(later(&[("retry-after", "Fri, 06 Nov 2026 08:05:00 GMT")]), Some(300));
        assert_eq!(
            later(&[
                ("retry-after", "Fri, 06 Nov 2026 09:05:00 GMT"),
                ("date", "Fri, 06 Nov 2026 09:00:00 GMT")
            ]),
            Some(300),
            "a clock that is wrong does not matter"
        );
        assert_eq!(later(&[("retry-after", "Fri, 06 Nov 2026 07:00:00 GMT")]), Some(0));
        for long in ["99999999", "99999999999999999999999999", "Fri, 06 Nov 2099 07:00:00 GMT"] {
            assert_eq!(later(&[("retry-after", long)]), Some(86_400), "{long}");
        }
        for none in ["soon", "-1", "1.5", "06 Nov"] {
            assert_eq!(later(&[("retry-after", none)]), None, "{none}");
        }
        assert_eq!(later(&[]), None);
        let plain = judged(500, &[("retry-after", "120")]).unwrap_err();
        assert_eq!(plain.kind(), NotifyErrorKind::Unavailable);
    }
}
