//! The operations of the Amazon Connect API that this server does not offer: each is refused by name.

use std::sync::{Arc, OnceLock};

use chatloom_wire::{ErrorKind, ServiceError};
use http::Method;

use crate::http::{Answer, App, Call};

/// All operations; the file says how it was made.
const OPERATIONS: &str = include_str!("operations.txt");

/// An operation of the model.
#[derive(Debug)]
pub(in crate::http) struct Modelled {
    pub(in crate::http) name: &'static str,
    method: &'static str,
    path: &'static str,
    /// What answers it where it is not offered.
    refusal: &'static str,
}

/// All operations of the model, by name.
fn all() -> &'static [Modelled] {
    static ALL: OnceLock<Vec<Modelled>> = OnceLock::new();
    ALL.get_or_init(|| {
        let lines = OPERATIONS.lines().filter(|line| !line.starts_with('#'));
        lines
            .filter_map(|line| {
                let mut words = line.split(' ');
                let mut next = || words.next();
                let (name, method, path, refusal) = (next()?, next()?, next()?, next()?);
                Some(Modelled { name, method, path, refusal })
            })
            .collect()
    })
}

/// The operation that a method and a path ask for. Of several the one with the fewest names in braces.
pub(in crate::http) fn modelled(method: &Method, path: &str) -> Option<&'static Modelled> {
    let asked = all().iter().filter(|one| one.method == method.as_str() && fits(one.path, path));
    asked.min_by_key(|one| one.path.matches('{').count())
}

/// Whether a path has the form of a template such as `/contacts/{InstanceId}/{ContactId}`.
fn fits(template: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    let fits = template.split('/').all(|expected| {
        segments.next().is_some_and(|segment| {
            if expected.starts_with('{') { !segment.is_empty() } else { expected == segment }
        })
    });
    fits && segments.next().is_none()
}

/// Refuses an operation, after whoever asks for it has shown a key: others learn nothing.
pub(in crate::http) async fn refuse(
    app: Arc<App>,
    mut call: Call,
    operation: &'static Modelled,
) -> Answer {
    call.note.set_operation(operation.name);
    app.signed_body(&mut call).await?;
    Err(ServiceError::new(
        ErrorKind::from(operation.refusal),
        format!("{}: this server does not offer this operation", operation.name),
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_line_is_an_operation() {
        let lines = OPERATIONS.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(all().len(), lines);
        assert!(lines > 400, "{lines}");
        let names: BTreeSet<_> = all().iter().map(|one| one.name).collect();
        assert_eq!(names.len(), lines, "each once");
        for one in all() {
            assert!(one.path.starts_with('/') && !one.path.contains(['?', '+']), "{one:?}");
            assert!(one.method.parse::<Method>().is_ok(), "{one:?}");
            let refusal = ErrorKind::from(one.refusal);
            assert!(!matches!(refusal, ErrorKind::Other(_)) && refusal.status() == 400, "{one:?}");
        }
    }

    #[test]
    fn each_is_found_by_its_own_path() {
        for one in all() {
            let path: Vec<_> = one
                .path
                .split('/')
                .map(|segment| if segment.starts_with('{') { "x" } else { segment })
                .collect();
            let method = one.method.parse().unwrap();
            assert_eq!(modelled(&method, &path.join("/")).map(|one| one.name), Some(one.name));
        }
        for (method, path) in [
            ("GET", "/"),
            ("GET", "/contacts/a"),
            ("GET", "/contacts/a/"),
            ("GET", "/contacts//b"),
            ("GET", "/contacts/a/b/"),
            ("GET", "/contacts/a/b/c/d/e/f"),
            ("PATCH", "/contacts/a/b"),
        ] {
            assert!(modelled(&method.parse().unwrap(), path).is_none(), "{method} {path}");
        }
    }
}
