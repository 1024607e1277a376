//! Where an image stays, and a disk that is too small for it.

use crate::build::project;
use crate::support::base::{self, small};
use crate::support::docker_registry::DockerRegistry;
use crate::support::program::{Plywood, digest};

#[test]
fn an_image_that_stays_in_the_store_goes_where_the_hint_says() {
    let plywood = Plywood::new();
    let start = small(&plywood.path("base"));
    let name = base::push(&start.name("small"), DockerRegistry::shared(), "kept/base:1");
    let file = project(&plywood, &name);
    for more in [&["-t", "lab/kept:1"][..], &[]] {
        let built = plywood.run([&["build", "-f", &file][..], more].concat());
        assert_eq!(built.status, 0, "{}", built.stderr);
        let hint = built.stderr.lines().find(|line| line.ends_with(" docker-archive:FILE.tar")).unwrap();
        let words: Vec<&str> = hint.strip_prefix("hint: plywood ").unwrap().split(' ').collect();
        plywood.ok(words);
        plywood.ok(["verify", "docker-archive:FILE.tar"]);
        let registry = DockerRegistry::shared().name("kept/made:1");
        let stored = hint.split(' ').find(|word| word.starts_with("store:")).unwrap();
        assert_eq!(digest(&plywood.ok(["copy", stored, &registry])), digest(built.stdout.trim_end()));
        plywood.ok(["verify", &registry]);
        std::fs::remove_file(plywood.path("FILE.tar")).unwrap();
    }
    plywood.refuses(["copy", &start.name("small"), "store:other"], 2, &["results of build only"]);
}

/// Runs below a script that mounts `folder` small, and fails with 99 where a run that failed left something visible there.
fn on_a_disk(size: &str, folder: &str) -> Plywood {
    let script = "mkdir -p \"$HOME/../$1\"; cd \"$HOME/..\"; mount -t tmpfs -o \"size=$2\" tmpfs \"$1\"; shift 2; status=0
        \"$@\" || status=$?
        [ $status = 0 ] || [ -z \"$(find small -type f)\" ] || exit 99
        exit $status";
    Plywood::new().below(&["unshare", "--mount", "bash", "-euc", script, "small", folder, size])
}

/// Bytes that do not compress.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..size).map(|_| next()).collect()
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing_half_written() {
    for (size, folder, status) in
        [("128k", "home/store", 7), ("64m", "home/store", 0), ("16k", "small", 7), ("64m", "small", 0), ("4k", "small", 7)]
    {
        let plywood = on_a_disk(size, folder);
        let start = small(&plywood.path("base"));
        plywood.write("more", noise(1 << 20));
        let text = format!(
            "base = \"{}\"\nprofile = \"none\"\n[[file]]\nfrom = \"more\"\nto = \"/opt/more\"\nmode = \"0644\"\n",
            start.name("small")
        );
        let file = plywood.write("plywood.toml", text);
        std::fs::create_dir_all(plywood.path("small")).unwrap();
        let ran = plywood.run(["build", "-f", &file, "-o", "small/image.tar"]);
        assert_eq!(ran.status, status, "{size} {folder}: {}", ran.stderr);
        if status == 7 {
            assert!(ran.stderr.contains("No space left on device"), "{size} {folder}: {}", ran.stderr);
            assert!(!plywood.path("small/image.tar").exists(), "{size} {folder}");
        }
    }
}
