//! Pictures of what was measured, as SVG: `keywalk-bench plot FILE.json --out DIR`, where `FILE.json` is of the
//! groups `memory_peak`, `sqlite`, `sled` and `memory`.
//!
//! The same figures give the same bytes. Those in `pictures/` are of `measured.json`, and a test holds them
//! against it.

mod chart;
mod chunk_sizes;
mod line;
mod measured;
mod table_sizes;

use std::fs;
use std::path::Path;

use crate::Fallible;
use measured::Measured;

/// Draws each picture into `folder`.
pub(crate) fn plot(file: &Path, folder: &Path) -> Fallible {
    let measured = Measured::read(file)?;
    fs::create_dir_all(folder)?;
    for chart in [
        table_sizes::chart(&measured)?,
        chunk_sizes::chart(&measured)?,
    ] {
        let svg = folder.join(chart.file);
        fs::write(&svg, chart.to_svg()?).map_err(|e| format!("{}: {e}", svg.display()))?;
    }
    Ok(())
}
