//! One visit to one system: start it, warm it, measure every step, end it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use super::machine::{Machine, Side};
use super::process::pause;
use super::steps::{COUNTED, MEASURED, Pace, Step, WARMING};
use super::syscalls;
use super::systems::{CLIENT_KEY, Gateway, Setup, System, Upstream};

/// An idle process has given back by now what it needed only to start.
const IDLE_AFTER: Duration = Duration::from_millis(500);

/// What every visit of a run shares.
#[derive(Debug)]
pub(crate) struct Visitor<'a> {
    pub(crate) setup: &'a Setup,
    pub(crate) machine: &'a Machine,
    pub(crate) upstream: &'a Upstream,
    pub(crate) pace: Pace,
}

impl Visitor<'_> {
    /// Measures a system once; the result holds one object per step, and what was seen of
    /// the process.
    ///
    /// # Errors
    /// If the system or the load driver fails. Failed requests are counted, not raised.
    pub(crate) fn visit(&self, system: System) -> anyhow::Result<Value> {
        let started = self
            .setup
            .start_gateway(system, self.machine, self.upstream)?;
        let Some(gateway) = started else {
            return self.visit_upstream();
        };
        pause(IDLE_AFTER);
        let idle_mb = memory_mb(&gateway, |memory| memory.now_kib);
        let load = |step: &Step| self.load(step, gateway.addr, Some(&gateway));
        let mut seen = steps(MEASURED.iter(), load)?;
        seen["boot_s"] = gateway.boot.as_secs_f64().into();
        seen["idle_mb"] = idle_mb;
        seen["peak_mb"] = memory_mb(&gateway, |memory| memory.peak_kib);
        seen["binary_mb"] = binary_mb(system, self.setup);
        let counted = syscalls::count(gateway.process.pid(), || load(&COUNTED))?;
        seen["syscalls_per_request"] = counted.into();
        Ok(seen)
    }

    /// The steps that say something without a gateway.
    fn visit_upstream(&self) -> anyhow::Result<Value> {
        let measured = MEASURED.iter().filter(|step| step.for_direct);
        steps(measured, |step| self.load(step, self.upstream.addr, None))
    }

    /// One step, with the CPU time of the gateway if there is one.
    fn load(
        &self,
        step: &Step,
        addr: SocketAddr,
        gateway: Option<&Gateway>,
    ) -> anyhow::Result<Value> {
        let program = self.setup.program("load");
        let mut command = self.machine.command(Side::Around, program);
        command.args(["--addr", &addr.to_string()]);
        command.args(["--header", &format!("authorization: Bearer {CLIENT_KEY}")]);
        command.args(step.arguments(self.pace));
        if let Some(gateway) = gateway {
            gateway.process.settle();
            command.args(["--cpu-pid", &gateway.process.pid().to_string()]);
        }
        output(&mut command).with_context(|| format!("step {}", step.name))
    }
}

/// Warms up, then measures; one entry per measured step.
fn steps<'a>(
    measured: impl Iterator<Item = &'a Step>,
    load: impl Fn(&Step) -> anyhow::Result<Value>,
) -> anyhow::Result<Value> {
    for step in WARMING {
        load(step)?;
    }
    let mut seen = json!({});
    for step in measured {
        seen[step.name] = load(step)?;
    }
    Ok(seen)
}

fn output(command: &mut Command) -> anyhow::Result<Value> {
    let output = command.output().context("cannot start the load driver")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("the load driver gave no report: {}", complaint.trim()))
}

fn memory_mb(gateway: &Gateway, field: impl Fn(super::process::Memory) -> u64) -> Value {
    let kib = gateway.process.memory().map(field);
    json!(kib.map(|kib| kib as f64 / 1024.0))
}

fn binary_mb(system: System, setup: &Setup) -> Value {
    let name = match system {
        System::Direct => return Value::Null,
        System::Hyper => "hyper-pass",
        System::Orchestra | System::Translated => "orchestra-server",
    };
    let file = std::fs::metadata(setup.program(name)).ok();
    json!(file.map(|file| file.len() as f64 / (1024.0 * 1024.0)))
}

/// Sends one small request on a connection of its own; the status of the answer.
///
/// # Errors
/// If there is no answer.
pub(crate) fn ask_once(addr: SocketAddr) -> io::Result<u16> {
    const PATIENCE: Duration = Duration::from_secs(5);
    let body = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"ping"}]}"#;
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n\
         authorization: Bearer {CLIENT_KEY}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut socket = TcpStream::connect_timeout(&addr, PATIENCE)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.write_all(request.as_bytes())?;
    // `HTTP/1.1 200`: the status ends with the twelfth byte.
    let mut start = [0; 12];
    socket.read_exact(&mut start)?;
    let status = str::from_utf8(&start[9..])
        .ok()
        .and_then(|s| s.parse().ok());
    status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not an HTTP answer"))
}
