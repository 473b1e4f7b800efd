//! The published crates, as they are in the folder `crates`, and how the compiler describes them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates");

/// A crate that is published.
pub(crate) struct Crate {
    name: String,
    features: Vec<String>,
}

impl Crate {
    /// All of them, by name.
    pub(crate) fn published() -> Vec<Crate> {
        let folders = fs::read_dir(FOLDER).expect("the folder is there");
        let crates =
            folders.filter_map(|folder| Crate::read(&folder.expect("it can be read").path()));
        let mut crates: Vec<_> = crates.collect();
        crates.sort_by(|a, b| a.name.cmp(&b.name));
        assert!(!crates.is_empty(), "no crate is published");
        crates
    }

    fn read(folder: &Path) -> Option<Crate> {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).ok()?;
        if manifest.lines().any(|line| line == "publish = false") {
            return None;
        }
        let name = folder.file_name()?.to_str()?.to_string();
        let lines = manifest.lines().skip_while(|line| *line != "[features]");
        let features = lines.skip(1).take_while(|line| !line.starts_with('['));
        let names = features.filter_map(|line| Some(line.split_once(" = ")?.0));
        // What `bundled` changes is where SQLite is from: without it, it need not be built once more.
        let names =
            names.filter(|name| !["default", "bundled"].contains(name) && !name.starts_with('#'));
        // Bare: cargo loses a `crate/feature` where the crate is a dev-dependency of itself.
        let features = names.map(str::to_string).collect();
        Some(Crate { name, features })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// The files of JSON that describe each, with all of its features.
pub(crate) fn describe(crates: &[Crate]) -> Vec<PathBuf> {
    // Beside what else is built, which would be built again: a different `RUSTC_BOOTSTRAP`, different flags.
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("public_api");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args([
            "doc",
            "--quiet",
            "--locked",
            "--no-deps",
            "--lib",
            "--no-default-features",
        ])
        .args(crates.iter().flat_map(|of| ["-p", of.name()]))
        .args(
            crates
                .iter()
                .flat_map(|of| &of.features)
                .flat_map(|name| ["-F", name]),
        )
        .env("CARGO_TARGET_DIR", &target)
        // The format isn't stable, so a stable compiler has to be told that it is known.
        .env("RUSTC_BOOTSTRAP", "1")
        .env(
            "RUSTDOCFLAGS",
            "-Z unstable-options --output-format json --cap-lints allow",
        );
    let output = cargo.output().expect("cargo is there");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{cargo:?}\n{errors}");
    let json = |of: &Crate| target.join(format!("doc/{}.json", of.name.replace('-', "_")));
    crates.iter().map(json).collect()
}
