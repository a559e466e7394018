//! A certificate authority of a test's own.

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

pub(crate) struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its chain, and its key, as PEM.
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "An authority of a test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// What those who trust this authority need, as PEM.
    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// For 127.0.0.1, with a name by which certificates can be told apart.
    pub(crate) fn issue(&self, name: &str) -> Issued {
        self.issue_for(&["127.0.0.1", name], None)
    }

    /// For these names and addresses, good from the beginning of one year until that of another.
    pub(crate) fn issue_for(&self, names: &[&str], years: Option<(i32, i32)>) -> Issued {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        if let Some((from, until)) = years {
            (params.not_before, params.not_after) =
                (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Issued { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}
