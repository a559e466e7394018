//! What files may be called and be, and what their first bytes say they are.
//!
//! Nobody's word is taken for a type: a file whose bytes are not those of the type that it was
//! announced with is rejected. Only what has a mark can be told that way; what an operator adds to
//! the list without a mark here is taken on the operator's word.

use chatloom_wire::ErrorKind;

use crate::Refusal;

/// So many bytes of the beginning of a file are enough to tell what it is.
pub const HEAD_BYTES: usize = 4_096;

/// What a type is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// Text: no zero bytes unless it says that it is UTF-16 or UTF-32, and no mark of another type.
    Text,
    Jpeg,
    Png,
    Gif,
    Webp,
    Heic,
    /// QuickTime and MP4, which differ by name only.
    Movie,
    Wav,
    Pdf,
    Rtf,
    /// Office files up to 2003.
    Ole,
    /// Office files since 2007; those with a password are [`Mark::Ole`] outside.
    OfficeZip,
    Zip,
}

/// The types that every contact centre takes (docs/protocol/participant-service.md §5.3).
const TYPES: &[(&str, Mark)] = &[
    ("application/msword", Mark::Ole),
    ("application/pdf", Mark::Pdf),
    ("application/rtf", Mark::Rtf),
    ("application/vnd.ms-excel", Mark::Ole),
    ("application/vnd.ms-powerpoint", Mark::Ole),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation", Mark::OfficeZip),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Mark::OfficeZip),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", Mark::OfficeZip),
    ("application/x-rtf", Mark::Rtf),
    ("audio/vnd.wave", Mark::Wav),
    ("audio/wav", Mark::Wav),
    ("audio/x-wav", Mark::Wav),
    ("image/heic", Mark::Heic),
    ("image/jpeg", Mark::Jpeg),
    ("image/png", Mark::Png),
    ("text/csv", Mark::Text),
    ("text/plain", Mark::Text),
    ("text/richtext", Mark::Rtf),
    ("text/rtf", Mark::Rtf),
    ("video/mp4", Mark::Movie),
    ("video/quicktime", Mark::Movie),
];

/// Types with a mark that an operator may add.
const MORE_TYPES: &[(&str, Mark)] = &[
    ("application/zip", Mark::Zip),
    ("image/gif", Mark::Gif),
    ("image/heif", Mark::Heic),
    ("image/webp", Mark::Webp),
];

/// Longer than the name of any type; also what fits into the memory of a comparison.
const LONGEST_TYPE: usize = 255;

/// A MIME type without its parameters.
pub fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Whether a text has the form of a MIME type without parameters, such as `image/gif`.
pub fn is_type(text: &str) -> bool {
    let is_token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
    };
    text.len() <= LONGEST_TYPE
        && text.split_once('/').is_some_and(|(main, sub)| is_token(main) && is_token(sub))
}

/// Refuses a type that is neither among those that every contact centre takes nor among `more`.
///
/// # Errors
///
/// `ValidationException`.
pub fn check_type(content_type: &str, more: &[String]) -> Result<(), Refusal> {
    let given = essence(content_type);
    let is_given = |known: &str| known.eq_ignore_ascii_case(given);
    if TYPES.iter().any(|(known, _)| is_given(known)) || more.iter().any(|known| is_given(known)) {
        return Ok(());
    }
    Err(Refusal::new(ErrorKind::Validation, "ContentType: this type of file is not taken here"))
}

/// Refuses a name that is more than a name: with a part of a path, or with characters that hide or
/// turn around what stands beside them.
///
/// # Errors
///
/// `ValidationException`.
pub fn check_name(name: &str) -> Result<(), Refusal> {
    let is_odd = |c: char| {
        c.is_control()
            || matches!(c, '/' | '\\')
            // Line and paragraph separators; marks of direction; what stands for no character.
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fff9}'..='\u{ffff}')
    };
    // Spaces at the ends of a name do not last, and what is only dots then is a folder.
    let is_none = name.chars().all(|c| c == '.' || c.is_whitespace());
    if is_none || name.chars().any(is_odd) {
        return Err(Refusal::new(
            ErrorKind::Validation,
            "AttachmentName: a file's name without folders, control characters and marks of \
             direction",
        ));
    }
    Ok(())
}

/// Whether the beginning of a file, [`HEAD_BYTES`] or all of it, looks like the type that it was
/// announced with. A type without a mark always does.
pub fn looks_like(content_type: &str, name: &str, head: &[u8]) -> bool {
    let given = essence(content_type);
    let known = TYPES.iter().chain(MORE_TYPES);
    let Some((known, mark)) =
        known.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(given))
    else {
        return true;
    };
    match mark {
        Mark::Text => is_text(head),
        Mark::OfficeZip => Mark::Zip.is_on(head) || Mark::Ole.is_on(head),
        // Word writes both under the older name.
        Mark::Ole if *known == "application/msword" => {
            Mark::Ole.is_on(head) || Mark::Rtf.is_on(head)
        }
        // Where Excel is installed, browsers give its type to comma-separated values.
        Mark::Ole if *known == "application/vnd.ms-excel" && ends_with(name, ".csv") => {
            is_text(head)
        }
        mark => mark.is_on(head),
    }
}

fn ends_with(name: &str, end: &str) -> bool {
    let from = name.len().saturating_sub(end.len());
    name.get(from..).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

impl Mark {
    fn is_on(self, head: &[u8]) -> bool {
        let at = |place: usize, mark: &[u8]| {
            head.get(place..place + mark.len()).is_some_and(|found| found == mark)
        };
        match self {
            Self::Text => is_text(head),
            Self::Jpeg => at(0, b"\xff\xd8\xff"),
            Self::Png => at(0, b"\x89PNG\r\n\x1a\n"),
            Self::Gif => at(0, b"GIF87a") || at(0, b"GIF89a"),
            Self::Webp => at(0, b"RIFF") && at(8, b"WEBP"),
            Self::Wav => (at(0, b"RIFF") || at(0, b"RF64") || at(0, b"BW64")) && at(8, b"WAVE"),
            Self::Heic => {
                at(4, b"ftyp")
                    && [
                        b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs",
                        b"mif1", b"msf1",
                    ]
                    .iter()
                    .any(|brand| at(8, *brand))
            }
            Self::Movie => {
                [b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"]
                    .iter()
                    .any(|part| at(4, *part))
                    && !Self::Heic.is_on(head)
            }
            // Some programs write a few bytes before it.
            Self::Pdf => head
                .get(..1_024.min(head.len()))
                .is_some_and(|head| head.windows(5).any(|window| window == b"%PDF-")),
            Self::Rtf => at(0, b"{\\rtf"),
            Self::Ole => at(0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
            Self::Zip | Self::OfficeZip => at(0, b"PK\x03\x04"),
        }
    }
}

/// Text in any encoding: neither zero bytes nor the mark of something else.
fn is_text(head: &[u8]) -> bool {
    // UTF-32 begins with the mark of UTF-16, in either order of bytes.
    let is_wide = head.starts_with(b"\xff\xfe")
        || head.starts_with(b"\xfe\xff")
        || head.starts_with(b"\0\0\xfe\xff");
    let marks = [Mark::Jpeg, Mark::Png, Mark::Gif, Mark::Zip, Mark::Ole, Mark::Rtf];
    // Programs of Windows, Linux and macOS have zero bytes near their beginning.
    (is_wide || !head.contains(&0))
        && !marks.iter().any(|mark| mark.is_on(head))
        && !head.starts_with(b"%PDF-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_names() {
        for good in
            ["a", "my photo.jpg", ".profile", "a..b", "\u{e9}t\u{e9}.pdf", "\u{1f600}.png", "a:b"]
        {
            assert!(check_name(good).is_ok(), "{good:?}");
        }
        for bad in [
            "",
            " ",
            ".",
            "..",
            "...",
            "  . ",
            ". .",
            "/",
            "a/b",
            "..\\a",
            "../../etc/passwd",
            "C:\\a",
            "a\nb",
            "a\0b",
            "a\u{7f}",
            "a\u{85}b",
            "a\u{202e}gpj.exe",
            "a\u{2066}b",
            "a\u{2028}b",
        ] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_listed_types_are_taken() {
        for (content_type, taken) in [
            ("image/png", true),
            ("IMAGE/PNG", true),
            ("text/plain; charset=utf-8", true),
            ("image/gif", false),
            ("text/html", false),
            ("application/octet-stream", false),
            ("image/png/", false),
            ("", false),
        ] {
            assert_eq!(check_type(content_type, &[]).is_ok(), taken, "{content_type}");
        }
        assert!(check_type("Image/GIF", &["image/gif".to_owned()]).is_ok());
        assert!(is_type("image/svg+xml"));
        for text in ["image", "image/", "/gif", "image/gif; q=1", "image/*", "a/b/c", "a /b"] {
            assert!(!is_type(text), "{text}");
        }
    }

    /// The beginning of a file of each kind, with the types that it is genuine for.
    const HEADS: &[(&[u8], &[&str])] = &[
        (b"name,size\r\n", &["text/csv", "text/plain"]),
        (b"\xff\xfea\0b\0", &["text/csv", "text/plain"]),
        (b"caf\xe9", &["text/csv", "text/plain"]),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", &["image/jpeg"]),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", &["image/png"]),
        (b"\0\0\0\x18ftypheic\0\0\0\0", &["image/heic"]),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", &["video/mp4", "video/quicktime"]),
        (b"\0\0\0\x14ftypqt  \0\0\0\0", &["video/mp4", "video/quicktime"]),
        (b"RIFF\x24\0\0\0WAVEfmt ", &["audio/wav", "audio/x-wav", "audio/vnd.wave"]),
        (b"%PDF-1.7\n\xe2\xe3", &["application/pdf"]),
        (
            b"{\\rtf1\\ansi",
            &[
                "application/rtf",
                "application/x-rtf",
                "text/rtf",
                "text/richtext",
                "application/msword",
            ],
        ),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0",
            &[
                "application/msword",
                "application/vnd.ms-excel",
                "application/vnd.ms-powerpoint",
                "application/vnd.openxmlformats-officedocument.presentationml.presentation",
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            ],
        ),
        (
            b"PK\x03\x04\x14\0\x06\0",
            &[
                "application/vnd.openxmlformats-officedocument.presentationml.presentation",
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            ],
        ),
        // Programs are none of these, whatever they are called.
        (b"MZ\x90\0\x03\0\0\0", &[]),
        (b"\x7fELF\x02\x01\x01\0", &[]),
        (b"\xcf\xfa\xed\xfe\x07\0\0\x01", &[]),
        (b"\0", &[]),
    ];

    #[test]
    fn a_file_is_genuine_for_its_own_types_alone() {
        for (head, genuine) in HEADS {
            for (content_type, _) in TYPES {
                assert_eq!(
                    looks_like(content_type, "a.bin", head),
                    genuine.contains(content_type),
                    "{content_type} for {head:?}"
                );
            }
        }
    }

    #[test]
    fn marks_are_looked_for_where_they_belong() {
        let late = |count: usize| [vec![b' '; count], b"%PDF-1.4".to_vec()].concat();
        assert!(looks_like("application/pdf", "a", &late(1_000)));
        assert!(!looks_like("application/pdf", "a", &late(2_000)));
        assert!(looks_like("application/vnd.ms-excel", "Prices.CSV", b"a,b"));
        assert!(!looks_like("application/vnd.ms-excel", "prices.xls", b"a,b"));
        assert!(
            looks_like("image/gif", "a", b"GIF89a") && !looks_like("image/gif", "a", b"<html>")
        );
        assert!(looks_like("application/x-own", "a", b"MZ\0"), "on the operator's word");
        for (content_type, _) in TYPES {
            for length in 0..16 {
                // Whatever is cut short is looked at without a panic.
                for (head, _) in HEADS {
                    looks_like(content_type, "a", &head[..length.min(head.len())]);
                }
            }
        }
    }
}
