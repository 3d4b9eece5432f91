//! `redact`: every type and coding, files in place and elsewhere, what blocks, constant memory.

use std::fs;
use std::io::{Read, Write};
use std::process::Stdio;

use crate::{Folder, blackbar, run, run_with};

const BLOCKING: &str = "version = 1\npacks = [\"default\"]\n[actions]\nUS_SSN = \"block\"\n";

#[test]
fn each_type_keeps_its_form() {
    let cases: [(&str, &str, &str); 9] = [
        ("text/plain", "card 4111 1111 1111 1111\nok", "card **** **** **** 1111\nok"),
        ("text/csv", "a,jane@example.com,\"078-05-1120\"\r\n", "a,jane@***,\"***-**-****\"\r\n"),
        (
            "application/json",
            "{ \"a\" : [4111111111111111, \"j\\u0061ne@example.com\"],\t\"b\":\"\\u00e9 \\/\" }",
            "{ \"a\" : [\"************1111\", \"jane@***\"],\t\"b\":\"\\u00e9 \\/\" }",
        ),
        (
            "application/x-ndjson",
            "{\"m\":\"078-05-1120\"}\n{\"m\":\"fine\"}\n",
            "{\"m\":\"***-**-****\"}\n{\"m\":\"fine\"}\n",
        ),
        (
            "text/event-stream; charset=utf-8",
            "event: x\ndata: {\"a\":\"jane@example.com\"}\n\ndata: fine\n\n",
            "event: x\ndata: {\"a\":\"jane@***\"}\n\ndata: fine\n\n",
        ),
        ("text/html", "<b>jane@example.com</b>", "<b>jane@***</b>"),
        ("application/soap+xml", "<a>4111 <!-- -->1111 1111 1111</a>", "<a>**** <!-- -->**** **** 1111</a>"),
        ("application/yaml", "card: 4111111111111111\n", "card: '************1111'\n"),
        ("text/plain", "", ""),
    ];
    for (media_type, input, wanted) in cases {
        let ran = run_with(input.as_bytes(), ["redact", "--type", media_type]);
        assert_eq!((ran.code, ran.text(), ran.stderr.as_str()), (0, wanted, ""), "{media_type}");
        // By a file's name, where there is one for the type.
        let name = match media_type {
            "text/plain" => "x.log",
            "text/csv" => "x.csv",
            "application/json" => "x.json",
            "application/x-ndjson" => "x.jsonl",
            "text/html" => "x.html",
            "application/soap+xml" => "x.xml",
            "application/yaml" => "x.yml",
            _ => "x.sse",
        };
        let folder = Folder::new();
        let path = folder.write(name, input);
        assert_eq!(run(["redact".as_ref(), path.as_os_str()]).text(), wanted, "{name}");
    }
}

#[test]
fn a_file_in_utf_16_stays_one() {
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let (body, wanted) = ("\u{feff}mail jane@example.com\r\n\u{e9}", "\u{feff}mail jane@***\r\n\u{e9}");
    for arguments in [&["redact"][..], &["redact", "--type", "text/plain; charset=utf-16le"]] {
        let ran = run_with(&wide(body), arguments.iter().copied());
        assert_eq!((ran.code, ran.stdout.as_slice(), ran.stderr.as_str()), (0, wide(wanted).as_slice(), ""));
    }
}

#[test]
fn model_deltas_in_a_file_are_one_text() {
    let delta =
        |text: &str| format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    let stream: String = ["my card 41", "11 1111 11", "11 1111 is", " here"].map(delta).concat() + "data: [DONE]\n\n";
    let ran = run_with(stream.as_bytes(), ["redact", "--type", "text/event-stream"]);
    let text: String = ran
        .text()
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line.strip_prefix("data: ")?).ok())
        .filter_map(|event| Some(event["choices"][0]["delta"]["content"].as_str()?.to_owned()))
        .collect();
    assert_eq!(text, "my card **** **** **** 1111 is here");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut text).unwrap();
    text
}

fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut made = Vec::new();
    brotli::CompressorWriter::new(&mut made, 4096, 5, 20).write_all(bytes).unwrap();
    made
}

fn unbrotli(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    brotli::Decompressor::new(bytes, 4096).read_to_end(&mut text).unwrap();
    text
}

#[test]
fn codings_by_name_are_opened_and_made_again() {
    let (input, wanted) = (b"{\"m\":\"jane@example.com\"}".as_slice(), b"{\"m\":\"jane@***\"}".as_slice());
    let folder = Folder::new();
    let out = |name: &str, contents: Vec<u8>| {
        let path = folder.write(name, contents);
        let ran = run(["redact".as_ref(), path.as_os_str()]);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{name}");
        ran.stdout
    };
    assert_eq!(gunzip(&out("a.json.gz", gzip(input))), wanted);
    assert_eq!(zstd::decode_all(out("a.json.zst", zstd::encode_all(input, 3).unwrap()).as_slice()).unwrap(), wanted);
    assert_eq!(unbrotli(&out("a.json.br", brotli(input))), wanted);
    assert_eq!(gunzip(&unbrotli(&out("a.json.gz.br", brotli(&gzip(input))))), wanted);
    let cut = gzip(input);
    let path = folder.write("cut.json.gz", &cut[..cut.len() - 9]);
    let ran = run(["redact".as_ref(), path.as_os_str()]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("truncated"), "{}", ran.stderr);
}

#[test]
fn what_cannot_be_scanned_is_refused() {
    for (media_type, input, reason) in [
        ("application/json", b"{\"a\":".as_slice(), "truncated"),
        ("application/json", b"{\"a\" 1}", "json_syntax"),
        ("image/png", b"\x89PNG\r\n\x1a\n\0\0\0", "media_type"),
        ("text/plain; charset=utf-16", b"in single bytes", "charset"),
    ] {
        let ran = run_with(input, ["redact", "--type", media_type]);
        assert_eq!(ran.code, 1, "{media_type}");
        assert!(ran.stderr.starts_with(&format!("stdin: body refused: {reason}")), "{media_type}: {}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{media_type}: {}", ran.stderr);
    }
}

#[test]
fn a_block_ends_the_output_before_the_match() {
    let folder = Folder::new();
    let rules = folder.write("rules.toml", BLOCKING);
    let ran =
        run_with(b"first line\nssn 078-05-1120 more\n", ["redact".as_ref(), "--rules".as_ref(), rules.as_os_str()]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, "stdin: blocked by us-pii.ssn\n"));
    assert!(b"first line\nssn ".starts_with(&ran.stdout), "{:?}", ran.text());
}

#[test]
fn in_place_keeps_permissions_and_links_and_leaves_blocked_files() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = Folder::new();
    let rules = folder.write("rules.toml", BLOCKING);
    let good = folder.write("good.log", "jane@example.com\n");
    let bad = folder.write("bad.log", "jane@example.com 078-05-1120\n");
    fs::set_permissions(&good, fs::Permissions::from_mode(0o640)).unwrap();
    let link = folder.path().join("link.log");
    symlink("good.log", &link).unwrap();
    let ran = run([
        "redact".as_ref(),
        "-i".as_ref(),
        "--rules".as_ref(),
        rules.as_os_str(),
        bad.as_os_str(),
        link.as_os_str(),
    ]);
    assert_eq!(ran.code, 1);
    assert_eq!(ran.stderr, format!("{}: blocked by us-pii.ssn\n", bad.display()));
    assert!(ran.stdout.is_empty());
    assert_eq!(fs::read_to_string(&good).unwrap(), "jane@***\n");
    assert_eq!(fs::read_to_string(&bad).unwrap(), "jane@example.com 078-05-1120\n");
    assert_eq!(fs::metadata(&good).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(&link).unwrap().file_type().is_symlink());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4, "no file of its own is left");
}

#[test]
fn a_pipe_is_not_redacted_in_place_and_not_waited_for() {
    let folder = Folder::new();
    let (pipe, file) = (folder.path().join("pipe"), folder.write("good.log", "jane@example.com\n"));
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let ran = run(["redact".as_ref(), "-i".as_ref(), file.as_os_str(), pipe.as_os_str()]);
    assert!(ran.code == 2 && ran.stderr.contains("-i is for regular files"), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(&file).unwrap(), "jane@example.com\n", "nothing is written before that is seen");
}

#[test]
fn a_directory_takes_files_under_their_names() {
    let folder = Folder::new();
    let (one, out) = (folder.write("one.log", "jane@example.com"), folder.path().join("out"));
    let two = folder.write("two.json", "{\"a\":\"078-05-1120\"}");
    let ran = run(["redact".as_ref(), "-o".as_ref(), out.as_os_str(), one.as_os_str(), two.as_os_str()]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(fs::read_to_string(out.join("one.log")).unwrap(), "jane@***");
    assert_eq!(fs::read_to_string(out.join("two.json")).unwrap(), "{\"a\":\"***-**-****\"}");
    assert_eq!(fs::read_to_string(&one).unwrap(), "jane@example.com");
    let over = run(["redact".as_ref(), "-o".as_ref(), folder.path().as_os_str(), one.as_os_str()]);
    assert_eq!(over.code, 2);
    assert!(over.stderr.contains("use -i"), "{}", over.stderr);
    let twice = run(["redact".as_ref(), "-o".as_ref(), out.as_os_str(), one.as_os_str(), one.as_os_str()]);
    assert_eq!(twice.code, 2);
    assert_eq!(run(["redact", "-i", "-"]).code, 2);
}

#[test]
fn files_that_are_not_there_are_exit_code_2() {
    for arguments in [["redact", "/no/such/file"], ["scan", "/no/such/file"], ["redact", "/"]] {
        let ran = run(arguments);
        assert_eq!((ran.code, ran.stderr.lines().count()), (2, 1), "{arguments:?}: {}", ran.stderr);
    }
}

#[test]
fn directions_and_workspaces_choose_the_actions() {
    let folder = Folder::new();
    let pair = "EMAIL = { request = \"redact\", response = \"remove\" }\n";
    let rules = folder.write("rules.toml", format!("version = 1\npacks = [\"contact\"]\n[actions]\n{pair}"));
    let with = |direction: &str| {
        let arguments =
            ["redact".as_ref(), "--rules".as_ref(), rules.as_os_str(), "--direction".as_ref(), direction.as_ref()];
        run_with(b"to jane@example.com.", arguments).text().to_owned()
    };
    assert_eq!(with("request"), "to [EMAIL].");
    assert_eq!(with("response"), "to .");
    let config = crate::configuration::sample(&folder, "rules = \"rules.toml\"");
    let ran = run_with(
        b"to jane@example.com.",
        ["redact".as_ref(), "--config".as_ref(), config.as_os_str(), "--workspace".as_ref(), "acme".as_ref()],
    );
    assert_eq!((ran.code, ran.text()), (0, "to [EMAIL]."), "{}", ran.stderr);
    let ran = run(["redact".as_ref(), "--config".as_ref(), config.as_os_str(), "--workspace".as_ref(), "x".as_ref()]);
    assert_eq!((ran.code, ran.stderr.contains("there is acme")), (2, true), "{}", ran.stderr);
}

/// Two stretches of encoded text so near each other that the second one is read from within the first.
#[test]
fn encoded_text_is_read_at_any_distance_from_the_next() {
    let beginnings = [
        "pass&#114;=hunter2secretZ9 ",
        "password&#58; hunter2secretZ9 ",
        "pass%77ord=hunter2secretZ9 ",
        "password%3Dhunter2secretZ9%20",
        "pass\\u0077ord=hunter2secretZ9 ",
    ];
    let ends = ["&#9;", "&#9;", "%20", "%20", "\\u0020"];
    let folder = Folder::new();
    let mut arguments = vec![std::ffi::OsString::from("redact")];
    for (place, (beginning, end)) in beginnings.into_iter().zip(ends).enumerate() {
        for words in (0..120).step_by(3) {
            let text = format!("{beginning}{}{end}\n", "word ".repeat(words));
            arguments.push(folder.write(&format!("{place}-{words}.txt"), text).into());
        }
    }
    let ran = run(&arguments);
    assert_eq!((ran.code, ran.text().lines().count()), (0, 200));
    let leaks: Vec<&str> = ran.text().lines().filter(|line| line.contains("hunter2")).collect();
    assert!(leaks.is_empty(), "{leaks:?}");
}

#[test]
fn stats_count_by_rule_and_tell_no_value() {
    let ran = run_with(b"jane@example.com 4111111111111111 john@example.com", ["redact", "--stats"]);
    assert_eq!(ran.code, 0);
    let row = |rule: &str| ran.stderr.lines().find(|line| line.starts_with(rule)).unwrap().split_whitespace().last();
    assert_eq!((row("contact.email"), row("pci.card")), (Some("2"), Some("1")));
    assert!(ran.stderr.contains("3 findings, 50 bytes in, 34 bytes out"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("jane") && !ran.stderr.contains("4111"));
}

/// The table of `rules/README.md` is what the program does.
#[test]
fn the_table_of_actions_is_true() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/rules/README.md")).unwrap();
    let folder = Folder::new();
    let mut checked = 0;
    for line in page.lines().filter(|line| line.starts_with("| `\"") || line.starts_with("| `{ replace = \"(gone)")) {
        let cells: Vec<&str> = line.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let [_, action, mail, card, _, _] = cells.as_slice() else { continue };
        if ["hash", "tokenize", "stand-in", "block", "quarantine", "reroute"].iter().any(|keyed| action.contains(keyed))
        {
            continue;
        }
        let actions = format!("[actions]\nEMAIL = {action}\nCREDIT_CARD = {action}\n");
        let rules = folder.write("rules.toml", format!("version = 1\npacks = [\"default\"]\n{actions}"));
        let input = b"<jane@example.com><4111 1111 1111 1111>";
        let ran = run_with(input, ["redact".as_ref(), "--rules".as_ref(), rules.as_os_str()]);
        assert_eq!(ran.text(), format!("<{mail}><{card}>"), "{action}");
        checked += 1;
    }
    assert_eq!(checked, 9);
}

/// Any size in constant memory: 32 MiB, or 2 GiB where time is given (`BLACKBAR_LONG`).
#[test]
fn memory_does_not_grow_with_the_input() {
    let size: usize = if std::env::var_os("BLACKBAR_LONG").is_some() { 2 << 30 } else { 32 << 20 };
    for media_type in ["text/plain", "application/x-ndjson"] {
        let line = "{\"level\":\"info\",\"message\":\"login of jane@example.com from the office, code 83920174\"}\n";
        let piece = line.repeat((64 << 10) / line.len());
        let mut command = blackbar(["redact", "--type", media_type]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let reader = std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()).unwrap());
        let status = format!("/proc/{}/status", child.id());
        // Without the program's own pages, of which as many are there as the system likes.
        let peak = || -> usize {
            let status = fs::read_to_string(&status).unwrap();
            let of = |name: &str| -> usize {
                let line = status.lines().find(|line| line.starts_with(name)).unwrap();
                line.split_whitespace().nth(1).unwrap().parse().unwrap()
            };
            of("VmHWM") - of("RssFile")
        };
        let mut sent = 0;
        let mut early = 0;
        while sent < size {
            stdin.write_all(piece.as_bytes()).unwrap();
            sent += piece.len();
            if early == 0 && sent > 4 << 20 {
                early = peak();
            }
        }
        let late = peak();
        drop(stdin);
        assert!(child.wait().unwrap().success());
        let given = reader.join().unwrap();
        assert!(given > 0 && given < sent as u64);
        assert!(late < early + 4096, "{media_type}: {early} KiB, then {late} KiB");
        assert!(late < 56 << 10, "{media_type}: {late} KiB");
    }
}
