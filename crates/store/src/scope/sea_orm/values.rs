//! The values of SeaORM's statements, to the server and back.

use ::sea_orm::Value;
use ::sea_orm::sea_query::{ArrayType, ValueType};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use rust_decimal::Decimal;
use tenantry_wire::{Element, Error, Type, Values};
use uuid::Uuid;

use crate::sql::Sql;

/// For each kind of value: the server's types of one and of an array of them, the type that they are read as, and the kind.
macro_rules! kinds {
    ($($($one:ident)|+ , $($array:ident)|+ : $rust:ty => $kind:ident;)+) => {
        /// The kind of what a column of this type holds, of an array the kind of its members.
        fn kind_of(column: &Type) -> Option<ArrayType> {
            match *column {
                $($(Type::$one)|+ | $(Type::$array)|+ => Some(ArrayType::$kind),)+
                _ => None,
            }
        }

        /// Reads the next value, which is of this type. Null is of the type, too.
        fn read_as(values: &mut Values<'_>, column: &Type) -> Result<Option<Value>, Error> {
            Ok(Some(match *column {
                $(
                    $(Type::$one)|+ => Value::from(values.read::<Option<$rust>>()?),
                    $(Type::$array)|+ => {
                        let members = values.read::<Option<Vec<Option<$rust>>>>()?;
                        let members = members.map(|members| Box::new(members.into_iter().map(Value::from).collect()));
                        Value::Array(ArrayType::$kind, members)
                    }
                )+
                _ => return Ok(None),
            }))
        }
    };
}

kinds! {
    BOOL, BOOL_ARRAY: bool => Bool;
    INT2, INT2_ARRAY: i16 => SmallInt;
    INT4, INT4_ARRAY: i32 => Int;
    INT8, INT8_ARRAY: i64 => BigInt;
    FLOAT4, FLOAT4_ARRAY: f32 => Float;
    FLOAT8, FLOAT8_ARRAY: f64 => Double;
    NUMERIC, NUMERIC_ARRAY: Decimal => Decimal;
    TEXT | VARCHAR | BPCHAR | NAME, TEXT_ARRAY | VARCHAR_ARRAY | BPCHAR_ARRAY | NAME_ARRAY: String => String;
    BYTEA, BYTEA_ARRAY: Vec<u8> => Bytes;
    UUID, UUID_ARRAY: Uuid => Uuid;
    JSON | JSONB, JSON_ARRAY | JSONB_ARRAY: serde_json::Value => Json;
    DATE, DATE_ARRAY: NaiveDate => ChronoDate;
    TIME, TIME_ARRAY: NaiveTime => ChronoTime;
    TIMESTAMP, TIMESTAMP_ARRAY: NaiveDateTime => ChronoDateTime;
    TIMESTAMPTZ, TIMESTAMPTZ_ARRAY: DateTime<Utc> => ChronoDateTimeUtc;
}

/// Reads the next value of a row.
///
/// # Errors
/// `None` for a column of a type that is not read; the driver's error for a value that cannot be.
pub(super) fn read(values: &mut Values<'_>, column: &Type, has_offsets: bool) -> Result<Value, Option<Error>> {
    let value = read_as(values, column)?.ok_or(None)?;
    Ok(if has_offsets { with_offset(value) } else { value })
}

/// Whether a field of this kind can be read from a column of this type.
pub(super) fn fits(column: &Type, field: &ArrayType, has_offsets: bool) -> bool {
    let read = match kind_of(column) {
        Some(ArrayType::ChronoDateTimeUtc) if has_offsets => Some(ArrayType::ChronoDateTimeWithTimeZone),
        read => read,
    };
    // An enum of the program's is a text here.
    read.as_ref() == Some(field) || matches!((read, field), (Some(ArrayType::String), ArrayType::Enum(_)))
}

/// A point in time as one with the offset of UTC.
fn with_offset(value: Value) -> Value {
    match value {
        Value::ChronoDateTimeUtc(time) => Value::ChronoDateTimeWithTimeZone(time.map(|time| time.fixed_offset())),
        Value::Array(ArrayType::ChronoDateTimeUtc, times) => {
            let times = times.map(|times| Box::new(times.into_iter().map(with_offset).collect()));
            Value::Array(ArrayType::ChronoDateTimeWithTimeZone, times)
        }
        other => other,
    }
}

/// Binds a value of SeaORM's to the next placeholder.
///
/// # Errors
/// The value, if no column has its type.
pub(crate) fn bind(sql: &mut Sql, value: Value) -> Result<(), Value> {
    let _ = match value {
        Value::Bool(value) => sql.value(value),
        Value::TinyInt(value) => sql.value(value.map(i16::from)),
        Value::SmallInt(value) => sql.value(value),
        Value::Int(value) => sql.value(value),
        Value::BigInt(value) => sql.value(value),
        Value::TinyUnsigned(value) => sql.value(value.map(i16::from)),
        Value::SmallUnsigned(value) => sql.value(value.map(i32::from)),
        Value::Unsigned(value) => sql.value(value.map(i64::from)),
        // What LIMIT and OFFSET are bound as.
        Value::BigUnsigned(None) => sql.value(None::<i64>),
        Value::BigUnsigned(Some(number)) => match <i64 as TryFrom<u64>>::try_from(number) {
            Ok(number) => sql.value(number),
            Err(_) => return Err(value),
        },
        Value::Float(value) => sql.value(value),
        Value::Double(value) => sql.value(value),
        Value::String(value) => sql.value(value),
        Value::Char(value) => sql.value(value.map(String::from)),
        Value::Bytes(value) => sql.value(value),
        Value::Json(value) => sql.value(value.map(|value| *value)),
        Value::Uuid(value) => sql.value(value),
        Value::ChronoDate(value) => sql.value(value),
        Value::ChronoDateTimeUtc(value) => sql.value(value),
        Value::ChronoDateTimeLocal(value) => sql.value(value.map(|time| time.to_utc())),
        Value::ChronoDateTimeWithTimeZone(value) => sql.value(value.map(|time| time.to_utc())),
        Value::Decimal(value) => sql.value(value),
        Value::Array(ref kind, _) => {
            let kind = kind.clone();
            return bind_array(sql, &kind, value);
        }
        other => return Err(other),
    };
    Ok(())
}

/// Binds an array of members of one kind, any of which may be null.
fn bind_array(sql: &mut Sql, kind: &ArrayType, array: Value) -> Result<(), Value> {
    match kind {
        ArrayType::Bool => bind_members::<bool>(sql, array),
        ArrayType::SmallInt => bind_members::<i16>(sql, array),
        ArrayType::Int => bind_members::<i32>(sql, array),
        ArrayType::BigInt => bind_members::<i64>(sql, array),
        ArrayType::Double => bind_members::<f64>(sql, array),
        ArrayType::String => bind_members::<String>(sql, array),
        ArrayType::Json => bind_members::<serde_json::Value>(sql, array),
        ArrayType::Uuid => bind_members::<Uuid>(sql, array),
        ArrayType::ChronoDate => bind_members::<NaiveDate>(sql, array),
        ArrayType::ChronoDateTimeUtc => bind_members::<DateTime<Utc>>(sql, array),
        ArrayType::Decimal => bind_members::<Decimal>(sql, array),
        _ => Err(array),
    }
}

fn bind_members<T: Element>(sql: &mut Sql, array: Value) -> Result<(), Value>
where
    Vec<Option<T>>: ValueType,
{
    if matches!(array, Value::Array(_, None)) {
        sql.value(None::<Vec<T>>);
        return Ok(());
    }
    match <Vec<Option<T>> as ValueType>::try_from(array.clone()) {
        Ok(members) => sql.value(members),
        Err(_) => return Err(array),
    };
    Ok(())
}
