//! Holds answers to the OpenAPI document.

use std::{collections::HashMap, sync::LazyLock};

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

use super::http::{Request, Response};

/// What the document and its schemas go by.
const URL: &str = "http://chatloom.test/openapi.json";

/// The document as the server gives it, but for the version.
static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../src/http/openapi.json")).unwrap());

/// The schemas of all answers, by their place in the document.
static SCHEMAS: LazyLock<(Schemas, HashMap<String, SchemaIndex>)> = LazyLock::new(|| {
    let mut compiler = Compiler::new();
    compiler.add_resource(URL, DOCUMENT.clone()).unwrap();
    let mut schemas = Schemas::new();
    let mut places = HashMap::new();
    for (path, methods) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            for status in operation["responses"].as_object().unwrap().keys() {
                let (place, response) = answer(path, method, status).unwrap();
                if response.pointer("/content/application~1json").is_some() {
                    let schema = format!("{place}/content/application~1json/schema");
                    let compiled = compiler.compile(&format!("{URL}#{schema}"), &mut schemas);
                    places.insert(place, compiled.unwrap_or_else(|error| panic!("{error:#}")));
                }
            }
        }
    }
    (schemas, places)
});

/// The description of an answer, and its place in the document.
fn answer(path: &str, method: &str, status: &str) -> Option<(String, &'static Value)> {
    let path = path.replace('~', "~0").replace('/', "~1");
    let place = format!("/paths/{path}/{method}/responses/{status}");
    let response = DOCUMENT.pointer(&place)?;
    match response["$ref"].as_str() {
        None => Some((place, response)),
        Some(target) => {
            let place = target.strip_prefix('#').unwrap();
            Some((place.to_owned(), DOCUMENT.pointer(place).unwrap()))
        }
    }
}

/// The path as the document has it: with names in braces where anything may stand.
fn described(path: &str) -> Option<&'static str> {
    let fits = |template: &str| {
        let (template, path) = (template.split('/'), path.split('/'));
        template.clone().count() == path.clone().count()
            && template.zip(path).all(|(part, given)| part == given || part.starts_with('{'))
    };
    DOCUMENT["paths"].as_object().unwrap().keys().map(String::as_str).find(|path| fits(path))
}

/// Checks an answer, if its path is one of ours.
#[track_caller]
pub(crate) fn check(request: &Request, response: &Response) {
    let path = request.path.split('?').next().unwrap();
    let method = request.method.to_lowercase();
    // What is no HTTP is answered below all routes, without a name and an id.
    let is_ours = response.header("x-amzn-requestid").is_some();
    let Some(path) = described(path) else { return };
    if !is_ours || DOCUMENT["paths"][path][&method].is_null() {
        return;
    }
    let status = response.status.to_string();
    let Some((place, answer)) = answer(path, &method, &status) else {
        panic!("openapi.json does not say that {method} {path} may answer {response:?}");
    };
    let Some(content) = answer["content"].as_object() else { return };
    let given = response.header("content-type").unwrap_or_default().split(';').next().unwrap();
    let fits = content.contains_key("*/*") || content.contains_key(given);
    assert!(fits, "{method} {path} answered {given}: {response:?}");
    let (schemas, places) = &*SCHEMAS;
    if let Some(schema) = places.get(&place)
        && let Err(error) = schemas.validate(&response.json(), *schema)
    {
        panic!("{method} {path} answered {response:?}: {error:#}");
    }
    if status == "429" {
        assert!(response.header("retry-after").is_some(), "{response:?}");
    }
}
