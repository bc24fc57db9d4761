//! What the operator knows better of prices.

use orchestra_providers::{ModelFactsRow, PriceRow, Provider};

use super::{BuildError, Config};

impl Config {
    /// Tells the providers what their models cost.
    pub(super) fn teach_prices<'p>(
        &self,
        providers: impl Iterator<Item = &'p mut Provider>,
    ) -> Result<(), BuildError> {
        let mut providers: Vec<&mut Provider> = providers.collect();
        for (name, price) in &self.prices {
            let no_name = || BuildError::PriceName(name.clone());
            let (provider, model) = name.split_once('/').ok_or_else(no_name)?;
            let is = |known: &Provider| known.id().as_str() == provider;
            let Some(provider) = providers.iter_mut().find(|known| is(known)) else {
                let known: Vec<&str> = providers.iter().map(|known| known.id().as_str()).collect();
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

fn row(model: &str, price: &PriceRow) -> ModelFactsRow {
    ModelFactsRow {
        models: vec![model.to_owned()],
        context: None,
        price: Some(price.clone()),
    }
}
