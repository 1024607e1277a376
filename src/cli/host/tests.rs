use super::*;
use crate::error::Class;
use crate::transport::engine::Connection;

/// A host with these variables and nothing else.
pub(in crate::cli) fn host(variables: &[(&'static str, &str)]) -> Host {
    Host {
        environment: variables.iter().map(|(name, value)| (*name, OsString::from(value))).collect(),
        now: SystemTime::UNIX_EPOCH,
        stdout_is_terminal: false,
        stderr_is_terminal: false,
        user: 1000,
        global: Global {
            store: None,
            insecure: Vec::new(),
            allow_private: Vec::new(),
            apt_auth: Vec::new(),
            cacert: Vec::new(),
            json: false,
            quiet: false,
            color: Color::Auto,
        },
    }
}

fn shown(connections: &[Connection]) -> Vec<String> {
    connections.iter().map(ToString::to_string).collect()
}

#[test]
fn the_store_is_where_flag_variable_or_xdg_say() {
    let cache = [("XDG_CACHE_HOME", "/c"), ("HOME", "/h")];
    assert_eq!(host(&cache).store().expect("a store"), Path::new("/c/plywood"));
    assert_eq!(host(&[("XDG_CACHE_HOME", "relative"), ("HOME", "/h")]).store().expect("a store"), Path::new("/h/.cache/plywood"));
    let mut named = host(&[("PLYWOOD_STORE", "s"), ("HOME", "/h")]);
    assert_eq!(named.store().expect("a store"), Path::new("s"));
    named.global.store = Some("f".into());
    assert_eq!(named.store().expect("a store"), Path::new("f"));
    let error = host(&[]).store().expect_err("no HOME");
    assert_eq!((error.class(), error.hint().is_some()), (Class::Usage, true));
}

#[test]
fn source_date_epoch_is_a_number_of_seconds_or_an_error() {
    for (text, value) in
        [("0", Some(0)), ("1700000000", Some(1_700_000_000)), ("-1", None), ("soon", None), ("99999999999999", None)]
    {
        assert_eq!(host(&[("SOURCE_DATE_EPOCH", text)]).epoch().ok().flatten(), value, "{text}");
    }
    assert_eq!(host(&[]).epoch().expect("unset"), None);
}

#[test]
fn colours_are_for_terminals_unless_someone_says_otherwise() {
    for (color, terminal, variables, wanted) in [
        (Color::Auto, true, vec![("TERM", "xterm")], true),
        (Color::Auto, false, vec![("TERM", "xterm")], false),
        (Color::Auto, true, vec![("TERM", "xterm"), ("NO_COLOR", "1")], false),
        (Color::Auto, true, vec![("TERM", "dumb")], false),
        (Color::Always, false, vec![("NO_COLOR", "1")], true),
        (Color::Never, true, vec![("TERM", "xterm")], false),
    ] {
        let mut host = host(&variables);
        host.stderr_is_terminal = terminal;
        host.global.color = color;
        assert_eq!(host.colours(), wanted, "{color:?} {terminal} {variables:?}");
    }
}

#[test]
fn a_named_engine_is_the_only_candidate() {
    for (variables, wish, candidates) in [
        (vec![("DOCKER_HOST", "unix:///d.sock")], None, vec!["unix:///d.sock"]),
        (vec![("DOCKER_HOST", "tcp://h:2375/")], Some("docker"), vec!["tcp://h:2375"]),
        (vec![("DOCKER_HOST", "unix:///d.sock"), ("CONTAINER_HOST", "unix:///p.sock")], Some("podman"), vec!["unix:///p.sock"]),
        (vec![("DOCKER_HOST", "unix:///d.sock")], Some("/other.sock"), vec!["unix:///other.sock"]),
        (vec![("DOCKER_HOST", "ssh://h")], Some("unix:///x.sock"), vec!["unix:///x.sock"]),
        (
            vec![("HOME", "/nowhere"), ("XDG_RUNTIME_DIR", "/r")],
            None,
            vec![
                "unix:///var/run/docker.sock",
                "unix:///r/docker.sock",
                "unix:///nowhere/.docker/run/docker.sock",
                "unix:///r/podman/podman.sock",
                "unix:///run/podman/podman.sock",
            ],
        ),
        (vec![], Some("podman"), vec!["unix:///run/user/1000/podman/podman.sock", "unix:///run/podman/podman.sock"]),
    ] {
        let found = host(&variables).engines(wish).map(|c| shown(&c));
        assert_eq!(
            found.map_err(|e| e.to_string()),
            Ok(candidates.iter().map(ToString::to_string).collect()),
            "{variables:?} {wish:?}"
        );
    }
}

#[test]
fn an_engine_that_cannot_be_reached_is_named_with_the_way_out() {
    for (variables, wish, class) in [
        (vec![("DOCKER_HOST", "ssh://me@far")], None, Class::Remote),
        (vec![("DOCKER_HOST", "npipe:////./pipe/docker")], None, Class::Remote),
        (vec![("DOCKER_HOST", "tcp://h:2376"), ("DOCKER_TLS_VERIFY", "1")], None, Class::Remote),
        (vec![], Some("containerd"), Class::Usage),
    ] {
        let error = host(&variables).engines(wish).expect_err("refused");
        assert_eq!((error.class(), error.hint().is_some()), (class, true), "{variables:?}: {error}");
    }
}

#[test]
fn the_current_context_of_docker_is_followed() {
    let folder = tempfile::tempdir().expect("a folder");
    let variables = [("DOCKER_CONFIG", folder.path().to_str().expect("text"))];
    let engines = || host(&variables).engines(Some("docker")).map(|c| shown(&c)).map_err(|e| (e.class(), e.to_string()));
    let usual = engines().expect("sockets");
    assert!(usual.contains(&"unix:///var/run/docker.sock".to_owned()));

    std::fs::write(folder.path().join("config.json"), r#"{"currentContext": "far"}"#).expect("written");
    assert!(matches!(engines(), Err((Class::Usage, message)) if message.contains("context far")));

    let meta = folder.path().join("contexts/meta").join(crate::oci::Digest::of(b"far").hex());
    std::fs::create_dir_all(&meta).expect("made");
    std::fs::write(meta.join("meta.json"), r#"{"Endpoints": {"docker": {"Host": "unix:///far.sock"}}}"#).expect("written");
    assert_eq!(engines().expect("an engine"), ["unix:///far.sock"]);

    std::fs::write(folder.path().join("config.json"), "{").expect("written");
    assert!(matches!(engines(), Err((Class::Input, message)) if message.contains("no JSON")));

    // Docker warns and goes on.
    std::fs::remove_file(folder.path().join("config.json")).expect("removed");
    std::fs::create_dir(folder.path().join("config.json")).expect("made");
    assert_eq!(engines().expect("sockets"), usual);
}

#[test]
fn credentials_are_looked_for_where_podman_and_docker_look() {
    let files = |variables| host(variables).credential_files();
    let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
    let usual = [("XDG_RUNTIME_DIR", "/r"), ("HOME", "/h")];
    assert_eq!(files(&usual), paths(&["/r/containers/auth.json", "/h/.config/containers/auth.json", "/h/.docker/config.json"]));
    let named = [("REGISTRY_AUTH_FILE", "/a.json"), ("XDG_RUNTIME_DIR", "/r"), ("DOCKER_CONFIG", "/d")];
    assert_eq!(files(&named), paths(&["/a.json", "/d/config.json"]));
    assert_eq!(files(&[]), paths(&["/run/user/1000/containers/auth.json"]));
}

#[test]
fn a_proxy_that_a_web_servers_client_set_does_not_count() {
    let http = |variables: &[(&'static str, &str)]| {
        host(variables).http().expect("settings").proxies.http.map(|secret| secret.reveal().to_owned())
    };
    assert_eq!(http(&[("HTTP_PROXY", "http://p")]).as_deref(), Some("http://p"));
    assert_eq!(http(&[("HTTP_PROXY", "http://p"), ("REQUEST_METHOD", "GET")]), None);
    assert_eq!(http(&[("http_proxy", "http://q"), ("REQUEST_METHOD", "GET")]).as_deref(), Some("http://q"));
    assert_eq!(http(&[("ALL_PROXY", "http://r")]).as_deref(), Some("http://r"));
}

#[test]
fn helpers_get_the_variables_that_they_need_and_no_others() {
    let settings = host(&[("PATH", "/bin"), ("HOME", "/h"), ("DOCKER_AUTH_CONFIG", "secret")]).helpers();
    assert_eq!(settings.path, "/bin");
    assert_eq!(settings.environment, [("HOME".into(), "/h".into())]);
}

#[test]
fn the_surroundings_never_show_a_secret() {
    assert!(!format!("{:?}", host(&[("DOCKER_AUTH_CONFIG", "s3cret")])).contains("s3cret"));
}
