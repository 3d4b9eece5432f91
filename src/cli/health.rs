//! Asks a running proxy whether it is ready: an address in, an exit code out.
//!
//! One GET over HTTP/1.1, without TLS, since the admin listener is local; a few hundred bytes are read at most.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use clap::Args;
use http::Uri;

use super::{Code, Failure, say};

/// Bound of connecting, of each write and of each read.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most that is read of an answer; its first line is all that counts.
const ANSWER: u64 = 4096;

/// Arguments of `health`.
#[derive(Args, Debug)]
#[command(after_help = "Example: blackbar health http://127.0.0.1:9464/readyz

Exit codes: 0 ready, 1 running but not ready, 2 no answer.")]
pub(super) struct HealthArguments {
    /// Where to ask: http://HOST:PORT/PATH, or unix:PATH of the admin socket
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:9464/readyz")]
    url: String,
}

/// Runs `health`.
pub(super) fn run(arguments: &HealthArguments) -> Result<Code, Failure> {
    let url = arguments.url.as_str();
    let failed = |error: &io::Error| Failure::failed(format!("{url}: {error}"));
    let status = match url.strip_prefix("unix:") {
        Some(path) => over_unix(path).map_err(|error| failed(&error))?,
        None => over_tcp(url)?.map_err(|error| failed(&error))?,
    };
    let mut out = io::stdout().lock();
    if status == 200 {
        say(&mut out, format_args!("ready"))?;
        return Ok(Code::Fine);
    }
    say(&mut out, format_args!("not ready: status {status}"))?;
    Ok(Code::Refused)
}

fn over_tcp(url: &str) -> Result<io::Result<u16>, Failure> {
    let wrong = || Failure::failed(format!("{url}: not an address like http://127.0.0.1:9464/readyz"));
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    if uri.scheme_str() != Some("http") {
        return Err(wrong());
    }
    let (Some(authority), Some(host)) = (uri.authority(), uri.host()) else { return Err(wrong()) };
    let port = uri.port_u16().unwrap_or(80);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let path =
        uri.path_and_query().map_or("/readyz", |path| if path.as_str() == "/" { "/readyz" } else { path.as_str() });
    let attempt = || {
        let stream = connect(host, port)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        ask(stream, authority.as_str(), path)
    };
    Ok(attempt())
}

fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(unix)]
fn over_unix(path: &str) -> io::Result<u16> {
    let stream = std::os::unix::net::UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    ask(stream, "localhost", "/readyz")
}

#[cfg(not(unix))]
fn over_unix(_path: &str) -> io::Result<u16> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Sends the request and reads the status of the answer (RFC 9112 section 4).
fn ask(mut stream: impl Read + Write, authority: &str, path: &str) -> io::Result<u16> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut part = [0_u8; 512];
    let mut rest = stream.take(ANSWER);
    loop {
        let count = rest.read(&mut part)?;
        answer.extend(part.iter().take(count));
        if count == 0 || answer.contains(&b'\n') {
            return status(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no HTTP answer"));
        }
    }
}

fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let rest = line.strip_prefix("HTTP/1.")?;
    rest.split(' ').nth(1)?.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_the_second_word() {
        assert_eq!(status(b"HTTP/1.1 200 OK\r\nx"), Some(200));
        assert_eq!(status(b"HTTP/1.0 503\r\n"), Some(503));
        for wrong in ["", "HTTP/1.1", "SSH-2.0-x\r\n", "HTTP/1.1 abc", "\u{fffd}"] {
            assert_eq!(status(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
