//! What models cost, in words and as JSON.

use orchestra_types::{Price, Rate, Rates};
use serde_json::{Map, Value};

/// The columns of a table, in US dollars for a million tokens.
pub(crate) const COLUMNS: [&str; 3] = ["INPUT $/M", "CACHED $/M", "OUTPUT $/M"];

/// What stands in these columns.
pub(crate) fn cells(price: Option<&Price>) -> [String; 3] {
    let usual = price.map(|price| price.usual).unwrap_or_default();
    let long = price.is_some_and(|price| price.long.is_some());
    let cell = |rate: Option<Rate>| match rate {
        Some(rate) if long => format!("{rate}+"),
        Some(rate) => rate.to_string(),
        None => "unknown".to_owned(),
    };
    [usual.input, usual.cache_read, usual.output].map(cell)
}

/// The same with all that is known, in the words of `[prices]`; null if nothing is.
pub(crate) fn json(price: Option<&Price>) -> Value {
    let Some(price) = price else {
        return Value::Null;
    };
    let mut members = rates(&price.usual);
    if let Some((above, long)) = &price.long {
        let mut long = rates(long);
        long.insert("above".to_owned(), Value::from(*above));
        members.insert("long".to_owned(), Value::Object(long));
    }
    Value::Object(members)
}

fn rates(rates: &Rates) -> Map<String, Value> {
    let all = [
        ("input", rates.input),
        ("cache_read", rates.cache_read),
        ("cache_write", rates.cache_write_5m),
        ("cache_write_1h", rates.cache_write_1h),
        ("output", rates.output),
        ("audio_input", rates.audio_input),
        ("audio_output", rates.audio_output),
    ];
    let known = |(name, rate): (&str, Option<Rate>)| {
        let number = rate?.to_string().parse::<f64>().ok()?;
        Some((name.to_owned(), Value::from(number)))
    };
    all.into_iter().filter_map(known).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn price(input: &str, output: &str) -> Price {
        let usual = Rates {
            input: input.parse().ok(),
            output: output.parse().ok(),
            ..Rates::default()
        };
        Price { usual, long: None }
    }

    #[test]
    fn what_is_not_known_is_said() {
        let known = price("0.25", "2");
        assert_eq!(cells(Some(&known)), ["0.25", "unknown", "2"]);
        assert_eq!(json(Some(&known)), json!({"input": 0.25, "output": 2.0}));
        assert_eq!(cells(None), ["unknown"; 3]);
        assert_eq!(json(None), Value::Null);
    }

    #[test]
    fn long_calls_may_cost_more() {
        let long = Some((200_000, price("2.5", "15").usual));
        let both = Price {
            long,
            ..price("1.25", "10")
        };
        assert_eq!(cells(Some(&both)), ["1.25+", "unknown", "10+"]);
        let expected = json!({"input": 1.25, "output": 10.0,
            "long": {"above": 200_000, "input": 2.5, "output": 15.0}});
        assert_eq!(json(Some(&both)), expected);
    }
}
