//! An answer of the admin listener on its way out.
//!
//! Enters: a body. Leaves: the same bytes, which know when the last of them has been written: until then the connection is being
//! answered, and gives way to no other.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;

use super::guests::Asking;

/// The body of an answer.
pub(super) struct Told {
    body: Full<Bytes>,
    /// Handed on with its one piece.
    asking: Option<Asking>,
}

impl Told {
    pub(super) fn new(body: Full<Bytes>, asking: Asking) -> Self {
        asking.answers();
        Self { body, asking: Some(asking) }
    }
}

impl Body for Told {
    type Data = Leaving;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Leaving>, Infallible>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(context);
        polled.map_ok(|frame| frame.map_data(|bytes| Leaving { bytes, _asking: this.asking.take() }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The bytes of an answer, until they are written.
pub(super) struct Leaving {
    bytes: Bytes,
    _asking: Option<Asking>,
}

impl Buf for Leaving {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}
