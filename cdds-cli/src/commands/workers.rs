//! `cdds workers`: who runs the exports.

use cdds_view::WorkerView;

use crate::error::CliError;
use crate::output::Reading;
use crate::session::Session;

const NOTHING_YET: &str = "no worker has ever run: start `cdds run` or `cdds serve`";

pub(super) async fn list(session: &Session) -> Result<(), CliError> {
    let workers = session.open()?.fleet.list(&session.principal).await?;
    let views: Vec<WorkerView> = workers.into_iter().map(WorkerView::from).collect();
    let mut rows = session.output.rows();
    match rows.add(&views)? {
        Reading::Over => Ok(()),
        Reading::GoesOn => Ok(rows.end(NOTHING_YET)?),
    }
}
