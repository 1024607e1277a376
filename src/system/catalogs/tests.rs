use super::*;
use crate::system::{Change, Tree};

fn xml_words(adds: bool, kind: Kind, id: &str, place: Place) -> Xml {
    Xml { adds, kind, id: id.into(), place }
}

fn text(tree: &Tree, path: &str) -> Option<String> {
    tree.text(path).expect("read")
}

#[test]
fn an_entry_of_a_package_leads_to_its_catalog_and_the_root_leads_to_the_package() {
    let mut tree = Tree::with_files([
        ("/usr/share/xml-core/catalog.header", "<catalog>\n"),
        ("/usr/share/xml-core/catalog.footer", "</catalog>\n"),
        ("/usr/share/xml/a/catalog.xml", "x"),
    ]);
    let local = || Place::Package { package: "a".into(), local: "/usr/share/xml/a/catalog.xml".into() };
    let root = || Place::Root { package: "a".into() };
    assert!(xml(&tree, &xml_words(true, Kind::Public, "-//A", root())).is_err(), "the package has no catalog yet");
    for (kind, id) in [(Kind::System, "http://z"), (Kind::Public, "-//A"), (Kind::Uri, "http://b")] {
        tree.apply_all(&xml(&tree, &xml_words(true, kind, id, local())).expect("added"));
    }
    tree.apply_all(&xml(&tree, &xml_words(true, Kind::Public, "-//A", root())).expect("added"));
    let catalog = "catalog=\"file:///usr/share/xml/a/catalog.xml\"";
    let public = format!("<delegatePublic publicIdStartString=\"-//A\" {catalog}/>\n");
    let system = format!("<delegateSystem systemIdStartString=\"http://z\" {catalog}/>\n");
    let uri = format!("<delegateURI uriStartString=\"http://b\" {catalog}/>\n");
    assert_eq!(text(&tree, "/etc/xml/a.xml"), Some(format!("<catalog>\n{public}{system}{uri}</catalog>\n")));
    assert_eq!(text(&tree, "/etc/xml/a.xml.old"), Some(format!("<catalog>\n{public}{system}</catalog>\n")));
    let root_line = "<delegatePublic publicIdStartString=\"-//A\"><catalog=\"file:///etc/xml/a.xml\">\n";
    assert_eq!(text(&tree, "/var/lib/xml-core/catalog").as_deref(), Some(root_line));
    tree.apply_all(&xml(&tree, &xml_words(false, Kind::Public, "-//A", root())).expect("deleted"));
    assert_eq!(text(&tree, "/etc/xml/catalog"), None, "an empty catalog goes");
    assert!(xml(&tree, &xml_words(false, Kind::Public, "-//A", root())).is_err(), "it is not registered any more");
}

#[test]
fn the_super_catalog_names_only_catalogs_that_are_whole() {
    let mut tree = Tree::with_files([
        ("/etc/sgml/b.cat", "CATALOG /usr/share/there\n"),
        ("/etc/sgml/a.cat", "-- CATALOG /nowhere --\nBASE \"/usr/share\" CATALOG 'there'\n"),
        ("/etc/sgml/c.cat", "CATALOG gone\n"),
        ("/etc/sgml/.hidden.cat", ""),
        ("/usr/share/there", ""),
        ("/usr/share/sgml-base/catalog.centralized", "## CATALOG\n"),
    ]);
    let names = |tree: &Tree| {
        let text = text(tree, "/var/lib/sgml-base/supercatalog").expect("made");
        text.lines().filter_map(|line| line.strip_prefix("CATALOG /etc/sgml/").map(str::to_owned)).collect::<Vec<_>>()
    };
    tree.apply_all(&sgml(&tree, &Sgml::UpdateSuper).expect("made"));
    assert_eq!(names(&tree), ["a.cat", "b.cat"]);
    let entry = || ("/etc/sgml/d.cat".to_owned(), "/usr/share/there".to_owned());
    let add = |tree: &Tree| sgml(tree, &Sgml::Add(entry().0, entry().1)).expect("added");
    tree.apply_all(&add(&tree));
    tree.apply_all(&add(&tree));
    assert_eq!(text(&tree, "/etc/sgml/d.cat").as_deref(), Some("## /etc/sgml/d.cat\nCATALOG /usr/share/there\n"));
    let removed = sgml(&tree, &Sgml::Remove(entry().0, entry().1)).expect("removed");
    assert!(removed.iter().any(|write| write.change == Change::File(b"## /etc/sgml/d.cat\n".to_vec())));
}
