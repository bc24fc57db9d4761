//! What the calls of a run cost.

use orchestra_simulation::{Load, Report, Route, Upstream, World};
use orchestra_types::{Money, Price, Usage};

use super::USUAL_PIECES;
use crate::arguments::simulate::Simulate;

/// At the list prices of the targets that wrote anything; `None` if the price of one of them is not known. A prompt is paid for
/// with the first token of its answer, an answer as far as it was written.
pub(super) fn cost(asked: &Simulate, world: &World, report: &Report) -> Option<Money> {
    let targets = world.upstreams.iter().zip(&report.loads);
    let billed = targets.filter(|(_, load)| load.billed > 0);
    let costs = billed.map(|(upstream, load)| {
        let price = price(world, upstream)?;
        of_target(asked, price, load)
    });
    costs.sum::<Option<Sum>>().and_then(|sum| sum.0)
}

fn price<'w>(world: &'w World, upstream: &Upstream) -> Option<&'w Price> {
    let Route::Configured(configured) = &world.route else {
        return None;
    };
    let provider = configured.registry.provider(&upstream.name)?;
    provider.price(upstream.model.as_deref()?)
}

fn of_target(asked: &Simulate, price: &Price, load: &Load) -> Option<Money> {
    let prompt = Usage {
        input: u64::from(asked.prompt_tokens),
        ..Usage::default()
    };
    let both = Usage {
        output: u64::from(asked.answer_tokens),
        ..prompt
    };
    let prompt = price.cost(&prompt)?;
    let answer = price.cost(&both)?.checked_sub(prompt)?;
    let prompts = prompt.checked_mul(u64::from(load.billed))?;
    let answers = answer.checked_mul(load.tokens)?;
    prompts.checked_add(Money::from_pico(answers.pico() / i128::from(USUAL_PIECES)))
}

/// A sum that may be too large to say.
struct Sum(Option<Money>);

impl std::iter::Sum<Money> for Sum {
    fn sum<I: Iterator<Item = Money>>(items: I) -> Self {
        let add = |sum: Option<Money>, item| sum?.checked_add(item);
        Self(items.fold(Some(Money::from_pico(0)), add))
    }
}
