//! What tells random letters and figures from words and names: how the letters of words follow one another.
//!
//! Enters: a value, or a part of it. Leaves: how far it stands in the order that words have, and whether it is made of words.

/// How many letters and digits of a secret must belong to no word.
pub(super) const RANDOM: usize = 10;
/// From how many letters and digits on a value may be a secret where nearly all of them are in no order.
pub(super) const SHORT: usize = 8;

/// Whether a value is made of words, as names in programs, paths and prose are: its letters follow one another as those of
/// words do, and no half of it is in no order.
pub(super) fn is_words(value: &[u8]) -> bool {
    if is_grouped(value) {
        return false;
    }
    let mut random = 0_usize;
    let mut all = 0_usize;
    for part in value.split(|byte| !byte.is_ascii_alphanumeric()) {
        all += part.len();
        random += if part.len() >= SHORT && order(part) < UNORDERED { part.len() } else { 0 };
    }
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    letters < 3 || is_constant(value) || (order(value) >= UNORDERED && (random < RANDOM.min(all) || random * 2 < all))
}

/// Whether a value is made of short capitals and numbers, as the names of constants are: `AES_128_GCM`.
fn is_constant(value: &[u8]) -> bool {
    let plain = |part: &[u8]| {
        part.len() <= 6 && (part.iter().all(u8::is_ascii_uppercase) || part.iter().all(u8::is_ascii_digit))
    };
    value.contains(&b'_') && value.split(|byte| *byte == b'_').all(plain)
}

/// Whether a value is made of groups as identifiers (8-4-4-4-12) and licence keys are, figures in more than one of them:
/// each by itself is short enough to be a word.
fn is_grouped(value: &[u8]) -> bool {
    let groups = || value.split(|byte| *byte == b'-');
    let mixed = groups().filter(|group| group.iter().any(u8::is_ascii_digit)).count();
    let lettered = groups().filter(|group| group.iter().any(u8::is_ascii_alphabetic)).count();
    if mixed < 2 || lettered < 2 || !groups().all(|group| group.iter().all(u8::is_ascii_alphanumeric)) {
        return false;
    }
    let identifier = groups().map(<[u8]>::len).eq([8, 4, 4, 4, 12]);
    let capitals = |group: &[u8]| group.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let first = groups().next().map_or(0, <[u8]>::len);
    identifier || (groups().count() >= 3 && first >= 4 && groups().all(|group| group.len() == first && capitals(group)))
}

/// Below which [`order`] there is none.
pub(super) const UNORDERED: i32 = -8;
/// How often each letter follows each other one in English, in a dozen other languages and in names in program text,
/// against how often it would by chance: 5 is as often, each step a factor of 1.65.
const FOLLOWS: [&[u8; 26]; 26] = [
    b"45661250404767050768432231",
    b"74438310741822630653700040",
    b"73427217616531830547410022",
    b"73359322800433730553524021",
    b"52664441403658232876142420",
    b"73447720800623820655501030",
    b"61229245700536530764610010",
    b"81348101712443720646412030",
    b"53666450113659740567040104",
    b"80039200504322830163610003",
    b"73338120705523720576611020",
    b"72249220802732740145520040",
    b"85339210700453670153500000",
    b"71677571604324620268530031",
    b"34662341404668460865545100",
    b"72447314602622760856522020",
    b"22343210300332431442902000",
    b"72449241703354730466441042",
    b"61628225704432560268512043",
    b"71428205801322630756501151",
    b"55446530523668360777310000",
    b"82339200801223630332200000",
    b"83547204800346640673201042",
    b"53657522600342470359210540",
    b"64545333504557580376323031",
    b"82339230701344530243514054",
];

/// How far the letters and figures of a value stand in the order that words and numbers have, by what each is behind the
/// one before it: above zero they do more than chance would have it.
///
/// Separators end a word and tell nothing themselves, so that short random pieces between them count together.
pub(super) fn order(value: &[u8]) -> i32 {
    let mut order = 0;
    for part in value.chunk_by(|left, right| left.is_ascii_alphanumeric() && right.is_ascii_alphanumeric()) {
        let mixed = part.iter().any(u8::is_ascii_lowercase) && part.iter().any(u8::is_ascii_uppercase);
        order += part.windows(2).map(|pair| step(pair, mixed)).sum::<i32>();
    }
    // Amid letters, these are in passwords, and slashes in paths.
    let amid = |triple: &[u8]| match triple {
        [left, sign, right] if left.is_ascii_alphanumeric() && right.is_ascii_alphanumeric() => match sign {
            b'!' | b'#' | b'$' | b'%' | b'^' | b'*' | b'?' | b'~' => -4,
            b'/' => 6,
            _ => 0,
        },
        _ => 0,
    };
    let first = if value.first() == Some(&b'/') { 6 } else { 0 };
    order + first + value.windows(3).map(amid).sum::<i32>()
}

/// What a letter or figure behind another says for an order, in a part of both cases or of one.
fn step(pair: &[u8], mixed: bool) -> i32 {
    let &[left, right] = pair else { return 0 };
    if !left.is_ascii_alphabetic() || !right.is_ascii_alphabetic() {
        // Figures stand behind words, and seldom before or within.
        return match (left.is_ascii_digit(), right.is_ascii_digit()) {
            (false, true) => -8,
            (true, false) => -4,
            _ => 0,
        };
    }
    let row = FOLLOWS.get(usize::from(left.to_ascii_lowercase().wrapping_sub(b'a')));
    let cell = row.and_then(|row| row.get(usize::from(right.to_ascii_lowercase().wrapping_sub(b'a'))));
    let follows = cell.map_or(0, |cell| 2 * (i32::from(*cell) - i32::from(b'5')));
    match (left.is_ascii_lowercase(), right.is_ascii_lowercase()) {
        // A word ends here and another begins.
        (true, false) => -4,
        (false, false) if mixed => follows - 3,
        _ if mixed => follows + 2,
        _ => follows,
    }
}
