//! What plug-ins say of themselves, compiled here and evaluated there.

use std::fs;
use std::process::Command;

use plywood::system::{Tree, Write, module};

use crate::lab::has;

const LOADER: &str = r#"
typedef struct { char *prefix, *mask; int relevance; } Pattern;
typedef struct { char *name; Pattern *signature; char *domain, *description; char **types, **extensions; unsigned flags; int off; char *license; } Format;
void fill_vtable(void *p) { (void)p; }
void fill_info(Format *info) {
  static Pattern signature[] = { { "AB\001\n\"", 0, 100 }, { "  x", " !z", -5 }, { 0, 0, 0 } };
  static char *types[] = { "image/own", "image/x-own", 0 };
  static char *extensions[] = { "own", 0 };
  info->name = "own"; info->signature = signature; info->description = "Own pictures";
  info->types = types; info->extensions = extensions; info->flags = 5; info->license = "LGPL";
}
"#;

const METHODS: &str = r#"
typedef struct { char *id, *name, *domain, *dirname, *locales; } Info;
static Info one = { "one", "One", "gtk30", "/usr/share/locale", "de:fr" }, two = { "two", "Two", "", "", "" };
static Info *all[] = { &one, &two };
void im_module_list(Info ***list, int *count) { *list = all; *count = 2; }
"#;

const EXTENSION: &str = r#"
extern char **g_strdupv(char **);
extern char **g_strsplit(const char *, const char *, int);
char **g_io_own_thing_query(void) { char *names[] = { "gio-one", "gio-two", 0 }; return g_strdupv(names); }
char **g_io_module_query(void) { return g_strsplit("gsettings-backend", "!", 0); }
"#;

const STRANGE: &str = r"
extern char **unknown(int);
char **g_io_strange_query(void) { return unknown(1); }
";

/// A tree with a module of this text, compiled with each way to optimise.
fn compiled(source: &str, path: &str, level: &str) -> Tree {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (folder.path().join("m.c"), folder.path().join("m.so"));
    fs::write(&from, source).expect("a source");
    let mut gcc = Command::new("gcc");
    let status = gcc.args([level, "-w", "-shared", "-fPIC", "-fstack-protector-strong", "-o"]).arg(&to).arg(&from).status();
    assert!(status.expect("gcc").success());
    let mut tree = Tree::new();
    tree.apply(&Write::file(path, fs::read(to).expect("a module")));
    tree
}

#[test]
fn plug_ins_tell_what_they_are() {
    if !has(&["gcc"]) || !cfg!(target_arch = "x86_64") {
        return;
    }
    for level in ["-O0", "-O1", "-O2", "-O3", "-Os"] {
        let tree = compiled(LOADER, "/l/own.so", level);
        let text = module::pixbuf_loaders(&tree, &["/l/own.so".into()], "2.42.10").expect(level);
        let text = String::from_utf8(text).expect("text");
        let (_, lines) = text.split_once("#\n#\n").or_else(|| text.split_once("\n#\n")).expect("a head");
        let expected = "\"/l/own.so\"\n\"own\" 5 \"gdk-pixbuf\" \"Own pictures\" \"LGPL\"\n\"image/own\" \"image/x-own\" \"\"\n\"own\" \"\"\n\"AB\\001\\n\\\"\" \"\" 100\n\"  x\" \" !z\" -5\n\n\n";
        assert_eq!(lines, expected, "{level}");

        let tree = compiled(METHODS, "/m/im.so", level);
        let text = module::input_methods(&tree, "/m", "").expect(level);
        let expected =
            "\"/m/im.so\" \n\"one\" \"One\" \"gtk30\" \"/usr/share/locale\" \"de:fr\" \n\"two\" \"Two\" \"\" \"\" \"\" \n\n";
        assert_eq!(String::from_utf8_lossy(&text), expected, "{level}");

        for (name, points) in [("libown-thing.so", "gio-one,gio-two"), ("libgiother.so", "gsettings-backend")] {
            let tree = compiled(EXTENSION, &format!("/g/{name}"), level);
            let expected = Write::file("/g/giomodule.cache", format!("{name}: {points}\n")).mode(0o644);
            assert_eq!(module::gio_cache(&tree, "/g"), Ok(vec![expected]), "{level}");
        }
    }
}

#[test]
fn a_plug_in_that_does_more_is_not_covered() {
    if !has(&["gcc"]) || !cfg!(target_arch = "x86_64") {
        return;
    }
    let tree = compiled(STRANGE, "/g/libstrange.so", "-O2");
    assert!(module::gio_cache(&tree, "/g").expect_err("uncovered").to_string().contains("libstrange.so"));
    let mut tree = Tree::new();
    tree.apply(&Write::file("/g/libtext.so", "no module"));
    assert!(module::gio_cache(&tree, "/g").is_err());
    tree.apply_all(&[Write::remove("/g/libtext.so"), Write::file("/g/giomodule.cache", "old")]);
    assert_eq!(module::gio_cache(&tree, "/g"), Ok(vec![Write::remove("/g/giomodule.cache")]));
}
