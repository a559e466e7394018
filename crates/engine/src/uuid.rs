//! UUIDs as this crate needs them: 128 bits and their canonical text.

/// Length of a canonical UUID.
const LEN: usize = 36;
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// The canonical text, lower case, in place.
pub(crate) struct Text([u8; LEN]);

impl Text {
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only ASCII is written")
    }
}

pub(crate) fn to_text(bits: u128) -> Text {
    let mut text = [b'-'; LEN];
    let mut rest = bits;
    for at in (0..LEN).rev().filter(|at| !HYPHENS.contains(at)) {
        text[at] = b"0123456789abcdef"[(rest & 0xf) as usize];
        rest >>= 4;
    }
    Text(text)
}

/// The bits of a canonical text; `None` for every other spelling, so that text and bits are one to
/// one.
pub(crate) fn from_text(text: &str) -> Option<u128> {
    if text.len() != LEN {
        return None;
    }
    text.bytes().enumerate().try_fold(0_u128, |bits, (at, byte)| match byte {
        b'-' if HYPHENS.contains(&at) => Some(bits),
        b'0'..=b'9' if !HYPHENS.contains(&at) => Some(bits << 4 | u128::from(byte - b'0')),
        b'a'..=b'f' if !HYPHENS.contains(&at) => Some(bits << 4 | u128::from(byte - b'a' + 10)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_canonical_text_is_read() {
        let text = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
        assert_eq!(from_text(text), Some(0x017f_22e2_79b0_7cc3_98c4_dc0c_0c07_398f));
        for other in [
            "",
            "017F22E2-79B0-7CC3-98C4-DC0C0C07398F",
            "017f22e279b07cc398c4dc0c0c07398f",
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398ff",
            "-17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
            "017f22e2079b0-7cc3-98c4-dc0c0c07398f",
            "017f22e2-79b0-7cc3-98c4-dc0c0c0739é",
        ] {
            assert_eq!(from_text(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn text_and_bits_are_one_to_one(bits: u128) {
            prop_assert_eq!(from_text(to_text(bits).as_str()), Some(bits));
        }
    }
}
