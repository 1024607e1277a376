//! When a call is made again, and after how long.
//!
//! Invariant: the number of attempts, each delay and the time in all are bounded, whatever a server says.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use tokio::time::Instant;

use super::settings::Retry;

/// The attempts of one call.
#[derive(Debug)]
pub struct Attempts {
    delays: ExponentialBackoff,
    longest: Duration,
    until: Instant,
    made: u32,
}

impl Attempts {
    /// The first is being made now.
    pub fn new(retry: &Retry) -> Self {
        let delays = ExponentialBuilder::default()
            .with_min_delay(retry.first_delay)
            .with_max_delay(retry.longest_delay)
            .with_max_times(retry.attempts.saturating_sub(1) as usize)
            .build();
        Self { delays, longest: retry.longest_delay, until: Instant::now() + retry.total, made: 1 }
    }
    /// Attempts so far.
    pub fn made(&self) -> u32 {
        self.made
    }
    /// Waits for the next attempt; `false` if there is none. A server's wish may only make the wait longer.
    pub async fn wait(&mut self, wish: Option<Duration>) -> bool {
        let Some(delay) = self.delays.next() else { return false };
        let delay = wish.map_or(delay, |w| w.max(delay)).min(self.longest);
        if Instant::now() + delay > self.until {
            return false;
        }
        tokio::time::sleep(delay).await;
        self.made += 1;
        true
    }
}

/// Whether the same request may be answered better later.
pub(super) fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// `Retry-After`: seconds, or a date that is measured against the answer's own `Date`. What is neither is ignored.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let now = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    httpdate::parse_http_date(text).ok()?.duration_since(now).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_to_wait_is_seconds_or_a_date_and_nothing_else() {
        let wish = |after: &str, date: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, after.parse().expect("a value"));
            if let Some(date) = date {
                headers.insert(DATE, date.parse().expect("a value"));
            }
            retry_after(&headers).map(|d| d.as_secs())
        };
        let now = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        for (after, date, seconds) in [
            ("2", None, Some(2)),
            ("315360000", None, Some(315_360_000)),
            ("99999999999999999999999", None, Some(u64::MAX)),
            ("-5", now, None),
            ("soon", now, None),
            ("", now, None),
            ("Sun, 06 Nov 1994 08:49:40 GMT", now, Some(3)),
            ("Sun, 06 Nov 1994 08:49:30 GMT", now, None),
            ("Sun, 06 Nov 1994 08:49:40 GMT", None, None),
            ("Sun, 06 Nov 1994 08:49:40 GMT", Some("today"), None),
        ] {
            assert_eq!(wish(after, date), seconds, "{after:?} {date:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_asks_for_ten_years_gets_the_longest_delay_and_then_no_more() {
        let retry = Retry { attempts: 3, total: Duration::from_secs(100), ..Retry::default() };
        let mut attempts = Attempts::new(&retry);
        let start = Instant::now();
        assert!(attempts.wait(Some(Duration::from_secs(u64::MAX))).await);
        assert_eq!(start.elapsed().as_secs(), 60);
        assert!(!attempts.wait(Some(Duration::from_secs(u64::MAX))).await);
        assert_eq!(attempts.made(), 2);
    }
}
