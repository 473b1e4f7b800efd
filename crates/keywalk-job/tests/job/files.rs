//! Checkpoints in files: a crash between work and checkpoint, damage, names.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, RwLock};

use keywalk::Walk;
use keywalk_job::{CheckpointFiles, Checkpoints, Error, Job, Outcome, Stop};
use keywalk_memory::{Poisoned, SharedMap};

type Run = Result<Outcome, Error<Poisoned, keywalk_job::FileError>>;

fn walk(size: usize) -> Walk<SharedMap<u64, &'static str>> {
    let map = (0..10)
        .map(|key| (key, "value"))
        .collect::<BTreeMap<_, _>>();
    Walk::new(SharedMap::new(Arc::new(RwLock::new(map)))).chunk_size(size)
}

fn run(name: &str, size: usize, folder: &Path, seen: &mut Vec<u64>) -> Run {
    Job::new(name, walk(size), CheckpointFiles::new(folder)).run(|(), items| {
        seen.extend(items.iter().map(|(key, _)| *key));
        Ok(())
    })
}

/// The files in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_crash_between_work_and_checkpoint_repeats_that_chunk_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = Vec::new();
    let job = Job::new("crash", walk(4), CheckpointFiles::new(folder.path()));
    let crash = job.run(|(), items| {
        seen.extend(items.iter().map(|(key, _)| *key));
        match seen.len() > 4 {
            true => Err("as a crash does".into()),
            false => Ok(()),
        }
    });
    assert!(crash.is_err());
    assert!(run("crash", 3, folder.path(), &mut seen).unwrap().is_done());
    assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn the_folder_is_made_and_holds_what_is_documented() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("not/there/yet");
    let mut files = CheckpointFiles::new(&folder);
    assert!(files.list().unwrap().is_empty());
    let job = Job::new("letters", walk(4), &mut files).skip_failures();
    let run = job.run(|(), items| match items[0].0 {
        3 => Err("bad\nindeed".into()),
        _ => Ok(()),
    });
    assert_eq!(run.unwrap().skipped(), 1);
    let expected = ["job-letters.dead-letters.ndjson", "job-letters.json"];
    assert_eq!(names(&folder), expected);
    let letters = fs::read_to_string(folder.join(expected[0])).unwrap();
    let [line] = letters.lines().collect::<Vec<_>>()[..] else {
        panic!("one line: {letters}");
    };
    assert!(
        line.contains(r#""key":"3""#) && line.contains(r#""error":"bad\nindeed""#),
        "{line}"
    );
    assert!(line.contains(r#""key_bytes":"0000000000000003""#), "{line}");
    assert_eq!(files.load("letters").unwrap().unwrap().skipped(), 1);
    assert!(files.reset("letters").unwrap());
    assert!(names(&folder).is_empty());
    assert!(!files.reset("letters").unwrap());
}

#[test]
fn a_damaged_checkpoint_is_an_error_and_a_reset_mends_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job-damage.json");
    assert!(
        run("damage", 4, folder.path(), &mut Vec::new())
            .unwrap()
            .is_done()
    );
    let whole = fs::read(&path).unwrap();
    let mut damaged = vec![Vec::new(), b"{}".to_vec(), vec![0; whole.len()]];
    damaged.extend(
        (0..whole.len() - 2)
            .step_by(37)
            .map(|end| whole[..end].to_vec()),
    );
    // Within the token.
    let at = whole
        .windows(8)
        .position(|part| part == b"\"token\":")
        .unwrap()
        + 20;
    let mut changed = whole.clone();
    changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
    damaged.push(changed);
    for content in damaged {
        fs::write(&path, &content).unwrap();
        let mut seen = Vec::new();
        let error = run("damage", 4, folder.path(), &mut seen).unwrap_err();
        assert!(seen.is_empty());
        let Error::Checkpoints { job, error } = error else {
            panic!("{error}");
        };
        assert_eq!(job, "damage");
        assert_eq!(error.path(), path);
        assert!(std::error::Error::source(&error).is_some());
        assert_eq!(
            fs::read(&path).unwrap(),
            content,
            "it is left for who looks"
        );
    }
    assert!(CheckpointFiles::new(folder.path()).reset("damage").unwrap());
    assert_eq!(
        run("damage", 4, folder.path(), &mut Vec::new())
            .unwrap()
            .items(),
        10
    );
}

#[test]
fn every_name_has_files_of_its_own_in_the_folder() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("jobs");
    let jobs = [
        "", ".", "..", "../x", "/etc/x", "a\\b", "CON", "con", "a", "A", "%", "%41", "a b", "ä",
        "😀", "a.json", "job-", "\0", "a\n",
    ];
    for job in jobs {
        let outcome = run(job, 100, &folder, &mut Vec::new());
        assert_eq!(outcome.unwrap().items(), 10, "{job:?} is a job of its own");
    }
    assert_eq!(names(parent.path()), ["jobs"], "nothing beside it");
    let names = names(&folder);
    assert_eq!(names.len(), jobs.len());
    let mut small: Vec<_> = names.iter().map(|name| name.to_lowercase()).collect();
    small.sort();
    small.dedup();
    assert_eq!(small.len(), names.len(), "where case doesn't count");
    let mut listed: Vec<_> = CheckpointFiles::new(&folder)
        .list()
        .unwrap()
        .iter()
        .map(|checkpoint| checkpoint.job().to_owned())
        .collect();
    let mut expected = jobs.map(str::to_owned).to_vec();
    expected.sort();
    listed.sort();
    assert_eq!(listed, expected);
}

#[test]
fn a_name_too_long_for_a_file_is_an_error_before_anything_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = Vec::new();
    let error = run(&"long".repeat(100), 4, folder.path(), &mut seen).unwrap_err();
    let Error::Checkpoints { error, .. } = error else {
        panic!("{error}");
    };
    assert!(error.io_error().is_some() && seen.is_empty());
}

#[test]
fn a_folder_that_is_gone_or_a_file_is_an_error_and_the_run_goes_on_later() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("jobs");
    fs::write(&folder, "a file").unwrap();
    let error = run("gone", 4, &folder, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, Error::Checkpoints { .. }));
    let says =
        "the checkpoints of the job \"gone\" failed; mend what they failed over and try again";
    assert_eq!(error.to_string(), says);
    fs::remove_file(&folder).unwrap();
    let job = Job::new("gone", walk(4), CheckpointFiles::new(&folder));
    let mut seen = Vec::new();
    let aside = parent.path().join("aside");
    let run_away = job.run(|(), items| {
        if items[0].0 == 4 {
            fs::rename(&folder, &aside)?;
        }
        seen.extend(items.iter().map(|(key, _)| *key));
        Ok(())
    });
    assert!(matches!(run_away, Err(Error::Checkpoints { .. })));
    fs::rename(&aside, &folder).unwrap();
    assert!(run("gone", 4, &folder, &mut seen).unwrap().is_done());
    assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn where_the_lease_fails_the_earlier_run_is_refused_and_the_later_one_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut later = Vec::new();
    let run_earlier = |walk: Walk<SharedMap<_, _>>, later: &mut Vec<u64>| {
        Job::new("twice", walk, CheckpointFiles::new(folder)).run(|(), items| {
            if items[0].0 == 4 && later.is_empty() {
                // Windows keeps a file that is locked.
                match fs::remove_file(folder.join("job-twice.lock")) {
                    Ok(()) => _ = run("twice", 3, folder, later)?,
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(())
        })
    };
    let error = run_earlier(walk(4), &mut later).unwrap_err();
    if cfg!(windows) {
        assert!(matches!(error, Error::Work { .. }), "{error}");
        return;
    }
    let Error::Checkpoints { error, .. } = error else {
        panic!("{error}");
    };
    assert!(
        error.to_string().contains("a later run of the job"),
        "{error}"
    );
    assert_eq!(later, [4, 5, 6, 7, 8, 9]);
    let outcome = run_earlier(walk(4), &mut later).unwrap();
    assert_eq!((outcome.is_done(), outcome.items()), (true, 0));
    assert!(names(folder).iter().eq(["job-twice.json"]));
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_file_is_an_error_that_does_not_wait() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "job-pipe.lock",
        "job-pipe.json",
        "job-pipe.dead-letters.ndjson",
    ] {
        let path = folder.path().join(name);
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let job = Job::new("pipe", walk(4), CheckpointFiles::new(folder.path()));
        let error = job
            .skip_failures()
            .run(|(), _| Err("bad".into()))
            .unwrap_err();
        let Error::Checkpoints { error, .. } = error else {
            panic!("{name}: {error}");
        };
        assert_eq!(error.path(), path);
        let cause = error.io_error().unwrap().to_string();
        assert!(cause.contains("isn't a regular file"), "{cause}");
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_stop_in_each_chunk_does_every_item_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = Vec::new();
    for size in [1, 3, 2, 1, 5] {
        let stop = Stop::new();
        let job = Job::new("once", walk(size), CheckpointFiles::new(folder.path()));
        let outcome = job.stop_on(&stop).run(|(), items| {
            seen.extend(items.iter().map(|(key, _)| *key));
            stop.request();
            Ok(())
        });
        assert_eq!(outcome.unwrap().chunks(), 1);
    }
    assert!((0..10).eq(seen));
}

#[test]
fn a_chunk_of_bytes_is_recorded_as_one_of_items() {
    let folder = tempfile::tempdir().unwrap();
    let texts = (0..40_u64).map(|key| (key, "x".repeat(100)));
    let map = Arc::new(RwLock::new(texts.collect::<BTreeMap<_, _>>()));
    let mut seen = Vec::new();
    let mut runs = 0;
    loop {
        runs += 1;
        let walk = Walk::new(SharedMap::new(Arc::clone(&map))).chunk_bytes(700);
        let stop = Stop::new();
        let job = Job::new("bytes", walk, CheckpointFiles::new(folder.path())).stop_on(&stop);
        let outcome = job.run(|(), items| {
            assert!(items.len() < 8, "{} items", items.len());
            seen.extend(items.iter().map(|(key, _)| *key));
            stop.request();
            Ok(())
        });
        if outcome.unwrap().is_done() {
            break;
        }
    }
    assert!((0..40).eq(seen));
    assert!(runs > 5);
}
