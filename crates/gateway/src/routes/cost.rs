//! What a call would cost, as far as can be told before it is made.

use std::cell::OnceCell;
use std::sync::Arc;

use orchestra_dialects::{Endpoint, estimate_tokens};
use orchestra_routing::{Node, NodeKind, Settings, Target};
use orchestra_types::{ModelId, Money, Price, Usage};

use super::{Finder, model_of};
use crate::call::Call;
use crate::gateway::Gateway;
use crate::providers::Member;

/// Output tokens of a usual answer, where nothing has been measured. A call that allows fewer is taken at its word; one that allows
/// more seldom takes all.
const USUAL_OUTPUT: u64 = 1_000;

/// Bytes of a body in a token, where the body is not read.
const BYTES_PER_TOKEN: u64 = 4;

/// A call's size, looked at when somebody asks.
#[derive(Debug)]
pub(crate) struct CallCost<'c> {
    call: &'c Call,
    size: OnceCell<Size>,
    /// Output tokens of an answer of a target of which they are not known.
    usual_output: u64,
}

impl<'c> CallCost<'c> {
    pub(crate) const fn of(call: &'c Call) -> Self {
        Self {
            call,
            size: OnceCell::new(),
            usual_output: USUAL_OUTPUT,
        }
    }

    /// The same where so many output tokens are usual at some of the targets: their mean is thought of the others, too, as a
    /// strategy does.
    pub(crate) fn with_outputs(self, known: impl Iterator<Item = u64>) -> Self {
        let (sum, count) = known.fold((0_u64, 0), |(sum, count), output| {
            (sum.saturating_add(output), count + 1)
        });
        let usual_output = sum.checked_div(count).unwrap_or(self.usual_output);
        Self {
            usual_output,
            ..self
        }
    }

    /// What the call would cost at this price: all its input as if nothing of it were cached, and an answer of so many tokens, or
    /// a usual one.
    pub(crate) fn at(&self, price: &Price, usual_output: Option<u64>) -> Option<Money> {
        let size = self.size.get_or_init(|| size(self.call));
        let usual = usual_output.unwrap_or(self.usual_output);
        price.cost(&Usage {
            input: size.input,
            output: size.most_output.map_or(usual, |most| most.min(usual)),
            ..Usage::default()
        })
    }
}

/// In tokens.
#[derive(Debug)]
struct Size {
    input: u64,
    /// Of the answer, as far as the call says.
    most_output: Option<u64>,
}

fn size(call: &Call) -> Size {
    let request = call.request().ok();
    let bytes = u64::try_from(call.body.len()).unwrap_or(u64::MAX);
    let input = request.map_or(bytes / BYTES_PER_TOKEN, estimate_tokens);
    let most = || call.member("max_tokens")?.parse().ok();
    let most_output = match (call.endpoint, request) {
        (Endpoint::Embeddings | Endpoint::CountTokens, _) => Some(0),
        (_, Some(request)) => request.sampling.max_output_tokens,
        (_, None) => most(),
    };
    Size { input, most_output }
}

impl Gateway {
    /// What a model costs, by a name of [`models`](Self::models). Of one that stands for several targets, the first one's
    /// price. `None` if it is not known.
    #[must_use]
    pub fn list_price(&self, model: &str) -> Option<Price> {
        let providers = self.providers();
        let finder = self.finder(&providers);
        let (member, model) = match self.routes().models.get(model) {
            Some(tree) => finder.first_place(tree)?,
            None => finder.resolve(model).ok()?.into_iter().next()?,
        };
        finder.price(&member, &model)
    }
}

impl Finder<'_> {
    /// The first target of a tree, as it is written.
    pub(crate) fn first_place(&self, tree: &Node) -> Option<(Arc<Member>, ModelId)> {
        self.first_below(tree, &Settings::default())
    }

    fn first_below(&self, node: &Node, above: &Settings) -> Option<(Arc<Member>, ModelId)> {
        let settings = node.settings.within(above);
        match &node.kind {
            NodeKind::Target(target) => {
                let model = model_of(target, &settings).unwrap_or_default();
                self.places(target, &model, None).ok()?.into_iter().next()
            }
            NodeKind::Strategy { children, .. } => children
                .iter()
                .find_map(|child| self.first_below(child, &settings)),
        }
    }

    /// Whether the price of one of these nodes' targets is known, or may be once the call says its model.
    pub(super) fn may_know_a_price(&self, nodes: &[Node], above: &Settings) -> bool {
        nodes.iter().any(|node| {
            let settings = node.settings.within(above);
            match &node.kind {
                NodeKind::Target(target) => self.may_know_price_of(target, &settings),
                NodeKind::Strategy { children, .. } => self.may_know_a_price(children, &settings),
            }
        })
    }

    fn may_know_price_of(&self, target: &Target, settings: &Settings) -> bool {
        let Some(model) = model_of(target, settings) else {
            return true;
        };
        let places = self.places(target, &model, None).unwrap_or_default();
        places
            .iter()
            .any(|(member, model)| self.price(member, model).is_some())
    }
}
