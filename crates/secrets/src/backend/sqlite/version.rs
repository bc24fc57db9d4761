//! Which SQLite is good enough.

/// Before this version a checkpoint of the write-ahead log could lose committed changes.
const FIRST_SOUND: (u32, u32, u32) = (3, 51, 3);

pub(super) fn is_sound(version: &str) -> bool {
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next()) >= FIRST_SOUND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        let cases = [
            ("3.51.3", true),
            ("3.51.10", true),
            ("3.52.0", true),
            ("3.100.0", true),
            ("4.0.0", true),
            ("3.52", true),
            ("3.51.2", false),
            ("3.51", false),
            ("3.9.9", false),
            ("3.6.23.1", false),
            ("2.99.99", false),
            ("", false),
            ("newest", false),
        ];
        for (version, expected) in cases {
            assert_eq!(is_sound(version), expected, "{version}");
        }
    }
}
