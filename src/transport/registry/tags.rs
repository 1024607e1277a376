//! The tags of a repository, page by page.
//!
//! Invariant: the next page has the registry's own scheme, host and port; pages, tags and bytes are bounded.

use std::collections::{BTreeSet, HashSet};

use serde::Deserialize;

use crate::error::{Result, Side};
use crate::http::header::LINK;
use crate::http::{Request, Response, Url};

use super::{RegistryError, RegistryPlace};

/// The largest page that is read: a thousand tags of 128 characters have far less.
const LARGEST_PAGE: u64 = 4 * 1024 * 1024;
/// Tags in all; the largest public repositories have some ten thousand.
const MOST_TAGS: usize = 1_000_000;
/// Pages in all, for servers whose pages are empty.
const MOST_PAGES: usize = 10_000;

#[derive(Deserialize)]
struct Page {
    tags: Option<Vec<String>>,
}

impl RegistryPlace {
    /// All tags, sorted. What is no tag by the grammar is left out.
    pub async fn tags(&self) -> Result<BTreeSet<String>> {
        let mut next = Some(self.connection.address(&format!("{}/tags/list?n=1000", self.repository.path))?);
        let (mut tags, mut seen) = (BTreeSet::new(), HashSet::new());
        while let Some(url) = next {
            if seen.len() >= MOST_PAGES || tags.len() >= MOST_TAGS || !seen.insert(url.clone()) {
                return Err(self.endless().into());
            }
            let response = self.connection.send(Request::get(url), &self.pull_scopes()).await?;
            if !response.status().is_success() {
                return Err(self.refused(response, &format!("the tags of {}", self.repository.familiar())).await.into());
            }
            next = self.next_page(&response)?;
            let body = response.document(LARGEST_PAGE).await.map_err(|e| self.connection.failed(e))?;
            let page: Page = serde_json::from_slice(&body).map_err(|_| self.unclear("its list of tags is none"))?;
            tags.extend(page.tags.unwrap_or_default().into_iter().filter(|t| self.repository.with_tag(t).is_ok()));
        }
        Ok(tags)
    }

    /// `Link: </v2/…>; rel="next"`
    fn next_page(&self, response: &Response) -> Result<Option<Url>, RegistryError> {
        let Some(link) = response.text_header(LINK) else { return Ok(None) };
        let target = link.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
        let Some((target, _)) = target.filter(|(_, rest)| rest.contains("next")) else { return Ok(None) };
        let url = response.url().join(target).map_err(|_| self.unclear("the address of its next page is none"))?;
        if !self.connection.is_home(&url) {
            return Err(self.unclear("its next page is on another server"));
        }
        Ok(Some(url))
    }

    fn endless(&self) -> RegistryError {
        self.unclear("its list of tags does not end")
    }

    fn unclear(&self, why: &str) -> RegistryError {
        RegistryError::Protocol { registry: self.connection.host(), side: Side::Source, why: why.to_owned() }
    }
}
