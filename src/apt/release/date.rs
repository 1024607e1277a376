//! Dates of Release files (RFC 2822 with apt's restriction to UTC), to seconds since 1970 and back to a date.
//!
//! Invariant: no clock and no time zone of this machine is asked.

use crate::oci::Civil;

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
    (whole && utc && in_range).then(|| Civil::days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

fn number(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<i64> {
    (length.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

fn month(name: &str) -> Option<i64> {
    let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    names.iter().position(|n| *n == name).map(|at| at as i64 + 1)
}

/// A time as a Release file writes it, for messages: `2025-06-14 08:49:28 UTC`.
pub(super) fn shown(seconds: i64) -> String {
    let civil = Civil::of(seconds);
    format!("{} {:02}:{:02}:{:02} UTC", civil.date(), civil.hour, civil.minute, civil.second)
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
}
