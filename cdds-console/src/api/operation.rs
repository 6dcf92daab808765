//! What the document says about one operation.

use std::collections::BTreeMap;

use cdds_core::domain::access::Action;
use cdds_view::settings::SettingsForm;
use http::Method;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::parameter::parameter;
use super::refusals::{self, Traits, refusal, retry_after};
use super::schema::{changes_of, schema_of};
use super::terms::Terms;
use crate::lists;

/// One method of an address, as the document describes it.
#[derive(Debug)]
pub(super) struct Operation {
    told: Map<String, Value>,
    parameters: Vec<Value>,
    answers: BTreeMap<String, Value>,
    schemas: BTreeMap<String, Value>,
}

impl Operation {
    /// Creates an operation without parameters, body and answers.
    pub(super) fn new(id: &str, summary: &str, description: &str) -> Self {
        let mut told = Map::new();
        told.insert("operationId".to_owned(), id.into());
        told.insert("summary".to_owned(), summary.into());
        told.insert("description".to_owned(), description.into());
        Self { told, parameters: Vec::new(), answers: BTreeMap::new(), schemas: BTreeMap::new() }
    }

    /// Names the action that the caller must be allowed.
    pub(super) fn needs(mut self, action: Action) -> Self {
        let role = action.least_role().as_str();
        self.told.insert("x-action".to_owned(), action.as_str().into());
        self.told.insert("x-least-role".to_owned(), role.into());
        if let Some(Value::String(description)) = self.told.get_mut("description") {
            description.push_str(&format!(" Needs the action `{action}`, which the role `{role}` has."));
        }
        self
    }

    /// Adds parameters of the query.
    pub(super) fn queries(mut self, names: &[&str]) -> Self {
        self.parameters.extend(names.iter().map(|name| parameter(name)));
        self
    }

    /// Makes it a list with pages, which has these parameters besides the common ones.
    pub(super) fn lists<T: ToSchema>(self, names: &[&str], columns: &[&str]) -> Self {
        let sorts = columns.iter().flat_map(|column| [column.to_string(), format!("{column}:desc")]);
        self.queries(names).queries(&lists::COMMON).words("sort", sorts).pages::<T>()
    }

    /// Gives a parameter the words of a fixed set.
    pub(super) fn words<W: Into<Value>>(mut self, name: &str, words: impl IntoIterator<Item = W>) -> Self {
        if let Some(told) = self.parameters.iter_mut().find(|told| told["name"] == name) {
            told["schema"]["enum"] = words.into_iter().collect();
        }
        self
    }

    /// Answers with one page of a list.
    pub(super) fn pages<T: ToSchema>(mut self) -> Self {
        let item = self.known::<T>();
        self.answers_json(
            200,
            json!({
                "type": "object",
                "required": ["items", "next"],
                "properties": {
                    "items": {"type": "array", "items": item},
                    "total": {
                        "type": ["integer", "null"],
                        "minimum": 0,
                        "description": "The number of rows on all pages; null on all pages but the first, and where \
                            they were not all counted.",
                    },
                    "total_more_than": {
                        "type": "integer",
                        "minimum": 0,
                        "description": "A number that the rows on all pages exceed, if they were not all counted.",
                    },
                    "next": {
                        "type": ["string", "null"],
                        "description": "The token of the next page; null on the last one.",
                    },
                },
            }),
        )
    }

    /// Answers with all items at once.
    pub(super) fn whole<T: ToSchema>(mut self, status: u16) -> Self {
        let item = self.known::<T>();
        self.answers_json(
            status,
            json!({
                "type": "object",
                "required": ["items", "next"],
                "properties": {
                    "items": {"type": "array", "items": item},
                    "next": {"type": "null", "description": "There is one page."},
                },
            }),
        )
    }

    /// Takes a body of this form, such as the example.
    #[expect(clippy::needless_pass_by_value, reason = "the shape of json!")]
    pub(super) fn takes<T: ToSchema>(mut self, example: Value) -> Self {
        let schema = self.known::<T>();
        let body = json!({"schema": schema, "example": example});
        let body = json!({"required": true, "content": {"application/json": body}});
        self.told.insert("requestBody".to_owned(), body);
        self
    }

    /// Lets the body that it [takes](Self::takes) be left out.
    pub(super) fn or_nothing(mut self) -> Self {
        if let Some(body) = self.told.get_mut("requestBody") {
            body["required"] = false.into();
        }
        self
    }

    /// Takes changes of settings by RFC 7396, such as the example.
    #[expect(clippy::needless_pass_by_value, reason = "the shape of json!")]
    pub(super) fn takes_changes(mut self, required: bool, example: Value) -> Self {
        let words =
            "Some keys of `SettingsForm`, by RFC 7396: null takes a key away, so that it has its default.";
        self.known::<SettingsForm>();
        self.schemas.insert("SettingsChanges".to_owned(), changes_of(schema_of::<SettingsForm>(), words));
        let body = json!({"schema": {"$ref": "#/components/schemas/SettingsChanges"}, "example": example});
        let content = json!({"application/json": body, "application/merge-patch+json": body});
        self.told.insert("requestBody".to_owned(), json!({"required": required, "content": content}));
        self
    }

    /// Takes a condition on the version.
    pub(super) fn if_match(mut self, required: bool) -> Self {
        self.parameters.push(json!({
            "name": "If-Match",
            "in": "header",
            "required": required,
            "description": "The `ETag` of what is changed, as it was seen, or `*` for any version.",
            "schema": {"type": "string"},
            "examples": {
                "version": {"summary": "The version that was seen.", "value": "\"3\""},
                "any": {"summary": "Any version.", "value": "*"},
            },
        }));
        self = self.refuses(412);
        if required { self.refuses(428) } else { self }
    }

    /// Takes a key with which the request may be sent again (rule J18).
    pub(super) fn repeatable(mut self) -> Self {
        self.parameters.push(json!({
            "name": "Idempotency-Key",
            "in": "header",
            "description": "A key of the client's own, such as a UUID. The same request with the same key creates \
                nothing more, and is answered by what the first one created, as that is now (rule J18).",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        }));
        self.refuses(404)
    }

    /// Answers with a view.
    pub(super) fn answers<T: ToSchema>(mut self, status: u16) -> Self {
        let schema = self.known::<T>();
        self.answers_json(status, schema)
    }

    /// Answers with a view, or with another one.
    pub(super) fn answers_either<T: ToSchema, U: ToSchema>(mut self) -> Self {
        let schemas = [self.known::<T>(), self.known::<U>()];
        self.answers_json(200, json!({"oneOf": schemas}))
    }

    pub(super) fn answers_json(mut self, status: u16, schema: impl Into<Value>) -> Self {
        let content = json!({"application/json": {"schema": schema.into()}});
        let mut answer = json!({"description": words(status), "content": content});
        if status == 201 {
            answer["headers"]["Location"] = location();
        }
        self.answers.insert(status.to_string(), answer);
        self
    }

    /// Says where the executions are that 202 answers, and when to ask for them.
    pub(super) fn queued(mut self) -> Self {
        if let Some(answer) = self.answers.get_mut("202") {
            answer["headers"] = json!({"Location": location(), "Retry-After": retry_after(true)});
        }
        self
    }

    /// Says when to ask again for what has not ended.
    pub(super) fn ask_again(mut self) -> Self {
        if let Some(answer) = self.answers.get_mut("200") {
            answer["headers"]["Retry-After"] = retry_after(false);
        }
        self
    }

    /// Answers with something whose version is the tag.
    pub(super) fn tags(mut self, status: u16) -> Self {
        if let Some(answer) = self.answers.get_mut(&status.to_string()) {
            answer["headers"]["ETag"] = json!({"description": "The version.", "schema": {"type": "string"}});
        }
        self
    }

    /// Answers that it is done.
    pub(super) fn nothing(mut self) -> Self {
        self.answers.insert("204".to_owned(), json!({"description": words(204)}));
        self
    }

    /// Answers with a file, whole or in part.
    pub(super) fn file(mut self) -> Self {
        for (name, words) in [
            ("Range", "The bytes to give, as one range."),
            ("If-Range", "The `ETag` of the file of which a part is there."),
            ("If-None-Match", "The `ETag` of the file that is there."),
        ] {
            let schema = json!({"type": "string"});
            self.parameters
                .push(json!({"name": name, "in": "header", "description": words, "schema": schema}));
        }
        for status in [200, 206] {
            let content = octets();
            let headers = json!({
                "ETag": {"description": "The digest of the whole file.", "schema": {"type": "string"}},
                "Repr-Digest": {"description": "The same by RFC 9530.", "schema": {"type": "string"}},
            });
            let answer = json!({"description": words(status), "content": content, "headers": headers});
            self.answers.insert(status.to_string(), answer);
        }
        self.answers.insert("304".to_owned(), json!({"description": words(304)}));
        self.refuses(416)
    }

    /// The client may be sent to the store, where the host lets it.
    pub(super) fn redirects(mut self) -> Self {
        let schema = json!({"type": "string"});
        let headers = json!({"Location": {"description": "A link that lasts for seconds. Whoever has it has the file.", "schema": schema}});
        let answer = json!({"description": words(307), "headers": headers});
        self.answers.insert("307".to_owned(), answer);
        self
    }

    /// Answers with bytes that are made anew each time.
    pub(super) fn bytes(mut self) -> Self {
        let content = octets();
        self.answers.insert("200".to_owned(), json!({"description": words(200), "content": content}));
        self
    }

    /// Answers with a problem of this status.
    pub(super) fn refuses(mut self, status: u16) -> Self {
        self.answers.insert(status.to_string(), refusal(status));
        self
    }

    /// Returns what its requests may say.
    pub(super) fn terms(&self) -> Terms {
        let parameters = self.parameters.iter().filter(|told| told["in"] == "query");
        let names = parameters.filter_map(|told| told["name"].as_str().map(str::to_owned));
        Terms::new(names, self.gives_json())
    }

    fn gives_json(&self) -> bool {
        self.answers.values().any(|answer| !answer["content"]["application/json"].is_null())
    }

    /// Returns what the document says, and the schemas that it refers to.
    pub(super) fn told(mut self, method: &Method, path: &str) -> (Value, BTreeMap<String, Value>) {
        let group = path.split('/').nth(1).unwrap_or_default().trim_end_matches(".json");
        self.told.insert("tags".to_owned(), json!([group]));
        let mut parameters: Vec<Value> = names(path).map(|name| in_path(path, name)).collect();
        let traits = Traits {
            method,
            names_one: !parameters.is_empty(),
            has_body: self.told.contains_key("requestBody"),
            gives_json: self.gives_json(),
        };
        for status in refusals::statuses(traits) {
            self.answers.entry(status.to_string()).or_insert_with(|| refusal(status));
        }
        parameters.append(&mut self.parameters);
        self.told.insert("parameters".to_owned(), parameters.into());
        self.told.insert("responses".to_owned(), json!(self.answers));
        (self.told.into(), self.schemas)
    }

    /// Returns a reference to a schema, which the document then has.
    fn known<T: ToSchema>(&mut self) -> Value {
        let mut others = Vec::new();
        T::schemas(&mut others);
        self.schemas.extend(others.into_iter().map(|(name, schema)| (name, json!(schema))));
        self.schemas.insert(T::name().into_owned(), schema_of::<T>());
        json!({"$ref": format!("#/components/schemas/{}", T::name())})
    }
}

/// Returns the names in braces.
fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|step| step.strip_prefix('{')?.strip_suffix('}'))
}

fn in_path(path: &str, name: &str) -> Value {
    let schema = match (path.split('/').nth(1), name) {
        (Some("workers"), _) => json!({"type": "string", "minLength": 1, "maxLength": 255}),
        (Some("sources"), _) | (_, "name") => json!({"type": "string", "minLength": 1, "maxLength": 128}),
        _ => json!({"type": "string", "format": "uuid"}),
    };
    let description = match name {
        "execution" => "The id of the execution that published the set.",
        "name" => match path.split('/').nth(1) {
            Some("destinations") => "The name of the destination.",
            Some("endpoints") => "The name of the endpoint.",
            _ => "The name of the recipient.",
        },
        _ => "Its id.",
    };
    json!({"name": name, "in": "path", "required": true, "description": description, "schema": schema})
}

/// The schema of bytes. OpenAPI 3.1 needs none for them, but generators of clients take an answer without one for nothing.
fn octets() -> Value {
    json!({"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}})
}

fn location() -> Value {
    let schema = json!({"type": "string", "format": "uri-reference"});
    json!({"description": "Where it is.", "required": true, "schema": schema})
}

fn words(status: u16) -> &'static str {
    match status {
        201 => "It was created.",
        202 => "It is accepted and takes a while.",
        204 => "It is done.",
        206 => "The part that was asked for.",
        304 => "The client has the file.",
        307 => "The store itself gives the file.",
        _ => "The answer.",
    }
}
