//! A file of dead letters: a JSON object a line.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Buried, DeadLetter, FileError, from_unix_millis, unix_millis};

use super::hex;

#[derive(Serialize, Deserialize)]
struct Line {
    key: String,
    #[serde(with = "hex")]
    key_bytes: Vec<u8>,
    error: String,
    /// In milliseconds since 1970.
    time: i64,
}

/// Adds a letter, durably.
pub(super) fn append(path: &Path, letter: &DeadLetter<'_>) -> io::Result<()> {
    let line = Line {
        key: letter.key().to_owned(),
        key_bytes: letter.key_bytes().to_owned(),
        error: letter.error_text(),
        time: unix_millis(letter.time()),
    };
    let line = serde_json::to_string(&line)?;
    let mut options = OpenOptions::new();
    let mut file = options.create(true).read(true).append(true).open(path)?;
    // A line that a crash cut stays one of its own.
    let break_line = if is_cut(&mut file)? { "\n" } else { "" };
    file.write_all(format!("{break_line}{line}\n").as_bytes())?;
    file.sync_all()
}

/// The last letter of each key, by the keys' bytes. A line that a crash cut is none: its chunk comes again.
pub(super) fn read(path: &Path) -> Result<Vec<Buried>, FileError> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text.map_err(FileError::io("read", path))?,
    };
    let mut letters = BTreeMap::new();
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        let line: Line = match serde_json::from_slice(line) {
            Err(error) if error.is_eof() => continue,
            line => line.map_err(FileError::letter(path, number))?,
        };
        let letter = Buried::new(line.key, line.key_bytes.clone())
            .failed_with(line.error)
            .failed_at(from_unix_millis(line.time));
        letters.insert(line.key_bytes, letter);
    }
    Ok(letters.into_values().collect())
}

/// Whether the file's last line has no end.
fn is_cut(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}
