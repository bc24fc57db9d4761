//! A server whose keys are in a secret store.

mod control;
mod house;
mod origin;
mod rotation;
mod start;
mod weights;
