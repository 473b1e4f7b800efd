//! How the kit makes, changes and reads a service.

use std::io::{Error, ErrorKind};
use std::time::Duration;

use keywalk_conformance::{
    BoxError, Capabilities, Capability, Faults, Harness, KeySpace, ScanForLastKey,
};
use keywalk_retry::{ConstantBuilder, Retry};

use super::service::Client;
use super::source::Listing;

/// A service of its own for each case, and its client.
pub(crate) struct Service(Client);

impl Harness for Service {
    type Key = String;
    type Source<'a> =
        ScanForLastKey<Retry<Listing, ConstantBuilder, fn(&Error) -> bool, fn(Duration)>>;

    fn open() -> Result<Self, BoxError> {
        Ok(Service(Client::default()))
    }

    fn capabilities() -> Capabilities {
        Capabilities {
            descending: Capability::No("the service lists upwards"),
            faults: Capability::Yes,
            ..Capabilities::default()
        }
    }

    fn source(&self) -> Result<Self::Source<'_>, BoxError> {
        let listing = Listing {
            client: self.0.clone(),
        };
        let is_throttled: fn(&Error) -> _ = |error| error.kind() == ErrorKind::WouldBlock;
        let retry = Retry::new(listing, ConstantBuilder::default(), is_throttled);
        Ok(ScanForLastKey(retry.with_sleep(|_| ())))
    }

    fn put(&self, key: &String, value: u64) -> Result<(), BoxError> {
        let mut items = self.0.items.lock().map_err(|error| error.to_string())?;
        items.insert(key.clone(), value);
        Ok(())
    }

    fn delete(&self, key: &String) -> Result<(), BoxError> {
        let mut items = self.0.items.lock().map_err(|error| error.to_string())?;
        items.remove(key);
        Ok(())
    }

    fn value((_, value): &(String, u64)) -> u64 {
        *value
    }

    fn keys() -> KeySpace<String> {
        KeySpace::known()
    }

    fn faults(&self) -> Option<&dyn Faults> {
        Some(&self.0.faults)
    }
}

keywalk_conformance::conformance!(listing: Service);
