//! `orchestra simulate`

mod costs;
mod runs;
mod shown;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use orchestra_providers::Catalogue;
use orchestra_secrets::Variables;
use orchestra_server::{Config, Outline};
use orchestra_simulation::{Configured, Outage, Route, Traffic, Upstream, World, read_outages};

use crate::arguments::simulate::{Each, Simulate};
use crate::output::Output;

/// Pieces in which an answer comes.
const PIECES: (u32, u32) = (5, 15);
/// And on average.
const USUAL_PIECES: u32 = (PIECES.0 + PIECES.1) / 2;
/// Members of a body that are the simulation's own.
const OURS: [&str; 3] = ["model", "messages", "stream"];

/// Shows what a configuration would make of outages.
pub(crate) fn run(
    asked: &Simulate,
    config: Option<&Path>,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    for (name, _) in &asked.param {
        if OURS.contains(&name.as_str()) {
            bail!("--param {name} cannot be set: the simulation writes it itself");
        }
    }
    let world = world(asked, outline(config)?)?;
    let calls = asked.rate * world.traffic.lasts.as_secs_f64();
    if calls > 200_000_000.0 {
        bail!("that would be {calls:.0} calls: shorten --for or lower --rate");
    }
    let runs = runs::all(&world, asked)?;
    output.result(&shown::json(asked, &world, &runs), || {
        shown::text(asked, &world, &runs)
    })?;
    let share = runs[0].report.availability() * 100.0;
    Ok(if asked.at_least.is_some_and(|least| share < least) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The configuration as a server would read it here, without its keys.
fn outline(config: Option<&Path>) -> anyhow::Result<Outline> {
    let folder = std::env::current_dir().context("the working directory cannot be found")?;
    let (config, path) = Config::load(config, &folder)?;
    let variables = Variables::from_process().with_dotenv(&folder.join(".env"))?;
    let present = |name: &str| variables.value(name).is_some();
    let outline = config.outline(&Catalogue::embedded(), present);
    outline.with_context(|| match path {
        Some(path) => path.display().to_string(),
        None => "no configuration file".to_owned(),
    })
}

fn world(asked: &Simulate, outline: Outline) -> anyhow::Result<World> {
    let configured = Configured {
        registry: outline.registry,
        keys: outline.keys,
        routes: Arc::new(outline.routes),
        model: asked.model.clone(),
        metadata: asked.metadata.iter().cloned().collect(),
        params: asked.param.iter().cloned().collect(),
    };
    let upstreams = upstreams(asked, &configured)?;
    let (outages, lasts) = outages(asked, &upstreams)?;
    Ok(World {
        outages,
        route: Route::Configured(Box::new(configured)),
        traffic: Traffic {
            rate: asked.rate,
            lasts,
            streamed: asked.streamed,
            leaving: 0.0,
            ..Traffic::default()
        },
        settings: outline.settings,
        fated: true,
        ..World::new(upstreams)
    })
}

/// The model's targets, as fast and as large as was said.
fn upstreams(asked: &Simulate, configured: &Configured) -> anyhow::Result<Vec<Upstream>> {
    let mut upstreams = configured.upstreams()?;
    for upstream in &mut upstreams {
        upstream.tokens = PIECES;
        upstream.token_gap = Duration::from_millis(200);
    }
    apply(&asked.first_token, &mut upstreams, |upstream, time| {
        upstream.first_token = time;
    })?;
    apply(&asked.answer, &mut upstreams, |upstream, time| {
        upstream.token_gap = time / USUAL_PIECES;
    })?;
    for upstream in &mut upstreams {
        upstream.capacity = upstream.room_for(asked.rate);
    }
    apply(&asked.capacity, &mut upstreams, |upstream, count| {
        upstream.capacity = count;
    })?;
    Ok(upstreams)
}

/// Sets a figure for the targets that it is meant for: what is said of one comes after what is said of all.
fn apply<T: Clone>(
    figures: &[Each<T>],
    upstreams: &mut [Upstream],
    set: impl Fn(&mut Upstream, T),
) -> anyhow::Result<()> {
    let (own, common): (Vec<_>, Vec<_>) = figures.iter().partition(|each| each.target.is_some());
    for each in common.into_iter().chain(own) {
        let is = |upstream: &&mut Upstream| {
            let target = each.target.as_deref();
            target.is_none_or(|name| name == upstream.name || name == upstream.label())
        };
        let mut found = false;
        for upstream in upstreams.iter_mut().filter(is) {
            set(upstream, each.value.clone());
            found = true;
        }
        if let (false, Some(name)) = (found, &each.target) {
            let known: Vec<String> = upstreams.iter().map(Upstream::label).collect();
            bail!(
                "{name:?} is no target of the model; its targets are {}",
                known.join(", ")
            );
        }
    }
    Ok(())
}

fn outages(asked: &Simulate, upstreams: &[Upstream]) -> anyhow::Result<(Vec<Outage>, Duration)> {
    let (mut outages, lasts) = course(asked, upstreams)?;
    // What comes after the last call is nobody's outage.
    outages.retain(|outage| outage.from < lasts);
    Ok((outages, lasts))
}

fn course(asked: &Simulate, upstreams: &[Upstream]) -> anyhow::Result<(Vec<Outage>, Duration)> {
    let Some(path) = &asked.outages else {
        let lasts = asked.lasts.unwrap_or_else(|| asked.scenario.lasts());
        let outages = asked
            .scenario
            .outages(upstreams, lasts, asked.seed, asked.together);
        let outages = outages.context("--scenario and --together")?;
        return Ok((outages, lasts));
    };
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("{} cannot be read", path.display()))?;
    let read = read_outages(&text, upstreams, asked.seed);
    let (outages, lasts) = read.with_context(|| path.display().to_string())?;
    Ok((outages, asked.lasts.unwrap_or(lasts)))
}
