//! HTTP for the core: one request in, one answer or a text for people out.

use std::time::Duration;

use chatloom_session::{HttpAnswer, HttpRequest};
use chatloom_wire::ServiceError;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use serde::de::DeserializeOwned;

use crate::error::Error;

/// The largest answer that is read. A page of 100 items of the largest content, all of it escaped
/// twice, stays below.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// The settings that all requests share.
pub(crate) fn client(
    tls: rustls::ClientConfig,
    user_agent: &str,
    connect_timeout: Duration,
) -> reqwest::Result<reqwest::Client> {
    let mut tls = tls;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(user_agent)
        .connect_timeout(connect_timeout)
        // A redirect would carry the token to whoever the answer names.
        .redirect(reqwest::redirect::Policy::none())
        // Retrying is the core's decision.
        .retry(reqwest::retry::never())
        .build()
}

/// How long a call outside of the core may take: its back end may have to call others.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Makes a call that is no business of the core, once: JSON in, JSON out. Any status but 200 is an
/// error of the service.
pub(crate) async fn call<T: DeserializeOwned>(
    request: reqwest::RequestBuilder,
    expected: &'static str,
) -> Result<T, Error> {
    let exchange = async { read(request.send().await.map_err(why)?).await };
    let answer = tokio::time::timeout(CALL_TIMEOUT, exchange)
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {} s", CALL_TIMEOUT.as_secs())))
        .map_err(|message| Error::Unreachable { message })?;
    if answer.status != 200 {
        let error = ServiceError::parse(answer.status, answer.error_type.as_deref(), &answer.body);
        return Err(Error::Service(error));
    }
    serde_json::from_str(&answer.body).map_err(|error| {
        // The position, not the text: that may hold a token.
        let (line, column) = (error.line(), error.column());
        Error::BadAnswer {
            message: format!("expected {expected}, which ends at line {line} column {column}"),
        }
    })
}

/// Makes a request of the core.
pub(crate) async fn perform(
    client: reqwest::Client,
    request: HttpRequest,
) -> Result<HttpAnswer, String> {
    let timeout = Duration::from_millis(request.timeout_ms);
    tokio::time::timeout(timeout, exchange(client, request))
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {} ms", timeout.as_millis())))
}

async fn exchange(client: reqwest::Client, request: HttpRequest) -> Result<HttpAnswer, String> {
    let method = match request.method {
        "GET" => reqwest::Method::GET,
        "PUT" => reqwest::Method::PUT,
        _ => reqwest::Method::POST,
    };
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| format!("the value of header {name} is not visible ASCII"))?;
        // Libraries below print headers at their finest log levels; not these.
        value.set_sensitive(true);
        headers.insert(*name, value);
    }
    let mut builder = client.request(method, &request.url).headers(headers);
    if !request.body.is_empty() {
        builder = builder.header(CONTENT_TYPE, "application/json").body(request.body);
    }
    let response = builder.send().await.map_err(why)?;
    read(response).await
}

/// Reads an answer, whatever its status, up to a bound.
pub(crate) async fn read(mut response: reqwest::Response) -> Result<HttpAnswer, String> {
    let text = |name: &str| {
        response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let mut answer = HttpAnswer {
        status: response.status().as_u16(),
        error_type: text(chatloom_wire::error::ERROR_TYPE_HEADER),
        request_id: text("x-amzn-requestid"),
        retry_after_ms: response.headers().get(RETRY_AFTER).and_then(retry_after_ms),
        body: String::new(),
    };
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(why)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(format!("the answer is larger than {MAX_ANSWER_BYTES} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    answer.body = String::from_utf8(body).map_err(|_| "the answer is not UTF-8".to_owned())?;
    Ok(answer)
}

/// Seconds only: a date would depend on two clocks agreeing, and without the header the core backs
/// off by itself. At most a day, so that no number can overflow.
fn retry_after_ms(value: &HeaderValue) -> Option<u64> {
    let seconds: u64 = value.to_str().ok()?.trim().parse().ok()?;
    Some(seconds.min(86_400) * 1000)
}

/// Why a request failed: what was being done, and the cause at the bottom of it. The layers between
/// add words and no news; the URL is left out.
pub(crate) fn why(error: reqwest::Error) -> String {
    let error = error.without_url();
    let doing = if error.is_connect() {
        "cannot connect"
    } else if error.is_timeout() {
        "no answer in time"
    } else {
        "the connection broke"
    };
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    format!("{doing}: {cause}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_within_a_day() {
        for (text, expected) in [
            ("0", Some(0)),
            (" 7 ", Some(7_000)),
            ("999999999999", Some(86_400_000)),
            ("-1", None),
            ("1.5", None),
            ("Fri, 31 Dec 1999 23:59:59 GMT", None),
        ] {
            assert_eq!(retry_after_ms(&HeaderValue::from_static(text)), expected, "{text}");
        }
    }
}
