use super::*;

fn sample(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect()
}

#[test]
fn a18_every_length_and_type_comes_back() {
    for carried in Carried::ALL {
        for length in (0..120).chain([500, 4_000]) {
            let bytes = sample(length);
            assert_eq!(read(&write(carried, &bytes)), Ok((carried, bytes)), "{carried} of {length}");
        }
    }
}

#[test]
fn blanks_empty_lines_and_a_letter_around_the_block_do_not_matter() {
    let text = write(Carried::Request, &sample(100));
    let mailed = format!("Hello,\n\n{}\n\nYours, Ann\n", text.replace('\n', "  \r\n\r\n  "));
    assert_eq!(read(&mailed), Ok((Carried::Request, sample(100))));
}

#[test]
fn a_block_is_replaced_and_the_letter_around_it_stays() {
    let mailed = format!("Hello,\n{}Yours, Ann\n", write(Carried::Passbook, &sample(50)));
    let expected = format!("Hello,\n{}Yours, Ann\n", write(Carried::Passbook, &sample(70)));
    assert_eq!(replaced(&mailed, Carried::Passbook, &sample(70)), expected);
    assert_eq!(replaced("", Carried::Answer, b"x"), write(Carried::Answer, b"x"));
}

/// Each single character typed wrong is found, on its line.
#[test]
fn i12_each_mistyped_character_is_found_on_its_line() {
    let text = write(Carried::Answer, &sample(150));
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate().skip(1).take(lines.len() - 2) {
        for position in 0..line.len() {
            for typed in ['A', 'z', '0', '/', '!', '='] {
                let old = line.as_bytes()[position];
                if char::from(old) == typed || old == b' ' {
                    continue;
                }
                let mut wrong: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
                wrong[at].replace_range(position..=position, &typed.to_string());
                let found = read(&wrong.join("\n"));
                let told = matches!(
                    found,
                    Err(ArmorError::Mistyped { line } | ArmorError::Character { line, .. } | ArmorError::Incomplete { line })
                        if line == at + 1
                );
                assert!(told, "{typed} at {position} of line {}: {found:?}", at + 1);
            }
        }
    }
}

#[test]
fn i12_characters_that_changed_places_are_found_on_their_line() {
    let text = write(Carried::Answer, &sample(150));
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate().skip(1).take(lines.len() - 2) {
        let bytes = line.as_bytes();
        for other in 1..line.trim_end().len() - 2 {
            if bytes[other] == bytes[other - 1] || bytes[other] == b' ' {
                continue;
            }
            let mut swapped = bytes.to_vec();
            swapped.swap(other - 1, other);
            let mut wrong = lines.clone();
            let swapped = String::from_utf8(swapped).unwrap();
            wrong[at] = &swapped;
            assert!(read(&wrong.join("\n")).is_err(), "{swapped}");
        }
    }
}

#[test]
fn i12_missing_doubled_and_exchanged_lines_are_found() {
    let text = write(Carried::Passbook, &sample(200));
    let lines: Vec<&str> = text.lines().collect();
    for at in 1..lines.len() - 1 {
        let mut missing = lines.clone();
        missing.remove(at);
        assert!(read(&missing.join("\n")).is_err(), "without line {}", at + 1);
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        assert!(read(&doubled.join("\n")).is_err(), "line {} twice", at + 1);
        if at + 2 < lines.len() {
            let mut exchanged = lines.clone();
            exchanged.swap(at, at + 1);
            assert!(read(&exchanged.join("\n")).is_err(), "lines {} and {}", at + 1, at + 2);
        }
    }
}

#[test]
fn a_block_without_beginning_or_end_or_of_a_strange_type_says_so() {
    let text = write(Carried::Passbook, &sample(40));
    assert_eq!(read("hello"), Err(ArmorError::NoBeginning));
    assert_eq!(read(""), Err(ArmorError::NoBeginning));
    let (cut, _) = text.split_at(text.len() - 10);
    assert_eq!(read(cut), Err(ArmorError::NoEnd(Carried::Passbook)));
    let strange = text.replace("PASSBOOK", "POEM");
    assert_eq!(read(&strange), Err(ArmorError::UnknownType { line: 1, name: "POEM".into() }));
    let mixed = text.replace("END CARNET PASSBOOK", "END CARNET REQUEST");
    assert_eq!(read(&mixed), Err(ArmorError::NoEnd(Carried::Passbook)));
    assert_eq!(read(&"x".repeat(3 << 20)), Err(ArmorError::TooLong));
    assert!(is_armored(&text) && !is_armored("hello"));
}

#[test]
fn i12_what_a_terminal_would_obey_is_named_and_never_taken() {
    let text = write(Carried::Request, &sample(40));
    let line = text.lines().nth(1).unwrap();
    let found = read(&text.replace(line, &format!("\u{1b}{line}")));
    assert_eq!(found, Err(ArmorError::Character { line: 2, character: '\u{1b}' }));
}
