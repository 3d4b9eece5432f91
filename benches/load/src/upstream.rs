//! The upstream: a model provider over plain HTTP/1.1 that says what it is asked to say.
//!
//! Enters: requests whose `x-case` names an answer. Leaves: a short completion, one of 10 KiB after 10 ms, or a stream
//! of 200 events; each after the request has been read whole.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::corpus;
use crate::prompt::{CANARY, escaped};

/// Events of a stream.
pub const EVENTS: usize = 200;
/// A back end's answer of the published shape, and how long it takes.
const ANSWER: usize = 10 << 10;
const THINKS: Duration = Duration::from_millis(10);

type Answer = Response<Either<Full<Bytes>, Events>>;

struct Answers {
    short: Bytes,
    long: Bytes,
    events: Arc<[Bytes]>,
}

/// A stream of events: all that is ready at once, or each in a write of its own.
pub struct Events {
    events: Arc<[Bytes]>,
    next: usize,
    apart: bool,
    rests: bool,
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.apart {
            self.rests = !self.rests;
            if self.rests {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        let event = self.events.get(self.next).cloned();
        self.next += 1;
        Poll::Ready(event.map(|event| Ok(Frame::data(event))))
    }
}

/// Starts it on a thread of its own.
pub fn start() -> Result<SocketAddr, String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    listener.set_nonblocking(true).map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, serve(listener));
    });
    Ok(address)
}

async fn serve(listener: std::net::TcpListener) {
    let listener = TcpListener::from_std(listener).expect("a socket that was just bound");
    let answers = Arc::new(answers());
    while let Ok((socket, _)) = listener.accept().await {
        let _ = socket.set_nodelay(true);
        let answers = Arc::clone(&answers);
        tokio::task::spawn_local(async move {
            let service = service_fn(|request| answer(Arc::clone(&answers), request));
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

async fn answer(answers: Arc<Answers>, request: Request<Incoming>) -> Result<Answer, hyper::Error> {
    let case = request.headers().get("x-case").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let mut body = request.into_body();
    if case == "probe" {
        let body = body.collect().await?.to_bytes();
        let seen = body.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
        return Ok(json(Bytes::from(format!("{{\"bytes\":{},\"seen\":{seen}}}", body.len()))));
    }
    while let Some(frame) = body.frame().await {
        frame?;
    }
    Ok(match case.as_str() {
        "sse" | "sse-apart" => {
            let events =
                Events { events: Arc::clone(&answers.events), next: 0, apart: case == "sse-apart", rests: false };
            Response::builder().header("content-type", "text/event-stream").body(Either::Right(events)).expect("valid")
        }
        "long" => {
            tokio::time::sleep(THINKS).await;
            json(answers.long.clone())
        }
        _ => json(answers.short.clone()),
    })
}

fn json(body: Bytes) -> Answer {
    let answer = Response::builder().header("content-type", "application/json").header("x-request-id", "req_load");
    answer.body(Either::Left(Full::new(body))).expect("valid")
}

fn answers() -> Answers {
    let prose = corpus::chat(64 << 10, corpus::SEED).text;
    let chunk = |delta: &str| {
        format!(
            "data: {{\"id\":\"chatcmpl-9dKqL2\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"model\":\"gpt-5\",\
             \"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{}\"}},\"finish_reason\":null}}]}}\n\n",
            escaped(delta)
        )
    };
    let mut words = prose.split_inclusive(' ');
    let mut events: Vec<Bytes> =
        (1..EVENTS).map(|_| Bytes::from(chunk(&words.by_ref().take(3).collect::<String>()))).collect();
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    Answers {
        short: Bytes::from(completion("You are welcome. The invoice is on its way and should be there by Friday.")),
        long: Bytes::from(completion(&prose[..prose.floor_char_boundary(ANSWER - 400)])),
        events: events.into(),
    }
}

fn completion(text: &str) -> String {
    format!(
        "{{\"id\":\"chatcmpl-9dKqL2\",\"object\":\"chat.completion\",\"created\":1790000000,\"model\":\"gpt-5\",\"choices\":\
         [{{\"index\":0,\"message\":{{\"role\":\"assistant\",\"content\":\"{}\"}},\"finish_reason\":\"stop\"}}],\
         \"usage\":{{\"prompt_tokens\":240,\"completion_tokens\":18,\"total_tokens\":258}}}}",
        escaped(text)
    )
}
