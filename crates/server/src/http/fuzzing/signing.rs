//! A fuzz target for signatures of requests.

use chatloom_wire::Timestamp;
use hmac::{Hmac, Mac};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use sha2::{Digest, Sha256};

use super::{
    super::sigv4::{Signed, verify},
    headers,
};
use crate::{config::AccessKey, fuzzing::line};

const REGION: &str = "us-east-1";
const KEY: &str = "chatloom";
const SECRET: &str = "known to the two of them alone";
const STAMP: &str = "20260131T120000Z";

/// A request that nobody signed is refused. One that is signed by a derivation of its own is taken; it
/// is refused with a byte of it changed, unless the change is one that signatures do not see; and it
/// is refused later, elsewhere and under another key. The input is how it is changed, method and
/// target, a line each, headers up to an empty line, and the body.
pub fn sigv4(data: &[u8]) {
    let Some((change, rest)) = line(data) else { return };
    let Some(mut request) = Request::read(rest) else { return };
    assert!(request.verify().is_err(), "nobody signed this");
    for name in ["authorization", "x-amz-content-sha256", "x-amz-date"] {
        request.headers.remove(name);
    }
    request.headers.insert("x-amz-date", HeaderValue::from_static(STAMP));
    let Some((canonical, signature)) = request.sign() else { return };
    assert!(request.verify().is_err(), "the signature is not there");
    request.headers.insert("authorization", signature.clone());
    assert_eq!(request.verify(), Ok(()), "{canonical:?}");

    for minutes in [-16, 16] {
        let verified = request.verify_with(now().plus_millis(minutes * 60_000), REGION, KEY);
        assert!(verified.is_err(), "{minutes} minutes away");
    }
    assert!(request.verify_with(now(), "eu-west-2", KEY).is_err(), "in another region");
    assert!(request.verify_with(now(), REGION, "other").is_err(), "with another key");
    let mut more = request.headers.clone();
    if more.insert("x-amz-more", HeaderValue::from_static("1")).is_none() {
        assert!(request.with_headers(more).verify().is_err(), "an unsigned x-amz- header");
    }
    let mut twice = request.headers.clone();
    twice.append("authorization", signature);
    assert!(request.with_headers(twice).verify().is_err(), "two signatures");

    if let Some(changed) = request.changed(change.as_bytes()) {
        let is_seen = changed.canonical().is_none_or(|changed| changed != canonical);
        assert_eq!(changed.verify().is_err(), is_seen, "{canonical:?}");
    }
}

fn now() -> Timestamp {
    Timestamp::parse("2026-01-31T12:00:00Z").expect("a time")
}

struct Request {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Request {
    fn read(data: &[u8]) -> Option<Self> {
        let (first, rest) = line(data)?;
        let (method, target) = first.split_once(' ')?;
        let (headers, body) = headers(rest)?;
        Some(Self {
            method: Method::from_bytes(method.as_bytes()).ok()?,
            uri: target.parse().ok()?,
            headers,
            body: body.to_owned(),
        })
    }

    fn verify(&self) -> Result<(), String> {
        self.verify_with(now(), REGION, KEY)
    }

    fn verify_with(&self, now: Timestamp, region: &str, key: &str) -> Result<(), String> {
        let keys = [
            AccessKey { id: "second".to_owned(), secret: SECRET.into() },
            AccessKey { id: key.to_owned(), secret: SECRET.into() },
        ];
        let Self { method, uri, headers, body } = self;
        match verify(&Signed { method, uri, headers, body }, &keys, region, now) {
            Ok(signer) if signer == key => Ok(()),
            Ok(other) => Err(format!("signed by {other}")),
            Err(error) => Err(error.message),
        }
    }

    fn with_headers(&self, headers: HeaderMap) -> Self {
        let (method, uri, body) = (self.method.clone(), self.uri.clone(), self.body.clone());
        Self { method, uri, headers, body }
    }

    /// The headers that are signed: those that must be, and those that SDKs sign besides.
    fn signed_names(&self) -> Vec<&str> {
        let names = self.headers.keys().map(HeaderName::as_str);
        let is_signed = |name: &&str| {
            name.starts_with("x-amz-") || matches!(*name, "host" | "content-type" | "x-more")
        };
        let mut names: Vec<&str> = names.filter(is_signed).collect();
        names.sort_unstable();
        names
    }

    /// The canonical form of what is signed, and the header that signs it. `None` if it has no host, or
    /// a header that is not ASCII.
    fn sign(&self) -> Option<(String, HeaderValue)> {
        self.headers.get("host")?;
        let canonical = self.canonical()?;
        let day = &STAMP[..8];
        let scope = format!("{day}/{REGION}/connect/aws4_request");
        let hash = lower_hex(&Sha256::digest(&canonical));
        let to_sign = format!("AWS4-HMAC-SHA256\n{STAMP}\n{scope}\n{hash}");
        let steps = [day, REGION, "connect", "aws4_request", &to_sign];
        let signature = steps.iter().fold(format!("AWS4{SECRET}").into_bytes(), |key, step| {
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length will do");
            mac.update(step.as_bytes());
            mac.finalize().into_bytes().to_vec()
        });
        let header = format!(
            "AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders={}, Signature={}",
            self.signed_names().join(";"),
            lower_hex(&signature)
        );
        Some((canonical, HeaderValue::from_str(&header).ok()?))
    }

    /// The canonical request, as the documentation of Signature Version 4 tells it.
    fn canonical(&self) -> Option<String> {
        let mut path: Vec<String> = Vec::new();
        for part in self.uri.path().split('/') {
            if part == ".." {
                path.pop();
            } else if part != "." && !part.is_empty() {
                path.push(escaped(part.as_bytes()));
            }
        }
        let ends = self.uri.path().ends_with('/') && !path.is_empty();
        let path = format!("/{}{}", path.join("/"), if ends { "/" } else { "" });
        let mut query = Vec::new();
        for pair in self.uri.query().unwrap_or_default().split('&').filter(|it| !it.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            query.push((escaped(&unescaped(name)), escaped(&unescaped(value))));
        }
        query.sort();
        let query: Vec<_> =
            query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let names = self.signed_names();
        let mut lines = vec![self.method.to_string(), path, query.join("&")];
        for name in &names {
            let mut values = Vec::new();
            for value in self.headers.get_all(*name) {
                let words = value.to_str().ok()?.split([' ', '\t']).filter(|word| !word.is_empty());
                values.push(words.collect::<Vec<_>>().join(" "));
            }
            lines.push(format!("{name}:{}", values.join(",")));
        }
        lines.extend([String::new(), names.join(";"), lower_hex(&Sha256::digest(&self.body))]);
        Some(lines.join("\n"))
    }

    /// With one byte changed, somewhere in what is signed, if a request can be like that.
    fn changed(&self, how: &[u8]) -> Option<Self> {
        let [what, at, by, ..] = *how else { return None };
        let change = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            let at = usize::from(at) % bytes.len().max(1);
            *bytes.get_mut(at)? ^= by.max(1);
            Some(bytes)
        };
        let mut changed = self.with_headers(self.headers.clone());
        match what % 4 {
            0 => {
                changed.method =
                    Method::from_bytes(&change(self.method.as_str().as_bytes())?).ok()?;
            }
            1 => {
                let target = self.uri.path_and_query()?.as_str();
                changed.uri = Uri::try_from(change(target.as_bytes())?).ok()?;
            }
            2 => changed.body = change(&self.body)?,
            _ => {
                let names = self.signed_names();
                let name = *names.get(usize::from(what) / 4 % names.len())?;
                let value = change(self.headers.get(name)?.as_bytes())?;
                let value = HeaderValue::from_bytes(&value).ok()?;
                let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
                changed.headers.insert(name, value);
            }
        }
        Some(changed)
    }
}

/// Percent-encoded, but for what RFC 3986 calls unreserved.
fn escaped(bytes: &[u8]) -> String {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let escape = |byte: &u8| match *byte {
        byte if is_unreserved(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    bytes.iter().map(escape).collect()
}

/// Percent-decoded, where it is encoded.
fn unescaped(text: &str) -> Vec<u8> {
    let mut parts = text.as_bytes().split(|byte| *byte == b'%');
    let mut bytes = parts.next().unwrap_or_default().to_vec();
    for part in parts {
        let digit = |at: usize| part.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        if let (Some(high), Some(low)) = (digit(0), digit(1)) {
            bytes.push(u8::try_from(high * 16 + low).expect("two digits"));
            bytes.extend_from_slice(&part[2..]);
        } else {
            bytes.push(b'%');
            bytes.extend_from_slice(part);
        }
    }
    bytes
}

fn lower_hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}
