//! Whether what is sent may go where the request's own path would send it.
//!
//! Enters: the regions that a workspace names and the path at the upstream. Leaves: a verdict. Which routes a workspace has at
//! all was decided when the configuration was read; here are the places that a client chooses by itself: the geography of a
//! Bedrock inference profile, the region in an ARN, the location in a path of Vertex AI. A model that Bedrock is asked for has a
//! name that begins with its vendor or with a place: what is no vendor that we know is a place.

use crate::policy::{is_within, path_segments, plain_segment};

/// What stands before the model in the name of a Bedrock inference profile that spans regions.
const GEOGRAPHIES: [&str; 11] = ["us", "us-gov", "eu", "apac", "ap", "jp", "au", "ca", "sa", "me", "global"];

/// What the names of Bedrock's models begin with. One that is not here can be written among a workspace's regions.
const VENDORS: [&str; 19] = [
    "ai21",
    "amazon",
    "anthropic",
    "cohere",
    "deepseek",
    "google",
    "luma",
    "meta",
    "minimax",
    "mistral",
    "moonshot",
    "moonshotai",
    "nvidia",
    "openai",
    "qwen",
    "stability",
    "twelvelabs",
    "writer",
    "zai",
];
/// What follows a model in a path of Bedrock's runtime.
const VERBS: [&str; 6] = [
    "converse",
    "converse-stream",
    "count-tokens",
    "invoke",
    "invoke-with-bidirectional-stream",
    "invoke-with-response-stream",
];

/// Whether a request to this path stays within `regions`; none of them: everywhere. Every segment is looked at, whoever reads
/// the path: an upstream may take one for a model's name where we do not.
pub(crate) fn stays(regions: &[String], path: &str) -> bool {
    if regions.is_empty() {
        return true;
    }
    // Whoever decodes before cutting, and passes over what is empty and over parameters.
    let segments = path_segments(path);
    if segments.iter().any(|segment| segment.may_be_parameters) {
        return false;
    }
    let segments: Vec<String> = segments.iter().map(|segment| lower(plain_segment(&segment.name))).collect();
    let mut before = "";
    let stays = segments.iter().all(|segment| {
        let stays = before != "locations" || is_within(regions, segment);
        before = segment;
        stays
    });
    // Whoever cuts first: a name may hold an encoded `/`.
    let cut: Vec<String> = path.split('/').map(decoded).collect();
    stays && models_stay(regions, &segments) && models_stay(regions, &cut)
}

/// Every segment that may be a model's name.
fn models_stay(regions: &[String], segments: &[String]) -> bool {
    let mut behind_model = false;
    segments.iter().zip(segments.iter().skip(1).map(String::as_str).chain([""])).all(|(segment, next)| {
        let asked = behind_model && VERBS.contains(&next);
        behind_model |= segment == "model";
        model_stays(regions, segment, asked)
    })
}

/// A model's name, an inference profile's, or an ARN of either: `arn:PARTITION:bedrock:REGION:ACCOUNT:KIND/NAME`. `asked` is what
/// Bedrock is surely asked for.
fn model_stays(regions: &[String], model: &str, asked: bool) -> bool {
    let plain = folded(model);
    // Nobody reads a name of other characters for certain.
    if asked && (plain != model || !plain.bytes().all(|byte| byte.is_ascii_graphic())) {
        return false;
    }
    let name = match plain.strip_prefix("arn:") {
        None => plain.as_str(),
        Some(rest) => {
            let Some(region) = rest.split(':').nth(2) else { return false };
            // The ARNs of models that AWS keeps name an account never, a region always.
            if !is_within(regions, region) {
                return false;
            }
            rest.rsplit('/').next().unwrap_or(rest)
        }
    };
    let Some((first, rest)) = name.split_once('.') else { return true };
    let (second, third) = rest.split_once('.').unwrap_or((rest, ""));
    let is_place = GEOGRAPHIES.contains(&first)
        || (!third.is_empty() && VENDORS.contains(&second) && !VENDORS.contains(&first))
        || (asked && !VENDORS.contains(&first));
    !is_place || is_within(regions, first)
}

/// As whoever folds characters of full width and passes over blanks reads it.
fn folded(text: &str) -> String {
    let fold = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3002}' | '\u{ff61}' => '.',
        other => other,
    };
    let kept = text.chars().filter(|c| !c.is_whitespace() && !c.is_control()).map(fold);
    kept.collect::<String>().to_ascii_lowercase()
}

/// In lower case. What is no UTF-8 is within no region.
fn lower(text: &[u8]) -> String {
    String::from_utf8_lossy(text).to_ascii_lowercase()
}

/// The segment without percent signs, in lower case.
fn decoded(segment: &str) -> String {
    let bytes = segment.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let pair = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.filter(|_| *byte == b'%').and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(value) => {
                out.push(value);
                at += 3;
            }
            None => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    lower(plain_segment(&out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_arns_and_locations_stay_where_the_workspace_says() {
        let eu = ["eu".to_owned(), "europe-west1".to_owned()];
        let table = [
            ("/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse", true),
            ("/model/eu.anthropic.claude-sonnet-4-20250514-v1:0/converse", true),
            ("/model/us.anthropic.claude-sonnet-4-20250514-v1:0/converse", false),
            ("/model/global.anthropic.claude-sonnet-4-20250514-v1:0/converse", false),
            ("/model/%75s.anthropic.claude/invoke", false),
            ("/model/US.anthropic.claude/invoke", false),
            ("/model/us-gov.anthropic.claude/invoke", false),
            ("/model/arn:aws:bedrock:eu-central-1:123456789012:inference-profile%2Feu.meta.b/invoke", true),
            ("/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Feu.a.b/invoke", false),
            ("/model/arn:aws:bedrock:eu-central-1:1:inference-profile%2Fus.a.b/invoke", false),
            ("/model/arn:aws:bedrock/invoke", false),
            // What is no vendor is a place, whatever it is called.
            ("/model/in.anthropic.claude/invoke", false),
            ("/model/amer.anthropic.claude/converse", false),
            ("/model/mars.new-model/converse-stream", false),
            ("/model/deepseek.v3.2/converse", true),
            ("/model/moonshotai.kimi-k2.5/converse", true),
            ("/model/eu-central-1.some/invoke", true),
            ("/model/%20global.anthropic.claude/invoke", false),
            ("/model/anthropic.claude%20/invoke", false),
            ("/model/%EF%BD%87lobal.anthropic.claude/invoke", false),
            ("/model/a%CC%81.anthropic.claude/invoke", false),
            ("/guess/il.anthropic.claude", false),
            ("/guess/%EF%BD%95s.anthropic.claude", false),
            ("/model/0a1b2c3d4e5f/converse", true),
            ("/v1/files/report.2026.pdf", true),
            ("/api/model/llama3.1", true),
            ("/model/arn:aws:bedrock:eu-central-1:1:inference-profile/us.a.b/invoke", false),
            ("/v1/projects/p/locations/europe-west1/publishers/google/models/m:generateContent", true),
            ("/v1/projects/p/locations/us-central1/publishers/google/models/m:generateContent", false),
            ("/v1/projects/p/locations/global/publishers/google/models/m:generateContent", false),
            ("/v1/projects/p/locations%2Fus-central1/publishers/google/models/m:generateContent", false),
            ("/v1/projects%2Fp%2Flocations%2Fus-central1/publishers/google/models/m:generateContent", false),
            ("/v1/projects/p/locations//us-central1/publishers/google/models/m:generateContent", false),
            ("/v1/projects/p/locations;a/us-central1/publishers/google/models/m:generateContent", false),
            ("/v1/projects/p/locations/;a/us-central1;b/publishers/google/models/m:generateContent", false),
            ("/v1/projects/p/location%2573/us-central1/publishers/google/models/m:generateContent", false),
            ("/v1/projects/p/locations;a%2Feurope-west1/us-central1/models/m:generateContent", false),
            ("/v1/projects/p/locations;a/europe-west1;b/publishers/google/models/m:generateContent", true),
            ("/model/%2575s.anthropic.claude/invoke", false),
            ("/model/;a/us.anthropic.claude;b/invoke", false),
            ("/model/arn%253Aaws%253Abedrock%253Aus-east-1%253A1%253Ainference-profile%252Feu.a.b/invoke", false),
            ("/v1beta/models/m:generateContent", true),
            ("/v1/chat/completions", true),
        ];
        for (path, expected) in table {
            assert_eq!(stays(&eu, path), expected, "{path}");
            assert!(stays(&[], path));
        }
        let us = ["us".to_owned()];
        assert!(!stays(&us, "/model/us-gov.anthropic.claude/invoke"));
        assert!(!stays(&us, "/model/arn:aws-us-gov:bedrock:us-gov-west-1:1:x%2Fa.b/invoke"));
        assert!(stays(&us, "/model/arn:aws:bedrock:us-east-1:1:x%2Fmeta.b/invoke"));
    }
}
