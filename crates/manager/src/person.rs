//! What a user tells about themselves (A6), and what is refused.
//!
//! The rules keep out what would do harm (control characters, texts without end, card numbers) and what is
//! surely a mistake. They do not try to know all good names and addresses.

use carnet_core::document::Person;

/// Personal data as they were typed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// The user's name.
    pub name: String,
    /// An e-mail address.
    pub email: String,
    /// A postal address.
    pub address: Option<String>,
    /// A telephone number.
    pub telephone: Option<String>,
    /// A reference to a means of payment.
    pub payment_reference: Option<String>,
}

/// Personal values stay out of logs (I19).
impl std::fmt::Debug for Details {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Details(…)")
    }
}

/// What is wrong with one value. Never repeats the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} {what}: {remedy}")]
pub struct PersonProblem {
    /// Which.
    pub field: &'static str,
    /// What is wrong with it.
    pub what: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

const CARD: (&str, &str) = (
    "looks like a card number, which must never be given to Carnet",
    "give the reference that the supplier or the payment service told you, such as a customer or mandate number",
);

impl Details {
    /// The person, with spaces around the values taken away and empty ones left out.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn check(&self) -> Result<Person, Vec<PersonProblem>> {
        let optional = |value: &Option<String>| {
            value.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let person = Person {
            name: self.name.trim().to_owned(),
            email: self.email.trim().to_owned(),
            address: optional(&self.address),
            telephone: optional(&self.telephone),
            payment_reference: optional(&self.payment_reference),
        };
        let checks = [
            name(&person.name),
            email(&person.email),
            person.address.as_deref().and_then(|text| plain("the address", text, 500)),
            person.telephone.as_deref().and_then(telephone),
            person.payment_reference.as_deref().and_then(|text| plain("the payment reference", text, 200)),
        ];
        let problems: Vec<_> = checks.into_iter().flatten().collect();
        if problems.is_empty() { Ok(person) } else { Err(problems) }
    }
}

/// What is wrong with the name of a person.
#[must_use]
pub fn name(text: &str) -> Option<PersonProblem> {
    plain("the name", text.trim(), 120)
}

/// What is wrong with the name of a device.
#[must_use]
pub fn device_name(text: &str) -> Option<PersonProblem> {
    plain("the device's name", text.trim(), 80)
}

/// What is wrong with the name of a device, or with who made it where that is said.
#[must_use]
pub fn device(name: &str, maker: Option<&str>) -> Option<PersonProblem> {
    device_name(name).or_else(|| maker.and_then(|maker| plain("the device's maker", maker.trim(), 80)))
}

/// What is wrong with an e-mail address.
#[must_use]
pub fn email(text: &str) -> Option<PersonProblem> {
    let text = text.trim();
    let wrong = |what| {
        Some(PersonProblem { field: "the e-mail address", what, remedy: "write it like ann@example.org" })
    };
    let Some((local, domain)) = text.rsplit_once('@') else { return wrong("has no @") };
    let label = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    match () {
        () if text.len() > 254 || local.len() > 64 => wrong("is too long"),
        () if text.chars().any(|letter| letter.is_control() || letter.is_whitespace()) => {
            wrong("holds spaces or control characters")
        }
        () if local.is_empty() || local.contains('@') => wrong("needs one name before one @"),
        () if !domain.split('.').all(label) => wrong("has no proper domain after the @"),
        () => None,
    }
}

fn telephone(text: &str) -> Option<PersonProblem> {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let known = |letter: char| letter.is_ascii_digit() || " +-()/.".contains(letter);
    let good = text.chars().all(known) && (3..=15).contains(&digits) && text.len() <= 40;
    let (field, remedy) = ("the telephone number", "write it like +49 30 901820");
    (!good).then_some(PersonProblem { field, what: "is not one", remedy })
}

fn plain(field: &'static str, text: &str, most: usize) -> Option<PersonProblem> {
    let problem = |what, remedy| Some(PersonProblem { field, what, remedy });
    let length = text.chars().count();
    match () {
        () if length == 0 => problem("is missing", "write it"),
        () if length > most => problem("is too long", "shorten it"),
        () if text.chars().any(char::is_control) => {
            problem("holds line ends or control characters", "write it on one line of plain text")
        }
        () if looks_like_a_card_number(text) => problem(CARD.0, CARD.1),
        () => None,
    }
}

/// 13 to 19 digits, maybe in groups, whose check digit is right (ISO/IEC 7812-1, Luhn).
#[must_use]
pub fn looks_like_a_card_number(text: &str) -> bool {
    // Digits with single separators between them belong together; anything else divides.
    let joined = |letter: char| letter.is_ascii_digit() || matches!(letter, ' ' | '-' | '.' | '_');
    text.split(|letter: char| !joined(letter)).any(|run| {
        let groups: Vec<&str> =
            run.split(|letter: char| !letter.is_ascii_digit()).filter(|group| !group.is_empty()).collect();
        (0..groups.len()).any(|first| {
            let mut digits = String::new();
            groups[first..].iter().any(|group| {
                digits.push_str(group);
                (13..=19).contains(&digits.len()) && luhn(&digits)
            })
        })
    })
}

fn luhn(digits: &str) -> bool {
    let doubled = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let value = |(at, digit): (usize, u8)| {
        let digit = u32::from(digit - b'0');
        if at % 2 == 1 { doubled(digit) } else { digit }
    };
    digits.bytes().rev().enumerate().map(value).sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ann() -> Details {
        Details { name: " Ann Example ".into(), email: "ann@example.org".into(), ..Details::default() }
    }

    fn wrong(details: &Details) -> Vec<&'static str> {
        details.check().unwrap_err().iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn a6_name_and_e_mail_are_enough_and_the_rest_may_be_left_out() {
        let person = ann().check().unwrap();
        assert_eq!((person.name.as_str(), person.address), ("Ann Example", None));
        let more = Details {
            address: Some("1 Canary Wharf, London".into()),
            telephone: Some("+44 (0)20 7946-0958".into()),
            payment_reference: Some("SEPA mandate M-2041-77".into()),
            ..ann()
        };
        assert_eq!(more.check().unwrap().payment_reference.as_deref(), Some("SEPA mandate M-2041-77"));
        assert_eq!(Details { address: Some("  ".into()), ..ann() }.check().unwrap().address, None);
    }

    #[test]
    fn a6_an_e_mail_address_is_one_and_never_spans_lines() {
        for good in ["a@b", "ann.o'neill+carnet@mail.example.org", "ä@ü.example"] {
            assert_eq!(email(good), None, "{good}");
        }
        let long = format!("{}@example.org", "a".repeat(65));
        for bad in [
            "",
            "ann",
            "@b",
            "a@",
            "a@b@c",
            "a b@c",
            "a@b\nBcc: x@y",
            "a@.b",
            "a@b..c",
            "a@-b",
            long.as_str(),
        ] {
            assert!(email(bad).is_some(), "{bad:?}");
        }
    }

    #[test]
    fn a6_control_characters_and_texts_without_end_are_refused_wherever_they_are() {
        assert_eq!(wrong(&Details { name: "Ann\u{1b}[31m".into(), ..ann() }), ["the name"]);
        assert_eq!(
            wrong(&Details { name: "A".repeat(121), email: "x".into(), ..ann() }),
            ["the name", "the e-mail address"]
        );
        assert_eq!(wrong(&Details { address: Some("1 Road\n2 Town".into()), ..ann() }), ["the address"]);
        assert_eq!(wrong(&Details { telephone: Some("call me".into()), ..ann() }), ["the telephone number"]);
        assert!(device_name("").is_some() && device_name("ann's laptop").is_none());
    }

    #[test]
    fn a6_a_card_number_is_refused_however_it_is_written_and_never_repeated() {
        for card in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "Visa: 5500-0000-0000-0004",
            "378282246310005 12/27",
            "4222222222222",
            "pay with 6011.1111.1111.1117 please",
            "4111 1111 1111 1111 123",
        ] {
            let problems = Details { payment_reference: Some(card.into()), ..ann() }.check().unwrap_err();
            assert!(problems[0].what.contains("card number"), "{card}");
            assert!(!format!("{problems:?}").contains("1111"), "{card}");
        }
        for reference in ["4111111111111112", "mandate 20410077", "customer 4711", "M-1-2-3"] {
            assert!(!looks_like_a_card_number(reference), "{reference}");
        }
    }
}
