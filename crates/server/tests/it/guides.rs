//! Views, and customers who are asked to sign in.

use std::fs;

use chatloom_server::{Config, config::DEMO_INSTANCE};
use chatloom_wire::participant::DescribeView;
use serde_json::{Value, json};

use crate::support::{
    Person, Site, eventually,
    http::{Request, Response},
    socket::Socket,
    start_request, text,
};

const INTERACTIVE: &str = "application/vnd.amazonaws.connect.message.interactive";

/// A folder with one view.
pub(crate) fn views() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let view = json!({
        "Id": "parcel:$LATEST", "Name": "Parcel", "Version": 2,
        "Content": { "InputSchema": { "a": 1 }, "Template": "{\"b\":2}", "Actions": ["Submit"] },
    });
    fs::write(folder.path().join("parcel.json"), view.to_string()).unwrap();
    folder
}

/// A demo with one view.
async fn site() -> (Site, tempfile::TempDir) {
    let folder = views();
    let site = Site::demo_with(|config| config.views.folder = Some(folder.path().to_owned())).await;
    (site, folder)
}

/// A customer whose chat takes interactive messages.
async fn customer(site: &Site) -> (Person<'_>, Socket) {
    let mut request = start_request("Customer");
    request["SupportedMessagingContentTypes"] = json!(["text/plain", INTERACTIVE]);
    request["ConnectionTypes"] = json!(["WEBSOCKET", "CONNECTION_CREDENTIALS"]);
    let started = site.signed("PUT", "/contact/chat", &request).await.ok();
    let customer = Person {
        site,
        contact: text(&started["ContactId"]),
        id: text(&started["ParticipantId"]),
        participant_token: text(&started["ParticipantToken"]),
        connection_token: text(&started["ConnectionCredentials"]["ConnectionToken"]),
        socket_url: text(&started["Websocket"]["Url"]),
    };
    let mut socket = customer.socket().await;
    socket.subscribe().await;
    (customer, socket)
}

async fn show(site: &Site, contact: &str, body: Value) -> Response {
    site.signed("POST", &format!("/v1/contacts/{contact}/view"), &body).await
}

pub(crate) async fn describe(customer: &Person<'_>, token: &str) -> Response {
    let request = Request::get(&DescribeView::path(token)).bearer(&customer.connection_token);
    customer.site.send(request).await
}

#[tokio::test]
async fn a_view_is_shown_and_described() {
    let (site, _folder) = site().await;
    let (customer, mut socket) = customer(&site).await;
    let body = json!({ "viewId": "parcel:$LATEST", "viewData": { "number": 7 } });
    let shown = show(&site, &customer.contact, body).await.ok();
    let said = loop {
        let said = socket.message().await;
        if said.starts_with('{') {
            break serde_json::from_str::<Value>(&said).unwrap();
        }
    };
    assert_eq!((&said["templateType"], &said["version"]), (&json!("ViewResource"), &json!("1.0")));
    let content = &said["data"]["content"];
    assert_eq!(content["viewId"], "parcel:$LATEST");
    assert_eq!(content["viewData"], json!({ "number": 7 }));
    assert_eq!(content["viewToken"], shown["viewToken"]);
    let items = customer.transcript().await;
    let item = items.iter().find(|item| item["Id"] == shown["id"]).unwrap();
    assert_eq!(
        (&item["ContentType"], &item["ParticipantRole"]),
        (&json!(INTERACTIVE), &json!("SYSTEM"))
    );

    let token = text(&shown["viewToken"]);
    assert_eq!(
        describe(&customer, &token).await.ok(),
        json!({ "View": {
            "Id": "parcel:$LATEST", "Name": "Parcel", "Version": 2,
            "Arn": format!(
                "arn:aws:connect:us-west-2:000000000000:instance/{DEMO_INSTANCE}/view/parcel:$LATEST"
            ),
            "Content": {
                "InputSchema": "{\"a\":1}", "Template": "{\"b\":2}", "Actions": ["Submit"],
            },
        } })
    );

    // Only in the chat that it was shown in, only as it was made, only with a connection.
    let (stranger, _socket) = site.customer("John").await;
    assert_eq!(describe(&stranger, &token).await.error(), (404, "ResourceNotFoundException"));
    let mut forged = token.clone();
    forged.replace_range(10..11, if &token[10..11] == "A" { "B" } else { "A" });
    assert_eq!(describe(&customer, &forged).await.error(), (404, "ResourceNotFoundException"));
    for (token, status) in [("a/b c+d=".to_owned(), 404), ("x".repeat(1_000), 404)] {
        assert_eq!(describe(&customer, &token).await.error().0, status);
    }
    let long = describe(&customer, &"x".repeat(1_001)).await;
    assert_eq!(long.error(), (400, "ValidationException"));
    let anybody = site.send(Request::get(&DescribeView::path(&token))).await;
    assert_eq!(anybody.error(), (403, "AccessDeniedException"));
    customer.disconnect().await;
    assert_eq!(describe(&customer, &token).await.error(), (403, "AccessDeniedException"));
}

#[tokio::test]
async fn a_view_that_cannot_be_shown_is_not() {
    let (site, _folder) = site().await;
    let (customer, _socket) = customer(&site).await;
    let before = customer.transcript().await;
    let id = "parcel:$LATEST";
    for (body, error) in [
        (json!({ "viewId": "nothing" }), (404, "ResourceNotFoundException")),
        (json!({}), (400, "InvalidRequestException")),
        (json!({ "viewId": id, "colour": "red" }), (400, "InvalidRequestException")),
        (json!({ "viewId": id, "viewData": [] }), (400, "InvalidParameterException")),
        (
            json!({ "viewId": id, "viewData": { "a": "x".repeat(16_384) } }),
            (400, "InvalidParameterException"),
        ),
    ] {
        assert_eq!(show(&site, &customer.contact, body).await.error(), error);
    }
    let path = format!("/v1/contacts/{}/view", customer.contact);
    let unsigned = site.send(Request::post(&path).json(&json!({ "viewId": id }))).await;
    assert_eq!(unsigned.error(), (403, "MissingAuthenticationTokenException"));
    assert_eq!(customer.transcript().await, before);
    let nobody = show(&site, "nobody", json!({ "viewId": id })).await;
    assert_eq!(nobody.error(), (404, "ResourceNotFoundException"));
    // A chat that takes no interactive messages, one whose customer has not come, one that is over.
    let (plain, _socket) = site.customer("John").await;
    let waiting = site.start_chat("Jane").await;
    customer.disconnect().await;
    for contact in [&plain.contact, &waiting.contact, &customer.contact] {
        let refused = show(&site, contact, json!({ "viewId": id })).await;
        assert_eq!(refused.error(), (400, "InvalidRequestException"));
    }
}

async fn ask(site: &Site, contact: &str, body: Value) -> Response {
    site.signed("POST", &format!("/v1/contacts/{contact}/sign-in"), &body).await
}

/// Asks a customer to sign in: the session.
async fn asked(site: &Site, customer: &Person<'_>, socket: &mut Socket) -> String {
    assert_eq!(ask(site, &customer.contact, json!({})).await.ok(), json!({}));
    let event = socket.until_event("authentication.initiated").await;
    let content: Value = serde_json::from_str(&text(&event["Content"])).unwrap();
    let session = text(&content["SessionId"]);
    assert_eq!(session.len(), 36);
    session
}

pub(crate) async fn url(customer: &Person<'_>, session: &str) -> Response {
    let body = json!({ "SessionId": session, "RedirectUri": "http://localhost:3000/back?a=b" });
    customer.call("authentication-url", &body).await
}

/// Follows the URL as a browser does: where it comes back to.
pub(crate) async fn follow(site: &Site, url: &str, hint: &str) -> String {
    let path = url.strip_prefix(&format!("http://{}", site.address)).unwrap();
    let next = site.send(Request::get(&format!("{path}{hint}"))).await;
    assert_eq!(next.status, 302, "{}", next.body);
    let back = next.header("location").unwrap().to_owned();
    assert!(back.starts_with("http://localhost:3000/back?a=b&"), "{back}");
    back
}

pub(crate) fn in_query(url: &str, name: &str) -> Option<String> {
    let pairs = url.split_once('?').unwrap().1.split('&');
    pairs
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.replace('+', " ").replace("%20", " ").replace("%3D", "="))
}

pub(crate) async fn update(site: &Site, body: Value) -> Response {
    let mut all = json!({ "InstanceId": DEMO_INSTANCE });
    for (name, value) in body.as_object().unwrap() {
        all[name] = value.clone();
    }
    site.signed("POST", "/contact/update-participant-authentication", &all).await
}

#[tokio::test]
async fn a_customer_signs_in_and_is_called_by_name() {
    let site = Site::demo().await;
    let (customer, mut socket) = customer(&site).await;
    let session = asked(&site, &customer, &mut socket).await;
    let answer = url(&customer, &session).await.ok();
    let sign_in = text(&answer["AuthenticationUrl"]);
    for name in ["state", "nonce", "code_challenge", "client_id", "redirect_uri"] {
        assert!(in_query(&sign_in, name).is_some_and(|value| !value.is_empty()), "{name}");
    }
    assert_eq!(in_query(&sign_in, "scope").unwrap(), "openid profile");
    assert_eq!(in_query(&sign_in, "code_challenge_method").unwrap(), "S256");
    assert!(!sign_in.contains(&session), "the session is the page's alone");
    // The widget adds the name of a provider.
    let back = follow(&site, &sign_in, "&identity_provider=x&login_hint=Jane").await;
    let (code, state) = (in_query(&back, "code").unwrap(), in_query(&back, "state").unwrap());
    let body = json!({ "State": state, "Code": code });
    assert_eq!(update(&site, body.clone()).await.ok(), json!({}));
    socket.until_event("authentication.succeeded").await;
    let renamed = socket.until_event("participant.displayname.updated").await;
    assert_eq!(renamed["DisplayName"], "Jane");
    assert_eq!(renamed["ParticipantId"], customer.id.as_str());
    customer.say("it is me").await;
    let items = customer.transcript().await;
    let said = items.iter().find(|item| item["Content"] == "it is me").unwrap();
    assert_eq!(said["DisplayName"], "Jane");
    let path = format!("/contacts/{DEMO_INSTANCE}/{}", customer.contact);
    let described = site.signed("GET", &path, &Value::Null).await.ok();
    let status = &described["Contact"]["SegmentAttributes"]["connect:CustomerAuthentication"];
    assert_eq!(status["ValueMap"]["Status"]["ValueString"], "AUTHENTICATED");
    // Over is over.
    assert_eq!(update(&site, body).await.error(), (409, "ConflictException"));
    assert_eq!(url(&customer, &session).await.error(), (400, "ValidationException"));
}

#[tokio::test]
async fn who_does_not_sign_in_goes_on() {
    let site = Site::demo().await;
    let (customer, mut socket) = customer(&site).await;

    // Refused at the provider.
    let session = asked(&site, &customer, &mut socket).await;
    let sign_in = text(&url(&customer, &session).await.ok()["AuthenticationUrl"]);
    let back = follow(&site, &sign_in, "&login_hint=refuse").await;
    let body = json!({
        "State": in_query(&back, "state").unwrap(),
        "Error": in_query(&back, "error").unwrap(),
        "ErrorDescription": in_query(&back, "error_description").unwrap(),
    });
    update(&site, body).await.ok();
    socket.until_event("authentication.failed").await;

    // A code that the provider never gave, and one that was used.
    for take in [false, true] {
        let session = asked(&site, &customer, &mut socket).await;
        let sign_in = text(&url(&customer, &session).await.ok()["AuthenticationUrl"]);
        let back = follow(&site, &sign_in, "").await;
        let mut code = in_query(&back, "code").unwrap();
        if take {
            let form = format!("grant_type=authorization_code&code={code}");
            let request = Request::post("/v1/demo-provider/token").body(form);
            site.send(request).await.error();
        } else {
            code.push('x');
        }
        let body = json!({ "State": in_query(&back, "state").unwrap(), "Code": code });
        update(&site, body).await.ok();
        socket.until_event("authentication.failed").await;
    }

    // Declined, before and after the page asked where.
    for has_asked in [false, true] {
        let session = asked(&site, &customer, &mut socket).await;
        if has_asked {
            url(&customer, &session).await.ok();
        }
        let body = json!({ "SessionId": session });
        assert_eq!(customer.call("cancel-authentication", &body).await.ok(), json!({}));
        socket.until_event("authentication.cancelled").await;
        let again = customer.call("cancel-authentication", &body).await;
        assert_eq!(again.error(), (400, "ValidationException"));
    }

    // Too late for the page, then for everybody.
    let session = asked(&site, &customer, &mut socket).await;
    site.clock.advance(60_000);
    assert_eq!(url(&customer, &session).await.error(), (400, "ValidationException"));
    site.clock.advance(120_000);
    socket.until_event("authentication.timeout").await;
    assert_eq!(customer.messages().await.len(), 1, "the greeting: the chat goes on");
    customer.say("hello").await;
}

#[tokio::test]
async fn a_session_is_good_for_its_customer_and_one_url() {
    let site = Site::demo().await;
    let (customer, mut socket) = customer(&site).await;
    customer.say("agent").await;
    let ana = site.agent("ana").await;
    let agent = site.accept(&ana).await;
    let session = asked(&site, &customer, &mut socket).await;
    let again = ask(&site, &customer.contact, json!({})).await;
    assert_eq!(again.error(), (409, "ConflictException"));

    for (session, redirect, error) in [
        ("x".repeat(35), "http://localhost/", (400, "ValidationException")),
        ("x".repeat(36), "http://localhost/", (400, "ValidationException")),
        ("x".repeat(37), "http://localhost/", (400, "ValidationException")),
        (session.clone(), "", (400, "ValidationException")),
        (session.clone(), "back", (400, "ValidationException")),
        (session.clone(), "http://localhost/#part", (400, "ValidationException")),
    ] {
        let body = json!({ "SessionId": session, "RedirectUri": redirect });
        assert_eq!(customer.call("authentication-url", &body).await.error(), error, "{body}");
    }
    let long = json!({
        "SessionId": session, "RedirectUri": format!("http://localhost/{}", "x".repeat(1_008)),
    });
    assert_eq!(customer.call("authentication-url", &long).await.error().0, 400);
    assert_eq!(url(&agent, &session).await.error(), (400, "ValidationException"));
    let body = json!({ "SessionId": session });
    let others = agent.call("cancel-authentication", &body).await;
    assert_eq!(others.error(), (400, "ValidationException"));
    let path = "/participant/authentication-url";
    let unknown = site.send(Request::post(path).json(&json!({}))).await;
    assert_eq!(unknown.error(), (403, "AccessDeniedException"));

    let sign_in = text(&url(&customer, &session).await.ok()["AuthenticationUrl"]);
    assert_eq!(url(&customer, &session).await.error(), (400, "ValidationException"));
    let state = in_query(&sign_in, "state").unwrap();
    let mut forged = state.clone();
    forged.replace_range(10..11, if &state[10..11] == "A" { "B" } else { "A" });
    for (body, error) in [
        (json!({ "State": state }), (400, "InvalidRequestException")),
        (json!({ "State": state, "Error": "a" }), (400, "InvalidRequestException")),
        (
            json!({ "State": state, "Code": "a", "Error": "a", "ErrorDescription": "a" }),
            (400, "InvalidRequestException"),
        ),
        (json!({ "Code": "a" }), (400, "InvalidRequestException")),
        (json!({ "State": forged, "Code": "a" }), (400, "InvalidParameterException")),
        (json!({ "State": "", "Code": "a" }), (400, "InvalidParameterException")),
        (json!({ "State": state, "Code": "" }), (400, "InvalidParameterException")),
        (
            json!({ "State": state, "Code": "a", "InstanceId": "elsewhere" }),
            (400, "InvalidParameterException"),
        ),
    ] {
        assert_eq!(update(&site, body.clone()).await.error(), error, "{body}");
    }
    // It is over with the chat.
    agent.disconnect().await;
    socket.until_event("chat.ended").await;
    let late = update(&site, json!({ "State": state, "Code": "a" })).await;
    assert_eq!(late.error(), (409, "ConflictException"));
    let cancelled = customer.call("cancel-authentication", &body).await;
    assert_eq!(cancelled.error(), (403, "AccessDeniedException"));
    assert_eq!(url(&customer, &session).await.error(), (403, "AccessDeniedException"));
    let ended = ask(&site, &customer.contact, json!({})).await;
    assert_eq!(ended.error(), (400, "InvalidRequestException"));
}

#[tokio::test]
async fn how_long_a_customer_may_take_is_bounded() {
    let site = Site::demo().await;
    for (minutes, holds) in [(2, false), (3, true), (15, true), (16, false)] {
        let (customer, mut socket) = customer(&site).await;
        let body = json!({ "timeoutInMinutes": minutes });
        let answer = ask(&site, &customer.contact, body).await;
        if holds {
            answer.ok();
            socket.until_event("authentication.initiated").await;
            site.clock.advance(minutes * 60_000);
            socket.until_event("authentication.timeout").await;
        } else {
            assert_eq!(answer.error(), (400, "InvalidParameterException"));
        }
    }
    let waiting = site.start_chat("Jane").await;
    let early = ask(&site, &waiting.contact, json!({})).await;
    assert_eq!(early.error(), (400, "InvalidRequestException"));
    assert_eq!(ask(&site, "nobody", json!({})).await.error(), (404, "ResourceNotFoundException"));
}

#[tokio::test]
async fn without_a_provider_nobody_is_asked() {
    let config = || {
        let mut config = Config::default();
        config.keys.access = Config::demo().keys.access;
        config
    };
    let site = Site::start(config()).await;
    let contact =
        text(&site.signed("PUT", "/contact/chat", &start_request("Jane")).await.ok()["ContactId"]);
    let refused = ask(&site, &contact, json!({})).await;
    assert_eq!(refused.error(), (400, "InvalidRequestException"));
    assert_eq!(site.get("/v1/demo-provider/keys").await.status, 404);

    // One that does not answer is a failure of ours, and the session stays good.
    let mut config = config();
    config.set("sign_in.issuer", "http://127.0.0.1:9/", "test").unwrap();
    config.set("sign_in.client_id", "client", "test").unwrap();
    let site = Site::start(config).await;
    let (customer, mut socket) = customer(&site).await;
    let session = asked(&site, &customer, &mut socket).await;
    for _ in 0..2 {
        assert_eq!(url(&customer, &session).await.error(), (500, "InternalServerException"));
    }
    let body = json!({ "SessionId": session });
    customer.call("cancel-authentication", &body).await.ok();
}

#[tokio::test]
async fn the_demos_provider_sends_nobody_elsewhere() {
    let site = Site::demo().await;
    let path = |redirect: &str, more: &str| {
        format!(
            "/v1/demo-provider/authorize?response_type=code&client_id=chatloom-demo&state=s&nonce=n\
             &code_challenge=c&code_challenge_method=S256&redirect_uri={redirect}{more}"
        )
    };
    assert_eq!(site.get(&path("http://localhost/", "")).await.status, 302);
    for redirect in ["https://evil.example/", "javascript:alert(1)", "//evil.example", "x"] {
        assert_eq!(site.get(&path(redirect, "")).await.status, 400, "{redirect}");
    }
    let stranger = path("http://localhost/", "").replace("chatloom-demo", "other");
    assert_eq!(site.get(&stranger).await.status, 400);
    let configuration = site.get("/v1/demo-provider/.well-known/openid-configuration").await.ok();
    assert_eq!(configuration["issuer"], format!("http://{}/v1/demo-provider", site.address));
    eventually("its keys", || async {
        let keys = site.get("/v1/demo-provider/keys").await.ok();
        (keys["keys"][0]["kty"] == "EC" && keys["keys"][0].get("d").is_none()).then_some(())
    })
    .await;
}
