//! What is said about the use of an app: requests, reports, certificates, and the details in records.

use carnet_core::report::{
    Attachment, Detail, Erased, ErasureCertificate, Fault, Finding, Integrity, Mark, ReportRequest,
    Statement, Surroundings, Thing, UsageReport, Wanted,
};

use crate::{choice, record};

record! {
    ReportRequest {
        1 => server,
        2 => supplier,
        3 => app,
        4 => user,
        5 => license,
        6 => device,
        7 => nonce,
        8 => at,
        9 => due,
        10 => wanted,
        11 => keys,
    }
    Mark { 1 => sequence, 2 => chain }
    Statement {
        1 => server,
        2 => device,
        3 => device_key,
        4 => device_name,
        5 => user,
        6 => app,
        7 => license,
        8 => pass,
        9 => at,
        10 => nonce,
        11 => epoch,
        12 => head,
        13 => totals,
        14 => changed,
    }
    Attachment { 1 => length, 2 => digest }
    UsageReport { 1 => says, 2 => version, 3 => integrity, 4 => records }
    ErasureCertificate { 1 => says, 2 => list }
    Finding { 1 => path, 2 => fault }
    Erased { 1 => what, 2 => size, 3 => digest, 4 => kept }
    Surroundings { 1 => who, 2 => host, 3 => version }
}

choice! {
    Wanted { 0 => Usage, 1 => Erasure }
    Integrity { 0 => NotInstalledHere, 1 => Checked { files, wrong } }
    Fault { 0 => Changed, 1 => Missing, 2 => Unreadable }
    Thing { 0 => File(path), 1 => ContentKeys, 2 => Pass(pass) }
    Detail {
        0 => Started(surroundings),
        1 => Used { feature },
        2 => Ended { lasted },
        3 => Refused { by, copied },
    }
}
