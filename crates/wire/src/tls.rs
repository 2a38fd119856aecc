//! Encryption: requesting it from the server, and checking its certificate.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::address::{Address, TlsMode};
use crate::error::{Error, cause};
use crate::stream::Stream;

/// The request for encryption, which is sent before all other messages: its length and its number.
const REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Requests encryption from the server, and starts it.
pub(crate) async fn secure(mut stream: TcpStream, host: &str, address: &Address) -> Result<Box<dyn Stream>, Error> {
    stream.write_all(&REQUEST).await?;
    // Exactly one byte. What follows belongs to the handshake, or comes from somebody in between.
    match (stream.read_u8().await?, address.tls) {
        (b'S', _) => {}
        (b'N', TlsMode::Prefer) => return Ok(Box::new(stream)),
        (b'N', _) => return Err(fault("the server does not encrypt")),
        _ => return Err(Error::Protocol("no answer to the request for encryption")),
    }
    let name = ServerName::try_from(host.to_owned()).map_err(fault)?;
    let secured = TlsConnector::from(Arc::new(configuration(address)?)).connect(name, stream).await.map_err(broken)?;
    Ok(Box::new(secured))
}

fn configuration(address: &Address) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = verifier(address, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(fault)?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    match &address.client_certificate {
        None => Ok(builder.with_no_client_auth()),
        Some((certificate, key)) => {
            let key = PrivateKeyDer::from_pem_file(key).map_err(fault)?;
            builder.with_client_auth_cert(certificates(certificate)?, key).map_err(fault)
        }
    }
}

/// How the server's certificate is checked, by the mode of the address.
fn verifier(address: &Address, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    let mode = address.effective_tls();
    if matches!(mode, TlsMode::Disable | TlsMode::Prefer | TlsMode::Require) {
        return Ok(Arc::new(Lenient { provider: Arc::clone(provider), vouched: None }));
    }
    let full: Arc<dyn ServerCertVerifier> = match &address.root_certificate {
        None => Arc::new(Verifier::new(Arc::clone(provider)).map_err(fault)?),
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(fault)?;
            }
            let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
            builder.build().map_err(fault)?
        }
    };
    match mode {
        TlsMode::VerifyCa => Ok(Arc::new(Lenient { provider: Arc::clone(provider), vouched: Some(full) })),
        _ => Ok(full),
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates: Vec<_> =
        CertificateDer::pem_file_iter(file).map_err(fault)?.collect::<Result<_, _>>().map_err(fault)?;
    if certificates.is_empty() { Err(fault("a file of certificates holds none")) } else { Ok(certificates) }
}

fn fault(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Tls(cause(error))
}

/// The error of a failed handshake: what was said in it, or that the connection broke.
fn broken(error: io::Error) -> Error {
    if error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>) {
        fault(error)
    } else {
        error.into()
    }
}

/// Checks less than the whole certificate. The server must still hold the key of the certificate.
#[derive(Debug)]
struct Lenient {
    provider: Arc<CryptoProvider>,
    /// Checks that an authority signed it. `None` if any certificate is accepted.
    vouched: Option<Arc<dyn ServerCertVerifier>>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use CertificateError::{NotValidForName, NotValidForNameContext};
        let Some(vouched) = &self.vouched else { return Ok(ServerCertVerified::assertion()) };
        match vouched.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            // The name is checked last, so everything else is valid.
            Err(rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => {
                Ok(ServerCertVerified::assertion())
            }
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
