//! How often incidents of different services begin together, so that they are out at once for longer than by chance.

use super::WeatherError;
use super::service::Service;
use crate::dice::Dice;

/// Draws from which means are taken.
const DRAWS: u32 = 20_000;

/// By service: the share of its incidents that begin with an earlier service's, and the chance with which one of another
/// service's own takes it along.
#[derive(Debug)]
pub(super) struct Ties {
    along: Vec<f64>,
    draws: Vec<Vec<f64>>,
}

/// What a service comes to on average.
#[derive(Debug)]
struct Means {
    /// Lengths of incidents, drawn, in seconds.
    lengths: Vec<f64>,
    /// Incidents a second.
    rate: f64,
    /// The share of the time in which there is one.
    out: f64,
}

impl Ties {
    /// `together` is said for all pairs; else a pair has the lesser of what its two services have.
    ///
    /// Two services are out together by chance for the product of their shares of the time. What is to come on top has to come
    /// from incidents that begin together: those that one takes along from the other, and those that both take along from a
    /// third.
    pub(super) fn of(
        services: &[&Service],
        gaps: f64,
        together: Option<f64>,
    ) -> Result<Self, WeatherError> {
        let means: Vec<Means> = (1..)
            .zip(services)
            .map(|(seed, service)| Means::of(service, gaps, seed))
            .collect();
        let mut ties = Self {
            along: Vec::new(),
            draws: vec![vec![0.0; services.len()]; services.len()],
        };
        for (place, service) in services.iter().enumerate() {
            let mut along = 0.0;
            for other in 0..place {
                let factor =
                    together.unwrap_or_else(|| service.together.min(services[other].together));
                let (theirs, own) = (&means[other], &means[place]);
                let both = mean_of_lesser(theirs, own);
                let by_third = ties.by_thirds(&means, other, place) * both;
                let missing = (factor - 1.0).mul_add(theirs.out * own.out, -by_third);
                // Of those that begin with one of the other's, so many a second.
                let rate = (missing / (both * (1.0 - theirs.out))).max(0.0);
                along += rate / own.rate;
                let draws = rate / (theirs.rate * (1.0 - ties.along[other]));
                if along > 1.0 || draws > 1.0 {
                    return Err(WeatherError::Together { factor });
                }
                ties.draws[other][place] = draws;
            }
            ties.along.push(along);
        }
        Ok(ties)
    }

    /// The share of a service's incidents that begin with one of an earlier service's.
    pub(super) fn drawn_along(&self, place: usize) -> f64 {
        self.along[place]
    }

    /// The chance with which an incident of one service's own is one of another, later, service's, too.
    pub(super) fn draws(&self, from: usize, to: usize) -> f64 {
        self.draws[from][to]
    }

    /// How often a second both begin with the incident of a third one.
    fn by_thirds(&self, means: &[Means], one: usize, other: usize) -> f64 {
        let third = |third: usize| {
            let own = means[third].rate * (1.0 - self.along[third]);
            own * self.draws[third][one] * self.draws[third][other]
        };
        (0..one).map(third).sum()
    }
}

impl Means {
    fn of(service: &Service, gaps: f64, seed: u64) -> Self {
        let dice = Dice::new(seed, 3);
        let draw = |time: &dyn Fn() -> f64| (0..DRAWS).map(|_| time()).collect::<Vec<_>>();
        let lengths = draw(&|| service.length(&dice).as_secs_f64());
        let apart = draw(&|| service.gap(&dice).as_secs_f64() * gaps);
        let (length, apart) = (mean(&lengths), mean(&apart));
        Self {
            lengths,
            rate: 1.0 / (length + apart),
            out: length / (length + apart),
        }
    }
}

/// How long two incidents that begin together last together, on average, in seconds.
fn mean_of_lesser(one: &Means, other: &Means) -> f64 {
    let pairs = one.lengths.iter().zip(&other.lengths);
    mean(
        &pairs
            .map(|(own, theirs)| own.min(*theirs))
            .collect::<Vec<_>>(),
    )
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / f64::from(DRAWS)
}
