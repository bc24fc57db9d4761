//! The gateway as a client meets it: over a socket, with a scripted provider behind it.
//!
//! Requests are bytes written by hand, so that what no HTTP library would send can be sent.

mod access;
mod asked;
mod bad_input;
mod body_limit;
mod cache;
mod canary;
mod client;
mod config;
mod custom_host;
mod endpoints;
mod gone;
mod health;
mod metrics;
mod overload;
mod pipeline;
mod portkey;
mod portkey_cases;
mod prometheus;
mod records;
mod reserve;
mod responses;
mod rest;
mod secrets;
mod series;
mod slow;
mod smuggling;
mod stage;
mod stop;
mod streams;
