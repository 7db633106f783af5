//! Which tenant a request without a token is about: the host that it names decides.

use std::collections::BTreeMap;

use parley_shared::wire::{Registration, Secret};
use subtle::ConstantTimeEq;

use crate::config::Config;
use crate::store::{Store, StoreError, TenantId};

/// The tenants of the settings, as the store numbers them.
#[derive(Debug)]
pub struct Tenants {
    by_host: BTreeMap<String, TenantId>,
    doors: BTreeMap<TenantId, Door>,
    default: Door,
}

/// Who may come into a tenant by themselves.
#[derive(Clone, Debug)]
pub struct Door {
    pub registration: Registration,
    codes: Vec<Secret>,
}

impl Door {
    /// Whether it is a code of the settings. Takes as long for a wrong one.
    pub fn has_code(&self, given: &Secret) -> bool {
        let given = given.reveal().as_bytes();
        self.codes.iter().fold(false, |known, code| known | bool::from(code.reveal().as_bytes().ct_eq(given)))
    }
}

impl Tenants {
    /// Makes the tenants that the store does not have.
    ///
    /// # Errors
    /// Fails when the store does.
    pub async fn open(config: &Config, store: &dyn Store) -> Result<Self, StoreError> {
        let names = config.tenants.iter().map(|tenant| tenant.name.clone()).collect();
        let default = Door { registration: config.registration, codes: config.registration_codes.clone() };
        let (mut by_host, mut doors) = (BTreeMap::new(), BTreeMap::new());
        for (id, tenant) in store.ensure_tenants(names).await?.into_iter().zip(&config.tenants) {
            by_host.extend(tenant.hosts.iter().map(|host| (host_name(host), id)));
            let door = Door {
                registration: tenant.registration.unwrap_or(default.registration),
                codes: tenant.registration_codes.clone().unwrap_or_else(|| default.codes.clone()),
            };
            doors.insert(id, door);
        }
        Ok(Self { by_host, doors, default })
    }

    /// The tenant of a host as a request names it, with or without a port.
    pub fn of_host(&self, host: Option<&str>) -> TenantId {
        host.and_then(|host| self.by_host.get(&host_name(host)).copied()).unwrap_or(TenantId::DEFAULT)
    }

    pub fn door(&self, tenant: TenantId) -> &Door {
        self.doors.get(&tenant).unwrap_or(&self.default)
    }
}

/// A host as it is compared: in lower case, without a port and the dot of the root.
pub fn host_name(authority: &str) -> String {
    let host = match authority.split_once(']') {
        Some((address, _)) => format!("{address}]"),
        None => authority.split(':').next().unwrap_or_default().to_owned(),
    };
    host.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_compared_without_ports_case_and_the_last_dot() {
        for (given, name) in [
            ("a.test", "a.test"),
            ("A.Test:7878", "a.test"),
            ("a.test.:80", "a.test"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("", ""),
            (":80", ""),
        ] {
            assert_eq!(host_name(given), name, "{given}");
        }
    }
}
