//! Exports to a file, or to one part for each chunk.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use keywalk::Walk;
use keywalk_job::{Error, FileCheckpoints, FileExport, Job, Leases, Next};
use proptest::prelude::*;

use crate::numbers::Numbers;

fn export(folder: &Path, is_in_parts: bool) -> FileExport {
    let (path, checkpoints) = (
        folder.join("out.txt"),
        FileCheckpoints::new(folder.join("state")),
    );
    match is_in_parts {
        true => FileExport::parts(path, checkpoints),
        false => FileExport::append(path, checkpoints),
    }
}

fn job<'a>(folder: &Path, is_in_parts: bool, size: usize) -> Job<'a, Numbers, FileExport> {
    let walk = Walk::new(Numbers::new(0..30)).chunk_size(size);
    Job::new("export", walk, export(folder, is_in_parts))
}

/// The exported files in order; the parts are those after `start`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let files = folder.read_dir().unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|path| path.extension() == Some("txt".as_ref()))
        .collect();
    files.sort();
    files
}

fn exported(folder: &Path) -> String {
    files(folder)
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

fn numbers(below: u32) -> String {
    (0..below).map(|number| format!("{number}\n")).collect()
}

proptest! {
    // Each run waits for the disk.
    #![proptest_config(ProptestConfig::with_cases(16))]
    /// A crash between the write and its checkpoint leaves bytes at the end of the file, or another part.
    #[test]
    fn each_item_is_exported_once_and_in_order_whatever_a_crash_leaves(
        is_in_parts in any::<bool>(),
        runs in prop::collection::vec((3..9_usize, any::<bool>(), 0..12_u32, "[a-z]{0,9}"), 0..4),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        for (size, skips, below, garbage) in runs {
            let job = job(folder, is_in_parts, size);
            let job = if skips { job.skip_failures() } else { job };
            let mut left = below;
            let run = job.run(|out, items| {
                for (at, number) in items.iter().enumerate() {
                    if left == 0 {
                        return Ok(Next::stop().after(at));
                    }
                    left -= 1;
                    writeln!(out, "{number}")?;
                }
                Ok(Next::go_on())
            });
            let done = run.unwrap().checkpoint().unwrap().clone();
            prop_assert_eq!(exported(folder), numbers(done.items() as u32));
            if done.is_done() {
                break;
            }
            let path = match is_in_parts {
                true => folder.join(format!("out-{:06}.txt", done.chunks() + 1)),
                false => folder.join("out.txt"),
            };
            let mut file = File::options().create(true).append(true).open(path).unwrap();
            file.write_all(garbage.as_bytes()).unwrap();
        }
        let run = job(folder, is_in_parts, 4).run(|out, items| {
            items.iter().try_for_each(|number| Ok(writeln!(out, "{number}")?))
        });
        let outcome = run.unwrap();
        prop_assert_eq!(exported(folder), numbers(30));
        let stored = keywalk_job::CheckpointStore::load(&mut export(folder, is_in_parts), "export");
        let bytes = stored.unwrap().unwrap().exported_bytes();
        prop_assert_eq!(bytes, Some(numbers(30).len() as u64));
        prop_assert!(outcome.is_done());
    }
}

/// What failed is dropped with its bytes: of an item, or of a whole chunk.
#[test]
fn what_a_failed_call_has_written_is_not_exported() {
    for (skips, expected) in [(false, "0\n1\n"), (true, "0\n1\n2\n")] {
        let folder = tempfile::tempdir().unwrap();
        let job = job(folder.path(), false, 2);
        let job = if skips { job.max_skipped(27) } else { job };
        let run = job.run(|out, items| {
            items.iter().try_for_each(|number| {
                writeln!(out, "{number}")?;
                if *number > 2 {
                    Err("bad".into())
                } else {
                    Ok(())
                }
            })
        });
        assert_eq!(run.is_ok(), skips);
        assert_eq!(exported(folder.path()), expected);
    }
}

#[test]
fn a_job_that_starts_over_or_is_reset_exports_from_scratch_and_leaves_no_part() {
    for (is_in_parts, is_reset) in [(false, false), (false, true), (true, false), (true, true)] {
        let folder = tempfile::tempdir().unwrap();
        let run = |size| {
            let run = job(folder.path(), is_in_parts, size)
                .restart_when_done()
                .run(|out, items| {
                    items
                        .iter()
                        .try_for_each(|number| Ok(writeln!(out, "{number}")?))
                });
            assert!(run.unwrap().is_done());
            assert_eq!(exported(folder.path()), numbers(30));
        };
        run(2);
        if is_reset {
            assert!(export(folder.path(), is_in_parts).reset("export").unwrap());
            assert_eq!(exported(folder.path()), "");
        }
        run(11);
        assert_eq!(files(folder.path()).len(), if is_in_parts { 3 } else { 1 });
    }
}

#[test]
fn a_file_that_is_not_the_jobs_is_refused_and_left_as_it_is() {
    type Spoil = fn(&Path);
    let cases: [(bool, Spoil, &str); 9] = [
        (
            false,
            |folder| fs::write(folder.join("out.txt"), "mine").unwrap(),
            "didn't write",
        ),
        (
            true,
            |folder| fs::write(folder.join("out-000007.txt"), "mine").unwrap(),
            "didn't write",
        ),
        (
            false,
            |folder| fs::create_dir(folder.join("out.txt")).unwrap(),
            "can't write",
        ),
        (
            false,
            |folder| {
                stop_after_two(folder);
                fs::write(folder.join("out.txt"), "0").unwrap();
            },
            "has only 1 of the 4 bytes",
        ),
        (
            false,
            |folder| {
                let walk = Walk::new(Numbers::new(0..30));
                let job = Job::new("export", walk, FileCheckpoints::new(folder.join("state")));
                drop(job.run(|(), _| Ok(Next::stop().after(2))).unwrap());
            },
            "without an export",
        ),
        // Another file took the place of the job's.
        (
            false,
            |folder| {
                stop_after_two(folder);
                fs::write(folder.join("out.txt"), "precious").unwrap();
            },
            "didn't write",
        ),
        (
            false,
            |folder| {
                stop_after_two(folder);
                fs::rename(folder.join("out.txt"), folder.join("moved.txt")).unwrap();
                let path = folder.join("out.txt");
                fs::write(&path, "precious").unwrap();
                export(folder, false).reset("export").unwrap();
            },
            "didn't write",
        ),
        (
            false,
            |folder| {
                let walk = Walk::new(Numbers::new(0..0));
                let nothing = Job::new("export", walk, export(folder, false));
                drop(nothing.run(|_, _| Ok(())).unwrap());
                fs::write(folder.join("out.txt"), "precious").unwrap();
                export(folder, false).reset("export").unwrap();
            },
            "didn't write",
        ),
        // Another store went on with the job.
        (
            false,
            |folder| {
                stop_after_two(folder);
                let walk = Walk::new(Numbers::new(0..30));
                let job = Job::new("export", walk, FileCheckpoints::new(folder.join("state")));
                drop(job.run(|(), _| Ok(Next::stop().after(2))).unwrap());
            },
            "without an export",
        ),
    ];
    for (is_in_parts, spoil, says) in cases {
        let folder = tempfile::tempdir().unwrap();
        spoil(folder.path());
        let before = files(folder.path())
            .iter()
            .map(fs::read)
            .map(Result::ok)
            .collect::<Vec<_>>();
        let run = job(folder.path(), is_in_parts, 4).run(|_, _| Ok(()));
        let Err(Error::CheckpointStore { error, .. }) = run else {
            panic!("{says}: {run:?}");
        };
        assert!(error.to_string().contains(says), "{error}");
        let after = files(folder.path())
            .iter()
            .map(fs::read)
            .map(Result::ok)
            .collect::<Vec<_>>();
        assert!(after.starts_with(&before), "{says}");
    }
}

fn stop_after_two(folder: &Path) {
    let run = job(folder, false, 4).run(|out, items| {
        write!(out, "{}\n{}\n", items[0], items[1])?;
        Ok(Next::stop().after(2))
    });
    drop(run.unwrap());
}

/// Whether its file is cut or removed, or a later run has taken the job over: the file stays as that run or the user
/// left it.
#[test]
fn a_run_whose_file_is_no_longer_its_own_ends_and_writes_nothing() {
    type Spoil = fn(&Path);
    let cases: [(Spoil, &str); 3] = [
        (
            |folder| fs::write(folder.join("out.txt"), "").unwrap(),
            "has only 0 of the 8 bytes",
        ),
        (
            |folder| fs::remove_file(folder.join("out.txt")).unwrap(),
            "has only 0 of the 8 bytes",
        ),
        (
            |folder| {
                // The locks are gone, as on a file system without them.
                fs::remove_file(folder.join("out.txt.lock")).unwrap();
                let locks = folder.join("state").read_dir().unwrap();
                let locks = locks.map(|file| file.unwrap().path());
                let is_lock = |path: &PathBuf| path.extension() == Some("lock".as_ref());
                locks
                    .filter(is_lock)
                    .for_each(|lock| fs::remove_file(lock).unwrap());
                let later = job(folder, false, 4).run(|out, items| {
                    items
                        .iter()
                        .try_for_each(|number| writeln!(out, "{number}"))?;
                    Ok(())
                });
                assert!(later.unwrap().is_done());
            },
            "a later run",
        ),
    ];
    for (spoil, says) in cases {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let mut left = None;
        let run = job(folder, false, 4).run(|out, items| {
            if items.number() == 2 {
                spoil(folder);
                left = fs::read(folder.join("out.txt")).ok();
            }
            items
                .iter()
                .try_for_each(|number| writeln!(out, "{number}"))?;
            Ok(())
        });
        let Err(Error::CheckpointStore { error, .. }) = run else {
            panic!("{says}: {run:?}");
        };
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(fs::read(folder.join("out.txt")).ok(), left, "{says}");
    }
}

#[test]
fn two_jobs_do_not_export_to_one_file_at_a_time_and_no_lock_remains() {
    let folder = tempfile::tempdir().unwrap();
    let run = job(folder.path(), false, 30).run(|_, _| {
        let other = Job::new(
            "other",
            Walk::new(Numbers::new(0..3)),
            export(folder.path(), false),
        );
        let Err(Error::CheckpointStore { error, .. }) = other.run(|_, _| Ok(())) else {
            panic!("both export");
        };
        assert!(error.to_string().contains("another job exports"), "{error}");
        Ok(())
    });
    assert!(run.unwrap().is_done());
    assert!(!folder.path().join("out.txt.lock").exists());
}
