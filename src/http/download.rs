//! Whole files and ranges of them as streams that go on where they broke.
//!
//! Invariant: the bytes handed out are those of the wanted range in order, each once, as far as headers can tell; a reader with a
//! digest decides. It stops at the end of the range and makes a bounded number of requests.

use std::pin::Pin;

use bytes::Bytes;
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderValue, RANGE};
use reqwest::{StatusCode, Url};

use super::error::HttpError;
use super::retry::Attempts;
use super::settings::Retry;
use super::url::Redacted;
use super::{Body, Broken, Client, Request, Response};
use crate::error::{Error, Result};

/// Progress after which the count of breaks starts anew.
const PROGRESS: u64 = 4 * 1024 * 1024;
/// Breaks of one stream in all, progress or not.
const MOST_BREAKS: u32 = 50;

/// Bytes from `start` to before `end`; without `end`, to the end of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: u64,
    /// The byte after the last, where known.
    pub end: Option<u64>,
}

impl Span {
    /// The value of `Range`.
    pub fn header(&self) -> HeaderValue {
        let end = self.end.map(|e| e.saturating_sub(1).to_string()).unwrap_or_default();
        HeaderValue::try_from(format!("bytes={}-{end}", self.start)).unwrap_or(HeaderValue::from_static("bytes=0-"))
    }
}

/// A file that is being fetched.
#[derive(Debug)]
pub struct Download {
    /// Its bytes; not verified.
    pub body: Body,
    /// Who served it in the end, after redirects.
    pub url: Url,
    /// `Last-Modified` as it was sent.
    pub last_modified: Option<String>,
}

impl Client {
    /// Fetches the whole file at `url`, of the size `size` where that is known, of at most `limit` bytes in any case.
    /// Nothing if it is not there (404, 410).
    pub async fn download(&self, url: Url, size: Option<u64>, limit: u64) -> Result<Option<Download>> {
        let first = self.send(Request::get(url.clone())).await?;
        match first.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(None),
            status => {
                let told = Redacted(&url).to_string();
                return Err(HttpError::Status { url: told, status: status.as_u16(), attempts: first.attempts() }.into());
            }
        }
        let announced = first.content_length();
        let size = size.or(announced);
        if size.or(announced).is_some_and(|n| n > limit) {
            return Err(HttpError::TooLarge { url: Redacted(&url).to_string(), limit }.into());
        }
        let served = first.url().clone();
        let last_modified = first.text_header(reqwest::header::LAST_MODIFIED).map(str::to_owned);
        let client = self.clone();
        let open = move |span: Option<Span>| -> Opening {
            let (client, mut request) = (client.clone(), Request::get(url.clone()));
            if let Some(span) = span {
                request = request.header(RANGE, span.header());
            }
            Box::pin(async move { Ok(client.send(request).await?) })
        };
        let body = resuming(first, Span { start: 0, end: size }, size, limit, &self.settings().retry, open)?;
        Ok(Some(Download { body, url: served, last_modified }))
    }
}

/// A request on its way.
pub type Opening = Pin<Box<dyn Future<Output = Result<Response>> + Send>>;

/// A stream over `span` of a file of `total` bytes (where known), that begins with the answer `first` and asks `open` for the rest
/// when it breaks: with a span for a ranged request, without for the whole file.
pub fn resuming(
    first: Response,
    span: Span,
    total: Option<u64>,
    limit: u64,
    retry: &Retry,
    open: impl Fn(Option<Span>) -> Opening + Send + 'static,
) -> Result<Body> {
    let mut state = Resuming {
        open: Box::new(open),
        retry: retry.clone(),
        attempts: Attempts::new(retry),
        at: span.start,
        end: span.end,
        total,
        limit,
        answer: None,
        whole: false,
        breaks: 0,
        progress: 0,
    };
    match state.accept(first) {
        Ok(()) => {}
        Err(HttpError::Range { .. }) if !state.whole => state.whole = true,
        Err(e) => return Err(e.into()),
    }
    let size = span.end.map(|end| end.saturating_sub(span.start));
    Ok(Body::new(
        size,
        futures_util::stream::unfold(Some(state), |state| async move {
            let mut state = state?;
            match state.next().await {
                Ok(None) => None,
                Ok(Some(piece)) => Some((Ok(piece), Some(state))),
                Err(e) => Some((Err(e), None)),
            }
        }),
    ))
}

/// An answer that is being read, and how many bytes of it lie before the wanted ones.
struct Answer {
    response: Response,
    skip: u64,
}

struct Resuming {
    open: Box<dyn Fn(Option<Span>) -> Opening + Send>,
    retry: Retry,
    attempts: Attempts,
    at: u64,
    end: Option<u64>,
    total: Option<u64>,
    limit: u64,
    answer: Option<Answer>,
    /// The server's ranges are no good: only the whole file is asked for.
    whole: bool,
    breaks: u32,
    progress: u64,
}

impl Resuming {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if self.end.is_some_and(|end| self.at >= end) {
                return Ok(None);
            }
            let Some(answer) = &mut self.answer else {
                self.reopen().await?;
                continue;
            };
            let url = answer.response.url().clone();
            match answer.response.next().await {
                Some(Ok(piece)) => {
                    if let Some(piece) = self.take(piece) {
                        if self.at > self.limit {
                            return Err(HttpError::TooLarge { url: Redacted(&url).to_string(), limit: self.limit }.into());
                        }
                        return Ok(Some(piece));
                    }
                }
                Some(Err(error)) => self.broke(error).await?,
                None if self.end.is_none() => return Ok(None),
                None => {
                    let (host, cause) = (super::url::host_and_port(&url), format!("the body ended after {} bytes", self.at));
                    self.broke(HttpError::Connection { how: Broken::Lost, host, cause, attempts: self.attempts.made() }).await?;
                }
            }
        }
    }

    /// The wanted part of a piece.
    fn take(&mut self, mut piece: Bytes) -> Option<Bytes> {
        let answer = self.answer.as_mut()?;
        let skipped = answer.skip.min(piece.len() as u64);
        answer.skip -= skipped;
        let _ = piece.split_to(skipped as usize);
        if let Some(end) = self.end {
            piece.truncate(usize::try_from(end - self.at).unwrap_or(usize::MAX));
        }
        if piece.is_empty() {
            return None;
        }
        self.at += piece.len() as u64;
        self.progress += piece.len() as u64;
        Some(piece)
    }

    async fn broke(&mut self, error: HttpError) -> Result<()> {
        self.answer = None;
        self.breaks += 1;
        if self.progress >= PROGRESS {
            self.attempts = Attempts::new(&self.retry);
        }
        self.progress = 0;
        // Without a known end there is no telling whether a resumed file is the same.
        if self.end.is_none() || self.breaks > MOST_BREAKS || !self.attempts.wait(None).await {
            return Err(told(error, self.attempts.made()));
        }
        Ok(())
    }

    async fn reopen(&mut self) -> Result<()> {
        let span = (!self.whole).then_some(Span { start: self.at, end: self.end });
        let response = (self.open)(span).await?;
        let status = response.status();
        if status == StatusCode::RANGE_NOT_SATISFIABLE && !self.whole {
            self.whole = true;
            return Ok(());
        }
        if !matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
            let url = Redacted(response.url()).to_string();
            return Err(HttpError::Status { url, status: status.as_u16(), attempts: response.attempts() }.into());
        }
        match self.accept(response) {
            Err(HttpError::Range { .. }) if !self.whole => {
                self.whole = true;
                Ok(())
            }
            other => Ok(other?),
        }
    }

    /// Takes an answer with status 200 or 206 if its headers fit.
    fn accept(&mut self, response: Response) -> Result<(), HttpError> {
        response.check_encoding()?;
        let url = || Redacted(response.url()).to_string();
        let skip = if response.status() == StatusCode::PARTIAL_CONTENT {
            let header = response.text_header(CONTENT_RANGE).unwrap_or_default().to_owned();
            let multipart = response.text_header(CONTENT_TYPE).is_some_and(|t| t.trim_start().starts_with("multipart/"));
            let given = parse_content_range(&header).filter(|given| !multipart && self.fits(*given));
            if given.is_none() || self.whole {
                return Err(HttpError::Range { url: url(), at: self.at, range: header.chars().take(80).collect() });
            }
            0
        } else {
            if let (Some(expected), Some(actual)) = (self.total, response.content_length()) {
                if expected != actual {
                    return Err(HttpError::Size { url: url(), expected, actual });
                }
            }
            self.at
        };
        self.answer = Some(Answer { response, skip });
        Ok(())
    }

    fn fits(&self, (first, last, total): (u64, u64, Option<u64>)) -> bool {
        let end = self.end.is_none_or(|end| last < end);
        let size = self.total.zip(total).is_none_or(|(a, b)| a == b);
        first == self.at && end && size
    }
}

fn told(error: HttpError, made: u32) -> Error {
    match error {
        HttpError::Connection { how, host, cause, .. } => HttpError::Connection { how, host, cause, attempts: made }.into(),
        other => other.into(),
    }
}

/// First byte, last byte and size of `bytes 0-9/100` or `bytes 0-9/*`.
fn parse_content_range(text: &str) -> Option<(u64, u64, Option<u64>)> {
    let number = |t: &str| if t.bytes().all(|b| b.is_ascii_digit()) { t.parse::<u64>().ok() } else { None };
    let (unit, rest) = text.trim().split_once(' ')?;
    let (range, size) = rest.trim().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    let size = if size == "*" { None } else { Some(number(size)?) };
    let sane = unit.eq_ignore_ascii_case("bytes") && first <= last && size.is_none_or(|s| last < s);
    sane.then_some((first, last, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_range_is_read_strictly() {
        assert_eq!(parse_content_range("bytes 5-9/10"), Some((5, 9, Some(10))));
        assert_eq!(parse_content_range("Bytes 0-0/*"), Some((0, 0, None)));
        for bad in [
            "",
            "bytes",
            "bytes 5-9",
            "bytes 9-5/10",
            "bytes 0-10/10",
            "items 0-1/2",
            "bytes -1/2",
            "bytes 0-/2",
            "bytes +0-1/2",
            "bytes */5",
        ] {
            assert_eq!(parse_content_range(bad), None, "{bad}");
        }
    }
}
