use std::fs;
use std::io::{self, Read, Seek, SeekFrom};

/// Brings the program's code, and all that it is linked with, into memory.
///
/// The system does that page by page as code is first run, and counts it as the process's memory: a way that
/// runs more code would seem to hold more, and each differently after each build.
pub(super) fn bring_in() -> io::Result<()> {
    let mut memory = fs::File::open("/proc/self/mem")?;
    let mut buffer = vec![0; 1 << 16];
    for line in fs::read_to_string("/proc/self/maps")?.lines() {
        // "55d0c5a00000-55d0c5a21000 r-xp 00021000 fe:00 1234    /path": those of files that can be read.
        let mut words = line.split_whitespace();
        let (range, rights, path) = (words.next(), words.next(), words.nth(3));
        let is_file = path.is_some_and(|path| path.starts_with('/'));
        let Some((start, end)) = range.and_then(|range| range.split_once('-')) else {
            continue;
        };
        let (Ok(start), Ok(end)) = (u64::from_str_radix(start, 16), u64::from_str_radix(end, 16))
        else {
            continue;
        };
        if is_file && rights.is_some_and(|rights| rights.starts_with('r')) {
            memory.seek(SeekFrom::Start(start))?;
            let mut mapped = memory.by_ref().take(end - start);
            while mapped.read(&mut buffer)? > 0 {}
        }
    }
    Ok(())
}
