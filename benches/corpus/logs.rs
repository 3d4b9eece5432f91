//! Digit-dense log lines of about 185 to 300 bytes, with a value in every one.

use std::fmt::Write as _;

use super::random::{HEX, LOWER, Random};
use super::values::value;
use super::{Corpus, Kind};

/// Log lines, `size` bytes of them.
pub(crate) fn logs(size: usize, seed: u64) -> Corpus {
    let mut random = Random::new(seed ^ 0x4c4f_4753);
    let mut corpus = Corpus::with_capacity(size);
    let mut clock = Clock { milliseconds: 37_925_123 };
    while corpus.text.len() < size {
        clock.milliseconds += random.between(0, 40);
        match random.below(4) {
            0 => application(&mut corpus, &clock, &mut random),
            1 => access(&mut corpus, &clock, &mut random),
            2 => pairs(&mut corpus, &clock, &mut random),
            _ => system(&mut corpus, &clock, &mut random),
        }
        corpus.push("\n");
    }
    corpus
}

struct Clock {
    milliseconds: usize,
}

impl Clock {
    fn time(&self) -> String {
        let seconds = self.milliseconds / 1000;
        format!("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
    }

    fn fraction(&self) -> usize {
        self.milliseconds % 1000
    }
}

fn plant(corpus: &mut Corpus, kind: Kind, random: &mut Random) {
    let value = value(kind, random);
    corpus.plant(kind, &value);
}

/// A value with the key that such lines give it, in a fifth of the lines.
fn sometimes(corpus: &mut Corpus, random: &mut Random) {
    let (key, kind) = match random.below(100) {
        0..8 => (" user=", Kind::Email),
        8..11 => (" phone=", Kind::Phone),
        11..14 => (" card=", Kind::Card),
        14..16 => (" ssn=", Kind::Ssn),
        16 => (" iban=", Kind::Iban),
        17 => (" key=", Kind::Aws),
        18 => (" token=", Kind::Ghp),
        19 => (" peer=", Kind::Ipv6),
        20 => (" auth=", Kind::Sk),
        21 if random.once_in(2) => (" bearer=", Kind::Jwt),
        _ => return,
    };
    corpus.push(key);
    plant(corpus, kind, random);
}

fn application(corpus: &mut Corpus, clock: &Clock, random: &mut Random) {
    let level = random.pick(&["INFO ", "INFO ", "DEBUG", "WARN ", "ERROR"]);
    let service = random.pick(&["api", "checkout", "ledger", "gateway", "mailer"]);
    let _ = write!(
        corpus.text,
        "2026-11-21T{}.{:03}Z {level} [{service}-{}-{}] request_id={} client=",
        clock.time(),
        clock.fraction(),
        random.string(HEX, 9),
        random.string(LOWER, 5),
        random.string(HEX, 16),
    );
    plant(corpus, Kind::Ipv4, random);
    sometimes(corpus, random);
    let _ = write!(
        corpus.text,
        " method={} path=/v1/orders/{}/items status={} duration_us={} bytes={} retries={} trace={}",
        random.pick(&["GET", "POST", "PUT"]),
        random.between(10_000, 9_999_999),
        random.pick(&["200", "201", "204", "404", "500"]),
        random.between(100, 999_999),
        random.between(100, 9_999_999),
        random.below(4),
        random.string(HEX, 32),
    );
}

fn access(corpus: &mut Corpus, clock: &Clock, random: &mut Random) {
    plant(corpus, Kind::Ipv4, random);
    let _ = write!(
        corpus.text,
        " - - [21/Nov/2026:{} +0000] \"GET /assets/{}/app.{}.js?v={} HTTP/1.1\" {} {} \"https://www.example.com/page/{}\" \"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101\" rt=0.{:03} uct=0.{:03}",
        clock.time(),
        random.between(1, 40),
        random.string(HEX, 8),
        random.between(1, 99_999),
        random.pick(&["200", "304", "404", "502"]),
        random.between(10_000, 999_999),
        random.between(1, 9999),
        random.below(1000),
        random.below(1000),
    );
    sometimes(corpus, random);
}

fn pairs(corpus: &mut Corpus, clock: &Clock, random: &mut Random) {
    let _ = write!(corpus.text, "ts=2026-11-21T{}.{:06} level=info", clock.time(), clock.fraction() * 1000 + 7);
    // Epochs in milliseconds have as many digits as the shortest cards; every tenth passes the check digit.
    if random.once_in(200) {
        let _ = write!(corpus.text, " epoch=17637{}", random.between(10_000_000, 99_999_999));
    }
    let _ = write!(
        corpus.text,
        " shard={} offset={} lag={} batch={} cpu={}.{:02} rss={} gc={}us src=",
        random.below(64),
        random.between(100_000, 999_999_999),
        random.below(10_000),
        random.between(1, 500),
        random.below(100),
        random.below(100),
        random.between(100_000, 99_999_999),
        random.below(10_000),
    );
    plant(corpus, Kind::Ipv4, random);
    let _ = write!(
        corpus.text,
        ":{} dst=node{:02}.internal:443 id={}-{}",
        random.between(1024, 65_535),
        random.between(1, 40),
        random.string(HEX, 8),
        uuid_rest(random),
    );
    sometimes(corpus, random);
}

fn uuid_rest(random: &mut Random) -> String {
    format!(
        "{}-4{}-a{}-{}",
        random.string(HEX, 4),
        random.string(HEX, 3),
        random.string(HEX, 3),
        random.string(HEX, 12)
    )
}

fn system(corpus: &mut Corpus, clock: &Clock, random: &mut Random) {
    let _ = write!(
        corpus.text,
        "Nov 21 {} node{:02} kernel: [{}.{:06}] conntrack: IN=eth{} OUT= MAC={} SRC=",
        clock.time(),
        random.between(1, 40),
        random.between(1_000, 9_999_999),
        random.below(1_000_000),
        random.below(4),
        (0..6).map(|_| random.string(HEX, 2)).collect::<Vec<_>>().join(":"),
    );
    plant(corpus, Kind::Ipv4, random);
    let _ = write!(
        corpus.text,
        " LEN={} TTL={} ID={} PROTO=TCP SPT={} DPT={} WINDOW={} SEQ={} ACK={} pid={}",
        random.between(40, 1500),
        random.between(30, 64),
        random.below(65_536),
        random.between(1024, 65_535),
        random.pick(&["22", "80", "443", "5432", "8443"]),
        random.below(65_536),
        random.between(1_000_000, 4_294_967_295),
        random.between(1_000_000, 4_294_967_295),
        random.between(2, 4_194_304),
    );
    sometimes(corpus, random);
}
