//! What the programs `bench_*` share: rows, medians, the clip that all sides play, ends of calls as processes.

pub mod chat;
pub mod chromium_pair;
pub mod clip;
pub mod echo;
pub mod end;
pub mod media_call;
pub mod media_groups;
pub mod media_rows;
pub mod parley_end;
pub mod parley_pair;
pub mod rows;
pub mod seen;
