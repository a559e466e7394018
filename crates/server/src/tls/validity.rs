//! How long a certificate is good: the little of X.509 that needs reading for it.

use chatloom_wire::Timestamp;

/// From when and until when a certificate (DER) is good; `None` when it is none that can be read.
///
/// Certificates come from peers as well: every length is checked, and nothing is believed of what
/// stands beside the two times.
pub fn validity(certificate: &[u8]) -> Option<(Timestamp, Timestamp)> {
    const SEQUENCE: u8 = 0x30;
    const INTEGER: u8 = 0x02;
    const VERSION: u8 = 0xA0;

    let (certificate, _) = expect(certificate, SEQUENCE)?;
    let (signed, _) = expect(certificate, SEQUENCE)?;
    // Certificates of the first version do not say their version.
    let rest = expect(signed, VERSION).map_or(signed, |(_, rest)| rest);
    let (_serial, rest) = expect(rest, INTEGER)?;
    let (_algorithm, rest) = expect(rest, SEQUENCE)?;
    let (_issuer, rest) = expect(rest, SEQUENCE)?;
    let (validity, _) = expect(rest, SEQUENCE)?;
    let (from, rest) = time(validity)?;
    let (until, _) = time(rest)?;
    Some((from, until))
}

/// The content of the first element, if it has this tag, and what follows it.
fn expect(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = element(bytes)?;
    (found == tag).then_some((content, rest))
}

/// The first element: its tag, its content, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [tag, length, rest @ ..] = bytes else { return None };
    let (length, rest) = match length {
        0..=0x7F => (usize::from(*length), rest),
        // As many bytes of length follow. Four of them are more than any certificate has.
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7F))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// A time, as UTCTime (two digits of the year, from 1950 on) or GeneralizedTime.
fn time(bytes: &[u8]) -> Option<(Timestamp, &[u8])> {
    const UTC_TIME: u8 = 0x17;
    const GENERALIZED_TIME: u8 = 0x18;

    let (tag, text, rest) = element(bytes)?;
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, text) = match tag {
        UTC_TIME => {
            let (year, text) = text.split_at_checked(2)?;
            let century = if year < "50" { "20" } else { "19" };
            (format!("{century}{year}"), text)
        }
        GENERALIZED_TIME => {
            let (year, text) = text.split_at_checked(4)?;
            (year.to_owned(), text)
        }
        _ => return None,
    };
    if text.len() != 10 {
        return None;
    }
    let two = |at: usize| &text[at..at + 2];
    let iso = format!("{year}-{}-{}T{}:{}:{}Z", two(0), two(2), two(4), two(6), two(8));
    Some((Timestamp::parse(&iso).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(from: i32, until: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(["chat.example.org".to_owned()]).unwrap();
        (params.not_before, params.not_after) =
            (date_time_ymd(from, 2, 3), date_time_ymd(until, 11, 12));
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn both_forms_of_a_time_are_read() {
        // From 2050 on, times have four digits of the year.
        for (from, until) in [(1975, 2026), (2026, 2049), (2049, 2050), (2050, 4096)] {
            let read = validity(&certificate(from, until)).unwrap();
            let expected = (
                Timestamp::parse(&format!("{from}-02-03T00:00:00Z")).unwrap(),
                Timestamp::parse(&format!("{until}-11-12T00:00:00Z")).unwrap(),
            );
            assert_eq!(read, expected);
        }
    }

    #[test]
    fn a_certificate_that_is_cut_off_has_none() {
        let whole = certificate(2026, 2050);
        for end in 0..whole.len() {
            assert_eq!(validity(&whole[..end]), None, "{end}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_read_without_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..80),
            at in 0_usize..200,
            byte: u8,
        ) {
            validity(&bytes);
            let mut bent = certificate(2026, 2050);
            bent[at] = byte;
            validity(&bent);
        }
    }
}
