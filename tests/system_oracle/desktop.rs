//! The database of file types and the compiled schemas of settings, out of what this machine has.

use std::fs;

use plywood::system::glib::schemas;
use plywood::system::{Write, mime};

use crate::lab::{Lab, has};

/// The files of a folder of this machine that end so, as a lab wants them.
fn files(folder: &str, ends: &[&str]) -> Vec<(String, String)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(|entry| entry.ok()?.path().to_str().map(str::to_owned));
    let wanted = paths.filter(|path| ends.iter().any(|end| path.ends_with(end)));
    wanted.map(|path| (path.clone(), fs::read_to_string(path).expect("text"))).collect()
}

fn lab_of(files: &[(String, String)]) -> Lab {
    Lab::new(&files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect::<Vec<_>>())
}

const OWN_TYPES: &str = "<?xml version='1.0'?>\n<mime-info xmlns='http://www.freedesktop.org/standards/shared-mime-info'>\n<mime-type type='application/x-own'><comment>A &amp; \"B\"</comment><comment xml:lang='de'>Ä</comment><comment>C</comment><glob pattern='*.OWN'/><glob pattern='Own[0-9]' weight='80' case-sensitive='true'/><glob pattern='*.own' case-sensitive='true'/><magic priority='70'><match type='string' offset='0:8' value='a\\x41\\n' mask='0xff00ff'><match type='host16' offset='4' value='0x1234' mask='0xfff'/><match type='little32' offset='4' value='7'/></match></magic><treemagic><treematch path='a/b' type='file' match-case='true' non-empty='true'/></treemagic><root-XML namespaceURI='http://own' localName='own'/><alias type='application/own'/><sub-class-of type='text/plain'/><icon name='own'/><generic-icon name='text-x-generic'/><unknown/></mime-type>\n<mime-type type='Audio/X-Own'><glob-deleteall/><magic-deleteall/><comment>D</comment></mime-type>\n<mime-type type='bad'/>\n<mime-type type='text/x-bad'><glob/><comment>never</comment></mime-type>\n</mime-info>\n";

#[test]
fn the_database_of_file_types_is_the_same_to_the_byte() {
    if !has(&["update-mime-database"]) {
        return;
    }
    let mut sources = files("/usr/share/mime/packages", &[".xml"]);
    sources.push(("/usr/share/mime/packages/Override.xml".into(), OWN_TYPES.into()));
    sources.push(("/usr/share/mime/text/x-gone.xml".into(), "<gone/>".into()));
    let mut lab = lab_of(&sources);
    let program = fs::read("/usr/bin/update-mime-database").expect("the program");
    let version = mime::version(&program).expect("its version");
    let writes = mime::update(&lab.model, "/usr/share/mime", &version).expect("a database");
    lab.must("update-mime-database {}/usr/share/mime");
    lab.apply(&writes);
    lab.compare(&[]);
}

const OWN_SCHEMAS: &str = "<schemalist gettext-domain='own'>\n<enum id='own.E'><value nick='one' value='1'/><value nick='two-or-more' value='-2'/></enum><flags id='own.F'><value nick='none' value='0'/><value nick='first' value='1'/><value nick='second' value='2'/></flags>\n<schema id='own.base'><key name='text' type='s'><default l10n='messages' context='why'> 'a b' </default><summary>x</summary></key><key name='number' type='i'><range min='-5'/><default>7</default></key><key name='list' type='a(sd)'><default>[('x', 1.5), ('y', 2)]</default></key><key name='any' type='a{sv}'><default>{'a': &lt;uint32 1&gt;, 'b': &lt;['c']&gt;}</default></key><key name='size' type='(ii)'><default>(-1, 0x10)</default></key><key name='maybe' type='mas'><default>nothing</default></key></schema>\n<schema id='own.child' path='/own/' extends='own.base'><override name='text'>'c'</override><key name='kind' enum='own.E'><aliases><alias value='uno' target='one'/></aliases><default>'one'</default></key><key name='marks' flags='own.F'><default>['first']</default></key><key name='pick' type='s'><choices><choice value='x'/><choice value='yellow'/></choices><default>'x'</default></key><child name='sub' schema='own.base'/></schema>\n<schema id='own.empty' path='/own/empty/'/>\n</schemalist>\n";

const OWN_OVERRIDES: &str = "# other\n[own.child]\nkind = 'two-or-more'\npick='none'\nmissing=1\n\n[own.base:GNOME]\nlist=[]\ntext='never'\n[own.base:Other]\nlist=[('z', 0)]\n[not.there]\nx=1\n";

#[test]
fn compiled_schemas_are_the_same_to_the_byte() {
    let program = "/usr/lib/x86_64-linux-gnu/glib-2.0/glib-compile-schemas";
    if !fs::exists(program).unwrap_or(false) {
        return;
    }
    let folder = "/usr/share/glib-2.0/schemas";
    let own = |name: &str, text: &str| (format!("{folder}/{name}"), text.to_owned());
    let all = files(folder, &[".gschema.xml", ".enums.xml", ".gschema.override"]);
    let mine = vec![own("own.gschema.xml", OWN_SCHEMAS), own("10_own.gschema.override", OWN_OVERRIDES)];
    for sources in [mine.clone(), [all, mine].concat()] {
        let mut lab = lab_of(&sources);
        let writes = schemas::compile(&lab.model, folder).expect("compiled");
        lab.must(&format!("{program} {{}}{folder}"));
        let compiled = fs::read(lab.path().join(format!("{}/gschemas.compiled", &folder[1..]))).expect("a file");
        assert_eq!(writes, [Write::file(format!("{folder}/gschemas.compiled"), compiled).mode(0o644)]);
        lab.apply(&writes);
    }
    let lab = lab_of(&[own("README", "")]);
    assert_eq!(schemas::compile(&lab.model, folder), Ok(Vec::new()));
}

/// Manuals whose entries wrap, repeat, share sections, or have none.
const MANUALS: [&str; 5] = [
    "INFO-DIR-SECTION Basics\nINFO-DIR-SECTION Individual utilities\nSTART-INFO-DIR-ENTRY\n* B: (b).  About\n  bees,\n  and more.  \n* a very long name of an entry: (b)Invocation of it.  It has a description that is so long that it goes on and on over the end of the line, twice and more often than twice.\n* Zz: (z).\nEND-INFO-DIR-ENTRY\n",
    "INFO-DIR-SECTION basics of another case\nINFO-DIR-SECTION Aaa\nSTART-INFO-DIR-ENTRY\n* Aa: (a).  A.\n* C.d: (a)C.d.\tC and d.\n  E.\nEND-INFO-DIR-ENTRY\n\nSTART-INFO-DIR-ENTRY\n* more: (a).  More.\nEND-INFO-DIR-ENTRY\nINFO-DIR-SECTION Basics\nSTART-INFO-DIR-ENTRY\n* a: (a).  Lower.\n* B: (a).  Another B.\n* Y: (a).  Y.\nEND-INFO-DIR-ENTRY\n",
    "START-INFO-DIR-ENTRY\n* None: (n).  No section.\nEND-INFO-DIR-ENTRY\n",
    "This manual has no entry at all.\n",
    "INFO-DIR-SECTION Zoo\nINFO-DIR-SECTION Basics\nSTART-INFO-DIR-ENTRY\n* D: (d).   Averyveryveryveryveryveryveryveryveryveryveryveryveryveryverylongwordthatdoesnotend here\nEND-INFO-DIR-ENTRY\n",
];

#[test]
fn the_menu_of_manuals_is_the_same_to_the_byte() {
    if !has(&["install-info"]) {
        return;
    }
    let files: Vec<(String, String)> = MANUALS.iter().enumerate().map(|(n, text)| (format!("/{n}.info"), (*text).into())).collect();
    let lab = lab_of(&files);
    let mut menu: Option<Vec<u8>> = None;
    for (n, manual) in MANUALS.iter().enumerate() {
        lab.must(&format!("install-info {{}}/{n}.info {{}}/dir"));
        menu = plywood::system::info_dir::install(menu.as_deref(), manual.as_bytes()).expect("installed").or(menu);
        let real = fs::read_to_string(lab.path().join("dir")).expect("a menu");
        assert_eq!(String::from_utf8_lossy(menu.as_deref().unwrap_or_default()), real, "after {n}");
    }
}
