//! Claims: how long until all that is due is claimed.

use cdds_benches::Failure;

use crate::figures::Figures;
use crate::filled::Filled;
use crate::worker::{Task, together};

pub(crate) fn measure(filled: &Filled) -> Result<(), Failure> {
    let due = usize::try_from(filled.size.due)?;
    Figures::title("claims of this library");
    for limit in [1, 10] {
        for workers in filled.size.workers {
            filled.due()?;
            let done = together(filled, *workers, Task::Claim { limit, all: due })?;
            let what = format!("{workers} processes, {limit} at a time");
            done.figures.print(&what, &format!("   {:.1} MiB a process", done.memory));
            if done.figures.taken != due {
                return Err(format!("{} of {due} executions were claimed", done.figures.taken).into());
            }
        }
    }
    Ok(())
}
