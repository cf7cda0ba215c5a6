//! What was told is in the files, whenever the plug is pulled.

use std::fs;

use super::*;
use crate::auth::recovery::RecoveryHash;

const CODE: RecoveryHash = RecoveryHash([5; 32]);

/// The register as the files beside `from` have it, as after a crash: what only SQLite's shared
/// memory knows is gone, and of the log there are `wal` bytes.
fn after_crash(from: &Path, wal: Option<usize>) -> (TempDir, Register) {
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("register.sqlite");
    fs::copy(from, &to).expect("copies");
    let log = fs::read(from.with_extension("sqlite-wal")).expect("there is a log");
    let cut = wal.unwrap_or(log.len());
    fs::write(to.with_extension("sqlite-wal"), &log[..cut]).expect("writes");
    let register = open(&to);
    (folder, register)
}

fn answered(number: usize) -> Answered {
    Answered { digest: [1; 32], answer: Some(number.to_string().into()), at: NOW }
}

#[test]
fn every_kind_of_change_is_in_the_files_when_it_was_told() {
    let shelf = Shelf::new();
    let crash = || after_crash(&shelf.file(), None);
    let ana = person(1);
    shelf.add_person(&ana, &passkey(1, 0), "phone").expect("adds");
    assert_eq!(crash().1.passkeys(ana.id).expect("reads").len(), 1);
    let (first, moved) = (PasskeyId::of(&passkey(1, 0)), passkey(1, 9));
    shelf.use_passkey(ana.id, &first, Some(&moved), NOW).expect("notes");
    let passkeys = crash().1.passkeys(ana.id).expect("reads");
    let kept = serde_json::to_value(&passkeys[0]).expect("is JSON");
    assert_eq!(kept["cred"]["counter"], 9);
    shelf.add_wallet(ana.id, wallet(1), Currency::CNY).expect("adds");
    assert_eq!(crash().1.owner(wallet(1)).expect("reads"), Some(ana.id));
    shelf.verify_person(ana.id, [1; 32]).expect("verifies");
    assert!(crash().1.person(ana.id).expect("reads").expect("is there").verified);
    shelf.set_role(merchant(1), ana.id, Role::Owner).expect("sets");
    assert_eq!(crash().1.staff(merchant(1)).expect("reads").len(), 1);
    let (token, device, _) = shelf.open_session(ana.id, None, "phone", NOW, DAY).expect("opens");
    identity(&crash().1, &token.hash(), NOW);
    shelf.add_passkey(ana.id, device, &passkey(2, 0), "tablet", NOW).expect("adds");
    assert_eq!(crash().1.passkeys(ana.id).expect("reads").len(), 2);
    shelf.remove_passkey(ana.id, device, &first).expect("removes");
    assert_eq!(crash().1.passkeys(ana.id).expect("reads").len(), 1);
    shelf.replace_recovery_codes(ana.id, device, &[CODE], NOW).expect("keeps");
    assert!(crash().1.who_recovers(&CODE).expect("reads").is_some());
    shelf.revoke_device(ana.id, device).expect("revokes");
    check_nobody(&crash().1, &token.hash(), NOW);
    let (_, key) = shelf.create_key(merchant(1), "till", &[Scope::Read], NOW).expect("makes");
    assert_eq!(crash().1.keys(merchant(1)).expect("reads")[0], key);
    shelf.revoke_key(merchant(1), key.key).expect("revokes");
    assert!(crash().1.keys(merchant(1)).expect("reads").is_empty());
    shelf.remember_answer("ana", "key", answered(1)).expect("keeps");
    assert_eq!(crash().1.answered("ana", "key").expect("reads"), Some(answered(1)));
}

#[test]
fn a_torn_log_gives_back_a_beginning_of_what_was_told() {
    const ANSWERS: usize = 40;
    let shelf = Shelf::new();
    for number in 0..ANSWERS {
        shelf.remember_answer("ana", &number.to_string(), answered(number)).expect("keeps");
    }
    let whole = fs::metadata(shelf.file().with_extension("sqlite-wal")).expect("there is a log");
    let whole = usize::try_from(whole.len()).expect("a small file");
    let mut before = 0;
    for cut in (0..whole).step_by(1_031).chain([whole]) {
        let (_folder, register) = after_crash(&shelf.file(), Some(cut));
        let is_kept =
            |number: usize| register.answered("ana", &number.to_string()).expect("reads").is_some();
        let kept = (0..ANSWERS).take_while(|number| is_kept(*number)).count();
        assert!((kept..ANSWERS).all(|number| !is_kept(number)), "a gap after {kept} at {cut}");
        assert!(kept >= before, "{kept} of {before} at {cut}");
        before = kept;
    }
    assert_eq!(before, ANSWERS);
}

#[test]
fn a_torn_log_leaves_a_recovery_whole_or_undone() {
    let shelf = Shelf::new();
    let ana = person(1);
    shelf.add_person(&ana, &passkey(1, 0), "phone").expect("adds");
    let opened_by = PasskeyId::of(&passkey(1, 0));
    let (former, device, _) =
        shelf.open_session(ana.id, Some(&opened_by), "phone", NOW, DAY).expect("opens");
    shelf.replace_recovery_codes(ana.id, device, &[CODE], NOW).expect("keeps");
    let log = || {
        let log = fs::metadata(shelf.file().with_extension("sqlite-wal")).expect("there is a log");
        usize::try_from(log.len()).expect("a small file")
    };
    let before = log();
    let back = shelf.recover(ana.id, &CODE, &passkey(2, 0), "new phone", NOW, DAY);
    let (fresh, ..) = back.expect("comes back");
    let whole = log();
    assert!(whole > before, "{whole} bytes after {before}");
    let mut has_come_in = false;
    for cut in (before..whole).step_by(257).chain([whole]) {
        let (_folder, register) = after_crash(&shelf.file(), Some(cut));
        let is_in = register.passkeys(ana.id).expect("reads").len() == 2;
        let is_live =
            |token: &Token| register.recognise(&token.hash(), NOW).expect("reads").is_some();
        let is_unspent = register.who_recovers(&CODE).expect("reads").is_some();
        let seen = (is_unspent, is_live(&former), is_live(&fresh));
        assert_eq!(seen, (!is_in, !is_in, is_in), "A-13 at {cut} of {whole}");
        has_come_in |= is_in;
    }
    assert!(has_come_in, "it is all there in the end");
}

#[test]
fn the_writer_syncs_every_commit_and_nobody_else_reads_the_file() {
    let shelf = Shelf::new();
    let pragma = |name: &str| -> String {
        let writer = shelf.0.writer.lock();
        let value = writer.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0));
        value.map(|value: rusqlite::types::Value| format!("{value:?}")).expect("reads")
    };
    assert_eq!(pragma("journal_mode"), "Text(\"wal\")");
    assert_eq!(pragma("synchronous"), "Integer(2)");
    assert_eq!(pragma("foreign_keys"), "Integer(1)");
    #[cfg(unix)]
    for file in [shelf.file(), shelf.file().with_extension("sqlite-wal")] {
        let rights = fs::metadata(&file).expect("is there").permissions();
        let mode = std::os::unix::fs::PermissionsExt::mode(&rights);
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
}
