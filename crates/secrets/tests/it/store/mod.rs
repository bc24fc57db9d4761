//! What an operator does with a store, on both databases.

mod life;
