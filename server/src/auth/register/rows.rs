//! How rows are read and counted.

use fanju::{domain::text::Name, money::Currency, time::Timestamp};
use rusqlite::{Connection, Params, Row};
use uuid::{ContextV7, Uuid};

use super::{Person, PersonId, RegisterError, Role, Scope};

pub(super) const PERSON_COLUMNS: &str =
    "people.id, people.name, people.verified, people.created_at";

/// A person from the four [`PERSON_COLUMNS`].
pub(super) fn person(row: &Row<'_>) -> Result<Person, RegisterError> {
    let name: String = row.get(1)?;
    let name = Name::new(name).map_err(|_| RegisterError::Corrupt("a name that is none"))?;
    let created_at = moment(row, 3)?;
    Ok(Person { id: PersonId(id(row, 0)?), name, verified: row.get(2)?, created_at })
}

pub(super) fn id(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    row.get(column).map(Uuid::from_bytes)
}

pub(super) fn moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp)
}

pub(super) fn currency(row: &Row<'_>, column: usize) -> Result<Currency, RegisterError> {
    Currency::from_numeric(row.get(column)?).ok_or(RegisterError::Corrupt("an unknown currency"))
}

pub(super) fn role(row: &Row<'_>, column: usize) -> Result<Role, RegisterError> {
    match row.get::<_, i64>(column)? {
        OWNER => Ok(Role::Owner),
        CASHIER => Ok(Role::Cashier),
        _ => Err(RegisterError::Corrupt("an unknown role")),
    }
}

const OWNER: i64 = 1;
const CASHIER: i64 = 2;

pub(super) fn role_number(role: Role) -> i64 {
    match role {
        Role::Owner => OWNER,
        Role::Cashier => CASHIER,
    }
}

/// Every scope, in the order in which keys list them.
pub(super) const SCOPES: [Scope; 4] = [Scope::Collect, Scope::Refund, Scope::Read, Scope::PayOut];

fn scope_bit(scope: Scope) -> i64 {
    match scope {
        Scope::Collect => 1,
        Scope::Refund => 2,
        Scope::Read => 4,
        Scope::PayOut => 8,
    }
}

pub(super) fn scope_bits(scopes: &[Scope]) -> i64 {
    scopes.iter().fold(0, |bits, scope| bits | scope_bit(*scope))
}

pub(super) fn scopes(bits: i64) -> Result<Vec<Scope>, RegisterError> {
    if bits & !scope_bits(&SCOPES) != 0 {
        return Err(RegisterError::Corrupt("an unknown scope"));
    }
    Ok(SCOPES.into_iter().filter(|scope| bits & scope_bit(*scope) != 0).collect())
}

pub(super) fn count(
    connection: &Connection,
    sql: &str,
    params: impl Params,
) -> rusqlite::Result<i64> {
    connection.prepare_cached(sql)?.query_row(params, |row| row.get(0))
}

/// The first row, if there is one.
pub(super) fn first<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, RegisterError>,
) -> Result<Option<T>, RegisterError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(read).transpose()
}

/// Every row.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, RegisterError>,
) -> Result<Vec<T>, RegisterError> {
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_and_then(params, read)?.collect()
}

/// An identity born `now`, so that younger ones sort later.
pub(in crate::auth) fn fresh_id(now: Timestamp) -> Uuid {
    let micros = u64::try_from(now.0).unwrap_or(0);
    let nanos = u32::try_from((micros % 1_000_000).saturating_mul(1_000)).unwrap_or(0);
    Uuid::new_v7(uuid::Timestamp::from_unix(ContextV7::new(), micros / 1_000_000, nanos))
}
