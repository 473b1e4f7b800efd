//! A file of dead letters: a JSON object a line.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::lease::refuse_special_file;
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

/// A whole line that may be a letter of another release.
type Object = serde_json::Map<String, serde_json::Value>;

/// Adds a letter, durably, in the place of what a crash tore at the file's end. Returns the file's length, to
/// be given for the next one: as long as that is the file's, it is not read.
pub(super) fn append(path: &Path, letter: &DeadLetter<'_>, known: Option<u64>) -> io::Result<u64> {
    let line = Line {
        key: letter.key().to_owned(),
        key_bytes: letter.key_bytes().to_owned(),
        error: letter.error_text(),
        time: unix_millis(letter.time()),
    };
    let mut line = serde_json::to_string(&line)? + "\n";
    refuse_special_file(path)?;
    let mut options = OpenOptions::new();
    let mut file = options.create(true).read(true).append(true).open(path)?;
    if known != Some(file.metadata()?.len()) {
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let whole = &text[..Letters::of(&text).end];
        if whole.len() < text.len() {
            // On Windows a file that is appended to can't be cut.
            let file = OpenOptions::new().write(true).open(path)?;
            file.set_len(whole.len() as u64)?;
        }
        // The last letter is whole, and only its line's end was torn.
        if whole.last().is_some_and(|byte| *byte != b'\n') {
            line.insert(0, '\n');
        }
    }
    file.write_all(line.as_bytes())?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

/// The last letter of each key, by the keys' bytes.
pub(super) fn read(path: &Path) -> Result<Vec<Buried>, FileError> {
    refuse_special_file(path).map_err(FileError::io("read", path))?;
    let text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text.map_err(FileError::io("read", path))?,
    };
    let letters = Letters::of(&text);
    match letters.foreign {
        Some((number, error)) => Err(FileError::letter(path, number)(error)),
        None => Ok(letters.by_key.into_values().collect()),
    }
}

/// What a file of letters holds.
struct Letters {
    by_key: BTreeMap<Vec<u8>, Buried>,
    /// Where the last line ends that a crash hasn't torn. What is behind it was never committed.
    end: usize,
    /// The first line before that end which is no letter, from 1.
    foreign: Option<(usize, serde_json::Error)>,
}

impl Letters {
    fn of(text: &[u8]) -> Self {
        let mut letters = Letters {
            by_key: BTreeMap::new(),
            end: 0,
            foreign: None,
        };
        let mut foreign = None;
        let mut at = 0;
        for (number, line) in (1..).zip(text.split_inclusive(|byte| *byte == b'\n')) {
            at += line.len();
            match serde_json::from_slice::<Line>(line.strip_suffix(b"\n").unwrap_or(line)) {
                Ok(line) => {
                    let letter = Buried::new(line.key, line.key_bytes.clone())
                        .failed_with(line.error)
                        .failed_at(from_unix_millis(line.time));
                    letters.by_key.insert(line.key_bytes, letter);
                }
                // Torn, also where an earlier release has added the next letter behind it.
                Err(error) if error.is_eof() || line.contains(&0) => continue,
                Err(error) => {
                    foreign = foreign.or(Some((number, error)));
                    // Torn too, unless something follows.
                    if serde_json::from_slice::<Object>(line).is_err() {
                        continue;
                    }
                }
            }
            letters.end = at;
            letters.foreign = letters.foreign.or(foreign.take());
        }
        letters
    }
}
