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
    "apache" => "apache/layer.toml",
    "caches" => "caches/layer.toml",
    "databases" => "databases/layer.toml",
    "dictionaries" => "dictionaries/layer.toml",
    "fonts" => "fonts/layer.toml",
    "graphviz" => "graphviz/layer.toml",
    "gtk" => "gtk/layer.toml",
    "haskell" => "haskell/layer.toml",
    "host-keys" => "host-keys/layer.toml",
    "identities" => "identities/layer.toml",
    "inetd" => "inetd/layer.toml",
    "java" => "java/layer.toml",
    "kernel" => "kernel/layer.toml",
    "menus" => "menus/layer.toml",
    "miniforge" => "miniforge/layer.toml",
    "mono" => "mono/layer.toml",
    "octave" => "octave/layer.toml",
    "openhands" => "openhands/layer.toml",
    "paper" => "paper/layer.toml",
    "perl-sax" => "perl-sax/layer.toml",
    "sshd" => "sshd/layer.toml",
    "sudo" => "sudo/layer.toml",
    "tex" => "tex/layer.toml",
    "wget" => "wget/layer.toml",
};

/// The profiles of this program.
const PROFILES: &[ShippedRecipe] = shipped! {
    "opendevin-0.7" => "profiles/opendevin-0.7.toml",
    "opendevin-0.8" => "profiles/opendevin-0.8.toml",
    "openhands" => "profiles/openhands.toml",
};

/// Recipes that stand in every build: they do something only where what they name is there.
const IMPLIED: &[&str] = &[
    "apache",
    "caches",
    "databases",
    "dictionaries",
    "fonts",
    "graphviz",
    "gtk",
    "haskell",
    "host-keys",
    "identities",
    "inetd",
    "java",
    "kernel",
    "menus",
    "mono",
    "octave",
    "paper",
    "perl-sax",
    "tex",
];

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
    /// Whether a unit stands in every build as it was compiled in, and only stands in for programs.
    pub(super) fn is_of_program(&self, unit: &Unit) -> bool {
        let shipped = RECIPES.iter().any(|recipe| recipe.name == unit.name && recipe.text == unit.text());
        shipped && !unit.document.stand_in.is_empty() && self.implied.contains(&unit.name)
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
        assert!(library.recipes().count() + library.profiles().count() <= 30, "a user can read them all");
    }

    #[test]
    fn every_text_that_stands_in_is_in_the_subset_that_is_evaluated() {
        let library = Library::shipped().expect("reads");
        for recipe in library.recipes() {
            for stand_in in &recipe.document.stand_in {
                let text = stand_in.text.as_ref().map_or("", |text| text.get_ref().as_str());
                let parsed = crate::script::parse(text.as_bytes());
                assert!(parsed.is_ok(), "{}: {parsed:?}", recipe.name);
            }
            assert_eq!(library.is_of_program(recipe), !recipe.document.stand_in.is_empty(), "{}", recipe.name);
        }
        let mut own = library.clone();
        own.add_recipe("tex", "description = 'mine'\n[[stand-in]]\nprogram = 'fmtutil'\nreason = 'mine'\n").expect("a recipe");
        assert!(!own.is_of_program(&own.recipe("tex").expect("there")), "a user's own is an input of the build");
    }
}
