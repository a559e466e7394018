//! A part of a file, as a request asks for it (RFC 9110 §14).

/// What is sent of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// From the first of these bytes to the last, which is included.
    From(u64, u64),
    /// The file has none of the bytes that are asked for.
    Nothing,
}

/// The part that a `Range` header asks for, of a file of `size` bytes. Several parts at once, other
/// units and what cannot be read count as no header, as the standard allows.
pub(super) fn part(header: Option<&str>, size: u64) -> Part {
    let Some(range) = header.and_then(|header| header.trim().strip_prefix("bytes=")) else {
        return Part::Whole;
    };
    let Some((first, last)) = range.split_once('-') else { return Part::Whole };
    let number = |text: &str| -> Option<u64> {
        let text = text.trim();
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // More than a number holds is more than a file has.
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    match (first.trim().is_empty(), number(first), last.trim().is_empty(), number(last)) {
        // The last so many.
        (true, _, false, Some(count)) => match size.checked_sub(1) {
            Some(end) if count > 0 => Part::From(size.saturating_sub(count), end),
            _ => Part::Nothing,
        },
        (false, Some(first), true, _) if first < size => Part::From(first, size - 1),
        (false, Some(first), false, Some(last)) if first <= last && first < size => {
            Part::From(first, last.min(size - 1))
        }
        (false, Some(first), false, Some(last)) if first > last => Part::Whole,
        (false, Some(_), true, _) | (false, Some(_), false, Some(_)) => Part::Nothing,
        _ => Part::Whole,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_are_as_the_standard_says() {
        for (header, expected) in [
            ("bytes=0-", Part::From(0, 9)),
            ("bytes=0-0", Part::From(0, 0)),
            ("bytes=2-4", Part::From(2, 4)),
            ("bytes=9-", Part::From(9, 9)),
            ("bytes=5-99999999999999999999999", Part::From(5, 9)),
            ("bytes=-3", Part::From(7, 9)),
            ("bytes=-10", Part::From(0, 9)),
            ("bytes=-99", Part::From(0, 9)),
            (" bytes= 2 - 4 ", Part::From(2, 4)),
            ("bytes=10-", Part::Nothing),
            ("bytes=10-12", Part::Nothing),
            ("bytes=99999999999999999999999-", Part::Nothing),
            ("bytes=-0", Part::Nothing),
            ("bytes=4-2", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("items=0-1", Part::Whole),
            ("", Part::Whole),
        ] {
            assert_eq!(part(Some(header), 10), expected, "{header}");
        }
        assert_eq!(part(None, 10), Part::Whole);
        for header in ["bytes=0-", "bytes=-1", "bytes=0-0"] {
            assert_eq!(part(Some(header), 0), Part::Nothing, "{header} of nothing");
        }
    }

    proptest! {
        #[test]
        fn a_part_lies_within_the_file(header in "(bytes=)?[0-9 ,-]{0,30}|\\PC{0,20}", size: u64) {
            if let Part::From(first, last) = part(Some(&header), size) {
                prop_assert!(first <= last && last < size);
            }
        }
    }
}
