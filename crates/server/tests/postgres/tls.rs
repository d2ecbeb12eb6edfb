//! TLS between server and database.

use std::path::Path;

use carnet_seam::RealFs;
use carnet_seam::fs::replace_file;
use carnet_testkit::postgres::Cluster;

use crate::process::{carnetd, complaint};
use crate::world::Folder;

/// A certificate for a name, and its key, as the database reads them.
fn certificate(folder: &Path, name: &str) {
    let key = rcgen::KeyPair::generate().unwrap();
    let made = rcgen::CertificateParams::new([name.to_owned()]).unwrap().self_signed(&key).unwrap();
    std::fs::create_dir_all(folder).unwrap();
    for (file, text) in [("server.crt", made.pem()), ("server.key", key.serialize_pem())] {
        replace_file(&RealFs::default(), &folder.join(file), text.as_bytes()).unwrap();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn the_database_is_spoken_to_with_tls_and_its_certificate_is_checked() {
    let folder = Folder::new();
    let certificates = folder.data().with_file_name("certificates");
    certificate(&certificates, "localhost");
    let other = folder.data().with_file_name("other");
    certificate(&other, "localhost");
    let port = free_port();
    let cluster = Cluster::with_tls(&certificates, port);
    let outcome = |host: &str, query: &str| {
        let url = format!("postgres://carnet@{host}:{port}/postgres?{query}");
        let output =
            carnetd(&folder.data()).env("CARNETD_DATABASE_URL", url).arg("migrate").output().unwrap();
        (output.status.code(), complaint(&output))
    };
    let trusting = |folder: &Path| format!("sslmode=require&sslrootcert={}/server.crt", folder.display());
    let ours = outcome("localhost", &trusting(&certificates));
    assert_eq!(ours.0, Some(0), "{}", ours.1);
    for (host, query, why) in [
        // The cluster takes nobody from the network without TLS.
        ("localhost", "sslmode=disable".to_owned(), "the database refuses this server"),
        ("localhost", trusting(&other), "cannot be reached"),
        ("127.0.0.1", trusting(&certificates), "cannot be reached"),
        ("localhost", "sslrootcert=/nowhere&sslmode=require".to_owned(), "sslrootcert /nowhere"),
    ] {
        let (code, said) = outcome(host, &query);
        assert!(matches!(code, Some(1 | 2)) && said.contains(why), "{host} {query}: {said}");
    }
    drop(cluster);
}
