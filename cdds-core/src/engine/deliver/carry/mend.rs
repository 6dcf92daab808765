//! What a late worker may have done to files that are written in place, and its mending.

use super::{Broken, Carrier, Guard, failed};
use crate::domain::delivery::destination::Naming;
use crate::domain::delivery::plan::DeliveryPlan;

impl<G: Guard> Carrier<'_, G> {
    /// Looks once more at the files before the manifest says that all are whole, and writes those again that are not.
    ///
    /// The worker of an earlier claim may have stood still between its question for the claim and a call that cuts or
    /// removes a file, which this one has written meanwhile. Only where files are written in place does such a call
    /// meet a file under its final name, and only there nobody takes files away before the manifest has come.
    pub(super) async fn mend(&mut self, plan: &DeliveryPlan) -> Result<(), Broken> {
        let Some((_manifest, files)) = plan.files.split_last() else { return Ok(()) };
        if self.naming != Naming::Direct || self.epoch <= 1 {
            return Ok(());
        }
        let confirmed = self.progress;
        for file in files {
            // Both claims write the same bytes, so that what is too short tells itself by its size.
            let asked = self.remote.size(&file.path).await;
            if asked.map_err(|error| failed("checking", file, &error))? != Some(file.bytes) {
                self.one(file).await?;
                self.progress = confirmed;
            }
        }
        Ok(())
    }
}
