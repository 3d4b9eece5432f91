//! The keys of a route that change or bound what it lets through.

use blackbar::body::JsonPath;
use blackbar::body::retention::Provider;
use blackbar::policy::{OnBlock, load};

use crate::support::{Folder, MINIMAL};

#[test]
fn keys_reach_the_route() {
    let folder = Folder::new();
    let route = |name: &str, upstream: &str, keys: &str| {
        format!("[[route]]\nname = \"{name}\"\npath = \"/{name}\"\nupstream = \"{upstream}\"\n{keys}\n")
    };
    let local = "http://127.0.0.1:1";
    let routes = [
        route("a", "https://openrouter.ai/api", "retention = \"none\""),
        route("b", local, "dialect = \"anthropic\"\nretention = \"none\""),
        route("c", local, "retention = { mode = \"none\", provider = \"mistral\" }"),
        route("d", local, "drop = [\"$.metadata\", \"$..user\"]\nmax_bytes = \"2MiB\"\non_block = \"record\""),
        route("e", local, "on_block = \"request\""),
    ];
    folder.write("blackbar.toml", &format!("{MINIMAL}{}", routes.concat()));
    let policy = load(&folder.path("blackbar.toml")).unwrap().policy;
    let kept: Vec<_> = policy.routes.iter().map(|route| route.retention).collect();
    let expected = [None, Some(Provider::OpenRouter), Some(Provider::Anthropic), Some(Provider::Mistral), None, None];
    assert_eq!(kept, expected);
    let [first, .., d, e] = policy.routes.as_slice() else { panic!("six routes") };
    assert!(first.drop.is_empty() && first.max_bytes.is_none() && first.on_block.is_none());
    assert_eq!(d.drop[..], ["$.metadata", "$..user"].map(|path| JsonPath::parse(path).unwrap()));
    assert_eq!((d.max_bytes, d.on_block, e.on_block), (Some(2 << 20), Some(OnBlock::Record), Some(OnBlock::Request)));
}
