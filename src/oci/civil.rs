//! Seconds since 1970 and civil dates in UTC, as configs, Release files and listings write them.
//!
//! Invariant: pure arithmetic of the proleptic Gregorian calendar; no clock and no time zone is asked, and no number panics.

/// Days from 1 March 0000 to 1 January 1970. Years that start in March have the leap day at their end.
const EPOCH: i64 = 719_468;
/// Days of 400 years.
const ERA: i64 = 146_097;

/// A moment in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// Gregorian year.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
    /// 0 to 59.
    pub second: i64,
}

impl Civil {
    /// The moment of some seconds since 1970.
    pub fn of(seconds: i64) -> Self {
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let days = days.saturating_add(EPOCH);
        let (era, of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year + era * 400 + i64::from(month <= 2);
        Self { year, month, day, hour: rest / 3600, minute: rest / 60 % 60, second: rest % 60 }
    }
    /// Days since 1970 of a date; `year` is one that a document can write.
    pub fn days(year: i64, month: i64, day: i64) -> i64 {
        let year = if month <= 2 { year - 1 } else { year };
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - EPOCH
    }
    /// `2026-11-24`
    pub fn date(&self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_a_civil_date() {
        for (seconds, date, clock) in [
            (0, "1970-01-01", (0, 0, 0)),
            (951_868_799, "2000-02-29", (23, 59, 59)),
            (1_709_251_200, "2024-03-01", (0, 0, 0)),
            (1_795_564_799, "2026-11-24", (23, 59, 59)),
            (4_107_542_400, "2100-03-01", (0, 0, 0)),
            (-1, "1969-12-31", (23, 59, 59)),
        ] {
            let civil = Civil::of(seconds);
            assert_eq!((civil.date().as_str(), (civil.hour, civil.minute, civil.second)), (date, clock));
        }
        for far in [i64::MAX, i64::MIN] {
            assert!(!Civil::of(far).date().is_empty());
        }
    }

    proptest::proptest! {
        #[test]
        fn days_and_dates_agree(seconds in -62_135_596_800_i64..253_402_300_799) {
            let Civil { year, month, day, .. } = Civil::of(seconds);
            proptest::prop_assert_eq!(Civil::days(year, month, day), seconds.div_euclid(86_400));
        }
    }
}
