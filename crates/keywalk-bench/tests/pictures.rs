//! Checks that the pictures in `pictures/` match the measurements.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, PoisonError, RwLock};

use keywalk::Walk;
use keywalk_memory::SharedMap;

type Fallible = Result<(), Box<dyn Error>>;

fn pictures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pictures")
}

#[test]
fn the_plots_are_of_the_figures_beside_them() -> Fallible {
    let drawn = tempfile::tempdir()?;
    let plot = Command::new(env!("CARGO_BIN_EXE_keywalk-bench"))
        .arg("plot")
        .arg(pictures().join("measured.json"))
        .arg("--out")
        .arg(drawn.path())
        .output()?;
    assert!(plot.status.success(), "{plot:?}");
    let mut plots = 0;
    for svg in fs::read_dir(drawn.path())? {
        let svg = svg?;
        let kept = fs::read_to_string(pictures().join(svg.file_name()))?;
        assert!(
            fs::read_to_string(svg.path())? == kept,
            "{} isn't what pictures/measured.json gives; draw it again, as pictures/README.md says",
            svg.file_name().display()
        );
        plots += 1;
    }
    assert_eq!(plots, 2);
    Ok(())
}

/// The keys of a row of the picture, which are drawn as this.
fn keys_of(row: &str, drawn_as: &str) -> Result<Vec<i64>, Box<dyn Error>> {
    let mut keys = Vec::new();
    let text = format!("class=\"key {drawn_as}-key\"");
    for text in row.split(&text).skip(1) {
        let (_, key) = text.split_once('>').ok_or("a tag that isn't closed")?;
        let (key, _) = key.split_once('<').ok_or("a text without an end")?;
        keys.push(key.parse()?);
    }
    Ok(keys)
}

#[test]
fn the_walk_that_is_drawn_is_the_one_that_happens() -> Fallible {
    let picture = fs::read_to_string(pictures().join("walk.svg"))?;
    let rows: Vec<&str> = picture.split("<g>").skip(1).collect();
    let [fetch_1, in_between, fetch_2, fetch_3, what_came] = rows[..] else {
        return Err("five rows were expected".into());
    };

    let drawn = [keys_of(fetch_1, "now")?, keys_of(fetch_1, "row")?].concat();
    let map: BTreeMap<i64, ()> = drawn.into_iter().map(|key| (key, ())).collect();
    let map = Arc::new(RwLock::new(map));
    let mut chunks = Walk::new(SharedMap::new(Arc::clone(&map)))
        .chunk_size(3)
        .chunks();
    let mut came = Vec::new();
    for fetch in [fetch_1, fetch_2, fetch_3] {
        let chunk = chunks.next()?.ok_or("the walk ended early")?;
        let keys: Vec<i64> = chunk.iter().map(|(key, ())| *key).collect();
        assert_eq!(keys, keys_of(fetch, "now")?);
        came.extend(keys);
        if fetch == fetch_1 {
            let mut map = map.write().unwrap_or_else(PoisonError::into_inner);
            for key in keys_of(in_between, "gone")? {
                map.remove(&key)
                    .ok_or("a key that isn't there is deleted")?;
            }
            map.extend(keys_of(in_between, "new")?.into_iter().map(|key| (key, ())));
        }
    }
    assert_eq!(chunks.next()?, None);
    assert_eq!(came, keys_of(what_came, "now")?);
    Ok(())
}
