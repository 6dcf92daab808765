//! Schemas of the views that write themselves.

use std::borrow::Cow;

use serde_json::json;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{KnownFormat, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::instant::Instant;
use crate::selection::Selection;

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

impl PartialSchema for Instant {
    fn schema() -> RefOr<Schema> {
        let form = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        let words = "An instant by RFC 3339, in UTC, with `Z` and only the digits needed.";
        text().format(Some(form)).description(Some(words)).examples([json!("2026-11-22T01:00:00Z")]).into()
    }
}

impl ToSchema for Instant {
    fn name() -> Cow<'static, str> {
        "Instant".into()
    }
}

impl PartialSchema for Selection {
    fn schema() -> RefOr<Schema> {
        let all = text().enum_values(Some(["all"]));
        let names = ArrayBuilder::new().items(text());
        let words = "Everything, or only these names.";
        OneOfBuilder::new().item(all).item(names).description(Some(words)).into()
    }
}

impl ToSchema for Selection {
    fn name() -> Cow<'static, str> {
        "Selection".into()
    }
}
