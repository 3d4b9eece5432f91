//! Names of credentials that no list knows: what enters is the name of a field or a parameter, what leaves is whether whoever
//! invented it has called it a secret.

/// Last words of the names of keys, tokens and sessions, and names of no more words.
const SECRET_WORDS: &[&str] = &[
    "key",
    "apikey",
    "token",
    "jwt",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "credential",
    "credentials",
    "auth",
    "authentication",
    "authorization",
    "cookie",
    "session",
    "sig",
    "signature",
];
/// Names that end like a credential's and are none.
const NO_SECRETS: &[&str] =
    &["idempotency-key", "x-idempotency-key", "page-token", "pagetoken", "nextpagetoken", "next-token", "nexttoken"];

/// Whether a field or parameter has a name such as `xi-api-key`, `Ocp-Apim-Subscription-Key` or `mcp-session-id`: whoever
/// invents a credential calls it so.
pub(super) fn is_called_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace(['_', '.'], "-");
    let words =
        name.strip_suffix("-id").filter(|rest| rest.ends_with("session") || rest.ends_with("key")).unwrap_or(&name);
    let last = words.rsplit('-').next().unwrap_or(words);
    // Without hyphens: `apiKey`, `accessToken`, `authtoken`.
    let ends = |word: &&str| (word.len() > 4 && last.ends_with(*word)) || last == *word;
    !NO_SECRETS.contains(&name.as_str()) && SECRET_WORDS.iter().any(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_called_like_a_credential_is_one() {
        for name in [
            "xi-api-key",
            "Ocp-Apim-Subscription-Key",
            "x_goog_api_key",
            "anthropic-api-key",
            "x-functions-key",
            "private-token",
            "x-acme-secret",
            "apiKey",
            "accessToken",
            "subscription-key",
            "Proxy-Authorization",
            "mcp-session-id",
            "sig",
            "X-Cookie",
        ] {
            assert!(is_called_secret(name), "{name}");
        }
        for name in [
            "idempotency-key",
            "x-kept",
            "content-type",
            "x-max-tokens",
            "keyboard",
            "x-request-id",
            "user-agent",
            "pageToken",
        ] {
            assert!(!is_called_secret(name), "{name}");
        }
    }
}
