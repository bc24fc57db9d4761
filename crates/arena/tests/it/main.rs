//! What the arena does on a real kernel.

mod values;
