//! Requests as back ends sign them: Signature Version 4 (docs/protocol/participant-service.md §10).

use std::fmt::Write as _;

use chatloom_server::chats::{Clock as _, SystemClock};
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

/// An access key.
pub(crate) struct Signer {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) region: String,
}

impl Signer {
    /// The headers `X-Amz-Date` and `Authorization` of a request without a query.
    pub(crate) fn sign(
        &self,
        method: &str,
        host: &str,
        path: &str,
        body: &str,
    ) -> (String, String) {
        let stamp = stamp(&SystemClock.now().to_string());
        let date = &stamp[..8];
        let request = format!(
            "{method}\n{path}\n\nhost:{host}\nx-amz-date:{stamp}\n\nhost;x-amz-date\n{}",
            hex(&Sha256::digest(body))
        );
        let scope = format!("{date}/{}/connect/aws4_request", self.region);
        let text = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", hex(&Sha256::digest(request)));
        let mut key = format!("AWS4{}", self.secret).into_bytes();
        for part in [date, &self.region, "connect", "aws4_request", &text] {
            let mac = Hmac::<Sha256>::new_from_slice(&key);
            let mut mac = mac.expect("HMAC takes a key of any length");
            mac.update(part.as_bytes());
            key = mac.finalize().into_bytes().to_vec();
        }
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders=host;x-amz-date, Signature={}",
            self.id,
            hex(&key)
        );
        (stamp, authorization)
    }
}

/// A time as signatures have it: `2026-01-31T12:00:00.000Z` is `20260131T120000Z`.
fn stamp(time: &str) -> String {
    let seconds = time.split('.').next().unwrap_or_default();
    seconds.chars().filter(|c| !"-:".contains(*c)).chain(['Z']).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_stamped_as_signatures_have_them() {
        assert_eq!(stamp("2026-01-31T12:00:09.123Z"), "20260131T120009Z");
    }
}
