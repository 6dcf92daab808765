//! Schemas of the document, made of those of views and forms.

use serde_json::{Value, json};
use utoipa::ToSchema;

/// Returns the schema of a view or a form.
pub(super) fn schema_of<T: ToSchema>() -> Value {
    json!(T::schema())
}

/// Returns the schema of changes of a form by RFC 7396: no key is required, and null takes away each that the form can
/// be without.
pub(super) fn changes_of(mut form: Value, description: &str) -> Value {
    let required = form["required"].take();
    let is_required =
        |name: &str| required.as_array().is_some_and(|names| names.iter().any(|one| one == name));
    if let Some(properties) = form["properties"].as_object_mut() {
        for (_, property) in properties.iter_mut().filter(|(name, _)| !is_required(name)) {
            make_nullable(property);
        }
    }
    if let Some(form) = form.as_object_mut() {
        form.remove("required");
        form.insert("description".to_owned(), description.into());
    }
    form
}

fn make_nullable(schema: &mut Value) {
    let no_value = json!({"type": "null"});
    if let Some(ways) = schema.get_mut("oneOf").and_then(Value::as_array_mut) {
        if !ways.contains(&no_value) {
            ways.push(no_value);
        }
    } else if let Some(types) = schema.get_mut("type") {
        match types {
            Value::Array(types) if types.iter().any(|one| one == "null") => {}
            Value::Array(types) => types.push("null".into()),
            only => *only = json!([only.clone(), "null"]),
        }
    } else {
        let description = schema["description"].take();
        *schema = json!({"oneOf": [schema.clone(), no_value], "description": description});
        if let Some(alone) = schema["oneOf"][0].as_object_mut() {
            alone.remove("description");
        }
    }
}

/// Gives each whole number within a schema, or within a document, the bound that its format has: clients make types of
/// them. Those without a sign are of 32 bits, which `int32` cannot hold, or of 64 bits, of which the catalog stores 63.
pub(super) fn bound(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(bound),
        Value::Object(keys) => {
            let is_integer = match keys.get("type") {
                Some(Value::Array(types)) => types.iter().any(|one| one == "integer"),
                one => one.is_some_and(|one| one == "integer"),
            };
            if is_integer && !keys.contains_key("maximum") {
                let has_sign = !keys.contains_key("minimum");
                let maximum = match keys.get("format").and_then(Value::as_str) {
                    Some("int32") if has_sign => json!(i32::MAX),
                    Some("int32") => json!(u32::MAX),
                    _ => json!(i64::MAX),
                };
                keys.insert("maximum".to_owned(), maximum);
                if !has_sign {
                    keys.insert("format".to_owned(), "int64".into());
                }
            }
            keys.values_mut().for_each(bound);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_may_leave_out_every_key_and_take_away_what_is_not_required() {
        let form = json!({
            "required": ["a"],
            "properties": {
                "a": {"type": "string"},
                "b": {"type": "string"},
                "c": {"type": ["string", "null"]},
                "d": {"$ref": "#/x", "description": "about d"},
                "e": {"oneOf": [{"$ref": "#/x"}, {"type": "null"}]},
            },
        });
        let changes = json!({
            "description": "changes",
            "properties": {
                "a": {"type": "string"},
                "b": {"type": ["string", "null"]},
                "c": {"type": ["string", "null"]},
                "d": {"oneOf": [{"$ref": "#/x"}, {"type": "null"}], "description": "about d"},
                "e": {"oneOf": [{"$ref": "#/x"}, {"type": "null"}]},
            },
        });
        assert_eq!(changes_of(form, "changes"), changes);
    }

    #[test]
    fn a_number_has_the_bound_that_its_type_has() {
        let bounded = |mut schema: Value| {
            bound(&mut schema);
            schema
        };
        for (schema, expected) in [
            (
                json!({"type": "integer", "format": "int32", "minimum": 0}),
                json!({"type": "integer", "format": "int64", "minimum": 0, "maximum": 4_294_967_295_u32}),
            ),
            (
                json!({"type": ["integer", "null"], "format": "int64", "minimum": 0}),
                json!({"type": ["integer", "null"], "format": "int64", "minimum": 0, "maximum": i64::MAX}),
            ),
            (
                json!({"type": "integer", "format": "int32", "maximum": 23}),
                json!({"type": "integer", "format": "int32", "maximum": 23}),
            ),
        ] {
            assert_eq!(bounded(json!({"a": [schema]})), json!({"a": [expected]}));
        }
    }
}
