//! Times as Google writes them (RFC 3339).

/// Seconds since 1970; `None` if it is no such time or lies before.
pub(super) fn parse(text: &str) -> Option<u64> {
    let (date, time) = text.split_once(['T', 't'])?;
    let [year, month, day] = numbers(date.split('-'))?;
    let zone = time.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = time.split_at_checked(zone)?;
    let clock = clock.split_once('.').map_or(clock, |(whole, _)| whole);
    let [hour, minute, second] = numbers(clock.split(':'))?;
    let sound = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    u64::try_from(seconds - offset(zone)?)
        .ok()
        .filter(|_| sound)
}

/// Writes seconds since 1970 as a time in UTC; `None` behind the year 9999.
pub(super) fn write(seconds: u64) -> Option<String> {
    let seconds = i64::try_from(seconds).ok()?;
    let (mut year, mut rest) = (1970, seconds / 86_400);
    while rest >= length(year) {
        rest -= length(year);
        year += 1;
        if year > 9999 {
            return None;
        }
    }
    let mut month = 1;
    while month < 12 && days(year, month + 1, 1) - days(year, 1, 1) <= rest {
        month += 1;
    }
    let day = rest - (days(year, month, 1) - days(year, 1, 1)) + 1;
    let clock = seconds % 86_400;
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
    ))
}

const fn length(year: i64) -> i64 {
    days(year + 1, 1, 1) - days(year, 1, 1)
}

/// Days since 1970 in the Gregorian calendar, counted from March so that the leap day is a year's last.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month <= 2 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let in_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + in_year - 719_468
}

fn numbers<'t, const N: usize>(mut texts: impl Iterator<Item = &'t str>) -> Option<[i64; N]> {
    let mut all = [0; N];
    for number in &mut all {
        let text = texts
            .next()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
        *number = text.parse().ok()?;
    }
    texts.next().is_none().then_some(all)
}

/// Seconds that a zone is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let [hours, minutes] = numbers(zone.get(1..)?.split(':'))?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:30:15Z", 951_827_415),
            ("2026-11-23T00:00:00Z", 1_795_392_000),
            ("2026-12-31T23:59:59Z", 1_798_761_599),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
        ] {
            assert_eq!(parse(text), Some(seconds), "{text}");
            assert_eq!(write(seconds).as_deref(), Some(text));
        }
        assert_eq!(
            parse("2026-11-23T01:00:00.123456+01:00"),
            Some(1_795_392_000)
        );
        assert_eq!(parse("2026-11-22t20:30:00-03:30"), Some(1_795_392_000));
        assert_eq!(write(u64::MAX), None);
    }

    #[test]
    fn everything_else_is_no_time() {
        for text in [
            "",
            "yesterday",
            "2026-11-23",
            "2026-11-23T00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-23T25:00:00Z",
            "2026-11-23T00:00:00",
            "1969-12-31T23:59:59Z",
            "99999999999999999999-01-01T00:00:00Z",
            "2026-11-23T00:00:00+é",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
