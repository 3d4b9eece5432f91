//! Numbers of European authorities: check digits and dates, by country.
//!
//! Each is written from the authority's own description. A check is told the shape by its rule's pattern and looks at
//! what a pattern cannot: sums, days of the calendar, prefixes that were never issued.

mod east;
#[cfg(test)]
mod tests;
mod west;

use super::Check;
use super::arithmetic::{digits_of, ean, is_day, lacking, mod_11_10, tens, weighted};
use east::{
    al_nid, am_public_services, baltic_personal_code, bg_egn, by_personal, cy_tin, cz_rodne_cislo, dk_cpr, fi_hetu,
    gr_afm, gr_amka, hu_personal, is_kennitala, jmbg, lv_personas_kods, md_idnp, no_fodselsnummer, pl_identity_card,
    pl_pesel, ro_cnp, ru_inn, ru_snils, se_personnummer, si_tax, tr_kimlik, tr_vkn, ua_rntrc, ua_unzr,
};
use west::{
    at_vnr, be_eid, be_national, de_document, de_idnr, de_kvnr, de_rvnr, es_dni, es_nie, es_nuss, fr_nir, fr_spi,
    gb_chi, gb_driving_licence, gb_nhs, gb_nino, gb_upn, gb_utr, ie_pps, it_codice_fiscale, lu_matricule, nl_bsn,
    pt_cc, pt_cc_document, pt_nif, pt_niss,
};

/// The checks of this family.
pub(super) const CHECKS: &[Check] = &[
    ("eu-document-number", document_number),
    ("gb-nhs", gb_nhs),
    ("gb-chi", gb_chi),
    ("gb-nino", gb_nino),
    // A K may stand behind the ten digits.
    ("gb-utr", |value| gb_utr(value.strip_suffix(b"K").unwrap_or(value))),
    ("gb-driving-licence", gb_driving_licence),
    ("gb-upn", |value| gb_upn(value).unwrap_or(false)),
    ("ie-pps", |value| ie_pps(value).unwrap_or(false)),
    ("de-idnr", de_idnr),
    ("de-rvnr", |value| de_rvnr(value).unwrap_or(false)),
    ("de-kvnr", |value| de_kvnr(value).unwrap_or(false)),
    ("de-document", de_document),
    ("fr-nir", |value| fr_nir(value).unwrap_or(false)),
    ("fr-spi", fr_spi),
    ("it-codice-fiscale", |value| it_codice_fiscale(value).unwrap_or(false)),
    ("es-dni", |value| es_dni(value).unwrap_or(false)),
    ("es-nie", |value| es_nie(value).unwrap_or(false)),
    ("es-document", |value| es_dni(value) == Some(true) || es_nie(value) == Some(true)),
    ("es-nuss", es_nuss),
    ("pt-nif", |value| pt_nif(without_country(value))),
    ("pt-cc", |value| pt_cc(value).unwrap_or(false)),
    ("pt-cc-document", |value| pt_cc_document(value).unwrap_or(false)),
    ("pt-niss", pt_niss),
    ("nl-bsn", nl_bsn),
    ("nl-onderwijsnummer", |value| {
        let digits = digits_of::<9>(value);
        digits.is_some_and(|digits| (weighted(&digits, &[9, 8, 7, 6, 5, 4, 3, 2, 10]) % 11) == 5)
    }),
    ("be-national", be_national),
    ("be-eid", be_eid),
    ("lu-matricule", lu_matricule),
    ("ch-ahv", |value| digits_of::<13>(value).is_some_and(|digits| ean(&digits))),
    ("ch-ahv-old", |value| {
        digits_of::<11>(value)
            .is_some_and(|digits| last(&digits) == lacking(&digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2], 11))
    }),
    ("at-vnr", at_vnr),
    ("se-personnummer", se_personnummer),
    ("no-fodselsnummer", no_fodselsnummer),
    ("dk-cpr", |value| dk_cpr(value).is_some()),
    ("dk-cpr-mod11", |value| {
        dk_cpr(value).is_some_and(|digits| weighted(&digits, &[4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11))
    }),
    ("fi-hetu", |value| fi_hetu(value).unwrap_or(false)),
    ("is-kennitala", is_kennitala),
    ("baltic-personal-code", baltic_personal_code),
    ("lv-personas-kods", lv_personas_kods),
    ("pl-pesel", pl_pesel),
    ("pl-nip", |value| {
        let digits = digits_of::<10>(without_country(value));
        digits.is_some_and(|digits| last(&digits) == weighted(&digits, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11)
    }),
    ("pl-identity-card", |value| pl_identity_card(value).unwrap_or(false)),
    ("cz-rodne-cislo", |value| cz_rodne_cislo(without_country(value))),
    ("hu-taj", |value| {
        digits_of::<9>(value).is_some_and(|digits| last(&digits) == weighted(&digits, &[3, 7, 3, 7, 3, 7, 3, 7]) % 10)
    }),
    ("hu-tax", |value| {
        digits_of::<10>(value)
            .is_some_and(|digits| last(&digits) == weighted(&digits, &[1, 2, 3, 4, 5, 6, 7, 8, 9]) % 11)
    }),
    ("hu-personal", hu_personal),
    ("ro-cnp", ro_cnp),
    ("bg-egn", bg_egn),
    ("bg-lnch", |value| {
        let weights = [21, 19, 17, 13, 11, 9, 7, 3, 1];
        digits_of::<10>(value).is_some_and(|digits| last(&digits) == weighted(&digits, &weights) % 10)
    }),
    ("gr-amka", gr_amka),
    ("gr-afm", |value| gr_afm(without_country(value))),
    ("hr-oib", |value| digits_of::<11>(without_country(value)).is_some_and(|digits| mod_11_10(&digits))),
    ("jmbg", jmbg),
    ("si-tax", si_tax),
    ("tr-kimlik", tr_kimlik),
    ("tr-vkn", tr_vkn),
    ("ua-rntrc", ua_rntrc),
    ("ua-unzr", ua_unzr),
    ("ru-inn", ru_inn),
    ("ru-snils", ru_snils),
    ("by-personal", |value| by_personal(value).unwrap_or(false)),
    ("md-idnp", md_idnp),
    ("cy-tin", |value| cy_tin(without_country(value)).unwrap_or(false)),
    ("am-public-services", am_public_services),
    ("al-nid", |value| al_nid(value).unwrap_or(false)),
];

/// The last digit, which is the check digit of most numbers.
fn last(digits: &[u8]) -> u32 {
    digits.last().copied().map_or(u32::MAX, u32::from)
}

/// The number behind a country's two letters, as numbers for tax are written in trade.
fn without_country(value: &[u8]) -> &[u8] {
    match value {
        [first, second, rest @ ..] if first.is_ascii_alphabetic() && second.is_ascii_alphabetic() => rest,
        _ => value,
    }
}

/// What tells the number of a passport or card, which has no check digit in print, from a word and from a day: two
/// digits or more, and not eight that are a year of two centuries, a month and a day.
fn document_number(value: &[u8]) -> bool {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let day = digits_of::<8>(value).is_some_and(|[y1, y2, y3, y4, m1, m2, d1, d2]| {
        matches!((y1, y2), (1, 9) | (2, 0)) && is_day(tens(y1, y2) * 100 + tens(y3, y4), tens(m1, m2), tens(d1, d2))
    });
    digits >= 2 && !day
}
