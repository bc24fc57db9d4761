//! What the operator knows better of prices.

use orchestra_providers::{ModelFactsRow, PriceRow, Provider};

use super::found::Found;
use super::{BuildError, Config};

impl Config {
    /// Tells the providers what their models cost.
    pub(super) fn teach_prices(&self, found: &mut [Found]) -> Result<(), BuildError> {
        for (name, price) in &self.prices {
            let no_name = || BuildError::PriceName(name.clone());
            let (provider, model) = name.split_once('/').ok_or_else(no_name)?;
            let Some(provider) = named(found, provider) else {
                let known: Vec<&str> = found.iter().map(|(known, _)| known.id().as_str()).collect();
                return Err(BuildError::PriceOfNobody {
                    name: name.clone(),
                    known: known.join(", "),
                });
            };
            let learnt = provider.learn(&[row(model, price)]);
            learnt.map_err(|source| BuildError::Row {
                provider: provider.id().clone(),
                source,
            })?;
        }
        Ok(())
    }
}

fn named<'f>(found: &'f mut [Found], name: &str) -> Option<&'f mut Provider> {
    let mut providers = found.iter_mut().map(|(provider, _)| provider);
    providers.find(|provider| provider.id().as_str() == name)
}

fn row(model: &str, price: &PriceRow) -> ModelFactsRow {
    ModelFactsRow {
        models: vec![model.to_owned()],
        context: None,
        price: Some(price.clone()),
    }
}
