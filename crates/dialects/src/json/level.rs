//! One level of an object or list, member by member.

use std::ops::Range;

use super::cursor::{Cursor, Problem, Rules, Syntax};

/// Walks the members of the object that is the whole text.
#[derive(Debug)]
pub(crate) struct Members<'a> {
    level: Level<'a>,
}

/// Where one member stands.
#[derive(Debug)]
pub(crate) struct Spans {
    /// Its name, quotes included.
    pub(crate) key: Range<usize>,
    /// Its value, without whitespace around it.
    pub(crate) value: Range<usize>,
}

/// Walks the items of the list that is the whole text.
#[derive(Debug)]
pub(crate) struct Items<'a> {
    level: Level<'a>,
}

#[derive(Debug)]
struct Level<'a> {
    cursor: Cursor<'a>,
    close: u8,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Opened,
    Inside,
    Closed,
}

impl<'a> Level<'a> {
    /// Enters the container that `text` consists of; `None` if it does not begin with `open`.
    fn enter(text: &'a str, rules: Rules, open: u8, close: u8) -> Result<Option<Self>, Syntax> {
        let mut cursor = Cursor::new(text, rules);
        if cursor.peek() != Some(open) {
            return Ok(None);
        }
        if rules.depth == 0 {
            return Err(cursor.wrong(Problem::TooDeep));
        }
        cursor.pass();
        Ok(Some(Self {
            cursor,
            close,
            state: State::Opened,
        }))
    }

    /// Moves to the next member or item; false after the last, when the container is closed and
    /// nothing follows it.
    #[inline]
    fn advance(&mut self, otherwise: Problem) -> Result<bool, Syntax> {
        let next = self.cursor.peek();
        match self.state {
            State::Closed => return Ok(false),
            _ if next == Some(self.close) => {
                self.cursor.pass();
                self.state = State::Closed;
                self.cursor.end()?;
                return Ok(false);
            }
            State::Opened => self.state = State::Inside,
            State::Inside if next == Some(b',') => self.cursor.pass(),
            State::Inside => return Err(self.cursor.wrong(otherwise)),
        }
        Ok(true)
    }
}

impl<'a> Members<'a> {
    /// Enters the object that `text` consists of; `None` if it begins like something else.
    pub(crate) fn of(text: &'a str, rules: Rules) -> Result<Option<Self>, Syntax> {
        Ok(Level::enter(text, rules, b'{', b'}')?.map(|level| Self { level }))
    }

    /// Where the next member stands.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Spans>, Syntax> {
        if !self.level.advance(Problem::NoCommaOrBrace)? {
            return Ok(None);
        }
        let key = self.level.cursor.key()?;
        let value = self.level.cursor.skip(1)?;
        Ok(Some(Spans { key, value }))
    }
}

impl<'a> Items<'a> {
    /// Enters the list that `text` consists of; `None` if it begins like something else.
    pub(crate) fn of(text: &'a str, rules: Rules) -> Result<Option<Self>, Syntax> {
        Ok(Level::enter(text, rules, b'[', b']')?.map(|level| Self { level }))
    }

    /// The span of the next item.
    pub(crate) fn next(&mut self) -> Result<Option<Range<usize>>, Syntax> {
        if !self.level.advance(Problem::NoCommaOrBracket)? {
            return Ok(None);
        }
        self.level.cursor.skip(1).map(Some)
    }
}
