//! Passwords of agents, kept as Argon2id hashes.

use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier, password_hash::SaltString};

use crate::{config::Secret, random};

/// Longest password in bytes. Hashing takes time with its length.
pub const MAX_PASSWORD_BYTES: usize = 1024;

/// Why a password cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a password has 1 to {MAX_PASSWORD_BYTES} bytes")]
pub struct BadPassword;

/// Hashes a password with a fresh salt, for `password_hash` of `[[agents.users]]`.
///
/// ```
/// let hash = chatloom_server::hash_password("correct horse battery staple").unwrap();
/// assert!(hash.starts_with("$argon2id$"));
/// ```
pub fn hash_password(password: &str) -> Result<String, BadPassword> {
    if password.is_empty() || password.len() > MAX_PASSWORD_BYTES {
        return Err(BadPassword);
    }
    let salt = SaltString::encode_b64(&random::bytes::<16>()).map_err(|_| BadPassword)?;
    Argon2::default()
        .hash_password(password.as_bytes(), &salt)
        .map(|hash| hash.to_string())
        .map_err(|_| BadPassword)
}

/// Whether a text is a hash that [`verify`] understands.
pub(crate) fn is_hash(hash: &Secret) -> bool {
    PasswordHash::new(hash.expose()).is_ok_and(|hash| hash.algorithm.as_str().starts_with("argon2"))
}

/// Whether a password is the one that was hashed. Takes some 20 ms on purpose.
pub(crate) fn verify(password: &str, hash: &Secret) -> bool {
    password.len() <= MAX_PASSWORD_BYTES
        && PasswordHash::new(hash.expose())
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_fits_its_hash() {
        let hash = Secret::from(hash_password("one").unwrap());
        assert!(is_hash(&hash) && verify("one", &hash));
        assert!(!verify("two", &hash) && !verify("", &hash));
        assert_ne!(hash_password("one").unwrap(), hash.expose());
        assert_eq!(hash_password(""), Err(BadPassword));
        assert_eq!(hash_password(&"x".repeat(MAX_PASSWORD_BYTES + 1)), Err(BadPassword));
        for text in ["", "one", "$argon2id$", "$2b$12$abcdefghijklmnopqrstuv"] {
            assert!(!is_hash(&text.into()) && !verify("one", &text.into()), "{text}");
        }
    }
}
