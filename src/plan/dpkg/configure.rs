//! Configure: conffiles, postinst, status `installed`.

use crate::error::Result;
use crate::system::dpkg::State;

use super::{Dpkg, DpkgError};

impl Dpkg<'_> {
    pub(super) fn configure(&mut self, number: usize) -> Result<()> {
        let (locked, contents) = self.change(number)?;
        if let Some(reason) = self.deferred.packages.get(&number) {
            self.progress_of(number)?.handled.deferred = Some(reason.clone());
            return Ok(());
        }
        self.configuring = Some(number);
        let conffiles = self.settle_conffiles(number)?;
        let control = Self::control_file(contents, "control").map(|f| f.bytes.clone()).unwrap_or_default();
        let before = self.progress_of(number)?.configured_before.clone();
        let configured = (!before.is_empty()).then(|| before.clone());
        self.status.insert(&control, &State::Unpacked { configured }, &conffiles)?;
        self.status_dirty = true;
        if let Some(text) = Self::control_file(contents, "postinst") {
            self.run_config(number, &text.bytes, locked, &before)?;
            self.run_script(number, &text.bytes.clone(), &locked.version, "postinst", &["configure", &before])?;
        }
        let key = self
            .progress_of(number)?
            .key
            .clone()
            .ok_or_else(|| DpkgError::Lock(format!("{} is configured before it is unpacked", locked.name)))?;
        self.status.set_state(&key, &State::Installed)?;
        self.status_dirty = true;
        self.configured.insert(locked.name.clone());
        self.configuring = None;
        Ok(())
    }
}
