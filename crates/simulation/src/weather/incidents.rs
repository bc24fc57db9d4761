//! Incidents drawn from what was published of them.

use std::time::Duration;

use super::WeatherError;
use super::service::{Service, Severities, services};
use super::ties::Ties;
use crate::dice::Dice;
use crate::outage::{Outage, Trouble};
use crate::upstream::Upstream;

/// What is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub(super) lasts: Duration,
    /// How long incidents are apart, measured by what was published.
    pub(super) gaps: f64,
    pub(super) severities: Severities,
    /// How many times as long as by chance two providers are out together; `None` for what was published.
    pub(super) together: Option<f64>,
    pub(super) seed: u64,
}

/// Something that happens to all of a provider.
#[derive(Clone, Copy, Debug)]
struct Incident {
    from: Duration,
    until: Duration,
    share: f64,
    trouble: Trouble,
}

/// The incidents of each provider, at all of its targets.
pub(super) fn draw(
    text: &str,
    upstreams: &[Upstream],
    order: Order,
) -> Result<Vec<Outage>, WeatherError> {
    let services = services(text)?;
    let names = providers(upstreams);
    let services: Vec<&Service> = names
        .iter()
        .filter_map(|name| {
            let named = services.iter().find(|service| name.contains(&service.name));
            named.or_else(|| services.last())
        })
        .collect();
    let courses = courses(&services, order)?;
    let at = |(target, upstream): (usize, &Upstream)| {
        let place = names.iter().position(|name| *name == upstream.name);
        let course = place.and_then(|place| courses.get(place));
        let outage = move |incident: &Incident| Outage {
            target,
            from: incident.from,
            until: incident.until,
            share: incident.share,
            trouble: incident.trouble,
        };
        course.into_iter().flatten().map(outage)
    };
    Ok(upstreams.iter().enumerate().flat_map(at).collect())
}

/// Each provider once, in the order of its first target.
pub(crate) fn providers(upstreams: &[Upstream]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for upstream in upstreams {
        if !names.contains(&upstream.name.as_str()) {
            names.push(&upstream.name);
        }
    }
    names
}

/// What happens to each service. Some incidents begin with one of an earlier service's; so many of its own fall away that there
/// are no more of them than there should be.
fn courses(services: &[&Service], order: Order) -> Result<Vec<Vec<Incident>>, WeatherError> {
    let ties = Ties::of(services, order.gaps, order.together)?;
    let dice: Vec<Dice> = (64..)
        .take(services.len())
        .map(|purpose| Dice::new(order.seed, purpose))
        .collect();
    let mut own: Vec<Vec<Incident>> = Vec::new();
    let mut courses: Vec<Vec<Incident>> = Vec::new();
    for (place, (service, dice)) in services.iter().zip(&dice).enumerate() {
        let mut alone = incidents(service, order, dice);
        alone.retain(|_| !dice.chance(ties.drawn_along(place)));
        let mut course = alone.clone();
        for (other, theirs) in own.iter().enumerate() {
            let along = theirs
                .iter()
                .filter(|_| dice.chance(ties.draws(other, place)));
            course.extend(along.map(|incident| begin(service, incident.from, order, dice)));
        }
        course.sort_by_key(|incident| incident.from);
        own.push(alone);
        courses.push(course);
    }
    Ok(courses)
}

/// A service's incidents by themselves.
fn incidents(service: &Service, order: Order, dice: &Dice) -> Vec<Incident> {
    let mut incidents = Vec::new();
    // Nobody knows how long ago the last one was.
    let mut at = service.gap(dice).mul_f64(order.gaps * dice.unit());
    while at < order.lasts {
        let incident = begin(service, at, order, dice);
        incidents.push(incident);
        at = incident.until + service.gap(dice).mul_f64(order.gaps);
    }
    incidents
}

fn begin(service: &Service, from: Duration, order: Order, dice: &Dice) -> Incident {
    Incident {
        from,
        until: from + service.length(dice),
        share: service.share(order.severities, dice),
        trouble: *dice.pick(&[
            Trouble::Refused,
            Trouble::Hang,
            Trouble::Status(500),
            Trouble::Status(529),
        ]),
    }
}
