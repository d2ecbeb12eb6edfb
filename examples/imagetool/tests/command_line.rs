//! The program as its users meet it: files, messages and exit codes.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "helpers of tests may fail as tests do")]

mod licensed;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use carnet_sandbox::{Grant, Local};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

/// An empty folder of one test.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("imagetool-{test}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs the program in a folder, on a device with a license for everything.
fn imagetool(folder: &Path, line: &str) -> Output {
    licensed::imagetool(licensed::with_everything(), folder, line)
}

fn succeeds(folder: &Path, line: &str) {
    let output = imagetool(folder, line);
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

fn fails(folder: &Path, line: &str, code: i32, message: &str) {
    let output = imagetool(folder, line);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{line}: {errors}");
    assert!(errors.contains(message), "{line}: expected {message:?} in {errors:?}");
}

/// A picture with a transparent left half and a red right half.
fn half_red(folder: &Path) {
    let pixel = |x| if x < 10 { Rgba([0, 0, 0, 0]) } else { Rgba([255, 0, 0, 255]) };
    RgbaImage::from_fn(20, 10, |x, _| pixel(x)).save(folder.join("half.png")).unwrap();
}

fn read(folder: &Path, name: &str) -> DynamicImage {
    image::open(folder.join(name)).unwrap()
}

#[test]
fn resize_writes_the_size_asked_for() {
    let folder = folder("resize");
    half_red(&folder);
    succeeds(&folder, "resize half.png wide.png --width 40");
    succeeds(&folder, "resize half.png cover.png --width 5 --height 8 --fit cover");
    succeeds(&folder, "resize half.png inside.png --width 8 --height 8");
    let size = |name| (read(&folder, name).width(), read(&folder, name).height());
    assert_eq!((size("wide.png"), size("cover.png"), size("inside.png")), ((40, 20), (5, 8), (8, 4)));
}

#[test]
fn every_format_can_be_written_and_read_back() {
    let folder = folder("formats");
    half_red(&folder);
    let cases = [
        ("a.png", ImageFormat::Png),
        ("a.jpg", ImageFormat::Jpeg),
        ("a.JPEG", ImageFormat::Jpeg),
        ("a.gif", ImageFormat::Gif),
        ("a.bmp", ImageFormat::Bmp),
        ("a.webp", ImageFormat::WebP),
    ];
    for (name, format) in cases {
        succeeds(&folder, &format!("convert half.png {name}"));
        let bytes = fs::read(folder.join(name)).unwrap();
        assert_eq!(image::guess_format(&bytes).unwrap(), format, "{name}");
        let [red, green, blue] = read(&folder, name).to_rgb8().get_pixel(17, 5).0;
        assert!(red > 245 && green < 10 && blue < 10, "{name}: {red} {green} {blue}");
    }
}

#[test]
fn sixteen_bit_pictures_can_be_written_in_every_format() {
    let folder = folder("sixteen-bit");
    DynamicImage::new_rgba16(4, 4).save(folder.join("deep.png")).unwrap();
    for name in ["a.png", "a.jpg", "a.gif", "a.bmp", "a.webp"] {
        succeeds(&folder, &format!("convert deep.png {name}"));
    }
    assert_eq!(read(&folder, "a.png").color(), image::ColorType::Rgba16);
}

#[test]
fn jpeg_shows_the_background_where_the_picture_is_transparent() {
    let folder = folder("background");
    half_red(&folder);
    for (option, expected) in [("", [255, 255, 255]), (" --background #0000ff", [0, 0, 255])] {
        succeeds(&folder, &format!("convert half.png a.jpg --force --quality 100{option}"));
        let found = read(&folder, "a.jpg").to_rgb8().get_pixel(2, 5).0;
        let near = found.iter().zip(expected).all(|(found, expected)| found.abs_diff(expected) < 6);
        assert!(near, "{option}: {found:?} is not {expected:?}");
    }
}

#[test]
fn a_lower_quality_makes_a_smaller_file() {
    let folder = folder("quality");
    let noise = RgbImage::from_fn(64, 64, |x, y| {
        Rgb([(x * 37 % 256) as u8, (y * 91 % 256) as u8, (x * y % 256) as u8])
    });
    noise.save(folder.join("noise.png")).unwrap();
    succeeds(&folder, "convert noise.png low.jpg --quality 10");
    succeeds(&folder, "convert noise.png high.jpg --quality 95");
    let size = |name: &str| fs::metadata(folder.join(name)).unwrap().len();
    assert!(size("low.jpg") * 2 < size("high.jpg"), "{} and {}", size("low.jpg"), size("high.jpg"));
}

#[test]
fn a_sheet_has_a_frame_around_each_picture() {
    let folder = folder("sheet");
    half_red(&folder);
    succeeds(&folder, "sheet s.png half.png half.png half.png --columns 2 --cell 100 --gap 10 --frame film");
    let sheet = read(&folder, "s.png").to_rgb8();
    assert_eq!(sheet.dimensions(), (230, 230));
    // The framed picture is 28 × 40 in the middle of its cell: its right half is red, its paper nearly black.
    let (left, top) = (10 + 36, 10 + 30);
    assert_eq!(sheet.get_pixel(left, top).0, [0x16, 0x16, 0x16]);
    assert_eq!(sheet.get_pixel(left - 1, top).0, [255, 255, 255]);
    assert_eq!(sheet.get_pixel(left + 4 + 15, top + 15 + 5).0, [255, 0, 0]);
    assert_eq!(sheet.get_pixel(left + 4 + 5, top + 15 + 5).0, [0x16, 0x16, 0x16], "transparent: the paper");
}

#[test]
fn errors_name_the_remedy() {
    let folder = folder("errors");
    half_red(&folder);
    fs::write(folder.join("text.png"), "not a picture").unwrap();
    fs::write(folder.join("text"), "not a picture").unwrap();
    fs::write(folder.join("cut.png"), &fs::read(folder.join("half.png")).unwrap()[..50]).unwrap();
    fs::write(folder.join("there.png"), "precious").unwrap();
    let cases = [
        ("convert no.png a.jpg", 1, "there is no file no.png: check the path"),
        ("convert text a.jpg", 1, "reads PNG, JPEG, GIF, BMP and WebP"),
        ("convert text.png a.jpg", 1, "text.png cannot be read"),
        ("convert cut.png a.jpg", 1, "cut.png cannot be read"),
        ("convert half.png a.tiff", 2, "a.tiff has no extension this tool writes: use .png"),
        ("convert half.png a", 2, "has no extension this tool writes"),
        ("convert half.png there.png", 1, "there.png exists already: choose another name, or give --force"),
        ("convert half.png no/a.png", 1, "the folder no does not exist: create it first"),
        ("convert half.png a.jpg --quality 0", 2, "0 is not good for --quality: give a number from 1 to 100"),
        ("convert half.png a.jpg --background pink", 2, "`pink` is not a colour: write it as #rrggbb"),
        ("resize half.png a.png --width 0", 2, "0 is not good for --width: give a number from 1 to 20000"),
        ("resize half.png a.png --width 20001", 2, "20001 is not good for --width"),
        ("resize half.png a.png --width 5 --fit cover", 2, "--height"),
        ("sheet a.png half.png --columns 0", 2, "0 is not good for --columns: give a number from 1 to 1000"),
        ("sheet a.png half.png --frame baroque", 2, "plain, film, polaroid, deco"),
        ("sheet a.png", 2, "Usage"),
    ];
    for (line, code, message) in cases {
        fails(&folder, line, code, message);
    }
    assert_eq!(fs::read_to_string(folder.join("there.png")).unwrap(), "precious");
    assert!(!folder.join("a.png").exists() && !folder.join("a.jpg").exists());
}

#[test]
fn force_replaces_a_file_even_the_input_itself_and_leaves_nothing_beside() {
    let folder = folder("force");
    half_red(&folder);
    succeeds(&folder, "resize half.png half.png --width 6 --force");
    assert_eq!(read(&folder, "half.png").width(), 6);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn a_failed_write_leaves_nothing_beside() {
    let folder = folder("failed-write");
    half_red(&folder);
    fs::create_dir(folder.join("folder.png")).unwrap();
    fails(&folder, "convert half.png folder.png --force", 1, "folder.png cannot be written");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
}

#[test]
fn a_header_that_promises_too_many_pixels_is_not_unpacked() {
    let folder = folder("bomb");
    half_red(&folder);
    let bytes = fs::read(folder.join("half.png")).unwrap();
    for (width, height) in [(30_000_u32, 10_u32), (19_000, 19_000)] {
        fs::write(folder.join("bomb.png"), with_size(&bytes, width, height)).unwrap();
        fails(
            &folder,
            "convert bomb.png a.jpg --force",
            1,
            "bomb.png is too large: at most 20000 pixels on a side",
        );
    }
}

/// A PNG with another size in its header, checksum included.
fn with_size(png: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png.to_vec();
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let checksum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}

#[test]
fn help_lists_the_exit_codes() {
    let folder = folder("help");
    for line in ["--help", "sheet --help"] {
        let output = imagetool(&folder, line);
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains("10  not licensed"), "{line}");
    }
}

#[test]
fn a8_without_a_passbook_the_program_says_to_register_and_touches_nothing() {
    let (folder, device) = (folder("unregistered"), licensed::unregistered("unregistered"));
    half_red(&folder);
    let output = licensed::imagetool(&device, &folder, "convert half.png a.jpg");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(10), "{errors}");
    assert!(errors.contains("not registered") && errors.contains("`carnet register`"), "{errors}");
    assert!(!folder.join("a.jpg").exists());
}

#[test]
fn a11_what_was_not_bought_is_refused_before_a_file_is_touched_and_costs_no_use() {
    let some = Grant::new("some").feature("resize").feature("sheet").uses(2);
    let (folder, device) = (folder("not-bought"), licensed::with("not-bought", some));
    half_red(&folder);
    for (line, feature) in [
        ("convert no.png a.jpg", "convert"),
        ("sheet a.png half.png --frame film", "frame.film"),
        ("sheet a.png half.png --frame deco", "frame.deco"),
    ] {
        let output = licensed::imagetool(&device, &folder, line);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(10), "{line}: {errors}");
        assert!(errors.contains(&format!("no license for `{feature}`")), "{errors}");
    }
    let shown = licensed::imagetool(&device, &folder, "license");
    let text = String::from_utf8_lossy(&shown.stdout);
    assert_eq!(text, "some (acme/imagetool)\n  allows  resize, sheet\n  left    2 uses\n");
}

#[test]
fn a12_a13_uses_count_down_until_the_menu_comes() {
    let two = Grant::new("Two runs of Image Tool").feature("resize").uses(2).uses_per_pass(1);
    let (folder, mut device) = (folder("counted"), licensed::with("counted", two));
    device.go_offline();
    half_red(&folder);
    let resize = |device: &Local, name: &str| {
        licensed::imagetool(device, &folder, &format!("resize half.png {name} --width 5"))
    };
    assert!(resize(&device, "one.png").status.success());
    let refused = resize(&device, "two.png");
    let errors = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(10), "{errors}");
    assert!(errors.contains("no uses are left in the pass, and the server cannot be reached"), "{errors}");
    device.go_online().unwrap();
    assert!(resize(&device, "two.png").status.success());
    let refused = resize(&device, "three.png");
    assert_eq!(refused.status.code(), Some(10));
    assert_eq!(
        String::from_utf8_lossy(&refused.stderr),
        "error: the license is used up: choose an offer from the menu\n\
         on offer:\n  Two runs of Image Tool: free, 2 uses\n"
    );
    assert!(!folder.join("three.png").exists());
}

#[test]
fn a_product_string_that_was_mistyped_is_told() {
    let output = imagetool(&folder("product"), "license --product acme/imagetool@http://x#12");
    assert_eq!(output.status.code(), Some(10));
    assert!(String::from_utf8_lossy(&output.stderr).contains("64 hexadecimal digits"));
}
