//! The routes and the OpenAPI document, made of the same operations, so that neither has one that the other lacks.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::handler::Handler;
use axum::response::IntoResponse;
use axum::routing::{MethodFilter, on};
use axum::{Extension, Router};
use cdds_core::domain::access::Action;
use cdds_view::ProblemView;
use http::{Method, header};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::operation::Operation;
use super::refusals;
use super::schema::{bound, schema_of};
use crate::App;
use crate::visit::Caller;

/// Routes, with what the document says about them.
#[derive(Debug, Default)]
pub(super) struct Api {
    router: Router<App>,
    paths: BTreeMap<&'static str, Map<String, Value>>,
    schemas: BTreeMap<String, Value>,
}

impl Api {
    pub(super) fn get<H, T>(self, path: &'static str, handler: H, operation: Operation) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.with((MethodFilter::GET, &Method::GET), path, handler, operation)
    }

    pub(super) fn post<H, T>(self, path: &'static str, handler: H, operation: Operation) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.with((MethodFilter::POST, &Method::POST), path, handler, operation)
    }

    pub(super) fn put<H, T>(self, path: &'static str, handler: H, operation: Operation) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.with((MethodFilter::PUT, &Method::PUT), path, handler, operation)
    }

    pub(super) fn patch<H, T>(self, path: &'static str, handler: H, operation: Operation) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.with((MethodFilter::PATCH, &Method::PATCH), path, handler, operation)
    }

    pub(super) fn delete<H, T>(self, path: &'static str, handler: H, operation: Operation) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.with((MethodFilter::DELETE, &Method::DELETE), path, handler, operation)
    }

    fn with<H, T>(
        mut self,
        (filter, method): (MethodFilter, &Method),
        path: &'static str,
        handler: H,
        operation: Operation,
    ) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let terms = Extension(operation.terms());
        let (told, schemas) = operation.told(method, path);
        self.schemas.extend(schemas);
        self.paths.entry(path).or_default().insert(method.as_str().to_lowercase(), told);
        Self { router: self.router.route(path, on(filter, handler).route_layer(terms)), ..self }
    }

    /// Returns the routes, and one more that gives the document.
    pub(super) fn into_router(mut self) -> Router<App> {
        let about = Operation::new("show_document", "Show this document", "The OpenAPI document of the API.")
            .needs(Action::See)
            .answers_json(200, json!({"type": "object"}));
        let terms = Extension(about.terms());
        let (told, _) = about.told(&Method::GET, "/openapi.json");
        self.paths.entry("/openapi.json").or_default().insert("get".to_owned(), told);
        let text: Arc<str> = self.document().to_string().into();
        let give = move |_: Caller| async move {
            ([(header::CONTENT_TYPE, "application/json")], text.to_string()).into_response()
        };
        self.router.route("/openapi.json", on(MethodFilter::GET, give).route_layer(terms))
    }

    fn document(&self) -> Value {
        let mut schemas = self.schemas.clone();
        schemas.insert(ProblemView::name().into_owned(), schema_of::<ProblemView>());
        let mut document = json!({
            "openapi": "3.1.0",
            "info": {
                "title": "CDDS",
                "version": env!("CARGO_PKG_VERSION"),
                "description": ABOUT,
                "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
            },
            "servers": [{"url": "./", "description": "Where this document is."}],
            "security": [{"token": []}],
            "paths": self.paths,
            "components": {
                "schemas": schemas,
                "securitySchemes": {
                    "token": {"type": "http", "scheme": "bearer", "description": "A token that the host gave out."},
                },
                "responses": refusals::components(),
            },
        });
        bound(&mut document);
        document
    }
}

const ABOUT: &str = "Scheduled, encrypted, verifiable exports. Every call acts on behalf of the caller's owner: what belongs \
    to another owner does not exist. Lists have pages: send `next` of one as the parameter `next` of the following one. \
    The `ETag` of a job is its version, which counts what people change, and that of a request of a data subject counts \
    its steps; a change with `If-Match` is refused by 412 if \
    somebody else changed the job since. A parameter that an operation does not have is refused by 422. Where JSON is \
    answered, an `Accept` without it is refused by 406; a file is given whatever it says. A method that an address does \
    not have is refused by 405, and `OPTIONS` gets those that it has as `Allow`. A slash at the end of an address \
    leads to the one without it.";
