//! Checkpoints and dead letters in files: a crash between work and checkpoint, damage, names.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fs;
use std::path::Path;

use keywalk::{ResumableSource, Walk};
use keywalk_job::{
    CheckpointStore, DeadLetterRecord, DeadLetters, Error, FileCheckpoints, FileError, Job, Leases,
    Outcome,
};
use keywalk_memory::Named;

use crate::numbers::Numbers;
use crate::store::Failed;

type Run = Result<Outcome, Error<Failed, FileError>>;

/// Over ten numbers, in chunks of four.
fn job(name: &str, folder: &Path) -> Job<'static, Numbers, FileCheckpoints> {
    Job::new(name, numbers(), FileCheckpoints::new(folder))
}

fn numbers() -> Walk<Numbers> {
    Walk::new(Numbers::new(0..10)).chunk_size(4)
}

fn run(name: &str, folder: &Path, seen: &mut Vec<u32>) -> Run {
    job(name, folder).run(|(), items| {
        seen.extend_from_slice(&items);
        Ok(())
    })
}

/// Skips these, with checkpoints that are lent to the job; how many were.
fn skip(name: &str, folder: &Path, bad: &[u32], error: &'static str) -> u64 {
    let mut files = FileCheckpoints::new(folder);
    let job = Job::new(name, numbers(), &mut files)
        .restart_when_done()
        .skip_failures();
    let run = job.run(|(), items| match bad.contains(&items[0]) {
        true => Err(error.into()),
        false => Ok(()),
    });
    run.unwrap().skipped()
}

/// What the checkpoints failed with.
#[track_caller]
fn of_checkpoints(run: Run) -> FileError {
    match run.unwrap_err() {
        Error::CheckpointStore { error, .. } => error,
        error => panic!("{error}"),
    }
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

/// `golden/v1` is what the release before sources shared one shape has written of a job over the keys 1 to 7, which
/// skipped 3 and stopped after 4.
#[test]
fn a_job_goes_on_from_the_files_that_an_earlier_release_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1");
    for name in names(&golden) {
        fs::copy(golden.join(&name), folder.path().join(&name)).unwrap();
    }
    let mut files = FileCheckpoints::new(folder.path());
    let letters = files.dead_letters("half done").unwrap();
    assert_eq!((letters[0].key(), letters[0].error()), ("3", "three"));
    let items: BTreeMap<u32, &str> = (1..8).map(|key| (key, "x")).collect();
    let walk = Walk::new(Named::new("items", &items));
    let mut seen = Vec::new();
    let run = Job::new("half done", walk, &mut files).run(|(), items| {
        seen.extend(items.iter().map(|(key, _)| **key));
        Ok(())
    });
    let checkpoint = run.unwrap().checkpoint().unwrap().clone();
    assert_eq!(seen, [5, 6, 7]);
    assert_eq!(
        (checkpoint.items(), checkpoint.skipped(), checkpoint.run()),
        (7, 1, 2)
    );
}

#[test]
fn a_crash_between_work_and_checkpoint_repeats_that_chunk_alone() {
    let parent = tempfile::tempdir().unwrap();
    let (folder, aside) = (parent.path().join("jobs"), parent.path().join("aside"));
    let mut seen = Vec::new();
    // The folder is gone when the checkpoint is to be written.
    let crash = job("crash", &folder).run(|(), items| {
        if items[0] == 4 {
            fs::rename(&folder, &aside)?;
        }
        seen.extend_from_slice(&items);
        Ok(())
    });
    let says = "the checkpoints of the job \"crash\" failed; fix the cause and try again";
    assert_eq!(crash.as_ref().unwrap_err().to_string(), says);
    of_checkpoints(crash);
    fs::rename(&aside, &folder).unwrap();
    assert!(run("crash", &folder, &mut seen).unwrap().is_done());
    assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn the_folder_is_made_and_holds_what_is_documented() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("not/there/yet");
    let mut files = FileCheckpoints::new(&folder);
    assert!(files.list().unwrap().is_empty());
    assert_eq!(skip("letters", &folder, &[3], "bad\nindeed"), 1);
    let expected = ["job-letters.dead-letters.ndjson", "job-letters.json"];
    assert_eq!(names(&folder), expected);
    let letters = fs::read_to_string(folder.join(expected[0])).unwrap();
    let whole = r#"{"key":"3","key_bytes":"00000003","error":"bad\nindeed","time":"#;
    assert!(letters.starts_with(whole), "{letters}");
    assert_eq!(letters.lines().count(), 1);
    assert_eq!(files.load("letters").unwrap().unwrap().skipped(), 1);
    assert!(files.reset("letters").unwrap());
    assert!(names(&folder).is_empty());
    assert!(!files.reset("letters").unwrap());
}

#[test]
fn a_damaged_checkpoint_is_an_error_and_a_reset_mends_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let path = folder.join("job-damage.json");
    assert!(run("damage", folder, &mut Vec::new()).unwrap().is_done());
    let whole = fs::read(&path).unwrap();
    let changed = String::from_utf8(whole.clone())
        .unwrap()
        .replace("\"run\":1", "\"run\":2");
    for content in [
        &[][..],
        b"{}",
        &[0; 9],
        &[0xff; 9],
        &whole[..whole.len() / 2],
        changed.as_bytes(),
    ] {
        fs::write(&path, content).unwrap();
        let mut seen = Vec::new();
        let error = of_checkpoints(run("damage", folder, &mut seen));
        assert!(seen.is_empty());
        assert_eq!(error.path(), path);
        assert_eq!(error.source().is_some(), content != changed.as_bytes());
        let kept = fs::read(&path).unwrap();
        assert_eq!(kept, content, "it is left for who looks");
    }
    assert!(FileCheckpoints::new(folder).reset("damage").unwrap());
    assert_eq!(run("damage", folder, &mut Vec::new()).unwrap().items(), 10);
}

#[test]
fn every_name_has_files_of_its_own_in_the_folder() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("jobs");
    let mut jobs = [
        "", ".", "..", "../x", "/etc/x", "a\\b", "CON", "con", "a", "A", "%", "%41", "a b", "ä",
        "😀", "a.json", "job-", "\0", "a\n",
    ];
    for job in jobs {
        let outcome = run(job, &folder, &mut Vec::new());
        assert_eq!(outcome.unwrap().items(), 10, "{job:?} is a job of its own");
    }
    assert_eq!(names(parent.path()), ["jobs"], "nothing beside it");
    let mut small: Vec<_> = names(&folder)
        .iter()
        .map(|name| name.to_lowercase())
        .collect();
    small.sort();
    small.dedup();
    assert_eq!(small.len(), jobs.len(), "where case doesn't count");
    let listed = FileCheckpoints::new(&folder).list().unwrap();
    jobs.sort();
    assert!(listed.iter().map(|checkpoint| checkpoint.job()).eq(jobs));
}

#[test]
fn a_name_too_long_for_a_file_or_a_folder_that_is_one_is_an_error_before_anything_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jobs");
    fs::write(&file, "a file").unwrap();
    for (name, folder) in [(&"long".repeat(100)[..], folder.path()), ("short", &file)] {
        let mut seen = Vec::new();
        let error = of_checkpoints(run(name, folder, &mut seen));
        assert!(error.io_error().is_some() && seen.is_empty(), "{name}");
    }
}

#[test]
fn where_the_lease_fails_the_earlier_run_is_refused_and_the_later_one_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut later = Vec::new();
    let earlier = job("twice", folder).run(|(), items| {
        if items[0] == 4 {
            // Windows keeps a file that is locked.
            fs::remove_file(folder.join("job-twice.lock"))?;
            let _ = run("twice", folder, &mut later)?;
        }
        Ok(())
    });
    if cfg!(windows) {
        assert!(matches!(earlier, Err(Error::Work { .. })), "{earlier:?}");
        return;
    }
    let says = of_checkpoints(earlier).to_string();
    assert!(says.contains("a later run of the job"), "{says}");
    assert_eq!(later, [4, 5, 6, 7, 8, 9]);
    let outcome = run("twice", folder, &mut later).unwrap();
    assert_eq!((outcome.is_done(), outcome.items()), (true, 0));
    assert!(names(folder).iter().eq(["job-twice.json"]));
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_file_is_an_error_that_does_not_wait() {
    let folder = tempfile::tempdir().unwrap();
    for end in ["lock", "json", "dead-letters.ndjson"] {
        let path = folder.path().join(format!("job-pipe.{end}"));
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let job = job("pipe", folder.path()).skip_failures();
        let error = of_checkpoints(job.run(|(), _| Err::<(), _>("bad".into())));
        assert_eq!(error.path(), path);
        let cause = error.io_error().unwrap().to_string();
        assert!(cause.contains("isn't a regular file"), "{cause}");
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn letters_read_back_are_the_last_of_each_key_by_their_keys_without_what_a_crash_cut() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = FileCheckpoints::new(folder.path());
    assert_eq!(files.dead_letters("read").unwrap(), []);
    skip("read", folder.path(), &[9, 3], "first");
    skip("read", folder.path(), &[3], "again");
    let path = folder.path().join("job-read.dead-letters.ndjson");
    let letters = fs::read_to_string(&path).unwrap();
    fs::write(&path, letters + r#"{"key":"5","key_bytes":"0"#).unwrap();

    let letters = files.dead_letters("read").unwrap();
    let said: Vec<_> = letters.iter().map(|l| (l.key(), l.error())).collect();
    assert_eq!(said, [("3", "again"), ("9", "first")]);
    let key = |letter: &DeadLetterRecord| Numbers::new([]).decode_key(letter.key_bytes()).unwrap();
    assert!(letters.iter().map(key).eq([Some(3), Some(9)]));
    assert!(letters[0].time() >= letters[1].time());

    assert!(files.reset("read").unwrap());
    assert_eq!(files.dead_letters("read").unwrap(), []);
}

const LETTER: &str = r#"{"key":"7","key_bytes":"0007","error":"bad","time":1}"#;

/// Power failures leave NULs, or what the disk held before, in the place of what was written last.
#[test]
fn what_a_crash_tore_at_the_end_is_no_letter_and_the_next_one_replaces_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job-torn.dead-letters.ndjson");
    let letters = || {
        FileCheckpoints::new(folder.path())
            .dead_letters("torn")
            .unwrap()
            .len()
    };
    let cuts = (1..LETTER.len())
        .step_by(9)
        .map(|end| &LETTER.as_bytes()[..end]);
    let others = [
        &b"\0\0\0\0"[..],
        b"{\"key\":\"8\0\0",
        b"\0\0,\"time\":1}\n",
        b"\xff\xfe \n-\n]",
        b"7\n[8, \xff",
    ];
    for torn in cuts.chain(others) {
        fs::write(&path, [LETTER.as_bytes(), b"\n", torn].concat()).unwrap();
        assert_eq!(letters(), 1, "{torn:?}");
        assert_eq!(skip("torn", folder.path(), &[3, 4], "bad"), 2);
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.split('\n').collect();
        assert!(lines[1].contains("\"3\"") && lines[2].contains("\"4\""));
        assert_eq!((lines[0], lines[3], lines.len()), (LETTER, "", 4), "{text}");
        assert_eq!(letters(), 3);
    }
    // As earlier releases went on behind it.
    for torn in ["", "{\"key\":\"8", "\0\0\0"] {
        fs::write(&path, format!("{torn}\n{LETTER}")).unwrap();
        assert_eq!(letters(), 1, "{torn:?}");
    }
}

#[test]
fn a_damaged_letter_is_an_error_that_names_its_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job-bad.dead-letters.ndjson");
    let damaged = [
        "nothing of the kind".to_owned(),
        LETTER.replace("key_bytes", "key_bites"),
        LETTER.replace("0007", "007"),
        LETTER.replace("0007", "000g"),
        LETTER.replace("0007", "+0+7"),
        LETTER.replace("0007", "000ä"),
        LETTER.replace("\"bad\"", "7"),
        format!("{LETTER}{LETTER}"),
    ];
    let followed = damaged.map(|line| format!("{line}\n{LETTER}\n"));
    // Also at the end: a crash leaves no whole object that is no letter.
    for rest in followed.into_iter().chain(["{\"key\":7}\n".to_owned()]) {
        fs::write(&path, format!("{LETTER}\n{rest}")).unwrap();
        let letters = FileCheckpoints::new(folder.path()).dead_letters("bad");
        let error = letters.expect_err(&rest);
        assert_eq!(error.path(), path);
        assert!(error.io_error().is_none() && error.source().is_some());
        let message = error.to_string();
        let place = format!("line 2 of {} ", path.display());
        assert!(message.starts_with(&place), "{message}");
    }
}
