//! Accepting one certificate and no other, by either side.

use std::sync::Arc;

use carnet_core::time::Time;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::crypto::{CryptoProvider, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
};

use super::pair::validity;

/// Accepts exactly this certificate, as long as it is good. Whose name stands in it is of no importance.
#[derive(Debug)]
pub struct Only {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl Only {
    /// Accepts this one.
    #[must_use]
    pub fn new(certificate: CertificateDer<'static>) -> Self {
        Self { certificate, provider: Arc::new(default_provider()) }
    }

    fn check(
        &self,
        shown: &CertificateDer<'_>,
        beside: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let now = Time(i64::try_from(now.as_secs()).unwrap_or(i64::MAX).saturating_mul(1_000_000));
        let refused = match validity(&self.certificate) {
            _ if shown != &self.certificate || !beside.is_empty() => {
                CertificateError::ApplicationVerificationFailure
            }
            None => CertificateError::BadEncoding,
            Some((from, _)) if now < from => CertificateError::NotValidYet,
            Some((_, until)) if until <= now => CertificateError::Expired,
            Some(_) => return Ok(()),
        };
        Err(Error::InvalidCertificate(refused))
    }

    fn check_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Only TLS 1.3 is ever offered.
fn no_tls12() -> Error {
    Error::General("TLS 1.3 is needed".to_owned())
}

impl ServerCertVerifier for Only {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity, intermediates, now).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}

impl ClientCertVerifier for Only {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity, intermediates, now).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use carnet_core::time::Seconds;
    use tokio_rustls::rustls::pki_types::pem::PemObject;

    use super::super::pair::make;
    use super::*;

    #[test]
    fn b7_one_certificate_is_accepted_alone_and_in_its_time_only() {
        let now = Time(1_790_000_000_000_000);
        let [one, _] = make(now, Seconds(100)).unwrap();
        let mut both = CertificateDer::pem_slice_iter(one.as_bytes()).map(Result::unwrap);
        let (own, other) = (both.next().unwrap(), both.next().unwrap());
        let only = Only::new(own.clone());
        let at = |seconds: u64| UnixTime::since_unix_epoch(Duration::from_secs(1_790_000_000 + seconds));
        let why = |shown: &CertificateDer<'_>, beside: &[CertificateDer<'_>], time| {
            only.check(shown, beside, time).map_err(|error| match error {
                Error::InvalidCertificate(why) => why,
                error => panic!("{error}"),
            })
        };
        let none_such = Err(CertificateError::ApplicationVerificationFailure);
        assert_eq!(why(&own, &[], at(99)), Ok(()));
        assert_eq!(why(&own, &[], at(100)), Err(CertificateError::Expired));
        let long_before = UnixTime::since_unix_epoch(Duration::from_secs(1_700_000_000));
        assert_eq!(why(&own, &[], long_before), Err(CertificateError::NotValidYet));
        assert_eq!(why(&other, &[], at(0)), none_such);
        assert_eq!(why(&own, &[other], at(0)), none_such);
    }
}
