//! Verification of AWS Signature Version 4, by which back ends sign control-plane requests
//! (docs/protocol/participant-service.md §10).
//!
//! A request is good when its `Authorization` header names a known key, this server's region, the
//! service `connect` and the day of its time stamp; when the time stamp is within 5 minutes of now;
//! when `host` and every `x-amz-*` header are signed; when the body has the hash that was signed; and
//! when the signature is the one that the key's secret gives. Pre-signed URLs and unsigned bodies are
//! refused: no Connect client makes them. A request may be sent again as long as its time stamp is good,
//! as at Amazon: two that are alike within a second have one signature, so a repeat cannot be told from
//! a second request. `ClientToken` makes a repeat harmless.

use std::fmt::Write as _;

use chatloom_wire::{ErrorKind, ServiceError, Timestamp};
use hmac::{Hmac, Mac};
use http::{HeaderMap, HeaderName, Method, Uri};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::config::{AccessKey, Secret};

/// How far a request's time stamp may be from now, in milliseconds; as at Amazon.
const MAX_SKEW_MS: i64 = 5 * 60 * 1000;
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "connect";

/// The parts of a request that are signed.
pub(crate) struct Signed<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

/// Verifies a request, and answers the id of the key that signed it.
pub(crate) fn verify<'k>(
    request: &Signed<'_>,
    keys: &'k [AccessKey],
    region: &str,
    now: Timestamp,
) -> Result<&'k str, ServiceError> {
    let header = single(request.headers, "authorization")?.ok_or_else(|| {
        ServiceError::new(
            ErrorKind::MissingAuthenticationToken,
            "Missing Authentication Token: sign the request with Signature Version 4",
        )
    })?;
    let authorization = Authorization::parse(header)?;

    let Some(key) = keys.iter().find(|key| key.id == authorization.key_id) else {
        return Err(ServiceError::new(
            ErrorKind::UnrecognizedClient,
            "The access key id in the request is not known here",
        ));
    };
    if authorization.service != SERVICE || authorization.region != region {
        return Err(invalid(format!(
            "Credential should be scoped to the region '{region}' and the service '{SERVICE}'"
        )));
    }

    let stamp = single(request.headers, "x-amz-date")?
        .ok_or_else(|| incomplete("the header X-Amz-Date is missing"))?;
    let time = parse_stamp(stamp)
        .ok_or_else(|| incomplete("X-Amz-Date is no time such as 20260131T120000Z"))?;
    if !stamp.starts_with(authorization.date) {
        return Err(invalid("the date in Credential is not the day of X-Amz-Date".to_owned()));
    }
    // In the words of Amazon, by which people look for what is wrong.
    let (earliest, latest) = (now.plus_millis(-MAX_SKEW_MS), now.plus_millis(MAX_SKEW_MS));
    if time < earliest {
        let (earliest, now) = (to_stamp(earliest), to_stamp(now));
        return Err(invalid(format!(
            "Signature expired: {stamp} is now earlier than {earliest} ({now} - 5 min.)"
        )));
    }
    if time > latest {
        let (latest, now) = (to_stamp(latest), to_stamp(now));
        return Err(invalid(format!(
            "Signature not yet current: {stamp} is still later than {latest} ({now} + 5 min.)"
        )));
    }

    check_signed_headers(request.headers, authorization.signed_headers)?;
    let body_hash = hex(&Sha256::digest(request.body));
    if let Some(claimed) = single(request.headers, "x-amz-content-sha256")?
        && claimed != body_hash
    {
        return Err(invalid("X-Amz-Content-Sha256 is not the hash of the body".to_owned()));
    }

    let canonical = canonical_request(request, authorization.signed_headers, &body_hash)?;
    let scope = format!("{}/{region}/{SERVICE}/aws4_request", authorization.date);
    let to_sign =
        format!("{ALGORITHM}\n{stamp}\n{scope}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
    let expected = sign(&key.secret, authorization.date, region, SERVICE, &to_sign);
    if bool::from(expected.as_bytes().ct_eq(authorization.signature.as_bytes())) {
        Ok(&key.id)
    } else {
        Err(invalid(
            "The request signature we calculated does not match the signature you provided. Check \
             your secret access key and signing method"
                .to_owned(),
        ))
    }
}

/// What an `Authorization` header says.
struct Authorization<'a> {
    key_id: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn parse(header: &'a str) -> Result<Self, ServiceError> {
        let rest = header
            .strip_prefix(ALGORITHM)
            .ok_or_else(|| incomplete("Authorization must begin with AWS4-HMAC-SHA256"))?;
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for part in rest.split(',') {
            let slot = match part.trim().split_once('=') {
                Some(("Credential", value)) => credential.replace(value),
                Some(("SignedHeaders", value)) => signed_headers.replace(value),
                Some(("Signature", value)) => signature.replace(value),
                _ => return Err(incomplete("Authorization has an unknown part")),
            };
            if slot.is_some() {
                return Err(incomplete("Authorization has a part twice"));
            }
        }
        let credential =
            credential.ok_or_else(|| incomplete("Authorization requires 'Credential'"))?;
        let mut scope = credential.split('/');
        let mut next = || {
            scope.next().filter(|part| !part.is_empty()).ok_or_else(|| {
                incomplete("Credential must be '<key>/<date>/<region>/connect/aws4_request'")
            })
        };
        let (key_id, date, region, service, end) = (next()?, next()?, next()?, next()?, next()?);
        if end != "aws4_request" || scope.next().is_some() {
            return Err(incomplete("Credential must end with '/aws4_request'"));
        }
        Ok(Self {
            key_id,
            date,
            region,
            service,
            signed_headers: signed_headers
                .ok_or_else(|| incomplete("Authorization requires 'SignedHeaders'"))?,
            signature: signature.ok_or_else(|| incomplete("Authorization requires 'Signature'"))?,
        })
    }
}

/// `host` and all `x-amz-*` headers must be signed; the list must be sorted, lower case, no repeats.
fn check_signed_headers(headers: &HeaderMap, signed: &str) -> Result<(), ServiceError> {
    let names: Vec<&str> = signed.split(';').collect();
    if !names.is_sorted_by(|a, b| a < b) {
        return Err(invalid("SignedHeaders must be sorted and without repeats".to_owned()));
    }
    let is_signed = |name: &str| names.binary_search(&name).is_ok();
    if !is_signed("host") {
        return Err(invalid("'Host' must be a signed header".to_owned()));
    }
    match headers
        .keys()
        .find(|name| name.as_str().starts_with("x-amz-") && !is_signed(name.as_str()))
    {
        Some(name) => Err(invalid(format!("'{name}' must be a signed header"))),
        None => Ok(()),
    }
}

fn canonical_request(
    request: &Signed<'_>,
    signed_headers: &str,
    body_hash: &str,
) -> Result<String, ServiceError> {
    let mut text = String::with_capacity(512);
    text.push_str(request.method.as_str());
    text.push('\n');
    canonical_path(&mut text, request.uri.path());
    text.push('\n');
    canonical_query(&mut text, request.uri.query().unwrap_or_default());
    text.push('\n');
    for name in signed_headers.split(';') {
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| invalid("SignedHeaders names an impossible header".to_owned()))?;
        if !request.headers.contains_key(&header) {
            return Err(invalid(format!("the signed header '{name}' is missing")));
        }
        text.push_str(name);
        text.push(':');
        for (index, value) in request.headers.get_all(&header).iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            let value = value
                .to_str()
                .map_err(|_| invalid(format!("the signed header '{name}' is not ASCII")))?;
            for (index, word) in value.split_ascii_whitespace().enumerate() {
                if index > 0 {
                    text.push(' ');
                }
                text.push_str(word);
            }
        }
        text.push('\n');
    }
    text.push('\n');
    text.push_str(signed_headers);
    text.push('\n');
    text.push_str(body_hash);
    Ok(text)
}

/// The path as it was sent, encoded once more: so sign all services but S3.
fn canonical_path(text: &mut String, path: &str) {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    for segment in &segments {
        text.push('/');
        encode(text, segment.as_bytes());
    }
    if segments.is_empty() || path.ends_with('/') {
        text.push('/');
    }
}

fn canonical_query(text: &mut String, query: &str) {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let again = |part: &str| {
                let mut encoded = String::with_capacity(part.len());
                encode(&mut encoded, &decode(part));
                encoded
            };
            (again(name), again(value))
        })
        .collect();
    pairs.sort();
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    }
}

/// Percent-encodes everything but letters, digits, `-`, `.`, `_` and `~`.
fn encode(text: &mut String, bytes: &[u8]) {
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").expect("a String takes everything");
        }
    }
}

/// Undoes percent-encoding; what is no valid escape stays as it is.
pub(crate) fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(escape.unwrap_or(bytes[at]));
        at += if escape.is_some() { 3 } else { 1 };
    }
    decoded
}

fn sign(secret: &Secret, date: &str, region: &str, service: &str, to_sign: &str) -> String {
    let mut key = hmac(format!("AWS4{}", secret.expose()).as_bytes(), date);
    for part in [region, service, "aws4_request"] {
        key = hmac(&key, part);
    }
    hex(&hmac(&key, to_sign))
}

fn hmac(key: &[u8], message: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}

/// `20260131T120000Z`
fn parse_stamp(stamp: &str) -> Option<Timestamp> {
    let shape = stamp.len() == 16
        && stamp.bytes().enumerate().all(|(at, byte)| match at {
            8 => byte == b'T',
            15 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
    if !shape {
        return None;
    }
    let (date, time) = (&stamp[..8], &stamp[9..15]);
    Timestamp::parse(&format!(
        "{}-{}-{}T{}:{}:{}Z",
        &date[..4],
        &date[4..6],
        &date[6..],
        &time[..2],
        &time[2..4],
        &time[4..]
    ))
    .ok()
}

/// A time as `X-Amz-Date` has it.
fn to_stamp(time: Timestamp) -> String {
    let text = time.to_string();
    let seconds = text.split_once('.').map_or(text.as_str(), |(seconds, _)| seconds);
    let mut stamp: String = seconds.chars().filter(|c| !"-:Z".contains(*c)).collect();
    stamp.push('Z');
    stamp
}

/// The one value of a header; none or several readable ones are told apart.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, ServiceError> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else { return Ok(None) };
    match (first.to_str(), values.next()) {
        (Ok(text), None) => Ok(Some(text)),
        _ => Err(incomplete(&format!("the header {name} must be there once, in ASCII"))),
    }
}

fn incomplete(message: &str) -> ServiceError {
    ServiceError::new(ErrorKind::IncompleteSignature, message)
}

fn invalid(message: String) -> ServiceError {
    ServiceError::new(ErrorKind::InvalidSignature, message)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    /// Requests that botocore 1.43 signed with the demo's key at 2026-01-31T12:00:00Z.
    const VECTORS: &str = include_str!("sigv4_vectors.json");

    #[derive(Clone, Deserialize)]
    struct Vector {
        name: String,
        method: String,
        target: String,
        headers: std::collections::BTreeMap<String, String>,
        body: String,
    }

    fn vectors() -> Vec<Vector> {
        serde_json::from_str(VECTORS).unwrap()
    }

    fn vector(name: &str) -> Vector {
        vectors().into_iter().find(|vector| vector.name == name).unwrap()
    }

    const NOW: &str = "2026-01-31T12:00:00Z";

    fn verify_at(vector: &Vector, now: &str) -> Result<String, ServiceError> {
        let keys = [
            AccessKey { id: "other".to_owned(), secret: "x".into() },
            AccessKey { id: "chatloom".to_owned(), secret: "chatloom-demo-secret".into() },
        ];
        let headers = vector
            .headers
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_bytes(name.as_bytes()).unwrap(),
                    HeaderValue::from_str(value).unwrap(),
                )
            })
            .collect();
        let request = Signed {
            method: &vector.method.parse().unwrap(),
            uri: &vector.target.parse().unwrap(),
            headers: &headers,
            body: vector.body.as_bytes(),
        };
        verify(&request, &keys, "us-west-2", Timestamp::parse(now).unwrap()).map(ToOwned::to_owned)
    }

    fn refused(vector: &Vector) -> ErrorKind {
        verify_at(vector, NOW).unwrap_err().kind
    }

    #[test]
    fn the_official_signer_is_understood() {
        for vector in vectors() {
            assert_eq!(verify_at(&vector, NOW).as_deref(), Ok("chatloom"), "{}", vector.name);
        }
    }

    #[test]
    fn the_published_example_has_the_published_signature() {
        // "get-vanilla" of the Signature Version 4 test suite.
        let headers = [("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")]
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .into_iter()
            .collect();
        let request = Signed {
            method: &Method::GET,
            uri: &Uri::from_static("/"),
            headers: &headers,
            body: b"",
        };
        let hash = hex(&Sha256::digest(b""));
        let canonical = canonical_request(&request, "host;x-amz-date", &hash).unwrap();
        let to_sign = format!(
            "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/service/aws4_request\n{}",
            hex(&Sha256::digest(canonical))
        );
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into();
        assert_eq!(
            sign(&secret, "20150830", "us-east-1", "service", &to_sign),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
    }

    #[test]
    fn any_change_of_what_is_signed_is_noticed() {
        let good = vector("start");
        let mut changed = good.clone();
        changed.method = "POST".to_owned();
        assert_eq!(refused(&changed), ErrorKind::InvalidSignature);
        let mut changed = good.clone();
        changed.target.push('x');
        assert_eq!(refused(&changed), ErrorKind::InvalidSignature);
        let mut changed = good.clone();
        changed.target.push_str("?a=b");
        assert_eq!(refused(&changed), ErrorKind::InvalidSignature);
        let mut changed = good.clone();
        changed.body = changed.body.replace("Jos", "Joe");
        assert_eq!(refused(&changed), ErrorKind::InvalidSignature);
        for (header, value) in [("Content-Type", "text/plain"), ("Host", "127.0.0.1:8091")] {
            let mut changed = good.clone();
            changed.headers.insert(header.to_owned(), value.to_owned());
            assert_eq!(refused(&changed), ErrorKind::InvalidSignature);
        }
        let mut changed = good;
        let authorization = changed.headers.get_mut("Authorization").unwrap();
        let last = authorization.pop().unwrap();
        authorization.push(if last == '0' { '1' } else { '0' });
        assert_eq!(refused(&changed), ErrorKind::InvalidSignature);
    }

    #[test]
    fn the_clock_may_differ_by_five_minutes() {
        let good = vector("stop");
        for now in ["2026-01-31T11:55:00.000Z", "2026-01-31T12:05:00.000Z"] {
            assert!(verify_at(&good, now).is_ok(), "{now}");
        }
        for (now, says) in [
            (
                "2026-01-31T11:54:59.999Z",
                "Signature not yet current: 20260131T120000Z is still later than \
                 20260131T115959Z (20260131T115459Z + 5 min.)",
            ),
            (
                "2026-01-31T12:05:00.001Z",
                "Signature expired: 20260131T120000Z is now earlier than 20260131T120000Z \
                 (20260131T120500Z - 5 min.)",
            ),
        ] {
            let refused = verify_at(&good, now).unwrap_err();
            assert_eq!(refused.kind, ErrorKind::InvalidSignature);
            assert_eq!((refused.status, refused.message.as_str()), (403, says));
        }
    }

    #[test]
    fn what_is_missing_or_foreign_is_named() {
        let good = vector("stop");
        let with = |from: &str, to: &str| {
            let mut changed = good.clone();
            let header = changed.headers.get_mut("Authorization").unwrap();
            assert!(header.contains(from), "{from}");
            *header = header.replace(from, to);
            refused(&changed)
        };
        let mut unsigned = good.clone();
        unsigned.headers.remove("Authorization");
        assert_eq!(refused(&unsigned), ErrorKind::MissingAuthenticationToken);
        let mut undated = good.clone();
        undated.headers.remove("X-Amz-Date");
        assert_eq!(refused(&undated), ErrorKind::IncompleteSignature);
        let mut more = good.clone();
        more.headers.insert("X-Amz-Target".to_owned(), "x".to_owned());
        assert_eq!(refused(&more), ErrorKind::InvalidSignature);
        let mut hashed = good.clone();
        hashed.headers.insert("X-Amz-Content-Sha256".to_owned(), "UNSIGNED-PAYLOAD".to_owned());
        assert_eq!(refused(&hashed), ErrorKind::InvalidSignature);

        assert_eq!(with("AWS4-HMAC-SHA256 ", "Basic "), ErrorKind::IncompleteSignature);
        assert_eq!(with("Credential=chatloom/", "Credential=x/"), ErrorKind::UnrecognizedClient);
        assert_eq!(with("us-west-2", "eu-west-1"), ErrorKind::InvalidSignature);
        assert_eq!(with("/connect/", "/execute-api/"), ErrorKind::InvalidSignature);
        assert_eq!(with("20260131", "20260130"), ErrorKind::InvalidSignature);
        assert_eq!(with("aws4_request", "aws3_request"), ErrorKind::IncompleteSignature);
        assert_eq!(with("/connect/aws4_request", ""), ErrorKind::IncompleteSignature);
        assert_eq!(with("host;", ""), ErrorKind::InvalidSignature);
        assert_eq!(with("content-type;host", "host;content-type"), ErrorKind::InvalidSignature);
        assert_eq!(with("host;", "host;missing;"), ErrorKind::InvalidSignature);
        assert_eq!(with("Signature=", "Signature=,Signature="), ErrorKind::IncompleteSignature);
        assert_eq!(with("Signature=", "Sig="), ErrorKind::IncompleteSignature);
    }

    #[test]
    fn paths_and_queries_are_made_canonical() {
        let path = |path: &str| {
            let mut text = String::new();
            canonical_path(&mut text, path);
            text
        };
        assert_eq!(path("/"), "/");
        assert_eq!(path("//a/./b/../c/"), "/a/c/");
        assert_eq!(path("/a%20b"), "/a%2520b");
        let query = |query: &str| {
            let mut text = String::new();
            canonical_query(&mut text, query);
            text
        };
        assert_eq!(query("b=2&a=1&a=0&c"), "a=0&a=1&b=2&c=");
        assert_eq!(query("a=%7e%zz+%2"), "a=~%25zz%2B%252");
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(bytes: Vec<u8>) {
            let mut text = String::new();
            encode(&mut text, &bytes);
            prop_assert_eq!(decode(&text), bytes);
        }

        #[test]
        fn any_header_is_read_or_refused(
            header in "(AWS4-HMAC-SHA256 )?((Credential|SignedHeaders|Signature|x)=[a-z0-9/;é]*,? ?){0,4}",
            stamp in "[0-9TZé]{0,18}",
        ) {
            let _ = Authorization::parse(&header);
            let _ = parse_stamp(&stamp);
        }
    }
}
