//! A provider for demos and tests, inside the server: whoever comes is signed in at once.
//!
//! It is there in demo mode only, which listens on loopback only. It knows one client and sends browsers
//! back to this machine only. A `login_hint` is the first name of who signs in; `refuse` is refused.

use std::num::NonZeroUsize;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chatloom_wire::Timestamp;
use lru::LruCache;
use parking_lot::Mutex;
use reqwest::Url;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};

use super::{SignInError, id_token::challenge, problem};
use crate::{http::url::is_loopback_host, random};

/// Where it is, below the server's own address.
pub(crate) const PATH: &str = "/v1/demo-provider";
/// The client it knows.
pub(crate) const CLIENT_ID: &str = "chatloom-demo";
/// The first name of who gives none.
const NAME: &str = "Demo";
/// Codes that are good at once, and how long, in milliseconds.
const CODES: NonZeroUsize = NonZeroUsize::new(1_024).expect("not zero");
const CODE_MS: i64 = 60_000;
const KEY_ID: &str = "demo";

/// A key that signs ID tokens by ES256.
pub(super) struct SigningKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl SigningKey {
    pub(super) fn new() -> Result<Self, SignInError> {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let made = EcdsaKeyPair::generate_pkcs8(algorithm, &random).ok();
        let pair =
            made.and_then(|made| EcdsaKeyPair::from_pkcs8(algorithm, made.as_ref(), &random).ok());
        Ok(Self { pair: pair.ok_or_else(|| problem("no key can be made"))?, random })
    }

    /// The half that everybody may have, as a set of keys.
    pub(super) fn public(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let (x, y) = (&point[1..33], &point[33..]);
        json!({ "keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": KEY_ID,
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        }] })
    }

    pub(super) fn sign(&self, claims: &Value) -> Result<String, SignInError> {
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": KEY_ID });
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let signature = self.pair.sign(&self.random, signed.as_bytes());
        let signature = signature.map_err(|_| problem("an ID token cannot be signed"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// What a code is good for.
struct Issued {
    redirect_uri: String,
    nonce: String,
    challenge: String,
    name: String,
    until: Timestamp,
}

/// The provider.
pub(crate) struct Demo {
    issuer: String,
    key: SigningKey,
    codes: Mutex<LruCache<String, Issued>>,
}

/// The values of a query or form.
pub(crate) struct Form<'a>(pub(crate) &'a str);

impl Form<'_> {
    fn get(&self, name: &str) -> Option<String> {
        let mut url = Url::parse("form:").ok()?;
        url.set_query(Some(self.0));
        let mut pairs = url.query_pairs();
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

impl Demo {
    /// A provider below this address of the server, such as `http://127.0.0.1:8090`.
    pub(crate) fn new(endpoint: &str) -> Result<Self, SignInError> {
        Ok(Self {
            issuer: format!("{endpoint}{PATH}"),
            key: SigningKey::new()?,
            codes: Mutex::new(LruCache::new(CODES)),
        })
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(crate) fn configuration(&self) -> Value {
        let issuer = &self.issuer;
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "code_challenge_methods_supported": ["S256"],
        })
    }

    pub(crate) fn keys(&self) -> Value {
        self.key.public()
    }

    /// Signs somebody in: where the browser goes next. `None` for what is no request of our client.
    pub(crate) fn authorize(&self, query: &Form<'_>, now: Timestamp) -> Option<String> {
        let is = |name: &str, value: &str| query.get(name).as_deref() == Some(value);
        if !is("response_type", "code")
            || !is("client_id", CLIENT_ID)
            || !is("code_challenge_method", "S256")
        {
            return None;
        }
        let redirect_uri = query.get("redirect_uri")?;
        let mut back = Url::parse(&redirect_uri).ok()?;
        if !["http", "https"].contains(&back.scheme()) || !is_loopback_host(back.host_str()?) {
            return None;
        }
        let (state, nonce) = (query.get("state")?, query.get("nonce")?);
        let challenge = query.get("code_challenge")?;
        let name = query.get("login_hint").filter(|name| !name.is_empty());
        if name.as_deref() == Some("refuse") {
            back.query_pairs_mut()
                .append_pair("error", "access_denied")
                .append_pair("error_description", "refused as asked")
                .append_pair("state", &state);
            return Some(back.into());
        }
        let code = URL_SAFE_NO_PAD.encode(random::bytes::<24>());
        let name = name.unwrap_or_else(|| NAME.to_owned());
        let until = now.plus_millis(CODE_MS);
        let issued = Issued { redirect_uri, nonce, challenge, name, until };
        self.codes.lock().put(code.clone(), issued);
        back.query_pairs_mut().append_pair("code", &code).append_pair("state", &state);
        Some(back.into())
    }

    /// What a code is good for, once. `None` for another's or one that is used up.
    pub(crate) fn exchange(&self, form: &Form<'_>, now: Timestamp) -> Option<Value> {
        let issued = self.codes.lock().pop(&form.get("code")?)?;
        let is = |name: &str, value: &str| form.get(name).as_deref() == Some(value);
        let fits = is("grant_type", "authorization_code")
            && is("client_id", CLIENT_ID)
            && is("redirect_uri", &issued.redirect_uri)
            && challenge(&form.get("code_verifier")?) == issued.challenge
            && now < issued.until;
        if !fits {
            return None;
        }
        let seconds = now.as_millis() / 1_000;
        let claims = json!({
            "iss": self.issuer, "sub": "demo", "aud": CLIENT_ID, "nonce": issued.nonce,
            "iat": seconds, "exp": seconds + 300, "given_name": issued.name,
        });
        let id_token = self.key.sign(&claims).ok()?;
        let access_token = URL_SAFE_NO_PAD.encode(random::bytes::<24>());
        Some(json!({
            "access_token": access_token, "token_type": "Bearer", "expires_in": 300,
            "id_token": id_token,
        }))
    }
}
