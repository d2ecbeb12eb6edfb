//! A18, D4: what was drawn is read back, in any order; what is wrong is named.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use carnet_picture::{Picture, PictureError, draw, is_png, parts_in, read};
use carnet_seal::armor::Carried;
use image::{GrayImage, ImageFormat, Luma};

fn sample(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((at * at + at / 7) % 256).unwrap()).collect()
}

fn drawn(carried: Carried, bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let pictures = draw(carried, bytes).unwrap();
    pictures.iter().map(|picture| (format!("{}.png", picture.part), picture.png())).collect()
}

fn png(picture: &GrayImage) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut file, ImageFormat::Png).unwrap();
    file.into_inner()
}

fn opened(bytes: &[u8]) -> GrayImage {
    image::load_from_memory_with_format(bytes, ImageFormat::Png).unwrap().to_luma8()
}

#[test]
fn a18_documents_of_all_sizes_come_back() {
    for carried in Carried::ALL {
        for length in [0, 1, 2, 384, 799, 800, 801, 2_500] {
            let files = drawn(carried, &sample(length));
            assert_eq!(files.len(), length.div_ceil(800).max(1), "{length}");
            assert!(files.iter().all(|(_, bytes)| is_png(bytes)));
            assert_eq!(read(&files), Ok((carried, sample(length))), "{carried} of {length}");
        }
    }
}

#[test]
fn a18_parts_are_read_in_any_order_and_any_number_of_times() {
    let mut files = drawn(Carried::Passbook, &sample(2_500));
    files.reverse();
    files.swap(0, 1);
    files.push(files[1].clone());
    assert_eq!(read(&files), Ok((Carried::Passbook, sample(2_500))));
    let parts: Vec<_> = files.iter().flat_map(|(name, bytes)| parts_in(name, bytes).unwrap()).collect();
    assert_eq!((parts[0].of, parts.len()), (4, 5));
}

#[test]
fn missing_parts_are_named() {
    let mut files = drawn(Carried::Passbook, &sample(2_500));
    files.remove(2);
    files.remove(0);
    let missing = read(&files).unwrap_err();
    assert_eq!(missing, PictureError::Missing { carried: Carried::Passbook, missing: vec![1, 3], of: 4 });
    assert_eq!(
        missing.to_string(),
        "2 of 4 pictures of a portable passbook (number 1, 3) are missing: give all of them"
    );
    assert_eq!(read(&[]), Err(PictureError::Nothing));
}

#[test]
fn parts_of_two_documents_are_told_apart() {
    let mut files = drawn(Carried::Passbook, &sample(1_500));
    files[1] = ("other.png".into(), drawn(Carried::Passbook, &sample(1_501))[1].1.clone());
    let mixed = PictureError::Mixed { first: "1-of-2.png".into(), name: "other.png".into() };
    assert_eq!(read(&files), Err(mixed.clone()));
    files[1] = ("other.png".into(), drawn(Carried::Request, &sample(1_500))[1].1.clone());
    assert_eq!(read(&files), Err(mixed));
}

#[test]
fn i12_what_is_no_picture_of_ours_is_named() {
    let name = || "a.png".to_owned();
    let one = |bytes: Vec<u8>| read(&[(name(), bytes)]).unwrap_err();
    assert!(matches!(one(b"hello".to_vec()), PictureError::NotAPicture { .. }));
    let cut = drawn(Carried::Request, &sample(100))[0].1[..90].to_vec();
    assert!(matches!(one(cut), PictureError::NotAPicture { .. }));
    let blank = png(&GrayImage::from_pixel(300, 300, Luma([255])));
    assert_eq!(one(blank), PictureError::NoCode { name: name() });
    let code = qrcode::QrCode::new("https://example.org").unwrap();
    let foreign: GrayImage = {
        let side = code.width() + 8;
        let colors = code.to_colors();
        GrayImage::from_fn((side * 5) as u32, (side * 5) as u32, |x, y| {
            let (x, y) = (x as usize / 5, y as usize / 5);
            let inside = x >= 4 && y >= 4 && x < side - 4 && y < side - 4;
            let dark = inside && colors[(y - 4) * code.width() + x - 4] == qrcode::Color::Dark;
            Luma([if dark { 0 } else { 255 }])
        })
    };
    assert_eq!(one(png(&foreign)), PictureError::NotCarnet { name: name() });
}

/// Error correction M gives back some 15 % of the code; more is an error, never other bytes.
#[test]
fn i12_stains_are_corrected_or_refused() {
    let whole = sample(384);
    let file = drawn(Carried::Passbook, &whole)[0].1.clone();
    let clean = opened(&file);
    let middle = clean.width() / 2;
    let mut corrected = 0;
    for size in [6, 24, 48, 120, 240] {
        let mut stained = clean.clone();
        for (x, y) in
            (0..size).flat_map(|x| (0..size).map(move |y| (middle + x - size / 2, middle + y - size / 2)))
        {
            stained.put_pixel(x, y, Luma([0]));
        }
        match read(&[("stained.png".into(), png(&stained))]) {
            Ok(read) => {
                assert_eq!(read, (Carried::Passbook, whole.clone()), "{size}");
                corrected += 1;
            }
            Err(error) => assert!(matches!(error, PictureError::NoCode { .. }), "{size}: {error}"),
        }
    }
    assert!((1..5).contains(&corrected), "{corrected}");
}

#[test]
fn a_turned_and_enlarged_picture_is_read_too() {
    let file = drawn(Carried::Answer, &sample(384))[0].1.clone();
    let turned = image::imageops::rotate90(&opened(&file));
    let large = image::imageops::resize(
        &turned,
        turned.width() * 3 / 2,
        turned.height() * 3 / 2,
        image::imageops::Triangle,
    );
    assert_eq!(read(&[("photo.png".into(), png(&large))]), Ok((Carried::Answer, sample(384))));
}

/// Noise may look like anything: it is refused, and nothing panics.
#[test]
fn i18_noise_is_refused() {
    let mut state = 1_u32;
    for size in [1, 3, 20, 90, 200] {
        let noise = GrayImage::from_fn(size, size, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Luma([(state >> 24) as u8])
        });
        assert_eq!(
            read(&[("noise.png".into(), png(&noise))]),
            Err(PictureError::NoCode { name: "noise.png".into() })
        );
    }
}

#[test]
fn too_much_for_pictures_says_so() {
    assert_eq!(
        draw(Carried::Passbook, &vec![0; 255 * 800 + 1]).err(),
        Some(PictureError::TooLarge { bytes: 204_001 })
    );
}

/// What is shown in a terminal is the same code.
#[test]
fn a18_the_text_form_shows_the_same_modules() {
    let picture: Picture = draw(Carried::Request, &sample(60)).unwrap().remove(0);
    let text = picture.text(false);
    let lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
    assert!(lines.iter().all(|line| line.len() == picture.columns()));
    let side = picture.columns() as u32;
    let image = GrayImage::from_fn(side * 4, side * 4, |x, y| {
        let (x, y) = (x as usize / 4, y as usize / 4);
        let light = match lines[y / 2][x] {
            '█' => true,
            '▀' => y % 2 == 0,
            '▄' => y % 2 == 1,
            _ => false,
        };
        Luma([if light { 255 } else { 0 }])
    });
    assert_eq!(read(&[("screen.png".into(), png(&image))]), Ok((Carried::Request, sample(60))));
    assert_ne!(picture.text(true), text);
}

/// Codes with changed modules and cut pictures: what is read is what was drawn, or nothing is.
#[test]
fn i18_damaged_pictures_neither_panic_nor_say_something_else() {
    let mut state = 7_u32;
    let mut random = move |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    };
    let whole = sample(60);
    let clean = opened(&drawn(Carried::Request, &whole)[0].1);
    let small =
        image::imageops::resize(&clean, clean.width() / 2, clean.height() / 2, image::imageops::Nearest);
    for round in 0..ROUNDS {
        let mut damaged = small.clone();
        for _ in 0..random(60) {
            let (x, y, size) = (random(damaged.width()), random(damaged.height()), 1 + random(24));
            let color = Luma([if random(2) == 0 { 0 } else { 255 }]);
            for (dx, dy) in (0..size).flat_map(|dx| (0..size).map(move |dy| (dx, dy))) {
                if x + dx < damaged.width() && y + dy < damaged.height() {
                    damaged.put_pixel(x + dx, y + dy, color);
                }
            }
        }
        let (width, height) = (1 + random(damaged.width()), 1 + random(damaged.height()));
        let cut = if round % 4 == 0 {
            image::imageops::crop_imm(&damaged, 0, 0, width, height).to_image()
        } else {
            damaged
        };
        if let Ok(read) = read(&[("damaged.png".into(), png(&cut))]) {
            assert_eq!(read, (Carried::Request, whole.clone()), "{round}");
        }
    }
}

/// A second; twenty thousand were run once by hand.
const ROUNDS: u32 = 400;
