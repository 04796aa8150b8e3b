//! Facts about stock, and reclassification.

mod adjust;
mod count;
mod pos_delta;
mod receive;
mod reclassify;
mod returns;

pub use adjust::{Adjust, Adjusted};
pub use count::{Count, Counted, CountedLine};
pub use pos_delta::{PosChange, PosDelta, PosDeltaRecorded, PosMovement};
pub use receive::{Receive, Received};
pub use reclassify::{Reclassified, Reclassify};
pub use returns::{Excess, Return, ReturnOrigin, Returned};
