//! TLS to the store: with whom this system trusts, and with nobody else.

use std::sync::Arc;

use carnet_seam::RealFs;
use carnet_seam::fs::replace_file;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use crate::programs::{ANY, Daemon, Folder, carnetd, printed};
use crate::store::Store;

/// A certificate for this machine, and its key.
fn certificate() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

/// Speaks TLS before the store; where it listens.
async fn in_front_of(store: String, certificate: &str, key: &str) -> String {
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let (acceptor, listener) =
        (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, store) = (acceptor.clone(), store.clone());
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut store = TcpStream::connect(store).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut store).await;
            });
        }
    });
    format!("https://{address}")
}

#[tokio::test(flavor = "multi_thread")]
async fn i17_a_store_is_believed_by_its_certificate_and_no_other() {
    let (store, folder) = (Store::start(), Folder::new());
    let data = folder.path().join("data");
    let ((trusted, key), (other, _)) = (certificate(), certificate());
    let url = in_front_of(store.address(), &trusted, &key).await;
    let doctor = |roots: &str| {
        let file = folder.path().join("roots.pem");
        replace_file(&RealFs::default(), &file, roots.as_bytes()).unwrap();
        let mut command = carnetd(&data, &store, "owner", &url);
        command.env("SSL_CERT_FILE", file);
        let output = command.args(["doctor", "--quick"]).output().unwrap();
        printed(&output).lines().find(|line| line.contains(" image store: ")).unwrap_or_default().to_owned()
    };
    drop(Daemon::start(
        carnetd(&data, &store, "owner", "http://127.0.0.1:9"),
        ANY,
        &folder.path().join("log"),
    ));
    let good = doctor(&trusted);
    assert!(good.starts_with("good") && good.contains("https://127.0.0.1"), "{good}");
    let refused = doctor(&other);
    assert!(refused.starts_with("WRONG") && refused.contains("certificate"), "{refused}");
}
