//! Choosing by weight, by chance or for good.

use sha2::{Digest, Sha256};

/// An order of all places by their weights: the first is drawn in proportion, the second among those left, and so on.
/// Weights of 0 come last, in their order. `draw` gives chance, 0 to 1.
///
/// Source: P. S. Efraimidis and P. G. Spirakis, "Weighted random sampling with a reservoir" (2006): sorting by
/// `ln(u) / w` draws without replacement.
pub(crate) fn weighted_order(weights: &[f64], mut draw: impl FnMut(usize) -> f64) -> Vec<usize> {
    let key = |(place, weight): (usize, &f64)| {
        let luck = draw(place).clamp(f64::MIN_POSITIVE, 1.0).ln();
        let key = if *weight > 0.0 {
            luck / weight
        } else {
            f64::NEG_INFINITY
        };
        (place, key)
    };
    let mut keys: Vec<(usize, f64)> = weights.iter().enumerate().map(key).collect();
    keys.sort_by(|one, other| other.1.total_cmp(&one.1));
    keys.into_iter().map(|(place, _)| place).collect()
}

/// Chance that is always the same for one text and place, on every machine: weighted rendezvous hashing. When a
/// weight changes or a place goes, only those move who must.
pub(crate) fn lasting_draw(text: &str, place: &str) -> f64 {
    let digest = Sha256::new()
        .chain_update(text.as_bytes())
        .chain_update([0])
        .chain_update(place.as_bytes())
        .finalize();
    let first: [u8; 8] = digest[..8].try_into().unwrap_or_default();
    unit(u64::from_be_bytes(first))
}

/// A text to draw for: a long one by its digest, since it is read again for each place.
pub(crate) fn lasting_text(text: String) -> String {
    const LONGEST: usize = 1_024;
    if text.len() <= LONGEST {
        return text;
    }
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 64 random bits as a number above 0, up to 1.
pub(crate) fn unit(bits: u64) -> f64 {
    // 53 bits are what an f64 holds.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
    let number = ((bits >> 11) + 1) as f64;
    number / 9_007_199_254_740_992.0
}

/// Of two places drawn by chance the one that costs less, then the others by cost: the first keeps a crowd from running to
/// the one that is best at the moment (M. Mitzenmacher, "The power of two choices", 2001).
pub(crate) fn two_choices(costs: &[f64], mut draw: impl FnMut(usize) -> f64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..costs.len()).collect();
    order.sort_by(|one, other| costs[*one].total_cmp(&costs[*other]));
    if costs.len() > 2 {
        let lucky = weighted_order(&vec![1.0; costs.len()], &mut draw);
        let first = if costs[lucky[0]] <= costs[lucky[1]] {
            lucky[0]
        } else {
            lucky[1]
        };
        order.retain(|place| *place != first);
        order.insert(0, first);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `SplitMix64`, for tests.
    fn chance(seed: &mut u64) -> f64 {
        *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        unit(z ^ (z >> 31))
    }

    #[test]
    fn the_first_is_drawn_in_proportion_to_the_weights() {
        let mut seed = 7;
        let mut first = [0; 4];
        for _ in 0..20_000 {
            first[weighted_order(&[1.0, 2.0, 5.0, 0.0], |_| chance(&mut seed))[0]] += 1;
        }
        for (count, expected) in first.into_iter().zip([2500, 5000, 12_500, 0]) {
            assert!(i32::abs(count - expected) < 300, "{first:?}");
        }
    }

    #[test]
    fn what_is_lasting_is_spread_by_weight_and_moves_only_where_it_must() {
        let order = |text: &str, weights: &[f64]| {
            weighted_order(weights, |place| lasting_draw(text, &place.to_string()))[0]
        };
        let mut moved = 0;
        let mut first = [0; 3];
        for user in 0..9000 {
            let user = format!("user {user}");
            let before = order(&user, &[1.0, 1.0, 1.0]);
            first[before] += 1;
            let after = order(&user, &[1.0, 1.0, 0.0]);
            if before != 2 {
                assert_eq!(before, after);
            } else {
                moved += 1;
            }
        }
        assert!(
            first.iter().all(|count| i32::abs(count - 3000) < 250),
            "{first:?}"
        );
        assert_eq!(moved, first[2]);
    }

    #[test]
    fn a_slow_one_of_three_gets_less_than_a_tenth() {
        let mut seed = 3;
        let slow = (0..10_000)
            .filter(|_| two_choices(&[1.0, 1.1, 9.0], |_| chance(&mut seed))[0] == 2)
            .count();
        assert_eq!(slow, 0);
        assert_eq!(two_choices(&[2.0, 1.0], |_| 0.5), [1, 0]);
        assert_eq!(two_choices(&[2.0], |_| 0.5), [0]);
    }
}
