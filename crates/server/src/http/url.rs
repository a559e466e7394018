//! What clients reach this server by.

use std::net::IpAddr;

use http::{HeaderMap, Uri, header, uri::Authority};

/// Scheme, host and path prefix that clients reach this server by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicBase {
    secure: bool,
    host: String,
    prefix: String,
}

impl PublicBase {
    /// From the configured URL, such as `https://chat.example.org` or `https://example.org/chat`.
    pub(crate) fn from_config(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let secure = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = uri.authority().filter(|authority| plain(authority))?;
        if uri.query().is_some() {
            return None;
        }
        Some(Self {
            secure,
            host: authority.to_string(),
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// From a request's Host header; from the forwarding headers when a trusted proxy sent it. `None`
    /// when there is no usable host.
    pub(crate) fn from_request(
        headers: &HeaderMap,
        is_secure: bool,
        trusted_proxy: bool,
    ) -> Option<Self> {
        let forwarded = |name: &str| {
            // The first value is the one that the outermost proxy saw.
            let value = headers.get(name).filter(|_| trusted_proxy)?.to_str().ok()?;
            value.split(',').next().map(str::trim).filter(|value| !value.is_empty())
        };
        let secure = match forwarded("x-forwarded-proto") {
            None => is_secure,
            Some("http" | "ws") => false,
            Some("https" | "wss") => true,
            Some(_) => return None,
        };
        let host = match forwarded("x-forwarded-host") {
            Some(host) => host,
            None => headers.get(header::HOST)?.to_str().ok()?,
        };
        let authority: Authority = host.parse().ok().filter(plain)?;
        Some(Self { secure, host: authority.to_string(), prefix: String::new() })
    }

    /// The URL of a file.
    pub(crate) fn file_url(&self, token: &str) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}{}/v1/files/{token}", self.host, self.prefix)
    }

    /// The URL of a socket. ChatJS takes only `wss:` and `ws://127.0.0.1:<port>`
    /// (docs/protocol/websocket.md §1.1), so loopback is written like that.
    pub(crate) fn socket_url(&self, token: &str) -> String {
        let (scheme, host) = if self.secure {
            ("wss", self.host.clone())
        } else {
            let (name, port) = split_port(&self.host);
            let name = if name.eq_ignore_ascii_case("localhost") { "127.0.0.1" } else { name };
            let port = port.or((name == "127.0.0.1").then_some("80"));
            ("ws", port.map_or_else(|| name.to_owned(), |port| format!("{name}:{port}")))
        };
        format!("{scheme}://{host}{}/socket?token={token}", self.prefix)
    }
}

/// A host and perhaps a port, without user or password, of a length that leaves room for the rest of
/// a socket URL.
fn plain(authority: &Authority) -> bool {
    !authority.as_str().contains('@')
        && authority.as_str().len() <= 260
        && !authority.host().is_empty()
}

fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            (name, Some(port).filter(|port| !port.is_empty()))
        }
        _ => (host, None),
    }
}

/// Whether a host (perhaps with a port) means this machine by name, whatever a resolver says.
pub(crate) fn is_loopback_host(host: &str) -> bool {
    let (name, _) = split_port(host);
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether an origin is a page of this machine.
pub(crate) fn is_loopback_origin(origin: &str) -> bool {
    let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    host.is_some_and(is_loopback_host)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn the_configured_url_is_kept() {
        for (config, url) in [
            ("https://chat.example.org", "wss://chat.example.org/socket?token=t"),
            ("https://example.org:8443/chat/", "wss://example.org:8443/chat/socket?token=t"),
            ("http://localhost:8090", "ws://127.0.0.1:8090/socket?token=t"),
            ("http://LOCALHOST", "ws://127.0.0.1:80/socket?token=t"),
            ("http://[::1]:8090", "ws://[::1]:8090/socket?token=t"),
        ] {
            assert_eq!(PublicBase::from_config(config).unwrap().socket_url("t"), url);
        }
        for config in
            ["", "chat.example.org", "ftp://a", "https://", "https://a?b=c", "https://u:p@a/"]
        {
            assert_eq!(PublicBase::from_config(config), None, "{config}");
        }
    }

    #[test]
    fn forwarding_headers_count_only_from_proxies() {
        let headers = headers(&[
            ("host", "10.0.0.7:8090"),
            ("x-forwarded-host", "chat.example.org, inner"),
            ("x-forwarded-proto", "https"),
        ]);
        let url =
            |trusted| PublicBase::from_request(&headers, false, trusted).unwrap().socket_url("t");
        assert_eq!(url(false), "ws://10.0.0.7:8090/socket?token=t");
        assert_eq!(url(true), "wss://chat.example.org/socket?token=t");
    }

    #[test]
    fn hosts_that_are_none_are_refused() {
        assert_eq!(PublicBase::from_request(&HeaderMap::new(), false, false), None);
        for host in ["", "a b", "user@evil.example", "a/b", "\u{e9}"] {
            let Ok(value) = HeaderValue::from_bytes(host.as_bytes()) else { continue };
            let headers = HeaderMap::from_iter([(header::HOST, value)]);
            assert_eq!(PublicBase::from_request(&headers, false, false), None, "{host}");
        }
    }

    #[test]
    fn loopback_is_a_name_or_an_address() {
        for origin in ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:8090"] {
            assert!(is_loopback_origin(origin), "{origin}");
        }
        for origin in [
            "null",
            "http://localhost.example",
            "http://127.0.0.1.nip.io",
            "file://localhost",
            "http://0x7f.1",
        ] {
            assert!(!is_loopback_origin(origin), "{origin}");
        }
    }
}
