//! A proxy under test, between a client and an upstream of our own: real sockets, real TLS, nothing outside loopback.
//!
//! `TestProxy::new().workspace("acme", RULES).upstream(&upstream).start()`: a CA is minted for each test, every port is
//! chosen by the system, and nothing sleeps; a test that hangs is ended by [`within`].
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "a test may stop")]
#![allow(clippy::needless_pass_by_value, clippy::disallowed_methods, reason = "a test is no service")]

pub mod client;
pub mod frames;
pub mod pki;
pub mod proxy;
pub mod redis;
pub mod upstream;

pub use client::Client;
pub use pki::{Name, Pki};
pub use proxy::TestProxy;
pub use redis::RedisServer;
pub use upstream::{Reply, Upstream};

use std::future::Future;
use std::time::Duration;

/// Ends a test that would hang.
pub async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("the test hangs")
}
