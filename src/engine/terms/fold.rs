//! What does not count when values are compared: case, width, and whether a letter's accent is written as part of it.
//!
//! A character in, the folded characters out: full-width ASCII as ASCII, small letters, and letters with their accents
//! taken off and set behind them (Unicode's canonical decomposition, for Latin, Greek and Cyrillic), so that `é` and `e`
//! with U+0301 are one. An accent counts: `e` is not `é`. Several accents of one letter must stand in the canonical order.

use std::sync::LazyLock;

/// Letters by their last accent: the accent, letters that have it, and the same letters without it.
const ACCENTS: [(char, &str, &str); 29] = [
    ('\u{300}', "àèìòùǜǹѐѝḕṑẁầằềồờừỳἂἃἒἓἢἣἲἳὂὃὒὓὢὣὰὲὴὶὸὺὼῒῢ", "aeiouünеиēōwâăêôơưyἀἁἐἑἠἡἰἱὀὁὐὑὠὡαεηιουωϊϋ"),
    (
        '\u{301}',
        "áéíóúýćĺńŕśźǘǵǻǽǿΐάέήίΰόύώϓѓќḉḗḯḱḿṍṓṕṹẃấắếốớứἄἅἔἕἤἥἴἵὄὅὔὕὤὥ",
        "aeiouyclnrszügåæøϊαεηιϋουωϒгкçēïkmõōpũwâăêôơưἀἁἐἑἠἡἰἱὀὁὐὑὠὡ",
    ),
    ('\u{302}', "âêîôûĉĝĥĵŝŵŷẑậệộ", "aeioucghjswyzạẹọ"),
    ('\u{303}', "ãñõĩũṽẫẵẽễỗỡữỹ", "anoiuvâăeêôơưy"),
    ('\u{304}', "āēīōūǖǟǡǣǭȫȭȱȳӣӯḡḹṝᾱῑῡ", "aeiouüäȧæǫöõȯyиуgḷṛαιυ"),
    ('\u{306}', "ăĕğĭŏŭйўӂӑӗḝặᾰῐῠ", "aegiouиужаеȩạαιυ"),
    ('\u{307}', "ċėġżȧȯḃḋḟḣṁṅṗṙṡṥṧṩṫẇẋẏẛ", "cegzaobdfhmnprsśšṣtwxyſ"),
    ('\u{308}', "äëïöüÿϊϋϔёїӓӛӝӟӥӧӫӭӱӵӹḧṏṻẅẍẗ", "aeiouyιυϒеіаәжзиоөэучыhõūwxt"),
    ('\u{309}', "ảẩẳẻểỉỏổởủửỷ", "aâăeêioôơuưy"),
    ('\u{30a}', "åůẘẙ", "auwy"),
    ('\u{30b}', "őűӳ", "ouу"),
    ('\u{30c}', "čďěľňřšťžǎǐǒǔǚǧǩǯǰȟ", "cdelnrstzaiouügkʒjh"),
    ('\u{30f}', "ȁȅȉȍȑȕѷ", "aeioruѵ"),
    ('\u{311}', "ȃȇȋȏȓȗ", "aeioru"),
    ('\u{313}', "ἀἐἠἰὀὐὠῤ", "αεηιουωρ"),
    ('\u{314}', "ἁἑἡἱὁὑὡῥ", "αεηιουωρ"),
    ('\u{31b}', "ơư", "ou"),
    ('\u{323}', "ḅḍḥḳḷṃṇṛṣṭṿẉẓạẹịọợụựỵ", "bdhklmnrstvwzaeioơuưy"),
    ('\u{324}', "ṳ", "u"),
    ('\u{325}', "ḁ", "a"),
    ('\u{326}', "șț", "st"),
    ('\u{327}', "çģķļņŗşţȩḑḩ", "cgklnrstedh"),
    ('\u{328}', "ąęįųǫ", "aeiuo"),
    ('\u{32d}', "ḓḙḽṋṱṷ", "delntu"),
    ('\u{32e}', "ḫ", "h"),
    ('\u{330}', "ḛḭṵ", "eiu"),
    ('\u{331}', "ḇḏḵḻṉṟṯẕẖ", "bdklnrtzh"),
    ('\u{342}', "ἆἇἦἧἶἷὖὗὦὧᾶῆῖῗῦῧῶ", "ἀἁἠἡἰἱὐὑὠὡαηιϊυϋω"),
    ('\u{345}', "ᾀᾁᾂᾃᾄᾅᾆᾇᾐᾑᾒᾓᾔᾕᾖᾗᾠᾡᾢᾣᾤᾥᾦᾧᾲᾳᾴᾷῂῃῄῇῲῳῴῷ", "ἀἁἂἃἄἅἆἇἠἡἢἣἤἥἦἧὠὡὢὣὤὥὦὧὰαάᾶὴηήῆὼωώῶ"),
];

/// Letter, the letter without its last accent, the accent; sorted.
static DECOMPOSED: LazyLock<Vec<(char, char, char)>> = LazyLock::new(|| {
    let of = |(accent, letters, bases): &(char, &'static str, &'static str)| {
        let accent = *accent;
        letters.chars().zip(bases.chars()).map(move |(letter, base)| (letter, base, accent))
    };
    let mut all: Vec<(char, char, char)> = ACCENTS.iter().flat_map(of).collect();
    all.sort_unstable();
    all
});

/// Hands on what a character counts as.
pub(in crate::engine) fn fold(character: char, give: &mut impl FnMut(char)) {
    if character.is_ascii() {
        return give(character.to_ascii_lowercase());
    }
    let narrow = match character {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(character as u32 - 0xFEE0).unwrap_or(character),
        '\u{3000}' | '\u{A0}' => ' ',
        other => other,
    };
    for small in narrow.to_lowercase() {
        match small {
            'ß' => {
                give('s');
                give('s');
            }
            'ſ' => give('s'),
            'ς' => give('σ'),
            ascii if ascii.is_ascii() => give(ascii),
            other => decompose(other, give),
        }
    }
}

/// Hands on a letter's base and its accents, the innermost first.
fn decompose(letter: char, give: &mut impl FnMut(char)) {
    // No letter has more than three accents.
    let mut accents = ['\0'; 4];
    let mut count = 0;
    let mut base = letter;
    while let Some(slot) = accents.get_mut(count)
        && let Ok(place) = DECOMPOSED.binary_search_by_key(&base, |(letter, _, _)| *letter)
        && let Some((_, without, accent)) = DECOMPOSED.get(place)
    {
        (base, *slot) = (*without, *accent);
        count += 1;
    }
    give(base);
    accents.iter().take(count).rev().for_each(|accent| give(*accent));
}

/// Whether a character is an accent or a vowel sign that belongs to the letter before it.
pub(in crate::engine) fn is_mark(character: char) -> bool {
    matches!(character,
        '\u{300}'..='\u{36F}' | '\u{483}'..='\u{487}' | '\u{591}'..='\u{5BD}' | '\u{5BF}' | '\u{5C1}'..='\u{5C2}'
        | '\u{64B}'..='\u{65F}' | '\u{670}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}'
        | '\u{20D0}'..='\u{20FF}' | '\u{3099}'..='\u{309A}' | '\u{FE20}'..='\u{FE2F}')
}

/// Whether a character is part of a word.
pub(super) fn is_word(character: char) -> bool {
    character.is_alphanumeric() || is_mark(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        let mut out = String::new();
        text.chars().for_each(|character| fold(character, &mut |given| out.push(given)));
        out
    }

    #[test]
    fn spellings_of_a_letter_are_one() {
        for (left, right) in [
            ("É", "e\u{301}"),
            ("Ệ", "e\u{323}\u{302}"),
            ("ǘ", "U\u{308}\u{301}"),
            ("Й", "и\u{306}"),
            ("ΐ", "ι\u{308}\u{301}"),
            ("ＪＡＮＥ\u{3000}", "jane "),
            ("Straße", "STRASSE"),
            ("Ὀδυσσεύς", "ὈΔΥΣΣΕΎΣ"),
            ("İ", "i\u{307}"),
        ] {
            assert_eq!(folded(left), folded(right), "{left} {right}");
        }
        assert_ne!(folded("é"), folded("e"));
        assert_ne!(folded("é"), folded("è"));
    }

    #[test]
    fn the_table_is_whole() {
        for (accent, letters, bases) in ACCENTS {
            assert_eq!(letters.chars().count(), bases.chars().count(), "U+{:04X}", u32::from(accent));
        }
    }
}
