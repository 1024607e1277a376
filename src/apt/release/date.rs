//! Dates of Release files (RFC 2822 with apt's restriction to UTC), to seconds since 1970 and back to a date.
//!
//! Invariant: no clock and no time zone of this machine is asked.

/// The seconds since 1970 of `Sat, 14 Jun 2025 08:49:28 UTC`.
pub(super) fn parse(text: &str) -> Option<i64> {
    let (day_name, rest) = text.trim().split_once(',')?;
    if day_name.len() != 3 {
        return None;
    }
    let mut words = rest.split_ascii_whitespace();
    let day = number(words.next()?, 1..=2)?;
    let month = month(words.next()?)?;
    let year = number(words.next()?, 4..=4)?;
    let mut clock = words.next()?.split(':');
    let mut part = || number(clock.next()?, 1..=2);
    let (hour, minute, second) = (part()?, part()?, part()?);
    let zone = words.next()?;
    let whole = clock.next().is_none() && words.next().is_none();
    let utc = matches!(zone, "UTC" | "GMT" | "Z" | "+0000" | "-0000");
    let in_range = (1..=31).contains(&day) && year >= 1970 && hour < 24 && minute < 60 && second <= 60;
    (whole && utc && in_range).then(|| days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

fn number(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<i64> {
    (length.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

fn month(name: &str) -> Option<i64> {
    let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    names.iter().position(|n| *n == name).map(|at| at as i64 + 1)
}

/// Days since 1970 in the Gregorian calendar: years that start in March have the leap day at their end.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

/// A time as a Release file writes it, for messages: `2025-06-14 08:49:28 UTC`.
pub(super) fn shown(seconds: i64) -> String {
    let (day, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // The inverse of `days`: 146 097 days are 400 years.
    let shifted = day + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_archives_are_read() {
        for (text, seconds, written) in [
            ("Thu, 01 Jan 1970 00:00:00 UTC", 0, "1970-01-01 00:00:00 UTC"),
            ("Sat, 14 Jun 2025 08:49:28 UTC", 1_749_890_968, "2025-06-14 08:49:28 UTC"),
            ("Thu,  1 Jan 2026  0:00:00 +0000", 1_767_225_600, "2026-01-01 00:00:00 UTC"),
            ("Sat, 29 Feb 2020 23:59:59 GMT", 1_583_020_799, "2020-02-29 23:59:59 UTC"),
        ] {
            assert_eq!(parse(text), Some(seconds), "{text}");
            assert_eq!(shown(seconds), written);
        }
    }

    #[test]
    fn what_is_no_date_in_utc_is_none() {
        for bad in [
            "",
            "14 Jun 2025 08:49:28 UTC",
            "Sat, 14 Jun 2025 08:49:28 CEST",
            "Sat, 14 Jun 2025 08:49:28 +0200",
            "Sat, 14 Jun 2025 08:49:28",
            "Sat, 14 Jun 25 08:49:28 UTC",
            "Sat, 14 Jux 2025 08:49:28 UTC",
            "Sat, 99 Jun 2025 08:49:28 UTC",
            "Sat, 14 Jun 2025 08:49:28:01 UTC",
            "Sat, -1 Jun 2025 08:49:28 UTC",
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn days_and_dates_agree(seconds in 0i64..253_402_300_799) {
            let shown = shown(seconds);
            let (date, clock) = shown.split_once(' ').expect("two parts");
            let mut parts = date.split('-').map(|p| p.parse::<i64>().expect("a number"));
            let mut part = || parts.next().expect("three parts");
            let days = days(part(), part(), part());
            proptest::prop_assert_eq!(days, seconds / 86_400);
            proptest::prop_assert!(clock.ends_with(" UTC"));
        }
    }
}
