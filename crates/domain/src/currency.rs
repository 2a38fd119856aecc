//! ISO 4217 currencies and the number of digits of their minor unit.

use std::fmt;
use std::str::FromStr;

/// An active ISO 4217 currency code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// A text that is not an active ISO 4217 code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not an ISO 4217 currency code")]
pub struct UnknownCurrency(pub String);

/// Codes whose minor unit has two digits. Source: ISO 4217, list one, without funds, metals and testing codes.
const TWO_DIGITS: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF \
     CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR \
     IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN \
     NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL \
     THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG";

/// Codes without a minor unit.
const NO_DIGITS: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";

/// Codes whose minor unit has three digits.
const THREE_DIGITS: &str = "BHD IQD JOD KWD LYD OMR TND";

impl Currency {
    /// The United States dollar.
    pub const USD: Self = Self(*b"USD");
    /// The euro.
    pub const EUR: Self = Self(*b"EUR");
    /// The yen, which has no minor unit.
    pub const JPY: Self = Self(*b"JPY");
    /// The Bahraini dinar, whose minor unit has three digits.
    pub const BHD: Self = Self(*b"BHD");

    /// How many digits follow the decimal point: 0, 2 or 3.
    pub fn digits(self) -> u32 {
        // Only known codes are ever stored.
        known_digits(self.0).unwrap_or(2).into()
    }

    /// The three letters.
    pub fn as_str(&self) -> &str {
        // Only ASCII letters are ever stored.
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }
}

/// The number of digits of the code's minor unit; `None` if it is not a code.
fn known_digits(code: [u8; 3]) -> Option<u8> {
    let place = place(code)?;
    Some(DIGITS[place]).filter(|digits| *digits != UNKNOWN)
}

/// The index of a code in [`DIGITS`]; `None` unless it is three capital letters.
const fn place(code: [u8; 3]) -> Option<usize> {
    let mut place = 0;
    let mut n = 0;
    while n < code.len() {
        if !code[n].is_ascii_uppercase() {
            return None;
        }
        place = place * 26 + (code[n] - b'A') as usize;
        n += 1;
    }
    Some(place)
}

/// The value in [`DIGITS`] for three letters that are not a code.
const UNKNOWN: u8 = u8::MAX;

/// The digits of every code at its index. A table, because every amount that is read or written needs them.
static DIGITS: [u8; 26 * 26 * 26] = digits_of_all();

#[expect(clippy::large_stack_arrays, reason = "only the compiler makes it")]
const fn digits_of_all() -> [u8; 26 * 26 * 26] {
    let mut digits = [UNKNOWN; 26 * 26 * 26];
    let lists = [(TWO_DIGITS.as_bytes(), 2), (NO_DIGITS.as_bytes(), 0), (THREE_DIGITS.as_bytes(), 3)];
    let mut list = 0;
    while list < lists.len() {
        let (codes, count) = lists[list];
        let mut n = 0;
        // Three letters and a space each.
        while n < codes.len() {
            let Some(place) = place([codes[n], codes[n + 1], codes[n + 2]]) else { panic!("a code is three letters") };
            digits[place] = count;
            n += 4;
        }
        list += 1;
    }
    digits
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(code: &str) -> Result<Self, UnknownCurrency> {
        match <[u8; 3]>::try_from(code.as_bytes()) {
            Ok(bytes) if known_digits(bytes).is_some() => Ok(Self(bytes)),
            _ => Err(UnknownCurrency(code.to_owned())),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_units_have_the_digits_of_iso_4217() {
        for (code, digits) in [("USD", 2), ("EUR", 2), ("INR", 2), ("JPY", 0), ("KRW", 0), ("BHD", 3), ("TND", 3)] {
            assert_eq!(code.parse::<Currency>().map(Currency::digits), Ok(digits), "{code}");
        }
    }

    #[test]
    fn every_listed_code_and_no_other_parses() {
        let listed: Vec<&str> =
            [TWO_DIGITS, NO_DIGITS, THREE_DIGITS].iter().flat_map(|list| list.split_ascii_whitespace()).collect();
        assert!(listed.iter().all(|code| code.len() == 3 && code.parse::<Currency>().is_ok()));
        assert_eq!(DIGITS.iter().filter(|digits| **digits != UNKNOWN).count(), listed.len(), "each stands in one list");
    }

    #[test]
    fn only_active_upper_case_codes_parse() {
        for code in ["", "usd", "US", "USDX", "XXX", "DEM", "U D", "ÄÖÜ"] {
            assert!(code.parse::<Currency>().is_err(), "{code}");
        }
    }
}
