//! The values of an example's options.

use std::ffi::OsString;
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use lexopt::{Parser, ValueExt};

use crate::Failure;

/// A file or folder.
///
/// # Errors
///
/// If there is no value.
pub fn path(parser: &mut Parser) -> Result<PathBuf, Failure> {
    value(parser).map(PathBuf::from)
}

/// A text.
///
/// # Errors
///
/// If there is no value, or it isn't UTF-8.
pub fn text(parser: &mut Parser) -> Result<String, Failure> {
    value(parser)?.string().map_err(Failure::usage)
}

/// Names of columns, as in `a,b`.
///
/// # Errors
///
/// If there is no value, or a name is empty.
pub fn names(parser: &mut Parser, option: &str) -> Result<Vec<String>, Failure> {
    let names = text(parser)?;
    let names: Vec<String> = names
        .split(',')
        .map(|name| name.trim().to_owned())
        .collect();
    if names.iter().any(String::is_empty) {
        let message = format!("{option} takes names of columns, as in {option} a,b");
        return Err(Failure::usage(message));
    }
    Ok(names)
}

/// A whole number of at least `least`.
///
/// # Errors
///
/// If it is none.
pub fn number<N: FromStr + PartialOrd + Display>(
    parser: &mut Parser,
    option: &str,
    least: N,
) -> Result<N, Failure> {
    let given = value(parser)?;
    let number = given.to_str().and_then(|text| text.parse().ok());
    number.filter(|number| *number >= least).ok_or_else(|| {
        Failure::usage(format!(
            "{option} takes a whole number from {least} on, not \"{}\"",
            given.to_string_lossy()
        ))
    })
}

fn value(parser: &mut Parser) -> Result<OsString, Failure> {
    parser.value().map_err(Failure::usage)
}
