//! Checks of a source that applies templates itself.

use futures::TryStreamExt;

use super::SourceFixture;
use super::case::{Case, Outcome};
use super::rows::{at, dated};
use crate::domain::record::template::{FieldNames, FieldSelection, Filter, Operator, Template};

pub(super) async fn pushed_down(fixture: &dyn SourceFixture) -> Outcome {
    let case = Case::of(fixture, dated((0..12).map(at)))?;
    let whole = case.batches(&case.everything()).await?;
    let filter = |field: &str, operator, value: &str| {
        Filter::new(field, operator, value).map_err(|error| format!("a filter was refused: {error}"))
    };
    let only = |names: &[&str]| FieldNames::new(names.iter().map(|name| (*name).to_owned()));
    let only = |names| only(names).map(FieldSelection::Only).map_err(|error| error.to_string());
    let mut templates = vec![
        Template::default().with_fields(only(&["id"])?),
        Template::default().with_fields(only(&["note", "id"])?),
    ];
    for operator in Operator::ALL {
        // A source with fixed fields may refuse other names, so that there are none here.
        for (name, value) in [("id", "r-3"), ("note", "Zürich – 東京")] {
            templates.push(Template::default().with_filters(vec![filter(name, operator, value)?]));
        }
        let filters = vec![filter("id", operator, "r-3")?];
        templates.push(Template::default().with_fields(only(&["note"])?).with_filters(filters));
    }
    for template in templates {
        let found = case.batches(&case.everything().with_template(template.clone())).await?;
        let found: Vec<u8> = found.iter().flat_map(|batch| batch.lines().to_vec()).collect();
        let expected: Vec<u8> =
            whole.iter().flat_map(|batch| template.apply(batch).lines().to_vec()).collect();
        if found != expected {
            return Err(format!("other lines than by the engine for {template:?}"));
        }
    }
    Ok(())
}

/// Templates that name a field that no record has.
pub(super) async fn unknown_field(fixture: &dyn SourceFixture) -> Outcome {
    let case = Case::of(fixture, dated((0..12).map(at)))?;
    let whole = case.batches(&case.everything()).await?;
    let names = FieldNames::new(["no_such_field".to_owned()]).map_err(|error| error.to_string())?;
    let filter = Filter::new("no_such_field", Operator::Equal, "x").map_err(|error| error.to_string())?;
    for template in [
        Template::default().with_fields(FieldSelection::Only(names)),
        Template::default().with_filters(vec![filter]),
    ] {
        let request = case.everything().with_template(template.clone());
        let read = async { case.source.read(request).await?.try_collect::<Vec<_>>().await };
        match read.await {
            Err(error) if error.is_retryable() => {
                return Err(format!("a field that no record has is answered with {:?}", error.kind()));
            }
            Err(_) => {}
            Ok(found) => {
                let found: Vec<u8> = found.iter().flat_map(|batch| batch.lines().to_vec()).collect();
                let expected = whole.iter().flat_map(|batch| template.apply(batch).lines().to_vec());
                if !expected.eq(found) {
                    return Err(format!("other lines than by the engine for {template:?}"));
                }
            }
        }
    }
    Ok(())
}
