//! What is asked of each system, step by step.

/// How long steps take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    Full,
    Quick,
}

impl Pace {
    fn scale(self) -> f64 {
        match self {
            Self::Full => 1.0,
            Self::Quick => 0.5,
        }
    }
}

/// One load, measured.
#[derive(Debug)]
pub(crate) struct Step {
    /// Its name in the report.
    pub(crate) name: &'static str,
    conns: u32,
    /// Directives for the scripted upstream, if a stream is asked for.
    stream: Option<&'static str>,
    prompt_bytes: u32,
    seconds: f64,
    warmup_seconds: f64,
    /// Whether it says something without a gateway, where only time is known.
    pub(crate) for_direct: bool,
}

const UNARY: Step = Step {
    name: "",
    conns: 1,
    stream: None,
    prompt_bytes: 300,
    seconds: 3.0,
    warmup_seconds: 0.5,
    for_direct: false,
};

/// Thirty events as fast as they can be written.
const BURST: &str = "chunks=30 gap=0";

/// Loads that are not reported: pools, caches and branch predictors get to know the system.
pub(crate) const WARMING: &[Step] = &[
    Step {
        name: "warm",
        conns: 16,
        seconds: 4.0,
        ..UNARY
    },
    Step {
        name: "warm-stream",
        conns: 8,
        stream: Some(BURST),
        seconds: 1.5,
        ..UNARY
    },
];

/// One request after the other, for latency.
pub(crate) const C1: &str = "c1";
/// The figure to trust: 64 connections.
pub(crate) const C64: &str = "c64";
/// What more connections cost.
pub(crate) const C512: &str = "c512";
/// Streams without a gap between events.
pub(crate) const S16: &str = "s16";
/// Streams at the pace of a model.
pub(crate) const S16_GAP: &str = "s16gap";
/// Many streams at the pace of a model.
pub(crate) const S256_GAP: &str = "s256gap";
/// A long prompt.
pub(crate) const BIG: &str = "big";

/// The measured steps, in order.
pub(crate) const MEASURED: &[Step] = &[
    Step {
        name: C1,
        for_direct: true,
        ..UNARY
    },
    Step {
        name: C64,
        conns: 64,
        seconds: 4.0,
        for_direct: true,
        ..UNARY
    },
    Step {
        name: C512,
        conns: 512,
        warmup_seconds: 1.0,
        for_direct: true,
        ..UNARY
    },
    Step {
        name: S16,
        conns: 16,
        stream: Some(BURST),
        for_direct: true,
        ..UNARY
    },
    Step {
        name: S16_GAP,
        conns: 16,
        stream: Some("chunks=30 ttft=20 gap=10"),
        warmup_seconds: 1.0,
        for_direct: true,
        ..UNARY
    },
    Step {
        name: S256_GAP,
        conns: 256,
        stream: Some("chunks=30 ttft=20 gap=20"),
        warmup_seconds: 1.0,
        ..UNARY
    },
    Step {
        name: BIG,
        conns: 16,
        prompt_bytes: 32 * 1024,
        seconds: 2.0,
        ..UNARY
    },
];

/// The load under which system calls are counted: short, because counting slows it down.
pub(crate) const COUNTED: Step = Step {
    name: "syscalls",
    conns: 64,
    seconds: 1.0,
    warmup_seconds: 0.0,
    ..UNARY
};

impl Step {
    /// The step as arguments of the load driver.
    pub(crate) fn arguments(&self, pace: Pace) -> Vec<String> {
        let mut line = Vec::new();
        let mut add = |name: &str, value: String| line.extend([name.to_owned(), value]);
        add("--conns", self.conns.to_string());
        add("--prompt-bytes", self.prompt_bytes.to_string());
        add("--warmup", self.warmup_seconds.to_string());
        add("--duration", (self.seconds * pace.scale()).to_string());
        if let Some(directives) = self.stream {
            add("--fake", directives.to_owned());
            line.extend(["--stream", "--usage"].map(str::to_owned));
        }
        line
    }
}
