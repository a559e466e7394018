//! Signature Version 4, as a back end's SDK makes it, with the demo's key.

use std::{fmt::Write, net::SocketAddr};

use chatloom_server::{
    chats::Clock,
    config::{DEMO_ACCESS_KEY, DEMO_SECRET},
};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use super::http::Request;

/// Adds the headers of a signature. Path and query must need no encoding.
pub(crate) fn sign(request: Request, address: SocketAddr, clock: &dyn Clock) -> Request {
    let stamp: String = clock
        .now()
        .to_string()
        .split('.')
        .next()
        .unwrap()
        .chars()
        .filter(|c| !"-:".contains(*c))
        .collect::<String>()
        + "Z";
    let date = &stamp[..8];
    let host = request.find("Host").map_or_else(|| address.to_string(), ToOwned::to_owned);
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let mut query: Vec<_> = query.split('&').collect();
    query.sort_unstable();
    let query = query.join("&");
    let canonical = format!(
        "{}\n{path}\n{query}\nhost:{host}\nx-amz-date:{stamp}\n\nhost;x-amz-date\n{}",
        request.method,
        hex(&Sha256::digest(&request.body))
    );
    let scope = format!("{date}/us-west-2/connect/aws4_request");
    let to_sign =
        format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let mut key = format!("AWS4{DEMO_SECRET}").into_bytes();
    for part in [date, "us-west-2", "connect", "aws4_request", &to_sign] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(part.as_bytes());
        key = mac.finalize().into_bytes().to_vec();
    }
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={DEMO_ACCESS_KEY}/{scope}, SignedHeaders=host;x-amz-date, \
         Signature={}",
        hex(&key)
    );
    request.header("X-Amz-Date", &stamp).header("Authorization", &authorization)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
