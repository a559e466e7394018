//! Which pages of other origins may call (docs/protocol/participant-service.md §1.5).

use http::{HeaderMap, HeaderValue, header};

use super::url::is_loopback_origin;
use crate::config::Config;

/// What pages may send. The AWS SDK and ChatJS send no others.
const REQUEST_HEADERS: &str = "authorization, content-type, x-amz-bearer, x-amz-content-sha256, \
    x-amz-date, x-amz-security-token, x-amz-user-agent, amz-sdk-invocation-id, amz-sdk-request";
/// What pages may read besides the answer itself.
const RESPONSE_HEADERS: &str = "x-amzn-ErrorType, x-amzn-RequestId, Date, Retry-After, ETag, \
    Accept-Ranges, Content-Disposition, Content-Length, Content-Range";
const METHODS: &str = "GET, POST, PUT, OPTIONS";
/// What may be done with the URL of a file.
const FILE_METHODS: &str = "GET, HEAD, PUT, OPTIONS";
/// The longest list of headers that a preflight is told is allowed, in characters.
const MOST_HEADERS: usize = 1_000;
/// How long a browser may keep the answer to a preflight, in seconds: the most that browsers do.
const MAX_AGE: &str = "7200";

/// The origins that may call.
pub(crate) struct Cors {
    loopback: bool,
    any: bool,
    origins: Vec<String>,
    start_chat: Vec<String>,
}

impl Cors {
    pub(crate) fn new(config: &Config) -> Self {
        // A page that starts chats takes part in them.
        let origins = config.cors.origins.iter().chain(&config.start_chat.origins);
        Self {
            loopback: config.demo,
            any: config.cors.origins.iter().any(|origin| origin == "*"),
            origins: origins.map(|origin| origin.to_ascii_lowercase()).collect(),
            start_chat: config.start_chat.origins.iter().map(|o| o.to_ascii_lowercase()).collect(),
        }
    }

    /// Whether a page of this origin may call.
    fn allows(&self, origin: &str) -> bool {
        self.any
            || (self.loopback && is_loopback_origin(origin))
            || self.origins.iter().any(|allowed| *allowed == origin.to_ascii_lowercase())
    }

    /// Whether a page of this origin may start chats. In a demo, a program without an origin may too.
    pub(crate) fn may_start_chats(&self, origin: Option<&HeaderValue>) -> bool {
        match origin.map(HeaderValue::to_str) {
            None => self.loopback,
            Some(Err(_)) => false,
            Some(Ok(origin)) => {
                (self.loopback && is_loopback_origin(origin))
                    || self.start_chat.iter().any(|allowed| *allowed == origin.to_ascii_lowercase())
            }
        }
    }

    /// Adds what lets the page at `origin` read an answer, if it may.
    pub(crate) fn decorate(&self, origin: Option<&HeaderValue>, answer: &mut HeaderMap) {
        // A cache must not give one origin's answer to another.
        answer.append(header::VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = origin else { return };
        if origin.to_str().is_ok_and(|text| self.allows(text)) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            answer.insert(
                header::ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static(RESPONSE_HEADERS),
            );
        }
    }

    /// Adds what a preflight of a file's URL asks for: all headers are allowed, as the storage of
    /// Amazon Connect has to allow them (docs/protocol/participant-service.md §8).
    pub(crate) fn preflight_of_file(request: &HeaderMap, answer: &mut HeaderMap) {
        Self::preflight(answer);
        answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(FILE_METHODS));
        let asked = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS).filter(|asked| {
            let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_, ".contains(byte);
            asked.len() <= MOST_HEADERS && asked.as_bytes().iter().all(is_name)
        });
        if let Some(asked) = asked {
            answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        }
    }

    /// Adds what a preflight asks for.
    pub(crate) fn preflight(answer: &mut HeaderMap) {
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS),
            (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
        ] {
            answer.insert(name, HeaderValue::from_static(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(config: &Config, origin: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        let origin = HeaderValue::from_static(origin);
        Cors::new(config).decorate(Some(&origin), &mut headers);
        let allowed = headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        assert!(allowed.is_none_or(|value| value == origin));
        assert_eq!(headers[header::VARY], "Origin");
        allowed.is_some()
    }

    #[test]
    fn only_configured_origins_are_allowed() {
        let mut config = Config::default();
        assert!(!allowed(&config, "http://localhost:3000"));
        config.cors.origins = vec!["https://Www.example.org".to_owned()];
        config.start_chat.origins = vec!["https://shop.example.org".to_owned()];
        assert!(allowed(&config, "https://www.example.org"));
        assert!(allowed(&config, "https://shop.example.org"));
        assert!(!allowed(&config, "https://www.example.org.evil.example"));
        assert!(!allowed(&config, "null"));
        let cors = Cors::new(&config);
        assert!(!cors.may_start_chats(Some(&HeaderValue::from_static("https://www.example.org"))));
        assert!(cors.may_start_chats(Some(&HeaderValue::from_static("https://shop.example.org"))));
        assert!(!cors.may_start_chats(None));
        config.cors.origins = vec!["*".to_owned()];
        assert!(allowed(&config, "https://anything.example"));
    }

    #[test]
    fn a_demo_allows_pages_of_this_machine() {
        let config = Config::demo();
        assert!(allowed(&config, "http://localhost:3000"));
        assert!(!allowed(&config, "https://evil.example"));
    }
}
