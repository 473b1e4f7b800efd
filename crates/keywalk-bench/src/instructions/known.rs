use std::fs;
use std::path::PathBuf;

use crate::Fallible;

/// The counts that are known, by the names of what was counted; a file.
#[derive(Debug)]
pub(crate) struct Known(Vec<(String, f64)>);

impl Known {
    pub(crate) fn read() -> Fallible<Self> {
        let mut known = Known(Vec::new());
        let file = file();
        let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, count) = line
                .split_once('\t')
                .ok_or_else(|| format!("{}: no tab in {line:?}", file.display()))?;
            known.0.push((name.to_owned(), count.parse()?));
        }
        Ok(known)
    }

    pub(crate) fn get(&self, name: &str) -> Option<f64> {
        let (_, count) = self.0.iter().find(|(known, _)| known == name)?;
        Some(*count)
    }

    pub(crate) fn set(&mut self, name: &str, count: f64) {
        // As it will be read.
        let count = (count * 10.0).round() / 10.0;
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some(entry) => entry.1 = count,
            None => self.0.push((name.to_owned(), count)),
        }
    }

    pub(crate) fn write(&self) -> Fallible {
        let mut text = String::from(
            "# Instructions an item; made by: \
             KEYWALK_BLESS=1 cargo run --release -p keywalk-bench -- instructions\n",
        );
        for (name, count) in &self.0 {
            text.push_str(&format!("{name}\t{count:.1}\n"));
        }
        fs::write(file(), text)?;
        Ok(())
    }
}

fn file() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "instructions.tsv"]
        .iter()
        .collect()
}
