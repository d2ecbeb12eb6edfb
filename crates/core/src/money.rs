//! Money: minor units of a currency that exists (ISO 4217).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::LARGEST_AMOUNT;

/// A currency of ISO 4217.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// How many decimal digits the minor unit has: 2 for EUR, 0 for JPY, 3 for KWD.
    #[must_use]
    pub fn digits(self) -> u32 {
        u32::from(self.0.exponent().unwrap_or(0))
    }

    /// The three-letter code.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Currency {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.code().cmp(other.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A text that is not an amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotMoney {
    /// ISO 4217 does not know the code.
    #[error("`{0}` is not a currency: write an ISO 4217 code such as EUR, USD or JPY")]
    UnknownCurrency(String),
    /// The amount is not a number that this currency can express.
    #[error("`{0}` is not an amount: write it like `49.00 EUR`, with at most {1} digits after the point")]
    NotAnAmount(String, u32),
    /// The amount is larger than anything in Carnet may be.
    #[error("`{0}` is too large: at most {LARGEST_AMOUNT} minor units")]
    TooLarge(String),
    /// No currency was named.
    #[error("`{0}` names no currency: write it like `49.00 EUR`")]
    NoCurrency(String),
}

impl FromStr for Currency {
    type Err = NotMoney;

    fn from_str(code: &str) -> Result<Self, NotMoney> {
        iso_currency::Currency::from_code(code)
            .map(Self)
            .ok_or_else(|| NotMoney::UnknownCurrency(code.chars().take(20).collect()))
    }
}

/// An amount of money, never negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money {
    /// Minor units: cents, yen, fils.
    pub minor: u64,
    /// Of which currency.
    pub currency: Currency,
}

impl Money {
    /// Nothing at all, in no currency (ISO 4217 code XXX).
    pub const NOTHING: Self = Self { minor: 0, currency: Currency(iso_currency::Currency::XXX) };
}

/// `49.00 EUR`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.currency.digits();
        let unit = 10_u64.pow(digits);
        write!(f, "{}", self.minor / unit)?;
        if digits > 0 {
            write!(f, ".{:0width$}", self.minor % unit, width = digits as usize)?;
        }
        write!(f, " {}", self.currency.code())
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Money {
    type Err = NotMoney;

    fn from_str(text: &str) -> Result<Self, NotMoney> {
        let shown = || text.chars().take(40).collect::<String>();
        let (amount, code) = text.trim().rsplit_once(' ').ok_or_else(|| NotMoney::NoCurrency(shown()))?;
        let currency: Currency = code.parse()?;
        let digits = currency.digits();
        let wrong = || NotMoney::NotAnAmount(shown(), digits);
        let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let fits = fraction.len() <= digits as usize && !(amount.contains('.') && fraction.is_empty());
        if whole.is_empty() || !plain(whole) || !plain(fraction) || !fits {
            return Err(wrong());
        }
        let padded = format!("{whole}{fraction:0<width$}", width = digits as usize);
        let minor: u64 = padded.parse().map_err(|_| NotMoney::TooLarge(shown()))?;
        if minor > LARGEST_AMOUNT {
            return Err(NotMoney::TooLarge(shown()));
        }
        Ok(Self { minor, currency })
    }
}

impl Serialize for Money {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_and_print_as_their_currency_writes_them() {
        for (text, minor, printed) in [
            ("49 EUR", 4_900, "49.00 EUR"),
            ("0.5 USD", 50, "0.50 USD"),
            ("800 JPY", 800, "800 JPY"),
            ("1.250 KWD", 1_250, "1.250 KWD"),
        ] {
            let money: Money = text.parse().unwrap();
            assert_eq!((money.minor, money.to_string().as_str()), (minor, printed));
        }
    }

    #[test]
    fn nonsense_is_refused_with_the_remedy() {
        for (text, says) in [
            ("49", "names no currency"),
            ("49 XYZ", "not a currency"),
            ("-1 EUR", "not an amount"),
            ("1.234 EUR", "at most 2 digits"),
            ("8.5 JPY", "at most 0 digits"),
            ("1000000000000000000 EUR", "too large"),
            ("99999999999999999999999999 EUR", "too large"),
            ("1. EUR", "not an amount"),
        ] {
            let refused = text.parse::<Money>().unwrap_err().to_string();
            assert!(refused.contains(says), "{text}: {refused}");
        }
    }
}
