//! What an answer carries to the client, to its last byte.
//!
//! Enters: a body that was decided whole, or one that streams. Leaves: its frames; the last of them, or the end itself,
//! waits until the exchange's record is written ([`Ledger::settle`]), so that no answer ends that the audit does not know.
//! Where no record can be written, the answer breaks off visibly.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::handed::Delivery;
use super::inspect::{Gathered, InspectedBody};
use super::ledger::Ledger;
use super::reply::{ErrorKind, ProxyError};

/// An answer's body.
pub(crate) struct AnswerBody {
    content: Content,
    /// Kept until the last byte, with the request's permit in it.
    ledger: Option<Arc<Ledger>>,
    end: End,
    /// Bytes that have left.
    given: u64,
    /// The item that it was, where a person held it.
    delivery: Option<Delivery>,
}

/// What an answer's body is made of.
pub(crate) enum Content {
    /// Decided whole; its length is declared.
    Whole(Option<Bytes>),
    /// What was read before the head was sent, then what follows.
    Stream { gathered: Gathered, body: Box<InspectedBody> },
}

/// What is given, or the end.
type Given = Option<Result<Frame<Bytes>, ProxyError>>;

/// How far an answer that streams is from its end.
enum End {
    /// Its content goes on. A frame of the declared length's last bytes waits for what follows it.
    Open(Option<Frame<Bytes>>),
    /// The record is being written; then this is given.
    Settling(Pin<Box<dyn Future<Output = Result<(), ProxyError>> + Send>>, Given),
    /// The record is written.
    Settled,
}

impl AnswerBody {
    pub(crate) fn new(content: Content, ledger: &Arc<Ledger>) -> Self {
        let end = match content {
            // Its record is written before its head is sent.
            Content::Whole(_) => End::Settled,
            Content::Stream { .. } if ledger.is_audited() => End::Open(None),
            Content::Stream { .. } => End::Settled,
        };
        Self { content, ledger: Some(Arc::clone(ledger)), end, given: 0, delivery: None }
    }

    /// It was held, and is handed over by this.
    pub(super) fn delivers(&mut self, delivery: Delivery) {
        self.delivery = Some(delivery);
        if self.is_end_stream() {
            self.delivered(true);
        }
    }

    /// Tells how far what was held has left.
    fn delivered(&mut self, ended: bool) {
        let Some(delivery) = &mut self.delivery else { return };
        delivery.begins();
        if ended {
            delivery.ends();
        }
    }

    /// Whether it goes on after the head.
    pub(crate) fn streams(&self) -> bool {
        matches!(self.content, Content::Stream { .. })
    }

    /// The client takes too little of it: it ends here.
    pub(super) fn stalls(&self) {
        if let Some(ledger) = &self.ledger {
            ledger.failed(&ProxyError::client(ErrorKind::Stall));
        }
    }

    fn poll_content(&mut self, context: &mut Context<'_>) -> Poll<Given> {
        let polled = match &mut self.content {
            Content::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Content::Stream { gathered, body } => match gathered.pop() {
                Some(chunk) => Poll::Ready(Some(Ok(Frame::data(chunk)))),
                None => match gathered.trailers.take() {
                    Some(trailers) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
                    None => Pin::new(body.as_mut()).poll_frame(context),
                },
            },
        };
        if let (Poll::Ready(Some(Err(error))), Some(ledger)) = (&polled, &self.ledger) {
            ledger.failed(error);
        }
        polled
    }

    /// Whether the last bytes of a length that the head has declared are here: hyper asks for nothing behind them.
    fn is_complete(&self) -> bool {
        let Content::Stream { body, .. } = &self.content else { return false };
        body.size_hint().exact().is_some_and(|declared| self.given >= declared)
    }

    fn poll_given(&mut self, context: &mut Context<'_>) -> Poll<Given> {
        loop {
            match &mut self.end {
                End::Settled => return self.poll_content(context),
                End::Settling(settling, last) => {
                    let Poll::Ready(settled) = settling.as_mut().poll(context) else { return Poll::Pending };
                    let last = last.take();
                    self.end = End::Settled;
                    return Poll::Ready(match settled {
                        Ok(()) => last,
                        Err(error) => {
                            if let Some(ledger) = &self.ledger {
                                ledger.failed(&error);
                            }
                            Some(Err(error))
                        }
                    });
                }
                End::Open(waiting) => {
                    let waiting = waiting.take();
                    match self.poll_content(context) {
                        Poll::Pending => {
                            self.end = End::Open(waiting);
                            return Poll::Pending;
                        }
                        Poll::Ready(Some(Ok(frame))) if frame.is_data() => {
                            self.given += frame.data_ref().map_or(0, Bytes::len) as u64;
                            let before = match waiting {
                                // More than was declared: the transport takes no more than that.
                                Some(before) => before,
                                None if self.is_complete() => {
                                    self.end = End::Open(Some(frame));
                                    continue;
                                }
                                None => frame,
                            };
                            return Poll::Ready(Some(Ok(before)));
                        }
                        Poll::Ready(last) => self.settle(last.or(waiting.map(Ok))),
                    }
                }
            }
        }
    }

    /// Writes the record; then `last` is given.
    fn settle(&mut self, last: Given) {
        self.end = match &self.ledger {
            Some(ledger) => {
                let ledger = Arc::clone(ledger);
                End::Settling(Box::pin(async move { ledger.settle().await }), last)
            }
            None => End::Settled,
        };
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = ProxyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ProxyError>>> {
        let this = self.get_mut();
        let polled = this.poll_given(context);
        match &polled {
            Poll::Ready(None) => this.delivered(true),
            Poll::Ready(Some(Ok(_))) => this.delivered(this.is_end_stream()),
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match (&self.content, &self.end) {
            (Content::Whole(bytes), _) => bytes.is_none(),
            (Content::Stream { .. }, End::Open(_) | End::Settling(..)) => false,
            (Content::Stream { gathered, body }, End::Settled) => {
                gathered.chunks.is_empty() && gathered.trailers.is_none() && body.is_end_stream()
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Content::Stream { gathered, body } if gathered.chunks.is_empty() => body.size_hint(),
            Content::Stream { .. } => SizeHint::default(),
        }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        // The answer is over: what is left of the request goes nowhere.
        if let Some(ledger) = self.ledger.take() {
            if let Content::Stream { body, .. } = &self.content
                && body.is_abandoned()
            {
                ledger.failed(&ProxyError::client(ErrorKind::Gone));
            }
            ledger.upload.stop();
        }
    }
}

impl fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnswerBody")
    }
}
