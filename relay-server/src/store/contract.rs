//! The battery that every store passes.
