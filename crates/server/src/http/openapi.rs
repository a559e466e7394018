//! `GET /v1/openapi.json`: what this server offers beside the Amazon Connect protocols. The document is
//! kept by hand, in `openapi.json`; tests hold it to the routes and to the answers.

use std::sync::{Arc, LazyLock};

use super::{Answer, App, Call, json_text};

/// The document, but for the version.
const DOCUMENT: &str = include_str!("openapi.json");

/// The document.
static TEXT: LazyLock<String> =
    LazyLock::new(|| DOCUMENT.replace("@VERSION@", env!("CARGO_PKG_VERSION")));

pub(super) async fn document(_: Arc<App>, _: Call) -> Answer {
    Ok(json_text(TEXT.clone()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::routing::MethodFilter;
    use serde_json::Value;

    use super::*;
    use crate::http::{
        Operation, each_route,
        limits::Plane,
        router::{EachRoute, Handler},
    };

    /// Our own routes, but for files of pages.
    #[derive(Default)]
    struct Ours(BTreeSet<(String, &'static str)>);

    impl EachRoute for Ours {
        fn route<H: Handler>(
            &mut self,
            (name, _): (&'static str, MethodFilter),
            path: &'static str,
            operation: Operation,
            _: H,
        ) {
            if Plane::of(path) == Plane::Ours && operation != Operation::Asset {
                assert!(self.0.insert((name.to_lowercase(), path)), "{path} is there twice");
            }
        }
    }

    #[test]
    fn every_route_of_ours_is_in_the_document_and_no_other() {
        let mut ours = Ours::default();
        each_route(&mut ours);
        let document: Value = serde_json::from_str(&TEXT).unwrap();
        let documented: BTreeSet<(String, &str)> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                methods.as_object().unwrap().keys().map(|method| (method.clone(), path.as_str()))
            })
            .collect();
        let missing: Vec<_> = ours.0.difference(&documented).collect();
        let extra: Vec<_> = documented.difference(&ours.0).collect();
        assert!(
            missing.is_empty() && extra.is_empty(),
            "crates/server/src/http/openapi.json lacks {missing:?} and has {extra:?} too many"
        );
    }

    #[test]
    fn what_is_referred_to_is_there() {
        let document: Value = serde_json::from_str(&TEXT).unwrap();
        let mut operations = BTreeSet::new();
        let mut look = vec![&document];
        while let Some(value) = look.pop() {
            if let Some(target) = value.get("$ref").and_then(Value::as_str) {
                let pointer = target.strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{target}");
            }
            if let Some(id) = value.get("operationId").and_then(Value::as_str) {
                assert!(operations.insert(id), "{id} is there twice");
            }
            match value {
                Value::Array(values) => look.extend(values),
                Value::Object(members) => look.extend(members.values()),
                _ => {}
            }
        }
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    }
}
