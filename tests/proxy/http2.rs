//! HTTP/2 through the proxy.

use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;

use crate::support::client::exchange2;
use crate::support::{TestProxy, Upstream};

const RULES: &str = "version = 1\npacks = [\"default\"]\n";

fn post(body: &'static str) -> Request<Full<Bytes>> {
    Request::post("https://localhost/v1/x").header("content-type", "application/json").body(body.into()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_is_redacted_both_ways() {
    let mut upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let mut client = proxy.client2().await;
    let answer = exchange2(&mut client, post(r#"{"ssn": "078-05-1120"}"#)).await;
    assert_eq!((answer.status, answer.complete), (200, true));
    assert_eq!(upstream.request().await.text(), r#"{"ssn": "***-**-****"}"#);
    assert_eq!(answer.text(), r#"{"ssn": "***-**-****"}"#);
    assert!(answer.header("x-request-id").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_other_than_the_server_name_is_misdirected() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let mut client = proxy.client2().await;
    let request = Request::get("https://other.example/").body(Full::default()).unwrap();
    let answer = exchange2(&mut client, request).await;
    assert_eq!((answer.status, answer.code().as_str()), (421, "misdirected"));
    let request = Request::get("https://localhost/").header("host", "other.example").body(Full::default()).unwrap();
    assert_eq!(exchange2(&mut client, request).await.status, 400);
    assert!(upstream.is_untouched());
}
