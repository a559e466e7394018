//! Keys that make the repeat of a request harmless.

use sha2::{Digest, Sha256};

use crate::store::TokenKey;

/// Hashes texts so that no two lists of texts look alike.
fn hash(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// An empty `ClientToken` is none: it says nothing about which request it belongs to.
pub(super) fn given(token: Option<&str>) -> Option<&str> {
    token.filter(|token| !token.is_empty())
}

pub(super) fn token_key(key: &[&str], body: &[&str]) -> TokenKey {
    let (key, body) = (hash(key), hash(body));
    TokenKey {
        key: u128::from_le_bytes(key[..16].try_into().expect("16 of 32 bytes")),
        body: u64::from_le_bytes(body[..8].try_into().expect("8 of 32 bytes")),
    }
}
