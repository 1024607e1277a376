//! Recipes and profiles by name: those compiled into the program, and a user's own folder, which wins.

use std::collections::BTreeMap;

use super::error::nearest;
use super::{Rank, RecipeError, Unit};

/// A recipe or profile of `layers/`, compiled in.
#[derive(Clone, Copy, Debug)]
pub struct ShippedRecipe {
    /// `sshd`
    pub name: &'static str,
    /// Its TOML.
    pub text: &'static str,
}

macro_rules! shipped {
    ($($name:literal => $path:literal),* $(,)?) => {
        &[$(ShippedRecipe { name: $name, text: include_str!(concat!("../../layers/", $path)) }),*]
    };
}

/// The recipes of this program.
const RECIPES: &[ShippedRecipe] = shipped! {
    "host-keys" => "host-keys/layer.toml",
    "miniforge" => "miniforge/layer.toml",
    "openhands" => "openhands/layer.toml",
    "sshd" => "sshd/layer.toml",
    "sudo" => "sudo/layer.toml",
    "wget" => "wget/layer.toml",
};

/// The profiles of this program.
const PROFILES: &[ShippedRecipe] = shipped! {
    "opendevin-0.7" => "profiles/opendevin-0.7.toml",
    "opendevin-0.8" => "profiles/opendevin-0.8.toml",
    "openhands" => "profiles/openhands.toml",
};

/// Recipes that stand in every build: they do something only where what they name is there.
const IMPLIED: &[&str] = &["host-keys"];

/// All recipes and profiles that a build can name.
#[derive(Clone, Debug, Default)]
pub struct Library {
    recipes: BTreeMap<String, Unit>,
    profiles: BTreeMap<String, Unit>,
    implied: Vec<String>,
}

impl Library {
    /// Nothing in it.
    pub fn empty() -> Self {
        Self::default()
    }
    /// What is compiled in.
    pub fn shipped() -> Result<Self, RecipeError> {
        let mut library = Self::empty();
        for recipe in RECIPES {
            library.add_recipe(recipe.name, recipe.text)?;
        }
        for profile in PROFILES {
            library.add_profile(profile.name, profile.text)?;
        }
        library.implied = IMPLIED.iter().map(|n| (*n).to_owned()).collect();
        Ok(library)
    }
    /// Adds or replaces a recipe.
    pub fn add_recipe(&mut self, name: &str, text: &str) -> Result<(), RecipeError> {
        self.recipes.insert(name.into(), Unit::parse(name, Rank::Recipe, text)?);
        Ok(())
    }
    /// Adds or replaces a recipe of a folder: its relative paths start there.
    pub fn add_recipe_from(&mut self, name: &str, text: &str, folder: &std::path::Path) -> Result<(), RecipeError> {
        let mut unit = Unit::parse(name, Rank::Recipe, text)?;
        unit.folder = Some(folder.to_owned());
        self.recipes.insert(name.into(), unit);
        Ok(())
    }
    /// Adds or replaces a profile.
    pub fn add_profile(&mut self, name: &str, text: &str) -> Result<(), RecipeError> {
        self.profiles.insert(name.into(), Unit::parse(name, Rank::Profile, text)?);
        Ok(())
    }
    /// A recipe by name.
    pub fn recipe(&self, name: &str) -> Result<Unit, RecipeError> {
        Self::find(&self.recipes, "recipe", name)
    }
    /// A profile by name.
    pub fn profile(&self, name: &str) -> Result<Unit, RecipeError> {
        Self::find(&self.profiles, "profile", name)
    }
    /// Recipes that stand in every build.
    pub fn implied(&self) -> &[String] {
        &self.implied
    }
    /// All recipes, by name.
    pub fn recipes(&self) -> impl Iterator<Item = &Unit> {
        self.recipes.values()
    }
    /// All profiles, by name.
    pub fn profiles(&self) -> impl Iterator<Item = &Unit> {
        self.profiles.values()
    }

    fn find(units: &BTreeMap<String, Unit>, what: &'static str, name: &str) -> Result<Unit, RecipeError> {
        units.get(name).cloned().ok_or_else(|| RecipeError::Unknown {
            what,
            name: name.chars().take(80).collect(),
            nearest: nearest(name, units.keys().map(String::as_str)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_recipe_and_profile_reads_and_names_only_what_is_there() {
        let library = Library::shipped().expect("reads");
        for profile in library.profiles() {
            for name in &profile.document.recipes {
                assert!(library.recipe(name.get_ref()).is_ok(), "{name:?}");
            }
        }
        for recipe in library.recipes() {
            assert!(recipe.document.description.is_some(), "{} has no description", recipe.name);
        }
    }
}
