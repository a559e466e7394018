//! ID tokens: whether one is the provider's, for us, for this question, and good now.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chatloom_wire::{Timestamp, json};
use ring::signature::{
    self, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// How far the provider's clock may be from ours, in seconds.
const LEEWAY: i64 = 60;
/// The longest token, in bytes.
const MAX_TOKEN: usize = 64 * 1024;

/// What a token must say.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now: Timestamp,
}

/// What is taken from a token that is good. Without `Debug`: it is personal.
pub(super) struct Good {
    pub(super) given_name: Option<String>,
}

/// A provider's keys. Members of kinds that we do not know are left out.
#[derive(Deserialize)]
pub(super) struct Keys {
    keys: Vec<Key>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Key {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    intended: Option<String>,
    alg: Option<String>,
    crv: String,
    n: String,
    e: String,
    x: String,
    y: String,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: f64,
    iat: f64,
    nonce: Option<String>,
    given_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// The challenge of a PKCE verifier, by S256.
pub(crate) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// Verifies a token, or says what is wrong with it.
pub(super) fn verify(
    token: &str,
    keys: &Keys,
    expected: &Expected<'_>,
) -> Result<Good, &'static str> {
    if token.len() > MAX_TOKEN {
        return Err("it is too long");
    }
    let (signed, signature) = token.rsplit_once('.').ok_or("it has no signature")?;
    let (header, claims) = signed.split_once('.').ok_or("it has no claims")?;
    let header: Header = decode(header).ok_or("its header cannot be read")?;
    if header.crit.is_some() {
        return Err("it has a critical header that is not known here");
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| "its signature is no base64")?;
    let mut candidates = keys.keys.iter().filter(|key| key.may_sign(&header));
    if !candidates.any(|key| key.verifies(&header.alg, signed.as_bytes(), &signature)) {
        return Err("no key of the provider has signed it");
    }
    let claims: Claims = decode(claims).ok_or("its claims cannot be read")?;
    check(&claims, expected)?;
    Ok(Good { given_name: claims.given_name })
}

fn decode<T: DeserializeOwned>(part: &str) -> Option<T> {
    json::read(&String::from_utf8(URL_SAFE_NO_PAD.decode(part).ok()?).ok()?).ok()
}

fn check(claims: &Claims, expected: &Expected<'_>) -> Result<(), &'static str> {
    let now = expected.now.as_millis() as f64 / 1_000.0;
    let leeway = LEEWAY as f64;
    if claims.iss != expected.issuer {
        return Err("it is from another issuer");
    }
    let (is_ours, is_alone) = match &claims.aud {
        Audience::One(one) => (one == expected.client_id, true),
        Audience::Many(many) => (many.iter().any(|one| one == expected.client_id), many.len() == 1),
    };
    if !is_ours {
        return Err("it is for another client");
    }
    match claims.azp.as_deref() {
        Some(azp) if azp != expected.client_id => return Err("another client asked for it"),
        None if !is_alone => return Err("it is for several clients and does not say who asked"),
        _ => {}
    }
    if claims.sub.is_empty() {
        return Err("it is about nobody");
    }
    if claims.exp + leeway <= now {
        return Err("it has expired");
    }
    if claims.iat - leeway > now {
        return Err("it is from the future");
    }
    if claims.nonce.as_deref() != Some(expected.nonce) {
        return Err("it answers another question");
    }
    Ok(())
}

impl Key {
    /// Whether it is a key for signatures that the header may mean.
    fn may_sign(&self, header: &Header) -> bool {
        self.intended.as_deref().is_none_or(|intended| intended == "sig")
            && self.alg.as_deref().is_none_or(|alg| alg == header.alg)
            && (header.kid.is_none() || self.kid == header.kid)
    }

    /// Whether it made a signature. Only with keys that have two halves: a secret that both sides have
    /// would let anybody with the public half sign.
    fn verifies(&self, alg: &str, signed: &[u8], signature: &[u8]) -> bool {
        let rsa = |parameters: &'static signature::RsaParameters| {
            let (n, e) = (number(&self.n), number(&self.e));
            let (Some(n), Some(e)) = (n, e) else { return false };
            let key = RsaPublicKeyComponents { n: &n, e: &e };
            self.kty == "RSA" && key.verify(parameters, signed, signature).is_ok()
        };
        let ec = |curve: &str, algorithm: &'static signature::EcdsaVerificationAlgorithm| {
            let (x, y) = (URL_SAFE_NO_PAD.decode(&self.x), URL_SAFE_NO_PAD.decode(&self.y));
            let (Ok(x), Ok(y)) = (x, y) else { return false };
            let point = [&[4], x.as_slice(), y.as_slice()].concat();
            self.kty == "EC"
                && self.crv == curve
                && UnparsedPublicKey::new(algorithm, point).verify(signed, signature).is_ok()
        };
        match alg {
            "RS256" => rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
            "RS384" => rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
            "RS512" => rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
            "PS256" => rsa(&signature::RSA_PSS_2048_8192_SHA256),
            "ES256" => ec("P-256", &ECDSA_P256_SHA256_FIXED),
            "ES384" => ec("P-384", &ECDSA_P384_SHA384_FIXED),
            _ => false,
        }
    }
}

/// A large number, without leading zeros.
fn number(text: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let first = bytes.iter().position(|byte| *byte != 0)?;
    Some(bytes[first..].to_vec())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sign_in::demo::SigningKey;

    const NOW: i64 = 1_780_272_000;

    fn claims() -> Value {
        json!({
            "iss": "https://login.example", "sub": "s-1", "aud": "client", "nonce": "n-1",
            "exp": NOW + 300, "iat": NOW, "given_name": "Jane",
        })
    }

    fn verified(token: &str, keys: &Value) -> Result<Option<String>, &'static str> {
        let keys: Keys = serde_json::from_value(keys.clone()).unwrap();
        let expected = Expected {
            issuer: "https://login.example",
            client_id: "client",
            nonce: "n-1",
            now: Timestamp::from_millis(NOW * 1_000),
        };
        verify(token, &keys, &expected).map(|good| good.given_name)
    }

    #[test]
    fn a_token_is_good_for_one_question() {
        let key = SigningKey::new().unwrap();
        let keys = key.public();
        let good = verified(&key.sign(&claims()).unwrap(), &keys);
        assert_eq!(good, Ok(Some("Jane".to_owned())));
        let mut nameless = claims();
        nameless.as_object_mut().unwrap().remove("given_name");
        assert_eq!(verified(&key.sign(&nameless).unwrap(), &keys), Ok(None));
        for (member, value, holds) in [
            ("iss", json!("https://evil.example"), false),
            ("iss", json!("https://login.example/"), false),
            ("sub", json!(""), false),
            ("aud", json!("other"), false),
            ("aud", json!(["client"]), true),
            ("aud", json!(["client", "other"]), false),
            ("aud", json!([]), false),
            ("azp", json!("client"), true),
            ("azp", json!("other"), false),
            ("nonce", json!("n-2"), false),
            ("nonce", Value::Null, false),
            ("exp", json!(NOW - 59), true),
            ("exp", json!(NOW - 60), false),
            ("exp", json!("soon"), false),
            ("iat", json!(NOW + 60), true),
            ("iat", json!(NOW + 61), false),
            ("given_name", json!(7), false),
        ] {
            let mut changed = claims();
            changed[member] = value;
            let result = verified(&key.sign(&changed).unwrap(), &keys);
            assert_eq!(result.is_ok(), holds, "{changed}");
        }
        let list =
            json!(["https://login.example", "s-1", "client", null, NOW + 300, NOW, "n-1", null,]);
        assert!(verified(&key.sign(&list).unwrap(), &keys).is_err(), "claims are an object");
        let mut several = claims();
        several["aud"] = json!(["client", "other"]);
        several["azp"] = json!("client");
        assert!(verified(&key.sign(&several).unwrap(), &keys).is_ok());
    }

    #[test]
    fn only_the_providers_keys_sign() {
        let (key, other) = (SigningKey::new().unwrap(), SigningKey::new().unwrap());
        let token = key.sign(&claims()).unwrap();
        let refused = |token: &str, keys: &Value| {
            assert!(verified(token, keys).is_err(), "{token} {keys}");
        };
        refused(&token, &other.public());
        refused(&token, &json!({ "keys": [] }));
        for (member, value) in
            [("use", "enc"), ("alg", "RS256"), ("crv", "P-384"), ("kty", "RSA"), ("kid", "another")]
        {
            let mut keys = key.public();
            keys["keys"][0][member] = json!(value);
            refused(&token, &keys);
        }
        // Changed, cut, doubled.
        let parts: Vec<_> = token.split('.').collect();
        let mut forged = claims();
        forged["given_name"] = json!("Mallory");
        let forged = URL_SAFE_NO_PAD.encode(forged.to_string());
        for token in [
            format!("{}.{forged}.{}", parts[0], parts[2]),
            format!("{}.{}.", parts[0], parts[1]),
            format!("{}.{}", parts[0], parts[1]),
            format!("{token}.{}", parts[2]),
            String::new(),
            ".".to_owned(),
            "..".to_owned(),
            "a".repeat(MAX_TOKEN + 1),
        ] {
            refused(&token, &key.public());
        }
        // No signature, and one with the public key as the secret.
        for alg in ["none", "HS256", "es256", "ES384"] {
            let header = URL_SAFE_NO_PAD.encode(json!({ "alg": alg }).to_string());
            refused(&format!("{header}.{}.{}", parts[1], parts[2]), &key.public());
            refused(&format!("{header}.{}.", parts[1]), &key.public());
        }
        let critical = json!({ "alg": "ES256", "crit": ["x"] });
        let critical = URL_SAFE_NO_PAD.encode(critical.to_string());
        refused(&format!("{critical}.{}.{}", parts[1], parts[2]), &key.public());
        // A key among others that are of no use.
        let mut keys = other.public();
        keys["keys"].as_array_mut().unwrap().push(json!({ "kty": "oct", "k": "AAAA" }));
        keys["keys"].as_array_mut().unwrap().push(key.public()["keys"][0].clone());
        assert!(verified(&token, &keys).is_ok());
    }

    /// Tokens that another implementation (OpenSSL) has signed once, one for each algorithm that the
    /// demo's provider does not use; the keys of the RSA ones are the same.
    #[test]
    fn signatures_of_every_algorithm_are_verified() {
        let vectors: Value = serde_json::from_str(include_str!("id_token_vectors.json")).unwrap();
        let tokens = vectors["tokens"].as_object().unwrap();
        let algorithms: Vec<_> = tokens.keys().map(String::as_str).collect();
        assert_eq!(algorithms, ["ES384", "PS256", "RS256", "RS384", "RS512"]);
        for (algorithm, token) in tokens {
            let token = token.as_str().unwrap();
            assert_eq!(verified(token, &vectors), Ok(Some("Jane".to_owned())), "{algorithm}");
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            let forged = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(bytes));
            assert!(verified(&forged, &vectors).is_err(), "{algorithm}");
            // A signature of one algorithm is none of another, with the same key.
            for other in algorithms.iter().filter(|other| *other != algorithm) {
                let kid = if algorithm == "ES384" { "ec" } else { "rsa" };
                let header = json!({ "alg": other, "kid": kid, "typ": "JWT" }).to_string();
                let claims = signed.split_once('.').unwrap().1;
                let moved = format!("{}.{claims}.{signature}", URL_SAFE_NO_PAD.encode(header));
                assert!(verified(&moved, &vectors).is_err(), "{algorithm} as {other}");
            }
        }
    }

    #[test]
    fn the_published_challenge() {
        // RFC 7636, appendix B.
        assert_eq!(
            challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}
