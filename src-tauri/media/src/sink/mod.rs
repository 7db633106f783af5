//! Where sound goes.

pub mod speaker;
