//! Registers that earlier versions wrote.

use rusqlite::Connection;

use super::*;

/// A register of the first version: Ana with her passkey and a session, Ben whom somebody made up.
fn of_the_first_version(path: &Path, session: &TokenHash, made_up: &TokenHash) {
    let connection = Connection::open(path).expect("opens");
    connection.execute_batch(schema::FIRST_VERSION).expect("makes tables");
    connection
        .execute_batch("PRAGMA application_id = 1179275847; PRAGMA user_version = 1;")
        .expect("is version 1");
    for who in [person(1), person(2)] {
        let insert = "INSERT INTO people (id, name, verified, created_at) VALUES (?1, ?2, 0, ?3)";
        let values = (who.id.0.as_bytes(), who.name.as_str(), who.created_at.0);
        connection.execute(insert, values).expect("inserts");
    }
    let json = serde_json::to_string(&passkey(1, 3)).expect("is JSON");
    let insert = "INSERT INTO passkeys (credential, person, passkey) VALUES (?1, ?2, ?3)";
    let ana = person(1).id;
    let values = ([1_u8; 16], ana.0.as_bytes(), json);
    connection.execute(insert, values).expect("inserts");
    for (number, token) in [(1_u128, session), (2, made_up)] {
        let insert = "INSERT INTO devices
            (device, person, token, label, created_at, last_seen_at, expires_at)
            VALUES (?1, ?2, ?3, 'phone', ?4, ?4, ?5)";
        let id = Uuid::from_u128(number);
        let values = (id.as_bytes(), id.as_bytes(), token.0, NOW.0, NOW.after(DAY).0);
        connection.execute(insert, values).expect("inserts");
    }
}

#[test]
fn a_register_of_the_first_version_is_read_and_goes_on() {
    let mut shelf = Shelf { folder: tempfile::tempdir().expect("a folder"), register: None };
    let [session, made_up] = [TokenHash([4; 32]), TokenHash([5; 32])];
    of_the_first_version(&shelf.file(), &session, &made_up);
    shelf.reopen();
    let (ana, device) = (person(1), DeviceId(Uuid::from_u128(1)));
    shelf.both_ways(|register| {
        assert_eq!(identity(register, &session, NOW).person, ana);
        identity(register, &made_up, NOW);
        let [own] = &register.own_passkeys(ana.id, device).expect("reads")[..] else {
            panic!("one passkey")
        };
        assert_eq!((own.label.as_str(), own.created_at), ("first passkey", ana.created_at));
        // There was but the one that could have opened it.
        assert!(own.opened_this);
        assert_eq!(own.last_used_at, None);
    });
    shelf.add_passkey(ana.id, device, &passkey(2, 0), "tablet", after(9)).expect("adds");
    let first = PasskeyId::of(&passkey(1, 0));
    let removed = shelf.remove_passkey(ana.id, device, &first).expect("removes");
    assert_eq!(removed, Removed { sessions: 1, ended_this: true });
    shelf.both_ways(|register| {
        check_nobody(register, &session, NOW);
        identity(register, &made_up, NOW);
    });
}

#[test]
fn a_session_that_does_not_know_its_passkey_is_a_session() {
    let mut shelf = Shelf { folder: tempfile::tempdir().expect("a folder"), register: None };
    let [session, made_up] = [TokenHash([4; 32]), TokenHash([5; 32])];
    of_the_first_version(&shelf.file(), &session, &made_up);
    // Somebody who, against all custom, had two.
    let connection = Connection::open(shelf.file()).expect("opens");
    let json = serde_json::to_string(&passkey(2, 0)).expect("is JSON");
    let insert = "INSERT INTO passkeys (credential, person, passkey) VALUES (?1, ?2, ?3)";
    let ana = person(1).id;
    let values = ([2_u8; 16], ana.0.as_bytes(), json);
    connection.execute(insert, values).expect("inserts");
    drop(connection);
    shelf.reopen();
    let device = DeviceId(Uuid::from_u128(1));
    identity(&shelf, &session, NOW);
    let own = shelf.own_passkeys(person(1).id, device).expect("reads");
    assert_eq!(own.iter().map(|one| one.opened_this).collect::<Vec<_>>(), [false, false]);
    let second = PasskeyId::of(&passkey(2, 0));
    let removed = shelf.remove_passkey(person(1).id, device, &second).expect("removes");
    assert_eq!(removed, Removed { sessions: 0, ended_this: false });
    identity(&shelf, &session, NOW);
}

#[test]
fn answers_of_a_register_that_did_not_weigh_them_are_weighed() {
    let mut shelf = Shelf { folder: tempfile::tempdir().expect("a folder"), register: None };
    of_the_first_version(&shelf.file(), &TokenHash([4; 32]), &TokenHash([5; 32]));
    let connection = Connection::open(shelf.file()).expect("opens");
    for key in ["1", "2"] {
        let insert =
            "INSERT INTO answers (asker, key, digest, answer, at) VALUES (?1, ?2, ?3, ?4, ?5)";
        let values = ("ana", key, [1_u8; 32], "{\"a\":1}", NOW.0);
        connection.execute(insert, values).expect("inserts");
    }
    drop(connection);
    shelf.reopen();
    let tally = "SELECT bytes FROM answer_bytes WHERE asker = 'ana'";
    let bytes = shelf.read(|connection| Ok(rows::count(connection, tally, [])?));
    assert_eq!(bytes.expect("reads"), 14);
}
