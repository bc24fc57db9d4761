//! What goes into a statement and comes out of a query.

use std::fmt;

use super::BackendError;

/// A value of a statement or a row. The types are told apart even where nothing is there, since PostgreSQL
/// does not take a text's NULL for a number's.
///
/// Only of a column of a table: SQLite knows no type of an expression that is NULL, such as `max` of no rows, and
/// gives [`Value::Integer`]. So [`Row`] reads a NULL as any type.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// `INTEGER` or `BIGINT`
    Integer(Option<i64>),
    /// `TEXT`
    Text(Option<String>),
    /// `BLOB` or `BYTEA`
    Blob(Option<Vec<u8>>),
}

impl Value {
    fn is_null(&self) -> bool {
        matches!(
            self,
            Self::Integer(None) | Self::Text(None) | Self::Blob(None)
        )
    }
}

impl fmt::Debug for Value {
    /// The type and the length: even what is encrypted has no business in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => write!(f, "{value:?}"),
            Self::Text(value) => write!(f, "text of {:?}", value.as_ref().map(String::len)),
            Self::Blob(value) => write!(f, "blob of {:?}", value.as_ref().map(Vec::len)),
        }
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Integer(Some(value.into()))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Integer(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(Some(value))
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Blob(Some(value.to_owned()))
    }
}

/// One row of a query's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(pub Vec<Value>);

impl Row {
    /// The number in this column.
    ///
    /// # Errors
    /// [`BackendError::Shape`] if there is none.
    pub fn integer(&self, column: usize) -> Result<i64, BackendError> {
        self.optional_integer(column)?
            .ok_or(BackendError::Shape { column })
    }

    /// The number in this column, or nothing.
    ///
    /// # Errors
    /// [`BackendError::Shape`] if something else is there.
    pub fn optional_integer(&self, column: usize) -> Result<Option<i64>, BackendError> {
        match self.0.get(column) {
            Some(Value::Integer(value)) => Ok(*value),
            Some(value) if value.is_null() => Ok(None),
            _ => Err(BackendError::Shape { column }),
        }
    }

    /// The number in this column, which counts something.
    ///
    /// # Errors
    /// [`BackendError::Shape`] if there is none, or it is negative or too large.
    pub fn count<N: TryFrom<i64>>(&self, column: usize) -> Result<N, BackendError> {
        N::try_from(self.integer(column)?).map_err(|_| BackendError::Shape { column })
    }

    /// The text in this column.
    ///
    /// # Errors
    /// [`BackendError::Shape`] if there is none.
    pub fn text(&self, column: usize) -> Result<String, BackendError> {
        self.optional_text(column)?
            .ok_or(BackendError::Shape { column })
    }

    /// The text in this column, or nothing.
    ///
    /// # Errors
    /// [`BackendError::Shape`] if something else is there.
    pub fn optional_text(&self, column: usize) -> Result<Option<String>, BackendError> {
        match self.0.get(column) {
            Some(Value::Text(value)) => Ok(value.clone()),
            Some(value) if value.is_null() => Ok(None),
            _ => Err(BackendError::Shape { column }),
        }
    }

    /// The bytes in this column.
    ///
    /// # Errors
    /// [`BackendError::Shape`] if there are none.
    pub fn blob(&self, column: usize) -> Result<Vec<u8>, BackendError> {
        self.optional_blob(column)?
            .ok_or(BackendError::Shape { column })
    }

    /// The bytes in this column, or nothing.
    ///
    /// # Errors
    /// [`BackendError::Shape`] if something else is there.
    pub fn optional_blob(&self, column: usize) -> Result<Option<Vec<u8>>, BackendError> {
        match self.0.get(column) {
            Some(Value::Blob(value)) => Ok(value.clone()),
            Some(value) if value.is_null() => Ok(None),
            _ => Err(BackendError::Shape { column }),
        }
    }
}
