//! The bodies of requests: how they come in, and what of one nobody wanted.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use axum::body::{Body, HttpBody as _};
use bytes::{Bytes, BytesMut};
use chatloom_wire::{ErrorKind, ServiceError};
use http::StatusCode;
use http_body_util::BodyExt as _;
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::{Call, error};
use crate::{
    clients::{self, Clients},
    config::Size,
};

/// Memory for all bodies that are not here whole yet: whoever sends one slowly holds what has come.
pub(super) struct Room {
    most: usize,
    taken: AtomicUsize,
    /// The bound on all of them together would let one client have everything.
    clients: Arc<Clients>,
}

impl Room {
    pub(super) fn new(most: Size, clients: &Arc<Clients>) -> Arc<Self> {
        let clients = Arc::clone(clients);
        Arc::new(Self { most: most.bytes(), taken: AtomicUsize::new(0), clients })
    }
}

/// What one body has of the room; it is free again when this is dropped.
struct Held<'a> {
    room: &'a Room,
    bytes: usize,
    of_client: clients::Held,
}

impl<'a> Held<'a> {
    /// Nothing yet, of a client there.
    fn new(room: &'a Room, client: IpAddr) -> Self {
        Self { room, bytes: 0, of_client: room.clients.body(client) }
    }

    /// Takes so many bytes more, if there is room and its client may have it.
    fn take(&mut self, bytes: usize) -> bool {
        if self.of_client.take(bytes).is_err() {
            return false;
        }
        let before = self.room.taken.fetch_add(bytes, Relaxed);
        self.bytes += bytes;
        before + bytes <= self.room.most
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.room.taken.fetch_sub(self.bytes, Relaxed);
    }
}

impl Call {
    /// The body, to be read piece by piece.
    pub(super) fn take_body(&mut self) -> Body {
        std::mem::take(&mut *self.body.lock())
    }

    /// Leaves what was not read of a body to be read away.
    pub(super) fn give_back(&mut self, body: Body) {
        *self.body.lock() = body;
    }

    /// The body, at most so large.
    pub(crate) async fn body(&mut self, limit: Size) -> Result<Bytes, ServiceError> {
        let body = self.take_body();
        let held = Held::new(&self.room, self.client());
        match tokio::time::timeout_at(self.body_until, whole(body, limit, held)).await {
            Ok(read) => read,
            Err(_) => Err(ServiceError {
                kind: ErrorKind::Other("RequestTimeoutException".into()),
                status: StatusCode::REQUEST_TIMEOUT.as_u16(),
                message: "The body took too long".to_owned(),
            }),
        }
    }

    /// The body as JSON; an empty one counts as `{}`.
    pub(crate) async fn json<T: DeserializeOwned>(
        &mut self,
        limit: Size,
    ) -> Result<T, ServiceError> {
        parse(&self.body(limit).await?)
    }
}

/// All of a body. What came before is copied together: a piece keeps the buffer that it was read into,
/// which is larger by far when a client sends a byte at a time.
async fn whole(mut body: Body, limit: Size, mut held: Held<'_>) -> Result<Bytes, ServiceError> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| error::validation("The body ended before its end"))?;
        let Ok(piece) = frame.into_data() else { continue };
        if whole.len() + piece.len() > limit.bytes() {
            return Err(ServiceError::new(
                ErrorKind::RequestEntityTooLarge,
                format!("The body is larger than {limit}"),
            ));
        }
        if whole.is_empty() && body.is_end_stream() {
            return Ok(piece);
        }
        if !held.take(piece.len()) {
            return Err(ServiceError {
                kind: ErrorKind::Other("ServiceUnavailableException".into()),
                status: StatusCode::SERVICE_UNAVAILABLE.as_u16(),
                message: "Too much is coming in at once; try again".to_owned(),
            });
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// What a handler has left of a request's body, because it refused the request before.
pub(super) struct Unread {
    body: Arc<Mutex<Body>>,
    until: Instant,
}

impl Unread {
    pub(super) fn of(call: &Call) -> Self {
        Self { body: Arc::clone(&call.body), until: call.body_until }
    }

    /// Reads it away, at most so many bytes: a connection that is answered before its request is over
    /// has to be closed, and a client that has read the answer may be writing its next request by then.
    pub(super) async fn skip(self, most: usize) {
        let mut body = std::mem::take(&mut *self.body.lock());
        let mut left = most;
        let read = async {
            while let Some(Ok(frame)) = body.frame().await {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                let Some(rest) = left.checked_sub(bytes) else { return };
                left = rest;
            }
        };
        // Whoever is slower than that has its connection closed.
        let _ = tokio::time::timeout_at(self.until, read).await;
    }
}

/// Reads a JSON body; an empty one counts as `{}`.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ServiceError> {
    let body = if body.trim_ascii().is_empty() { b"{}" } else { body };
    serde_json::from_slice(body)
        .map_err(|error| error::validation(format!("The body is not as modelled: {error}")))
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, net::Ipv4Addr};

    use futures_util::{FutureExt as _, StreamExt as _, stream};

    use super::*;
    use crate::config::Config;

    const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));

    fn room(most: Size) -> Arc<Room> {
        Room::new(most, &Clients::new(&Config::default()))
    }

    /// Nothing more of it comes.
    fn slow(bytes: usize) -> Body {
        let begun = stream::iter([Ok::<_, Infallible>(Bytes::from(vec![b'x'; bytes]))]);
        Body::from_stream(begun.chain(stream::pending()))
    }

    /// A buffer that says whether somebody still has it.
    struct Buffer {
        _counted: Arc<()>,
    }

    impl AsRef<[u8]> for Buffer {
        fn as_ref(&self) -> &[u8] {
            &[b'x'; 8_192]
        }
    }

    #[test]
    fn a_byte_at_a_time_keeps_no_buffers() {
        let (buffers, room) = (Arc::new(()), room(Size::kib(1)));
        let counted = Arc::clone(&buffers);
        let pieces = stream::iter(0..1_000).map(move |_| {
            // The one that is read into now, and the one before it.
            assert!(Arc::strong_count(&counted) <= 3, "{}", Arc::strong_count(&counted));
            let buffer = Bytes::from_owner(Buffer { _counted: Arc::clone(&counted) });
            Ok::<_, Infallible>(buffer.slice(..1))
        });
        let read = whole(Body::from_stream(pieces), Size::kib(1), Held::new(&room, CLIENT));
        let read = read.now_or_never();
        assert_eq!(read.unwrap().unwrap().len(), 1_000);
        assert_eq!(room.taken.load(Relaxed), 0);
    }

    #[test]
    fn all_bodies_together_have_a_bound() {
        let room = room(Size::kib(1));
        let read = |bytes| Box::pin(whole(slow(bytes), Size::kib(2), Held::new(&room, CLIENT)));
        let (mut first, mut second) = (read(1_000), read(25));
        assert!((&mut first).now_or_never().is_none());
        let refused = (&mut second).now_or_never().unwrap().unwrap_err();
        assert_eq!((refused.status, refused.kind.name()), (503, "ServiceUnavailableException"));
        // What is refused or given up takes nothing.
        drop((first, second));
        assert_eq!(room.taken.load(Relaxed), 0);
        // One that is here at once needs no room.
        let full = Room::new(Size::kib(0), &room.clients);
        let whole = whole(Body::from("hello"), Size::kib(1), Held::new(&full, CLIENT));
        assert_eq!(whole.now_or_never().unwrap().unwrap(), "hello");
    }

    #[test]
    fn one_address_leaves_room_to_the_others() {
        let config = Config::from_toml("[addresses]\nbodies = '512KiB'\n").unwrap();
        let room = Room::new(Size::kib(1024), &Clients::new(&config));
        let read =
            |client, bytes| Box::pin(whole(slow(bytes), Size::kib(1024), Held::new(&room, client)));
        let mut first = read(CLIENT, 500_000);
        assert!((&mut first).now_or_never().is_none());
        let refused = read(CLIENT, 25_000).now_or_never().unwrap().unwrap_err();
        assert_eq!((refused.status, refused.kind.name()), (503, "ServiceUnavailableException"));
        assert!(read(IpAddr::from([203, 0, 113, 8]), 500_000).now_or_never().is_none());
        drop(first);
        assert!(read(CLIENT, 500_000).now_or_never().is_none());
        assert_eq!(room.taken.load(Relaxed), 0);
    }

    #[test]
    fn a_body_has_a_largest_size() {
        let room = room(Size::kib(8));
        let read = |bytes: usize| {
            let body = Body::from(vec![b'x'; bytes]);
            let read = whole(body, Size::kib(1), Held::new(&room, CLIENT));
            read.now_or_never().unwrap().map(|body| body.len())
        };
        assert_eq!(read(1_024), Ok(1_024));
        assert_eq!(read(1_025).unwrap_err().status, 413);
    }
}
