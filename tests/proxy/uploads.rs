//! Files that are sent in parts, each a request of its own.

use crate::support::{TestProxy, Upstream};

const RULES: &str = "version = 1\npacks = [\"pci\"]\n";
const PART: &str =
    "--b\r\nContent-Disposition: form-data; name=\"data\"; filename=\"a.txt\"\r\n\r\nCard 4111 1111\r\n--b--\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_in_parts_is_refused_unless_the_route_lets_it_pass_unread() {
    let mut upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .route("/parts", upstream.address, |route| {
            route.opaque = [blackbar::body::MediaRange::parse("application/x-upload-part").unwrap()].into();
        })
        .upstream(&upstream)
        .start();
    let form = "multipart/form-data; boundary=b";
    let answer = proxy.client().await.post("/v1/uploads/upload_1/parts", form, PART).await;
    let said: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.status, &said["error"]["code"]), (415, &"upload_part".into()), "{said}");
    let google = |prefix: &str, query: &str, command: &str, body: &str| {
        format!(
            "POST {prefix}/upload/v1beta/files{query} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             X-Goog-Upload-Protocol: resumable\r\nX-Goog-Upload-Command: {command}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    for (query, command, body) in [
        ("", "start", "{\"file\":{\"display_name\":\"a\"}}"),
        ("?upload_id=1", "upload, finalize", "{\"card\":\"4111\"}"),
    ] {
        let answer = proxy.client().await.send(google("", query, command, body)).await;
        let said: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((answer.status, said["error"]["code"].as_i64()), (415, Some(415)), "{said}");
    }
    assert!(upstream.is_untouched());

    let answer = proxy.client().await.post("/parts/v1/uploads/upload_1/parts", form, PART).await;
    assert_eq!((answer.status, upstream.request().await.text().ends_with(PART)), (200, true));
    let labels = "{direction=\"request\",reason=\"upload_part\",workspace=\"acme\"}";
    assert_eq!(proxy.metric(&format!("blackbar_unscanned_bytes_total{labels}")), PART.len() as f64);
    // What only says that parts come is read.
    let start = "{\"file\":{\"display_name\":\"4111 1111 1111 1111\"}}";
    let answer = proxy.client().await.send(google("/parts", "", "start", start)).await;
    assert_eq!(answer.status, 200);
    assert!(!upstream.saw("4111 1111 1111 1111"));
}
