//! A fuzz target for what identity providers send.

use std::sync::OnceLock;

use chatloom_wire::Timestamp;
use serde_json::Value;

use super::{
    demo::SigningKey,
    id_token::{Expected, Keys, verify},
};
use crate::fuzzing::line;

const NOW: i64 = 1_790_000_000;

fn key() -> &'static SigningKey {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    KEY.get_or_init(|| SigningKey::new().expect("the system has randomness"))
}

/// An ID token that nobody signed is refused, whatever the keys are; one that the provider signed is
/// taken if its claims are for us. The input is a token, a set of keys, and claims, a line each.
pub fn id_token(data: &[u8]) {
    let Some((token, rest)) = line(data) else { return };
    let Some((keys, rest)) = line(rest) else { return };
    let expected = Expected {
        issuer: "https://login.example",
        client_id: "client",
        nonce: "n-1",
        now: Timestamp::from_millis(NOW * 1_000),
    };
    let provider: Keys =
        serde_json::from_value(key().public()).expect("the provider's own keys can be read");
    assert!(verify(token, &provider, &expected).is_err(), "the provider did not sign this");
    if let Ok(keys) = serde_json::from_str::<Keys>(keys) {
        assert!(verify(token, &keys, &expected).is_err(), "no holder of a key signed this");
    }

    let Ok(claims) = serde_json::from_slice::<Value>(rest) else { return };
    let signed = key().sign(&claims).expect("everything can be signed");
    let name = verify(&signed, &provider, &expected).map(|good| good.given_name);
    assert_eq!(name.is_ok(), are_ours(&claims), "{name:?} of {claims}");
    if let Ok(name) = name {
        assert_eq!(name.as_deref(), claims["given_name"].as_str());
    }
    let mut changed = signed.into_bytes();
    let at = data.iter().fold(0, |sum, byte| sum + usize::from(*byte)) % changed.len();
    changed[at] ^= data.first().map_or(1, |byte| byte & 0x7f).max(1);
    if let Ok(changed) = String::from_utf8(changed) {
        assert!(verify(&changed, &provider, &expected).is_err(), "changed at {at}");
    }
}

/// The rules of OpenID Connect Core §3.1.3.7 once more, over plain JSON.
fn are_ours(claims: &Value) -> bool {
    let text = |name: &str| claims[name].as_str();
    let is_text_or_none = |name: &str| claims[name].is_string() || claims[name].is_null();
    let audience: Option<Vec<&str>> = match &claims["aud"] {
        Value::String(one) => Some(vec![one]),
        Value::Array(many) => many.iter().map(Value::as_str).collect(),
        _ => None,
    };
    let Some(audience) = audience else { return false };
    claims.is_object()
        && ["azp", "nonce", "given_name"].into_iter().all(is_text_or_none)
        && text("iss") == Some("https://login.example")
        && text("sub").is_some_and(|sub| !sub.is_empty())
        && text("nonce") == Some("n-1")
        && audience.contains(&"client")
        && text("azp").map_or(audience.len() == 1, |azp| azp == "client")
        && claims["exp"].as_f64().is_some_and(|exp| exp > (NOW - 60) as f64)
        && claims["iat"].as_f64().is_some_and(|iat| iat <= (NOW + 60) as f64)
}
