//! Multipart bodies beside `multer` (RFC 7578).

use multer::Multipart;

use super::{FILLERS, run};

/// What a reader has of a part: name, name of its file, type, text.
type Part = (Option<String>, Option<String>, Option<String>, String);

#[tokio::main(flavor = "current_thread")]
async fn read(body: &[u8], boundary: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut reader = Multipart::with_reader(body, boundary);
    while let Some(part) = reader.next_field().await.unwrap() {
        let of = |text: Option<&str>| text.map(str::to_owned);
        let head = (of(part.name()), of(part.file_name()), part.content_type().map(ToString::to_string));
        parts.push((head.0, head.1, head.2, part.text().await.unwrap()));
    }
    parts
}

#[test]
fn parts() {
    run(53, 300, |choices, plant| {
        let boundary = choices.one_of(&["b", "----WebKitFormBoundaryAaB03x", "a'b()+_,-./:=?"]);
        let mut body = String::from(choices.one_of(&["", "before\r\n"]));
        let mut wanted = Vec::new();
        for number in 0..1 + choices.below(4) {
            let (text, read) = choices.text(FILLERS, plant);
            let (file, file_read) = choices.text(&["one", "two words", "a,b", "x=y"], plant);
            let name = format!("part-{number}");
            let file = Some((file, file_read)).filter(|_| choices.below(2) == 0);
            let kind = choices.one_of(&[None, Some("text/plain"), Some("application/octet-stream")]);
            body.push_str(&format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\""));
            if let Some((file, _)) = &file {
                body.push_str(&format!("; filename=\"{file}\""));
            }
            if let Some(kind) = kind {
                body.push_str(&format!("\r\nContent-Type: {kind}"));
            }
            body.push_str(&format!("\r\n\r\n{text}\r\n"));
            wanted.push((Some(name), file.map(|(_, read)| read), kind.map(str::to_owned), read));
        }
        body.push_str(&format!("--{boundary}--\r\n"));
        let out = choices.redacted(&format!("multipart/form-data; boundary=\"{boundary}\""), body.as_bytes());
        assert_eq!(read(&out, boundary), wanted, "{body}");
        assert!(plant || out == body.as_bytes());
    });
}
