//! The output of an answer for clients of this dialect: items, made from parts, in one piece or with
//! the events that tell of them.

mod annotation;
mod assemble;
mod call;
mod item;
mod message;
mod said;
mod sink;
mod thinking;

pub(super) use assemble::{Assembler, Tell};
pub(super) use item::{Item, Status};
pub(super) use sink::Sink;
