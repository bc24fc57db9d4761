//! A server whose keys are in a secret store.

mod canary;
mod control;
mod house;
mod made;
mod origin;
mod postgres;
mod rest;
mod rotation;
mod start;
mod weights;
