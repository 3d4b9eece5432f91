//! Questions over HTTP: a POST of JSON, and an answer of bounded length.
//!
//! Enters: a [`Question`]. Leaves: the verdict of a webhook, of Presidio or of Purview. Redirects are not followed; a status
//! other than 200 is no verdict, whatever its body says.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::uri::Scheme;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use std::sync::Arc;

use crate::audit::record::rfc3339;
use crate::external::{Failure, Question, Verdict, presidio, purview, webhook};
use crate::policy::{External, ExternalKind, Policy};
use crate::proxy::upstream::{self, Beside, Shown};
use crate::telemetry;

const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// The connections to one service.
pub(super) struct Client {
    settings: Arc<External>,
    beside: Beside,
    uri: Option<Uri>,
}

impl Client {
    pub(super) fn new(settings: &Arc<External>, shown: Option<&Shown>, policy: &Policy) -> Self {
        let to = &settings.upstream;
        // Presidio's own path, unless one is told.
        let path = match (&settings.kind, to.path.as_str()) {
            (ExternalKind::Presidio { .. }, "") => "/analyze",
            (_, "") => "/",
            (_, path) => path,
        };
        let uri = Uri::builder()
            .scheme(if to.tls { Scheme::HTTPS } else { Scheme::HTTP })
            .authority(upstream::authority(to))
            .path_and_query(path)
            .build();
        Self { settings: Arc::clone(settings), beside: upstream::beside(to, shown, policy), uri: uri.ok() }
    }

    /// Asks, and reads the answer.
    pub(super) async fn ask(&self, question: &Question) -> Result<Verdict, Failure> {
        let now = telemetry::unix_seconds();
        let body = Bytes::from(match &self.settings.kind {
            ExternalKind::Presidio { language, threshold } => presidio::question(question, language, *threshold),
            ExternalKind::Purview { application, .. } => {
                purview::question(question, application, &rfc3339(telemetry::unix_millis()))
            }
            ExternalKind::Webhook { .. } | ExternalKind::Icap { .. } => webhook::question(question),
        });
        let request = self.request(question, body, now)?;
        let response = self.beside.request(request).await.map_err(|_| Failure::Connect)?;
        if response.status() != StatusCode::OK {
            return Err(Failure::Status);
        }
        let (head, body) = response.into_parts();
        let answer = read(Response::new(body), self.settings.answer_bytes).await?;
        match &self.settings.kind {
            ExternalKind::Webhook { secrets, signed_answers, tolerance } => {
                let field = |name| head.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
                let signed = || {
                    let told = (field(WEBHOOK_ID)?, field(WEBHOOK_TIMESTAMP)?, field(WEBHOOK_SIGNATURE)?);
                    let time = (telemetry::unix_seconds(), tolerance.as_secs());
                    // The same id: it is the answer to this question.
                    let own = told.0 == message_id(question) && webhook::is_signed(secrets, told, &answer, time);
                    own.then_some(())
                };
                if *signed_answers && signed().is_none() {
                    return Err(Failure::Answer);
                }
                webhook::verdict(&answer, question)
            }
            ExternalKind::Presidio { .. } => presidio::verdict(&answer, question),
            ExternalKind::Purview { .. } => purview::verdict(&answer),
            ExternalKind::Icap { .. } => Err(Failure::Answer),
        }
    }

    fn request(&self, question: &Question, body: Bytes, now: u64) -> Result<Request<Full<Bytes>>, Failure> {
        let uri = self.uri.clone().ok_or(Failure::Connect)?;
        let mut request = Request::post(uri)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(ACCEPT, HeaderValue::from_static("application/json"));
        match &self.settings.kind {
            ExternalKind::Webhook { secrets, .. } => {
                let id = message_id(question);
                if !secrets.is_empty() {
                    request = request.header(WEBHOOK_SIGNATURE, webhook::signatures(secrets, &id, now, &body));
                }
                request = request.header(WEBHOOK_ID, id).header(WEBHOOK_TIMESTAMP, now);
            }
            ExternalKind::Purview { token, .. } => {
                let value = HeaderValue::try_from(format!("Bearer {}", token.as_str()));
                let mut value = value.map_err(|_| Failure::Connect)?;
                value.set_sensitive(true);
                // Without it the word for a restriction is `unknownFutureValue`.
                let prefer = HeaderValue::from_static("include-unknown-enum-members");
                request = request.header(AUTHORIZATION, value).header("prefer", prefer);
            }
            ExternalKind::Presidio { .. } | ExternalKind::Icap { .. } => {}
        }
        request.body(Full::new(body)).map_err(|_| Failure::Connect)
    }
}

/// What a webhook's question is called: one for each direction of an exchange.
fn message_id(question: &Question) -> String {
    format!("{}-{}", question.request_id, question.direction.name())
}

/// The whole of an answer, up to a bound.
async fn read(response: Response<Incoming>, limit: usize) -> Result<Vec<u8>, Failure> {
    let mut body = response.into_body();
    let mut out = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Failure::Connect)?;
        let Ok(data) = frame.into_data() else { continue };
        if out.len() + data.len() > limit {
            return Err(Failure::Answer);
        }
        out.extend_from_slice(&data);
    }
    Ok(out)
}
