//! The databases themselves: what the store's logic may rely on.

mod transactions;
