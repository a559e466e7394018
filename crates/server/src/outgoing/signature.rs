//! How a request to the outside shows that it is from this server, and when it was made.

use std::fmt::Write as _;

use chatloom_wire::Timestamp;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::config::Secret;

/// The header that carries it.
pub(crate) const HEADER: &str = "chatloom-signature";

/// Signs a body: `t=<seconds since 1970>,v1=<HMAC-SHA256 of "<t>.<body>", hex>`.
pub(crate) fn sign(secret: &Secret, now: Timestamp, body: &[u8]) -> String {
    let seconds = now.as_millis().div_euclid(1_000);
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())
        .expect("a key of any length is good");
    mac.update(seconds.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    let mut text = format!("t={seconds},v1=");
    for byte in mac.finalize().into_bytes() {
        write!(text, "{byte:02x}").expect("a String takes everything");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with Python's hmac module.
    #[test]
    fn a_known_signature() {
        let signed =
            sign(&"secret".into(), Timestamp::from_millis(1_790_000_000_999), b"{\"a\":1}");
        assert_eq!(
            signed,
            "t=1790000000,v1=da8fe498621aaab99d5b11c51346b13d1a2bf2914b865b8d3edd3531cab25a3e"
        );
    }
}
