//! What the programs `bench_*` share: rows, medians, the clip that all sides play.

pub mod chromium_pair;
pub mod clip;
pub mod parley_pair;
pub mod rows;
