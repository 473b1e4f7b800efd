//! Dead letters in files: cut by a crash, damaged, read back.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fs;
use std::sync::{Arc, RwLock};

use keywalk::{DurableSource, Walk};
use keywalk_job::{Buried, CheckpointFiles, Checkpoints, Job};
use keywalk_memory::SharedMap;

fn walk(size: usize) -> Walk<SharedMap<u64, &'static str>> {
    let map = (0..10)
        .map(|key| (key, "value"))
        .collect::<BTreeMap<_, _>>();
    Walk::new(SharedMap::new(Arc::new(RwLock::new(map)))).chunk_size(size)
}

#[test]
fn letters_read_back_are_the_last_of_each_key_by_their_keys_without_what_a_crash_cut() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = CheckpointFiles::new(folder.path());
    assert_eq!(files.dead_letters("read").unwrap(), []);
    for (said, bad) in [("first", [9, 3]), ("again", [3, 3])] {
        let job = Job::new("read", walk(4), &mut files).repeated();
        let run = job
            .skip_failures()
            .run(|(), items| match bad.contains(&items[0].0) {
                true => Err(said.into()),
                false => Ok(()),
            });
        assert!(run.unwrap().is_done());
    }
    let path = folder.path().join("job-read.dead-letters.ndjson");
    let letters = fs::read_to_string(&path).unwrap();
    fs::write(&path, letters + r#"{"key":"5","key_bytes":"0"#).unwrap();

    let letters = files.dead_letters("read").unwrap();
    let said: Vec<_> = letters.iter().map(|l| (l.key(), l.error())).collect();
    assert_eq!(said, [("3", "again"), ("9", "first")]);
    let walk = walk(4);
    let key = |letter: &Buried| walk.source().decode_key(letter.key_bytes()).unwrap();
    assert_eq!(
        letters.iter().map(key).collect::<Vec<_>>(),
        [Some(3), Some(9)]
    );
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
    let cuts = (1..LETTER.len())
        .step_by(9)
        .map(|end| LETTER.as_bytes()[..end].to_vec());
    let others = [
        &b"\0\0\0\0"[..],
        b"{\"key\":\"8\0\0",
        b"\0\0,\"time\":1}\n",
        b"\xff\xfe \n-\n]",
        b"7\n[8, \xff",
    ];
    for torn in cuts.chain(others.map(<[u8]>::to_vec)) {
        fs::write(&path, [LETTER.as_bytes(), b"\n", &torn].concat()).unwrap();
        let mut files = CheckpointFiles::new(folder.path());
        assert_eq!(files.dead_letters("torn").unwrap().len(), 1, "{torn:?}");
        let job = Job::new("torn", walk(4), &mut files).repeated();
        let run = job.skip_failures().run(|(), items| match items[0].0 {
            3 | 4 => Err("bad".into()),
            _ => Ok(()),
        });
        assert_eq!(run.unwrap().skipped(), 2);
        let letters = fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = letters.split('\n').collect();
        assert!(lines[1].contains("\"3\"") && lines[2].contains("\"4\""));
        assert_eq!(
            (lines[0], lines[3], lines.len()),
            (LETTER, "", 4),
            "{letters}"
        );
        assert_eq!(files.dead_letters("torn").unwrap().len(), 3);
    }
    // As earlier releases went on behind it.
    for torn in ["", "{\"key\":\"8", "\0\0\0"] {
        fs::write(&path, format!("{torn}\n{LETTER}")).unwrap();
        let letters = CheckpointFiles::new(folder.path()).dead_letters("torn");
        assert_eq!(letters.unwrap().len(), 1, "{torn:?}");
    }
}

#[test]
fn a_damaged_letter_is_an_error_that_names_its_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job-bad.dead-letters.ndjson");
    for damaged in [
        "nothing of the kind".to_owned(),
        LETTER.replace("key_bytes", "key_bites"),
        LETTER.replace("0007", "007"),
        LETTER.replace("0007", "000g"),
        LETTER.replace("0007", "+0+7"),
        LETTER.replace("0007", "000ä"),
        LETTER.replace("\"bad\"", "7"),
        format!("{LETTER}{LETTER}"),
    ] {
        fs::write(&path, format!("{LETTER}\n{damaged}\n{LETTER}\n")).unwrap();
        let letters = CheckpointFiles::new(folder.path()).dead_letters("bad");
        let error = letters.expect_err(&damaged);
        assert_eq!(error.path(), path);
        assert!(error.io_error().is_none() && error.source().is_some());
        let message = error.to_string();
        assert!(message.contains("line 2"), "{message}");
        assert!(message.contains(&path.display().to_string()), "{message}");
    }
    // Also at the end: a crash leaves no whole object that is no letter.
    fs::write(&path, format!("{LETTER}\n{{\"key\":7}}\n")).unwrap();
    let letters = CheckpointFiles::new(folder.path()).dead_letters("bad");
    assert!(letters.unwrap_err().to_string().contains("line 2"));
}
