//! A14, A16, A18: media that are full, read-only, gone, of somebody else, or not what they seem.

use std::path::Path;
use std::sync::Arc;

use carnet_core::id::{Digest, UserId};
use carnet_device::medium::{Folder, OneFile, Whose};
use carnet_device::portable::{NotPortable, PortablePassbook, PortableStatus};
use carnet_device::{Medium, MediumError};
use carnet_seal::armor::{self, ArmorError, Carried};
use carnet_seam::FsFault;
use carnet_testkit::disk::Effect;
use carnet_testkit::{Fault, MemDisk};

const STICK: &str = "/media/stick";

fn stick() -> MemDisk {
    let disk = MemDisk::new();
    disk.put("/media/stick/holiday.txt", b"sun");
    disk
}

fn folder(disk: &MemDisk) -> Folder {
    Folder::open(Arc::new(disk.fs()), Path::new(STICK)).unwrap()
}

fn book_of(user: u8) -> PortablePassbook {
    let url = "https://licenses.example.org".parse().unwrap();
    let mut book = PortablePassbook::new(Digest([7; 32]), url, UserId([user; 16]));
    book.add(&[1; 400]);
    book
}

fn whose(book: &PortablePassbook) -> Whose {
    Whose { server: book.server(), user: book.user }
}

#[test]
fn a14_a_passbook_is_made_read_and_rewritten_beside_other_files() {
    let (disk, mut book) = (stick(), book_of(1));
    let medium = folder(&disk);
    medium.probe(whose(&book), 4_096).unwrap();
    assert_eq!(disk.files().len(), 1, "a probe leaves nothing behind");
    assert_eq!(medium.existing(whose(&book)), Ok(None));
    medium.write(&book).unwrap();
    assert!(book.end(&[1; 400]));
    medium.write(&book).unwrap();
    let read = folder(&disk).read(whose(&book)).unwrap();
    assert_eq!((&read, read.passes[0].status), (&book, PortableStatus::Invalid));
    assert_eq!(disk.files().len(), 2);
}

#[test]
fn i10_whatever_fails_the_old_passbook_or_the_new_one_is_there() {
    for effect in [Effect::Death, Effect::Error(FsFault::DiskFull), Effect::Refusal(FsFault::ReadOnly)] {
        for n in 1.. {
            let (disk, old) = (stick(), book_of(1));
            folder(&disk).write(&old).unwrap();
            let mut new = old.clone();
            new.add(&[2; 300]);
            let medium = folder(&disk);
            disk.set_fault(Some(Fault::at(n, effect.clone())));
            let written = medium.write(&new);
            let struck = disk.fault_struck();
            disk.set_fault(None);
            disk.kill_all();
            for (loss, image) in disk.power_loss_images(5) {
                let found =
                    folder(&image).read(whose(&old)).unwrap_or_else(|error| panic!("{loss:?}: {error}"));
                assert!(found == new || (found == old && written.is_err()), "{effect:?} at {n}, {loss:?}");
            }
            if !struck {
                break;
            }
        }
    }
}

#[test]
fn a14_what_cannot_be_written_says_so_before_anything_changes() {
    let (disk, book) = (stick(), book_of(1));
    let medium = folder(&disk);
    disk.set_capacity(Some(1_000));
    assert!(matches!(medium.probe(whose(&book), 4_096), Err(MediumError::Full(_))));
    assert_eq!(disk.files().len(), 1, "what could be written of a probe is removed");
    disk.set_capacity(None);
    disk.set_read_only(true);
    assert!(matches!(medium.probe(whose(&book), 10), Err(MediumError::ReadOnly(_))));
    disk.set_read_only(false);
    disk.set_fault(Some(Fault::at(1, Effect::Refusal(FsFault::NoPermission)).forever()));
    assert!(matches!(medium.probe(whose(&book), 10), Err(MediumError::NoPermission(_))));
    disk.set_fault(None);
    let gone = Folder::open(Arc::new(disk.fs()), Path::new("/media/other")).unwrap_err();
    assert_eq!((gone.code(), gone), ("medium-missing", MediumError::NotThere("/media/other".into())));
    let file = Folder::open(Arc::new(disk.fs()), Path::new("/media/stick/holiday.txt")).unwrap_err();
    assert!(matches!(file, MediumError::NotAFolder(_)));
}

#[test]
fn a16_somebody_else_s_medium_is_refused_with_the_remedy() {
    let (disk, bob, ann) = (stick(), book_of(2), book_of(1));
    assert_eq!(folder(&disk).read(whose(&ann)), Err(MediumError::Nothing(STICK.into())));
    folder(&disk).write(&bob).unwrap();
    let refused = folder(&disk).read(whose(&ann)).unwrap_err();
    assert!(matches!(refused, MediumError::OtherUser { user, .. } if user == bob.user));
    assert!(refused.to_string().ends_with(": use a passbook of that user (CARNET_HOME)"));
    // Each user has a file of their own: an export to the same stick disturbs nobody.
    folder(&disk).write(&ann).unwrap();
    assert_eq!(folder(&disk).read(whose(&ann)), Ok(ann.clone()));
    assert_eq!(folder(&disk).read(whose(&bob)), Ok(bob.clone()));
    assert_eq!(folder(&disk).all().map(|all| all.len()), Ok(2));
    // A file that was renamed does not change hands.
    disk.put(format!("{STICK}/{}", PortablePassbook::file_name(ann.server(), ann.user)), &bob.encode());
    assert!(matches!(folder(&disk).existing(whose(&ann)), Err(MediumError::OtherUser { .. })));
    let elsewhere = Whose { server: carnet_core::id::ServerId([3; 16]), user: bob.user };
    assert!(matches!(elsewhere.check(bob, "x"), Err(MediumError::OtherServer { .. })));
}

#[test]
fn i12_garbage_is_named_and_never_written_over() {
    let (disk, book) = (stick(), book_of(1));
    let path = format!("{STICK}/{}", PortablePassbook::file_name(book.server(), book.user));
    let mut bytes = book.encode();
    bytes[50] ^= 1;
    for (content, wrong) in [(&b"hello"[..], NotPortable::Foreign), (&bytes, NotPortable::Damaged)] {
        disk.put(&path, content);
        let error = folder(&disk).existing(whose(&book)).unwrap_err();
        assert_eq!(error, MediumError::Unreadable { name: path.clone(), wrong });
    }
}

#[test]
fn a18_one_file_is_read_and_marked_in_the_form_that_it_has() {
    let (disk, mut book) = (stick(), book_of(1));
    let text = armor::write(Carried::Passbook, &book.encode());
    disk.put("/mail.txt", format!("Here it is:\n\n{text}").as_bytes());
    disk.put("/pass.carnet", &book.encode());
    for path in ["/mail.txt", "/pass.carnet"] {
        let file = OneFile::new(Arc::new(disk.fs()), Path::new(path));
        assert_eq!(file.read(whose(&book)), Ok(book.clone()));
    }
    book.end(&[1; 400]);
    let file = OneFile::new(Arc::new(disk.fs()), Path::new("/mail.txt"));
    file.write(&book).unwrap();
    assert_eq!(file.read(whose(&book)), Ok(book.clone()));
    assert!(disk.read("/mail.txt").unwrap().starts_with(b"-----BEGIN CARNET PASSBOOK-----"));
}

#[test]
fn i12_a_mistyped_text_names_its_line_and_other_documents_are_told_apart() {
    let (disk, book) = (stick(), book_of(1));
    let text = armor::write(Carried::Passbook, &book.encode());
    let third = text.lines().nth(2).unwrap();
    let wrong = if third.starts_with('x') { "y" } else { "x" };
    disk.put("/typed.txt", text.replace(third, &format!("{wrong}{}", &third[1..])).as_bytes());
    disk.put("/request.txt", armor::write(Carried::Request, b"request").as_bytes());
    let read =
        |path: &str| OneFile::new(Arc::new(disk.fs()), Path::new(path)).read(whose(&book)).unwrap_err();
    assert!(matches!(read("/typed.txt"), MediumError::Armor { wrong: ArmorError::Mistyped { line: 3 }, .. }));
    assert!(matches!(read("/request.txt"), MediumError::OtherKind { found: Carried::Request, .. }));
    assert!(matches!(read("/nothing.txt"), MediumError::NotThere(_)));
}
