//! The OpenAPI document: it is served, and what it describes is there. (Every answer that other tests
//! get is held to it, too.)

use crate::support::{Site, http::Request};

#[tokio::test]
async fn the_document_is_served_and_its_paths_are_there() {
    let site = Site::demo_with(|config| {
        config.set("chaos.key", "a key that opens the chaos", "test").unwrap();
    })
    .await;
    let document = site.get("/v1/openapi.json").await.ok();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let mut count = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            count += 1;
            let request = Request::new(&method.to_uppercase(), path).body("{");
            let answer = site.send(request).await;
            let name = answer.header("x-amzn-errortype");
            assert_ne!(name, Some("UnknownOperationException"), "{method} {path}");
            assert!(answer.status < 500, "{method} {path}: {answer:?}");
        }
    }
    assert!(count > 10);
}
