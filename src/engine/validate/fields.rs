//! What tells a password or a secret that fills a field of its own from what else stands in such fields: placeholders,
//! types, conditions, code, and the texts of forms.
//!
//! Where structure says where a value ends, every sign may be part of it, blanks too. The price is that sentences are
//! values like others: a text with blanks is a password only where it does not read as one.

use super::Check;
use super::secrets::{entropy, is_code, is_gap, is_method, password};

/// Fields that hold passwords or secrets.
pub(super) const FIELDS: &[Check] = &[("field-password", field_password), ("field-secret", field_secret)];

/// Signs that passwords have and sentences hardly.
const SIGNS: &[u8] = b"<>&@#$%^*+=~_\"`;|\\{}[]";
/// Signs of any kind that a password may have amid its letters.
const ANY_SIGNS: &[u8] = b"<>&@#$%^*+=~\"`;|\\{}[]!?,'()/:";
/// What only placeholders and program text hold.
const CODE: [&[u8]; 7] = [b"${", b"{{", b"}}", b"<%", b"%>", b"://", b"()"];
/// Parts of the words for a password: a value with one of them speaks of a password and is none.
const OF_PASSWORDS: &[&str] = &[
    "passw",
    "passphrase",
    "passcode",
    "kennwort",
    "passord",
    "contrase",
    "senha",
    "mot de passe",
    "wachtwoord",
    "lösenord",
    "adgangskode",
    "salasana",
    "hasło",
    "heslo",
    "jelszó",
    "parola",
    "şifre",
    "парол",
    "密码",
    "密碼",
    "口令",
    "パスワード",
    "비밀번호",
    "암호",
    "سر",
    "סיסמ",
    "secret",
    "credential",
    "pswd",
    "userpass",
    "dbpass",
    "parool",
    "wagwoord",
    "kodeord",
    "lozinka",
    "geslo",
    "sandi",
    "pasahitza",
    "contrasinal",
    "nenosiri",
    "pasfhocal",
    "cyfrinair",
    "zugangscode",
    "toegangscode",
];
/// Words that sentences, conditions and labels have, and a handful of words in a row for a password do not.
const OF_SENTENCES: &[&str] = &[
    "a",
    "an",
    "and",
    "any",
    "are",
    "as",
    "at",
    "be",
    "by",
    "can",
    "cannot",
    "character",
    "characters",
    "chars",
    "choose",
    "contain",
    "current",
    "do",
    "does",
    "don't",
    "empty",
    "enter",
    "for",
    "forgot",
    "forgotten",
    "from",
    "has",
    "have",
    "here",
    "if",
    "in",
    "incorrect",
    "invalid",
    "is",
    "it",
    "least",
    "length",
    "letters",
    "long",
    "match",
    "max",
    "maximum",
    "min",
    "minimum",
    "missing",
    "more",
    "must",
    "need",
    "new",
    "no",
    "none",
    "not",
    "of",
    "old",
    "on",
    "only",
    "optional",
    "or",
    "please",
    "required",
    "reset",
    "same",
    "see",
    "set",
    "short",
    "should",
    "show",
    "sign",
    "than",
    "the",
    "this",
    "to",
    "too",
    "type",
    "use",
    "value",
    "weak",
    "when",
    "will",
    "with",
    "wrong",
    "you",
    "your",
    // German, French, Spanish, Italian, Portuguese, Dutch.
    "bitte",
    "das",
    "dein",
    "der",
    "die",
    "ein",
    "eine",
    "eingeben",
    "ihr",
    "ist",
    "kurz",
    "mindestens",
    "muss",
    "nicht",
    "oder",
    "und",
    "zeichen",
    "zu",
    "au",
    "avec",
    "caractères",
    "court",
    "de",
    "doit",
    "du",
    "entrez",
    "est",
    "et",
    "la",
    "le",
    "les",
    "moins",
    "ou",
    "pas",
    "trop",
    "un",
    "une",
    "votre",
    "al",
    "con",
    "debe",
    "el",
    "en",
    "es",
    "menos",
    "por",
    "su",
    "tu",
    "una",
    "y",
    "caratteri",
    "che",
    "deve",
    "di",
    "il",
    "inserisci",
    "non",
    "per",
    "tua",
    "as",
    "com",
    "da",
    "deve",
    "digite",
    "do",
    "em",
    "não",
    "o",
    "para",
    "sua",
    "te",
    "een",
    "en",
    "het",
    "minimaal",
    "moet",
    "niet",
    "tekens",
    "uw",
    "van",
    "voer",
];

/// Words that forms, states, types and methods of signing in have by themselves in the place of a password.
const OF_FORMS: &[&str] = &[
    "accepted",
    "active",
    "allow",
    "allowed",
    "always",
    "anonymous",
    "ask",
    "auto",
    "automatic",
    "basic",
    "bearer",
    "body",
    "cancel",
    "certificate",
    "change",
    "changed",
    "check",
    "clear",
    "configured",
    "confirm",
    "create",
    "created",
    "custom",
    "deny",
    "denied",
    "digest",
    "email",
    "enforced",
    "error",
    "errors",
    "expired",
    "external",
    "fail",
    "failed",
    "field",
    "file",
    "forced",
    "form",
    "good",
    "hash",
    "hashed",
    "header",
    "hide",
    "high",
    "ignore",
    "ignored",
    "inherit",
    "inherited",
    "input",
    "internal",
    "kerberos",
    "label",
    "ldap",
    "local",
    "locked",
    "login",
    "logout",
    "low",
    "managed",
    "mandatory",
    "manual",
    "match",
    "matched",
    "matches",
    "medium",
    "method",
    "mismatch",
    "name",
    "never",
    "normal",
    "oauth",
    "okay",
    "oidc",
    "pending",
    "plain",
    "plaintext",
    "present",
    "private",
    "prompt",
    "provided",
    "public",
    "query",
    "radius",
    "read",
    "readonly",
    "recovery",
    "remove",
    "repeat",
    "require",
    "restricted",
    "saml",
    "save",
    "saved",
    "secure",
    "select",
    "shown",
    "skip",
    "standard",
    "stored",
    "strength",
    "strong",
    "success",
    "undefined",
    "unchanged",
    "update",
    "updated",
    "user",
    "username",
    "valid",
    "validate",
    "validated",
    "verified",
    "verify",
    "visible",
    "weak",
    "write",
    "yes",
    "abc",
    // German, French, Spanish.
    "abbrechen",
    "ändern",
    "anzeigen",
    "bestätigen",
    "erforderlich",
    "falsch",
    "ungültig",
    "vergessen",
    "wiederholen",
    "zurücksetzen",
    "annuler",
    "confirmer",
    "incorrecte",
    "obligatoire",
    "oublié",
    "requis",
    "cambiar",
    "confirmar",
    "incorrecta",
    "obligatorio",
    "olvidada",
    "repetir",
    "requerido",
    "filtered",
    "omitted",
    "sensitive",
    "writeonly",
    "unprotected",
    "totp",
    "webauthn",
    "passkey",
    "grant",
    "trust",
    "peer",
    "submit",
    "copy",
    "reveal",
    "edit",
    "apply",
    "generate",
    "continue",
    "next",
    "back",
    "close",
    "send",
    "weiter",
    "anmelden",
    "continuar",
    "modifier",
    "pass",
];

/// A password that fills its field.
fn field_password(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return is_single_password(value) };
    let mut words = text.split_whitespace();
    match (words.next(), words.next()) {
        (Some(one), None) => is_single_password(one.as_bytes()),
        (Some(_), Some(_)) => is_spaced_password(text),
        (None, _) => false,
    }
}

/// A password without blanks.
fn is_single_password(value: &[u8]) -> bool {
    if password(value) {
        return true;
    }
    if value.len() < 4 || is_placeholder(value) {
        return false;
    }
    let count = |kind: fn(&u8) -> bool| value.iter().filter(|byte| kind(byte)).count();
    let digits = count(u8::is_ascii_digit);
    if digits == value.len() {
        // A number to be typed in.
        return true;
    }
    let other = value.iter().filter(|byte| !byte.is_ascii()).count();
    let letters = count(u8::is_ascii_alphabetic);
    if letters == value.len() {
        return is_word_password(value);
    }
    let signs = value.iter().filter(|byte| ANY_SIGNS.contains(byte)).count();
    let mixed = count(u8::is_ascii_uppercase) > 0 && count(u8::is_ascii_lowercase) > 0;
    let telling = value.iter().filter(|byte| SIGNS.contains(byte)).count();
    let strong = digits > 0 && mixed && telling > 0 && value.len() >= 8;
    let list =
        value.iter().all(|byte| byte.is_ascii_lowercase() || b"|,:;/._-=".contains(byte) || byte.is_ascii_digit());
    if strong {
        return true;
    }
    if is_code(value) || list && (digits == 0 || value.iter().any(|byte| b"|=".contains(byte))) {
        return false;
    }
    let amid = value.get(1..value.len() - 1).unwrap_or_default().iter().any(|byte| SIGNS.contains(byte));
    letters + digits + other >= 4 && value.len() >= 6 && (digits > 0 && signs > 0 || amid)
}

/// A word that people take for a password, where it stands for nothing else: no label of a form, no state, no type, no
/// method.
fn is_word_password(value: &[u8]) -> bool {
    let small = value.to_ascii_lowercase();
    let Ok(word) = std::str::from_utf8(&small) else { return false };
    let speaks = OF_PASSWORDS.iter().any(|part| word.contains(part));
    !speaks && !OF_FORMS.contains(&word) && !OF_SENTENCES.contains(&word) && !is_method(value)
}

/// A password, or a row of words, with blanks between them.
fn is_spaced_password(text: &str) -> bool {
    let value = text.as_bytes();
    if value.len() < 6 || is_placeholder(value) || CODE.iter().any(|code| contains(value, code)) {
        return false;
    }
    let small = text.to_lowercase();
    if OF_PASSWORDS.iter().any(|word| small.contains(word)) {
        return false;
    }
    let bare = |word: &str| word.trim_matches(|sign: char| !sign.is_alphanumeric()).to_owned();
    let words: Vec<String> = small.split_whitespace().map(bare).filter(|word| !word.is_empty()).collect();
    // Beside letters and digits that are one word, a single letter is no word of a sentence.
    let mixed = words.iter().any(|word| is_mixed(word.as_bytes()));
    let of_sentence = |word: &String| OF_SENTENCES.contains(&word.as_str()) && !(mixed && word.len() == 1);
    if words.is_empty() || words.iter().any(of_sentence) {
        return false;
    }
    let letters = text.chars().filter(|letter| letter.is_alphabetic()).count();
    let other = text.chars().filter(|letter| letter.is_alphabetic() && !letter.is_ascii()).count();
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let telling = value.iter().any(|byte| SIGNS.contains(byte));
    if letters == 0 {
        // Not a date, a time, a size or a row of dots.
        return digits >= 4 && telling;
    }
    if other * 2 > letters {
        // Sentences in other scripts are not told by their words.
        return telling && digits > 0;
    }
    if telling || digits > 0 && letters + digits >= 6 {
        return true;
    }
    let few = if letters >= 8 { 2 } else { 3 };
    words.len() >= few
        && !words.iter().any(|word| OF_FORMS.contains(&word.as_str()))
        && text
            .split_whitespace()
            .all(|word| word.starts_with(|first: char| first.is_lowercase() || !first.is_alphabetic()))
}

/// Whether a word is of letters and digits both, and as long as passwords are.
fn is_mixed(word: &[u8]) -> bool {
    let has = |kind: fn(&u8) -> bool| word.iter().any(kind);
    word.len() >= 6 && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
}

/// A secret that fills its field: random, or with signs at which rules that know no field must end.
fn field_secret(value: &[u8]) -> bool {
    if entropy(value) || holds_random(value) {
        return true;
    }
    let blank = value.iter().any(u8::is_ascii_whitespace);
    if blank || value.len() < 8 || is_placeholder(value) || is_code(value) {
        return false;
    }
    let count = |kind: fn(&u8) -> bool| value.iter().filter(|byte| kind(byte)).count();
    let signs = value.iter().filter(|byte| ANY_SIGNS.contains(byte)).count();
    count(u8::is_ascii_digit) > 0 && count(u8::is_ascii_alphabetic) >= 3 && signs > 0
}

/// Whether one of the words of a value is random: `{AQAAABAAA 5422358j60yxo9nc}` is what Jenkins stores.
fn holds_random(value: &[u8]) -> bool {
    let mut words = value.split(|byte| byte.is_ascii_whitespace() || b"{}<>[]()".contains(byte));
    words.any(|word| word.len() >= 20 && entropy(word))
}

/// Whether a value holds the place of another: `<password>`, `{{password}}`, `${PASSWORD}`, `****`, `string`.
fn is_placeholder(value: &[u8]) -> bool {
    let within = |open: u8, close: u8| value.first() == Some(&open) && value.last() == Some(&close);
    let inner = value.get(1..value.len().saturating_sub(1)).unwrap_or_default();
    let name = inner.iter().all(|byte| byte.is_ascii_alphanumeric() || b" _-./:|".contains(byte));
    let framed = [(b'<', b'>'), (b'{', b'}'), (b'[', b']'), (b'(', b')'), (b'%', b'%')];
    if framed.into_iter().any(|(open, close)| within(open, close) && name) {
        return !holds_random(inner);
    }
    let hidden = value.iter().all(|byte| b"*.-_xX ".contains(byte)) || value.chunks(3).all(|dot| dot == "•".as_bytes());
    if hidden || CODE.iter().any(|code| contains(value, code)) {
        return true;
    }
    // What begins like a gap may be a password that begins so, if it goes on like one.
    match value.first() {
        Some(b'<' | b'{') => {
            let signs = inner.iter().filter(|byte| ANY_SIGNS.contains(byte)).count();
            let digits = inner.iter().filter(|byte| byte.is_ascii_digit()).count();
            is_markup(value) || digits == 0 || signs == 0 && digits < 2
        }
        _ => is_gap(value),
    }
}

/// Whether a value begins as an element or an object does.
fn is_markup(value: &[u8]) -> bool {
    match value {
        [b'<', rest @ ..] => {
            let name = rest.strip_prefix(b"/").unwrap_or(rest);
            let len = name.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
            len > 0 && matches!(name.get(len), Some(b'>' | b' ' | b'/')) && value.ends_with(b">")
        }
        [b'{', rest @ ..] => matches!(rest.trim_ascii_start().first(), Some(b'"' | b'}')),
        _ => false,
    }
}

fn contains(value: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(value, part).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_that_fill_a_field() {
        for value in [
            "hunter2 x y",
            "correct horse, battery & staple",
            "correct horse battery staple",
            "hunter2",
            "p<a>ss&w0rd",
            "Tr0ub4dor&3",
            "a;b;c;4711",
            "tiger,4711",
            "\"tiger\" 4711",
            "tiger 4711 lily",
            "x'y\"z9",
            "<Tiger>4711",
            "{Tiger}4711",
            "Tiger}{lily",
            "48291734",
            "4711",
            "1234",
            "pässwö9&d",
            "blue monkey; green tea",
            "aK9=dP2&mW",
            "swordfish<3",
            "goodspec",
            "sunshine",
            "admin",
            "whiteduke",
            "open sesame",
            "{AQAAABAAA 5422358j60yxo9nc0dbpxby602tsxd6j}",
        ] {
            assert!(field_password(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn what_else_stands_in_such_fields() {
        for value in [
            "",
            "required",
            "string",
            "null",
            "Confirm",
            "bcrypt",
            "Kennwort",
            "oauth",
            "wrong length",
            "<password>",
            "<your password>",
            "{{password}}",
            "{{ vault.password }}",
            "${DB_PASSWORD}",
            "$DB_PASSWORD",
            "%PASSWORD%",
            "<%= password %>",
            "****",
            "• • •",
            "••••••••",
            "********",
            "Enter your password",
            "Enter your password, please & confirm",
            "Please choose a password with at least 8 characters & a digit",
            "Must be at least 8 characters",
            "min 8 chars",
            "required|string|min:8",
            "string,required",
            "Too short",
            "Trop court",
            "zu kurz",
            "Current",
            "Passwort vergessen?",
            "mot de passe oublié",
            "введите пароль",
            "не менее 8 символов",
            "请输入密码，至少8位",
            "パスワードを入力してください",
            "varchar(255)",
            "getPassword()",
            "user.password",
            "https://example.com/reset?a=1&b=2",
            "<b>bold</b>",
            "<input type=\"text\">",
            "{\"type\": \"string\"}",
            "[SECRET]",
            "n/a",
            "-",
            "xxxx",
            "your_password",
            "changeme",
        ] {
            assert!(!field_password(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn secrets_that_fill_a_field() {
        for value in [
            "9f86d081884c7d659a2feaa0c55ad015",
            "x~9<Kd,2;&pQ",
            "aK9dP2m'W8\"q",
            "{AQAAABAAA 5422358j60yxo9nc0dbpxby602tsxd6j}",
        ] {
            assert!(field_secret(value.as_bytes()), "{value}");
        }
        for value in [
            "your-client-secret",
            "<client_secret>",
            "${SECRET}",
            "production",
            "see the docs, p. 9",
            "string",
            "process.env.SECRET",
        ] {
            assert!(!field_secret(value.as_bytes()), "{value}");
        }
    }
}
