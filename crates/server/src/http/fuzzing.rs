//! Fuzz targets for what requests are made of.

mod signing;

use chatloom_engine::media;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

pub use self::signing::sigv4;
use super::{
    files::disposition,
    range::{Part, part},
    sigv4::decode,
    socket,
    url::{PublicBase, is_loopback_host, is_loopback_origin},
};
use crate::fuzzing::line;

/// The lines `name: value` up to an empty one, as far as a server would take them, and what follows.
fn headers(mut data: &[u8]) -> Option<(HeaderMap, &[u8])> {
    let mut headers = HeaderMap::new();
    while !data.is_empty() {
        let (one, rest) = line(data)?;
        data = rest;
        let Some((name, value)) = one.split_once(':') else { break };
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let value = value.trim_matches([' ', '\t']);
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
    }
    Some((headers, data))
}

/// The part of a file that a header asks for is the one that a slow reading finds, byte by byte, and
/// lies within the file. The input is the size of a small file, and the header.
pub fn range(data: &[u8]) {
    let Some((&size, rest)) = data.split_first() else { return };
    let Ok(header) = std::str::from_utf8(rest) else { return };
    assert_eq!(part(Some(header), size.into()), slowly(header, size.into()), "of {size}");
    // Sizes near the end of all numbers.
    let size = u64::MAX - u64::from(size);
    if let Part::From(first, last) = part(Some(header), size) {
        assert!(first <= last && last < size, "{first} to {last} of {size}");
    }
}

fn slowly(header: &str, size: u64) -> Part {
    let Some(range) = header.trim().strip_prefix("bytes=") else { return Part::Whole };
    let mut ends = range.splitn(2, '-').map(str::trim);
    let (Some(first), Some(last)) = (ends.next(), ends.next()) else { return Part::Whole };
    let is_number = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if !is_number(first) || !is_number(last) || first.len() + last.len() == 0 {
        return Part::Whole;
    }
    // All files here are small.
    let number = |text: &str| {
        text.bytes().fold(0, |number: u64, digit| {
            (number * 10 + u64::from(digit - b'0')).min(1_000_000_000_000)
        })
    };
    // Numbers that no file reaches are all alike.
    let is_after = |a: &str, b: &str| a.parse().unwrap_or(u64::MAX) > b.parse().unwrap_or(u64::MAX);
    let wanted = |at: u64| match (first, last) {
        ("", last) => at + number(last) >= size,
        (first, "") => at >= number(first),
        (first, last) => at >= number(first) && at <= number(last),
    };
    if !first.is_empty() && !last.is_empty() && is_after(first, last) {
        return Part::Whole;
    }
    let mut served = (0..size).filter(|at| wanted(*at));
    match served.next() {
        Some(first) => Part::From(first, served.next_back().unwrap_or(first)),
        None => Part::Nothing,
    }
}

/// What a server is reached by gives URLs of sockets and files that clients can open, and that lead
/// there and nowhere else. The input is a token, a configured URL and an origin, a line each, and the
/// headers of a request.
pub fn public_url(data: &[u8]) {
    let Some((token, rest)) = line(data) else { return };
    let Some((configured, rest)) = line(rest) else { return };
    let Some((origin, rest)) = line(rest) else { return };
    let Some((headers, _)) = headers(rest) else { return };
    if is_loopback_origin(origin) {
        assert!(origin.starts_with("http"), "{origin:?} is no origin of a page");
    }
    // Tokens are of these characters alone.
    let token: String = token.chars().filter(char::is_ascii_alphanumeric).take(1_000).collect();
    let configured = PublicBase::from_config(configured);
    let requested = [(false, false), (true, false), (false, true), (true, true)]
        .map(|(is_secure, trusted)| PublicBase::from_request(&headers, is_secure, trusted));
    for base in requested.into_iter().chain([configured]).flatten() {
        let (socket, file) = (base.socket_url(&token), base.file_url(&token));
        let (at, file): (Uri, Uri) = (socket.parse().expect("a URL"), file.parse().expect("a URL"));
        assert_eq!(at.query(), Some(&*format!("token={token}")), "{socket}");
        assert!(at.path().ends_with("/socket"), "{socket}");
        assert!(file.path().ends_with(&format!("/v1/files/{token}")), "{file}");
        assert_eq!(file.query(), None);
        let schemes = (at.scheme_str().expect("it has one"), file.scheme_str().expect("as has it"));
        assert!(matches!(schemes, ("wss", "https") | ("ws", "http")), "{schemes:?}");
        for url in [&at, &file] {
            let authority = url.authority().expect("it has one").as_str();
            assert!(!authority.contains('@'), "{authority}");
        }
        let hosts = (at.host().expect("it has one"), file.host().expect("as has it"));
        assert!(
            hosts.0 == hosts.1 || (is_loopback_host(hosts.1) && hosts.0 == "127.0.0.1"),
            "{hosts:?}"
        );
        let mut request = http::Request::new(());
        *request.uri_mut() = at;
        assert_eq!(socket::token(&request.into_parts().0), Some(&*token), "it is found again");
    }
}

/// What a client says of a file: a name that is taken is the one that others are told, and does
/// nothing in a header. The input is a type and a name, a line each, and the beginning of the file.
pub fn attachment(data: &[u8]) {
    let Some((content_type, rest)) = line(data) else { return };
    let Some((name, head)) = line(rest) else { return };
    let more = ["image/gif".to_owned()];
    let is_taken = media::check_type(content_type, &more).is_ok();
    if is_taken {
        let essence = media::essence(content_type).to_ascii_lowercase();
        assert!(media::is_type(&essence), "{essence:?} is a type");
        assert!(HeaderValue::from_str(&essence).is_ok(), "{essence:?} can be sent back");
    }
    let head = &head[..head.len().min(media::HEAD_BYTES)];
    if media::looks_like(content_type, name, head)
        && media::essence(content_type).eq_ignore_ascii_case("text/plain")
    {
        let programs: [&[u8]; 2] = [b"\x7fELF\x02\x01\x01\0", b"MZ\x90\0"];
        assert!(!programs.iter().any(|mark| head.starts_with(mark)), "a program is no text");
    }

    let is_name = media::check_name(name).is_ok();
    for inline in [false, true] {
        let written = disposition(inline, name);
        assert!(HeaderValue::from_str(&written).is_ok(), "{written:?} is a header");
        let (plain, extended) =
            written.split_once("\"; filename*=UTF-8''").expect("the name in both forms");
        let kind = if inline { "inline" } else { "attachment" };
        let plain = plain.strip_prefix(&format!("{kind}; filename=\"")).expect("how, and a name");
        assert!(!plain.contains(['"', '\\', '/']) && plain.is_ascii(), "{plain:?}");
        assert!(!extended.contains(['"', ';', ',', ' ', '\'']), "{extended:?}");
        assert_eq!(decode(extended), name.as_bytes(), "it is read as the name");
        assert!(!is_name || !matches!(plain.trim(), "" | "." | ".."), "{plain:?} is a name");
    }
    assert!(!is_name || !name.contains(['/', '\\', '\0', '\n']), "{name:?} is only a name");
}
