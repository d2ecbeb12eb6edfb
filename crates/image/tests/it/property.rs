//! Any folder at all.

use proptest::prelude::*;

use crate::world::{Temporary, contents, extract, lay_out, on_disk, open, try_build};

/// Names that differ in more than case, and contents around the sizes at which frames are cut.
fn folders() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let sizes = prop_oneof![
        4 => 0_usize..2_000,
        1 => prop_oneof![Just(511_usize), Just(512), Just(513)],
        1 => 262_100_usize..262_200,
        1 => 1_048_000_usize..1_049_200,
    ];
    let content = (sizes, any::<u8>(), any::<bool>()).prop_map(|(size, byte, program)| {
        let mut content = vec![byte; size];
        if program && size > 2 {
            content[..2].copy_from_slice(b"#!");
        }
        content
    });
    proptest::collection::btree_map("[a-d]{1,3}(/[a-d]{1,2}){0,2}", content, 1..24)
        .prop_map(|files| files.into_iter().map(|(path, content)| (path + ".x", content)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn b5_any_folder_comes_out_of_its_image_as_it_went_in(files in folders()) {
        let temporary = Temporary::new();
        let (program, image) = (temporary.join("program"), temporary.join("image"));
        let files: Vec<_> = files.iter().map(|(path, content)| (path.as_str(), content.as_slice())).collect();
        lay_out(&program, &files);
        let built = try_build(&program, "1.0.0", &[("deep", "*/*/**"), ("core", "**")], &image);
        // Not every folder has something in it that is deep.
        let built = match built {
            Err(carnet_image::BuildError::Nothing { .. }) => try_build(&program, "1.0.0", &[("core", "**")], &image),
            built => built,
        }.unwrap();
        let source = on_disk(&image);
        open(&source).unwrap().check_length(&source).unwrap();
        extract(&source, &built.keys, &temporary.join("to")).unwrap();
        prop_assert_eq!(contents(&temporary.join("to")), contents(&program));
    }
}
