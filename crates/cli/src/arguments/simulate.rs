//! `orchestra simulate`

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use orchestra_simulation::Weather;
use serde_json::Value;

use super::route::{member, pair};

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// The model that is asked for, by the name that clients use
    #[arg(long, short)]
    pub(crate) model: String,
    /// What goes wrong: one of the courses of outages that come with Orchestra
    #[arg(long, value_name = "NAME", default_value = "severity", value_parser = weather())]
    pub(crate) scenario: Weather,
    /// How many times as long as by chance two providers are out at the same time, where outages are drawn [default: what was
    /// published, 1.4]
    #[arg(long, value_name = "TIMES", value_parser = together, conflicts_with = "outages")]
    pub(crate) together: Option<f64>,
    /// What goes wrong instead: a CSV file with the columns target,start,duration,trouble,share,others
    #[arg(long, value_name = "FILE", conflicts_with = "scenario")]
    pub(crate) outages: Option<PathBuf>,
    /// Calls a second
    #[arg(long, value_name = "CALLS", default_value_t = 2.0, value_parser = rate)]
    pub(crate) rate: f64,
    /// For how long calls come, such as `6h` [default: as long as the scenario is worth looking at]
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    pub(crate) lasts: Option<Duration>,
    /// The same seed gives the same run
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// The share of calls that ask for a stream, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.7, value_parser = share)]
    pub(crate) streamed: f64,
    /// The median of the time to the first token, for all targets or for one; may be given several times
    #[arg(long, value_name = "[TARGET=]TIME", value_parser = each::<Duration>)]
    pub(crate) first_token: Vec<Each<Duration>>,
    /// How long an answer takes once it has begun, for all targets or for one; may be given several times
    #[arg(long, value_name = "[TARGET=]TIME", value_parser = each::<Duration>)]
    pub(crate) answer: Vec<Each<Duration>>,
    /// Answers that a target works on at one time, for all targets or for one; may be given several times [default: a third
    /// more than all calls need at their busiest]
    #[arg(long, value_name = "[TARGET=]COUNT", value_parser = each::<u32>)]
    pub(crate) capacity: Vec<Each<u32>>,
    /// Tokens of a call's prompt, for what it costs
    #[arg(long, value_name = "TOKENS", default_value_t = 1_000)]
    pub(crate) prompt_tokens: u32,
    /// Tokens of an answer, for what it costs
    #[arg(long, value_name = "TOKENS", default_value_t = 300)]
    pub(crate) answer_tokens: u32,
    /// Metadata of the calls, for trees that look at it; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) metadata: Vec<(String, String)>,
    /// A further member of the bodies, as JSON or plain text; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = member)]
    pub(crate) param: Vec<(String, Value)>,
    /// Simulate the configuration alone, without what it would be worth to do without each measure
    #[arg(long)]
    pub(crate) no_comparison: bool,
    /// Exit with 1 if fewer calls get their whole answer, in percent, such as 99.9
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(crate) at_least: Option<f64>,
}

/// A value for one target, or for all.
#[derive(Clone, Debug)]
pub(crate) struct Each<T> {
    pub(crate) target: Option<String>,
    pub(crate) value: T,
}

/// What can stand behind `TARGET=`.
pub(crate) trait Figure: Sized + Clone + Send + Sync + 'static {
    fn read(text: &str) -> Result<Self, String>;
}

impl Figure for Duration {
    fn read(text: &str) -> Result<Self, String> {
        time(text)
    }
}

impl Figure for u32 {
    fn read(text: &str) -> Result<Self, String> {
        let count = text.parse().ok().filter(|count| *count > 0);
        count.ok_or_else(|| "write a whole number above 0".to_owned())
    }
}

fn each<T: Figure>(text: &str) -> Result<Each<T>, String> {
    let (target, value) = match text.rsplit_once('=') {
        Some((target, value)) => (Some(target.to_owned()), value),
        None => (None, text),
    };
    let value = T::read(value)?;
    Ok(Each { target, value })
}

fn weather() -> impl TypedValueParser<Value = Weather> {
    let names = PossibleValuesParser::new(Weather::ALL.map(Weather::as_str));
    names.map(|name| {
        let known = Weather::ALL
            .into_iter()
            .find(|weather| weather.as_str() == name);
        known.unwrap_or(Weather::Severity)
    })
}

/// A leap year: every call of it is made.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

fn time(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).ok();
    let time = time.filter(|time| !time.is_zero() && *time <= LONGEST);
    time.ok_or_else(|| {
        "write a time above zero and up to 366d, such as 500ms, 90s or `1h 30m`".to_owned()
    })
}

fn number(text: &str, fits: impl FnOnce(&f64) -> bool, expected: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(fits);
    number.ok_or_else(|| format!("write {expected}"))
}

fn rate(text: &str) -> Result<f64, String> {
    number(
        text,
        |rate| *rate > 0.0 && *rate <= 10_000.0,
        "a number above 0 and up to 10000",
    )
}

fn together(text: &str) -> Result<f64, String> {
    number(
        text,
        |times| (1.0..=100.0).contains(times),
        "a number from 1 to 100; 1 is chance alone",
    )
}

fn share(text: &str) -> Result<f64, String> {
    number(
        text,
        |share| (0.0..=1.0).contains(share),
        "a number from 0 to 1",
    )
}

fn percent(text: &str) -> Result<f64, String> {
    number(
        text,
        |percent| (0.0..=100.0).contains(percent),
        "a number from 0 to 100",
    )
}
