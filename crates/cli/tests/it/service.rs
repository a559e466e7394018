//! The service by plain HTTP, so that every request and every repeat is the test's own.

use chatloom::{ChatDetails, ContactId};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

/// A fresh HTTP client, without connections of the past.
pub(crate) fn http() -> Client {
    // No request here is encrypted, but reqwest asks for a provider all the same. Only the first of
    // several calls sets it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build().unwrap()
}

/// A participant of a chat.
#[derive(Clone)]
pub(crate) struct Seat {
    pub(crate) details: ChatDetails,
    /// The connection token.
    token: String,
}

/// A message as the service acknowledged it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) id: String,
    pub(crate) time: String,
}

/// A chat that an agent has taken: the customer and the agent.
pub(crate) async fn chat_with_agent(http: &Client, url: &str, customer: &str) -> (Seat, Seat) {
    let started = post(
        http,
        url,
        "/start-chat",
        None,
        &json!({
            "ParticipantDetails": { "DisplayName": customer },
        }),
    )
    .await
    .unwrap();
    let started = &started["data"]["startChatResult"];
    let details = |from: &Value, contact: &str, participant: &str, token: &str| {
        let text = |name: &str| from[name].as_str().unwrap().to_owned();
        ChatDetails::new(text(contact), text(participant), text(token))
    };
    let details_of_customer = details(started, "ContactId", "ParticipantId", "ParticipantToken");
    let contact: ContactId = details_of_customer.contact_id.clone();
    let customer = Seat::take(http, url, details_of_customer).await;
    customer.send(http, url, "an agent, please", "handover").await.unwrap();

    let login = json!({ "user": "ana" });
    let agent = post(http, url, "/v1/agent/login", None, &login).await.unwrap();
    let accept = json!({ "contactId": contact });
    let bearer = format!("Bearer {}", agent["token"].as_str().unwrap());
    let accepted =
        post(http, url, "/v1/agent/accept", Some(("authorization", &bearer)), &accept).await;
    let agent = details(&accepted.unwrap(), "contactId", "participantId", "participantToken");
    (customer, Seat::take(http, url, agent).await)
}

impl Seat {
    async fn take(http: &Client, url: &str, details: ChatDetails) -> Self {
        let request = json!({ "Type": ["CONNECTION_CREDENTIALS"], "ConnectParticipant": true });
        let bearer = Some(("x-amz-bearer", details.participant_token.expose()));
        let answer = post(http, url, "/participant/connection", bearer, &request).await.unwrap();
        let token = answer["ConnectionCredentials"]["ConnectionToken"].as_str().unwrap();
        Self { details, token: token.to_owned() }
    }

    /// Sends a message; `None` when no answer came.
    pub(crate) async fn send(
        &self,
        http: &Client,
        url: &str,
        content: &str,
        client_token: &str,
    ) -> Option<Sent> {
        let request = json!({
            "ContentType": "text/plain", "Content": content, "ClientToken": client_token,
        });
        let answer = self.post(http, url, "/participant/message", &request).await?;
        Some(Sent {
            id: answer["Id"].as_str().unwrap().to_owned(),
            time: answer["AbsoluteTime"].as_str().unwrap().to_owned(),
        })
    }

    /// The newest items, the newest first.
    pub(crate) async fn newest(&self, http: &Client, url: &str) -> Vec<Value> {
        let request = json!({ "MaxResults": 100, "SortOrder": "DESCENDING" });
        let page = self.post(http, url, "/participant/transcript", &request).await.unwrap();
        page["Transcript"].as_array().unwrap().clone()
    }

    /// The whole transcript, the oldest first.
    pub(crate) async fn transcript(&self, http: &Client, url: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut request = json!({ "MaxResults": 100, "SortOrder": "DESCENDING" });
        loop {
            let page = self.post(http, url, "/participant/transcript", &request).await.unwrap();
            items.extend(page["Transcript"].as_array().unwrap().iter().cloned());
            match page.get("NextToken") {
                Some(token) => request["NextToken"] = token.clone(),
                None => break,
            }
        }
        items.reverse();
        items
    }

    /// The answer to a call, whatever it is: status and body.
    pub(crate) async fn call(
        &self,
        http: &Client,
        url: &str,
        path: &str,
        body: &Value,
    ) -> (u16, Value) {
        let request = http.post(format!("{url}{path}")).json(body);
        let answer = request.header("x-amz-bearer", &self.token).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn post(&self, http: &Client, url: &str, path: &str, body: &Value) -> Option<Value> {
        post(http, url, path, Some(("x-amz-bearer", &self.token)), body).await
    }
}

/// The answer, which is good; `None` when there was none.
async fn post(
    http: &Client,
    url: &str,
    path: &str,
    header: Option<(&str, &str)>,
    body: &Value,
) -> Option<Value> {
    let mut request = http.post(format!("{url}{path}")).json(body);
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    let answer = request.send().await.ok()?;
    let status = answer.status();
    let text = answer.text().await.ok()?;
    assert_eq!(status, StatusCode::OK, "{path}: {text}");
    // The body may have been cut off with the server; then it is no answer.
    serde_json::from_str(&text).ok()
}
