//! A file of dead letters: a JSON object a line.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::checkpoint::{milliseconds, time};
use crate::{Buried, DeadLetter};

#[derive(Serialize, Deserialize)]
struct Line {
    key: String,
    /// In hexadecimal digits.
    key_bytes: String,
    error: String,
    /// In milliseconds since 1970.
    time: u64,
}

/// Adds a letter, durably.
pub(super) fn append(path: &Path, letter: &DeadLetter<'_>) -> io::Result<()> {
    let line = Line {
        key: letter.key().to_owned(),
        key_bytes: hex(letter.key_bytes()),
        error: letter.error_text(),
        time: milliseconds(letter.time()),
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
pub(super) fn read(path: &Path) -> io::Result<Vec<Buried>> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text?,
    };
    let mut letters = BTreeMap::new();
    for line in text.split(|byte| *byte == b'\n') {
        let Ok(line) = serde_json::from_slice::<Line>(line) else {
            continue;
        };
        if let Some(key_bytes) = bytes(&line.key_bytes) {
            let letter = Buried::new(line.key, key_bytes.clone(), line.error, time(line.time));
            letters.insert(key_bytes, letter);
        }
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // A string takes whatever is written.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of these digits.
fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    hex.as_bytes()
        .chunks(2)
        .map(|pair| match *pair {
            [high, low] => u8::try_from(digit(high)? << 4 | digit(low)?).ok(),
            _ => None,
        })
        .collect()
}
