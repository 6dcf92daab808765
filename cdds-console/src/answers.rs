//! The pairs of names and values of a query or of a form, and the id in an address.

use std::fmt;
use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::response::{IntoResponse, Response};
use cdds_core::domain::violation::RuleViolation;
use cdds_view::ProblemView;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use http::request::Parts;

use crate::pages::Refused;

/// The pairs of names and values of a query or of a form, in their order. A name may come several times. An empty value
/// is no value: a browser sends the fields that were left empty, too.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Answers(Vec<(String, String)>);

/// Names alone: values may be what records hold.
impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl FromIterator<(String, String)> for Answers {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect())
    }
}

impl Answers {
    /// Reads pairs as browsers write them.
    pub(crate) fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().filter(|(_, value)| !value.is_empty()).collect())
    }

    /// Returns the pairs, in their order.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the last value of a name.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the values of a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the names, each as often as it comes.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Returns the pairs with one more, in place of those of its name.
    pub(crate) fn with(&self, name: &str, value: impl Into<String>) -> Self {
        let mut answers = self.without(&[name]);
        answers.0.push((name.to_owned(), value.into()));
        answers
    }

    /// Returns the pairs without some names.
    pub(crate) fn without(&self, names: &[&str]) -> Self {
        Self(self.0.iter().filter(|(known, _)| !names.contains(&known.as_str())).cloned().collect())
    }

    /// Writes the pairs as a query, with its question mark: `?sort=title`.
    pub(crate) fn query(&self) -> String {
        let pairs = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        format!("?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
    }

    /// Reads the value of a name as a domain type.
    pub(crate) fn parsed<T: FromStr<Err = RuleViolation>>(
        &self,
        name: &str,
    ) -> Result<Option<T>, ProblemView> {
        Ok(self.one(name).map(str::parse).transpose()?)
    }

    /// Reads the value of a name as a word of a fixed set.
    pub(crate) fn word<T>(
        &self,
        name: &str,
        known: &[&str],
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ProblemView> {
        let Some(word) = self.one(name) else { return Ok(None) };
        let refusal = || wrong(name, &format!("choose one of {}", known.join(", ")));
        parse(word).map(Some).ok_or_else(refusal)
    }

    /// Reads the value of a name as an instant by RFC 3339. A date is the beginning of its day in UTC, since that is
    /// what the fields of a page can say.
    pub(crate) fn instant(&self, name: &str) -> Result<Option<DateTime<Utc>>, ProblemView> {
        let Some(text) = self.one(name) else { return Ok(None) };
        let midnight = || Some(text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN).and_utc());
        let instant = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc()).ok().or_else(midnight);
        let refusal = || {
            wrong(
                name,
                "write an instant with its offset, such as 2026-11-26T14:00:00Z, or a day, 2026-11-26",
            )
        };
        instant.map(Some).ok_or_else(refusal)
    }

    /// Reads the value of a name as a number within bounds.
    pub(crate) fn number(&self, name: &str, least: u64, most: u64) -> Result<Option<u64>, ProblemView> {
        let Some(text) = self.one(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        let refusal = || wrong(name, &format!("write a number from {least} to {most}"));
        number.map(Some).ok_or_else(refusal)
    }
}

/// Returns the refusal of a parameter.
pub(crate) fn wrong(name: &str, way_out: &str) -> ProblemView {
    ProblemView::new(422, "invalid_parameter", format!("`{name}`: {way_out}"))
}

/// Returns the refusal of a parameter that is not known.
pub(crate) fn unknown(name: &str, known: &[String]) -> ProblemView {
    let name: String = name.chars().take(40).collect();
    let known = match known {
        [] => "this address takes none".to_owned(),
        known => format!("these are known: {}", known.join(", ")),
    };
    wrong(&name, &format!("there is no such parameter; {known}"))
}

/// The id in an address. Nothing has an id that cannot be one.
pub(crate) struct Id<T>(pub(crate) T);

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let parsed = path.ok().and_then(|Path(text)| text.parse().ok());
        let missing = || ProblemView::new(404, "not_found", "there is nothing with this id");
        parsed.map(Self).ok_or_else(|| missing().into())
    }
}

/// The pairs of the query of a request.
pub(crate) struct Query(pub(crate) Answers);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(Answers::parse(parts.uri.query().unwrap_or_default().as_bytes())))
    }
}

/// The pairs of the form that a browser posted.
pub(crate) struct Form(pub(crate) Answers);

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let body = Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        Ok(Self(Answers::parse(&body)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_come_several_times_and_empty_values_are_none() {
        let answers = Answers::parse(b"id=1&id=2&search=&title=a%26b+c");
        assert_eq!(answers.all("id").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(answers.one("search"), None);
        assert_eq!(answers.one("title"), Some("a&b c"));
        assert_eq!(answers.with("id", "3").query(), "?title=a%26b+c&id=3");
        assert_eq!(answers.without(&["id", "title"]), Answers::default());
    }

    #[test]
    fn what_cannot_be_read_is_refused_by_its_name() {
        let answers = Answers::parse(b"limit=0&from=yesterday");
        assert_eq!(answers.number("limit", 1, 5).unwrap_err().detail, "`limit`: write a number from 1 to 5");
        assert!(answers.instant("from").unwrap_err().detail.starts_with("`from`: "));
        assert!(!format!("{answers:?}").contains("yesterday"));
    }
}
