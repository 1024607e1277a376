//! Which units make a build, in which order, and what the parameters are.
//!
//! Order, weakest first: the profile's recipes, the profile, `--with`, the file's recipes, the file, the flags. A recipe counts
//! once, at its first place; `--without` drops it before it is read.

use std::collections::BTreeMap;

use super::error::nearest;
use super::schema::Document;
use super::{Library, Rank, RecipeError, Unit};

/// What is asked for, as the command line and the file say it.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// The profile's name; `none` is no profile.
    pub profile: String,
    /// Recipes to add, by name.
    pub with: Vec<String>,
    /// Recipes to leave out, by name.
    pub without: Vec<String>,
    /// Parameters by name.
    pub set: Vec<(String, String)>,
    /// The project file.
    pub file: Option<Unit>,
    /// What the flags add.
    pub flags: Document,
    /// The words behind `flags`, an input of the plan's key.
    pub words: String,
}

/// The units of a build and the parameters' values (still templates).
#[derive(Clone, Debug)]
pub struct Merged {
    /// Weakest first.
    pub units: Vec<Unit>,
    /// By name.
    pub parameters: BTreeMap<String, String>,
    /// What was decided between unequal words, for the plan.
    pub notes: Vec<String>,
}

/// Puts the units in order. `read` gives a recipe that the file names by path.
pub fn merge(
    ask: Ask,
    library: &Library,
    read: &mut dyn FnMut(&str) -> Result<Unit, crate::Error>,
) -> Result<Merged, crate::Error> {
    let mut units: Vec<Unit> = Vec::new();
    let mut known_without: Vec<&String> = ask.without.iter().collect();
    let mut add = |name: &str, of_profile: bool, units: &mut Vec<Unit>, read: Option<&mut dyn FnMut(&str) -> _>| {
        known_without.retain(|w| *w != name);
        if ask.without.iter().any(|w| w == name) || units.iter().any(|u| u.rank == Rank::Recipe && u.name == name) {
            return Ok::<(), crate::Error>(());
        }
        let by_path = name.contains('/') || name.ends_with(".toml");
        let mut unit = match read {
            Some(read) if by_path => read(name)?,
            _ => library.recipe(name)?,
        };
        unit.of_profile = of_profile;
        unit.of_program = library.is_of_program(&unit);
        units.push(unit);
        Ok(())
    };
    for name in library.implied() {
        add(name, true, &mut units, None)?;
    }
    if ask.profile != "none" {
        let mut profile = library.profile(&ask.profile)?;
        profile.of_profile = true;
        for name in &profile.document.recipes {
            add(name.get_ref(), true, &mut units, None)?;
        }
        units.push(profile);
    }
    for name in &ask.with {
        add(name, true, &mut units, None)?;
    }
    if let Some(file) = ask.file {
        for name in file.document.recipes.clone() {
            add(name.get_ref(), false, &mut units, Some(read))?;
        }
        units.push(file);
    }
    if let Some(name) = known_without.first() {
        let present: Vec<&str> = units.iter().filter(|u| u.rank == Rank::Recipe).map(|u| u.name.as_str()).collect();
        return Err(RecipeError::Unknown { what: "recipe", name: (*name).clone(), nearest: nearest(name, present) }.into());
    }
    units.push(Unit::flags(ask.flags, &ask.words));
    for unit in &units {
        check_place(unit)?;
    }
    let (parameters, notes) = parameters(&units, &ask.set)?;
    Ok(Merged { units, parameters, notes })
}

/// Tables that a document of this rank may not have.
fn check_place(unit: &Unit) -> Result<(), RecipeError> {
    let document = &unit.document;
    if unit.rank == Rank::Recipe {
        if let Some(recommends) = &document.apt.recommends {
            return Err(unit.error(recommends.span(), "a recipe cannot set `recommends`, a profile or project can"));
        }
        if let Some(name) = document.recipes.first() {
            return Err(unit.error(name.span(), "a recipe cannot name recipes, a profile or project can"));
        }
    }
    if matches!(unit.rank, Rank::Recipe | Rank::Profile) {
        let words = [&document.base, &document.profile];
        if let Some(word) = words.into_iter().flatten().chain(document.platforms.first()).next() {
            return Err(unit.error(word.span(), "only a project has `base`, `platforms` and `profile`"));
        }
    }
    Ok(())
}

/// One name space: recipes declare defaults, the profile, the file and `--set` give values.
fn parameters(units: &[Unit], set: &[(String, String)]) -> Result<(BTreeMap<String, String>, Vec<String>), RecipeError> {
    let mut values: BTreeMap<String, (String, &Unit)> = BTreeMap::new();
    let mut notes = Vec::new();
    for unit in units {
        for (name, value) in &unit.document.parameters {
            let text = &value.get_ref().0;
            if matches!(name.as_str(), "arch" | "deb_arch") || name.starts_with("env.") || name.contains(['{', '}']) {
                return Err(unit.error(value.span(), format!("parameter `{name}` has a name that is taken")));
            }
            match values.get(name) {
                Some((other, first)) if unit.rank == Rank::Recipe && first.rank == Rank::Recipe && other != text => {
                    let what = format!("the default of parameter `{name}`");
                    return Err(RecipeError::Conflict { first: first.label(), second: unit.label(), what });
                }
                // `--with` and the file's recipes come after the profile, but a default never overrides a value.
                Some((_, first)) if unit.rank < first.rank => {}
                _ => {
                    values.insert(name.clone(), (text.clone(), unit));
                }
            }
        }
    }
    let mut values: BTreeMap<String, String> = values.into_iter().map(|(k, (v, _))| (k, v)).collect();
    for (name, value) in set {
        if !values.contains_key(name) {
            let near = nearest(name, values.keys().map(String::as_str));
            return Err(RecipeError::Unknown { what: "parameter", name: name.clone(), nearest: near });
        }
        // A value of the command line is not a template.
        values.insert(name.clone(), value.replace('{', "{{"));
        notes.push(format!("parameter `{name}` is set on the command line"));
    }
    Ok((values, notes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library() -> Library {
        let mut library = Library::empty();
        library.add_recipe("a", "[parameters]\nroot = '/a'\n[config.env]\nX = '1'\n").expect("a recipe");
        library.add_recipe("b", "[parameters]\nroot = '/a'\n").expect("a recipe");
        library.add_recipe("c", "[parameters]\nroot = '/c'\n").expect("a recipe");
        library.add_profile("p", "recipes = ['a', 'b']\n[parameters]\nroot = '/p'\n").expect("a profile");
        library
    }

    fn merged(ask: Ask) -> Result<Merged, String> {
        merge(ask, &library(), &mut |name| panic!("{name} is not read")).map_err(|e| e.to_string())
    }

    #[test]
    fn units_stand_weakest_first_and_each_recipe_once() {
        let ask = Ask { profile: "p".into(), with: vec!["b".into()], without: vec!["a".into()], ..Ask::default() };
        let merged = merged(ask).expect("merges");
        let names: Vec<&str> = merged.units.iter().map(|u| u.name.as_str()).collect();
        assert_eq!(names, ["b", "p", "command line"]);
        assert_eq!(merged.parameters["root"], "/p");
    }

    #[test]
    fn equal_defaults_agree_and_unequal_ones_are_a_conflict() {
        let ask =
            |with: &[&str]| Ask { profile: "none".into(), with: with.iter().map(|w| (*w).to_owned()).collect(), ..Ask::default() };
        assert!(merged(ask(&["a", "b"])).is_ok());
        assert_eq!(
            merged(ask(&["a", "c"])).expect_err("conflict"),
            "recipe a and recipe c disagree about the default of parameter `root`"
        );
    }

    #[test]
    fn what_does_not_exist_is_named_with_what_is_near() {
        let ask = Ask { profile: "p".into(), set: vec![("rot".into(), "/x".into())], ..Ask::default() };
        assert_eq!(merged(ask).expect_err("unknown"), "there is no parameter \"rot\"");
        let ask = Ask { profile: "p".into(), without: vec!["zzz".into()], ..Ask::default() };
        assert_eq!(merged(ask).expect_err("unknown"), "there is no recipe \"zzz\"");
    }

    #[test]
    fn a_value_of_the_command_line_is_not_a_template() {
        let ask = Ask { profile: "p".into(), set: vec![("root".into(), "/{x}".into())], ..Ask::default() };
        assert_eq!(merged(ask).expect("merges").parameters["root"], "/{{x}");
    }
}
