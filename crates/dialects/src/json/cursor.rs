//! Walks JSON text byte by byte where it must and in leaps where it can.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::skim::next_special;
use super::text::{Escape, decode, escape_at};

/// What the reader insists on beyond the grammar.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// How many containers may be open at once, [`Rules::DEEPEST`] at most.
    pub(crate) depth: u8,
    /// Whether an escape such as `\ud83d` may stand without its other half. Parsers disagree on
    /// its meaning, so requests must not hold any; providers do cut emoji between two events.
    pub(crate) lone_surrogates: bool,
}

impl Rules {
    /// One bit per open container fits one integer, and `serde_json` stops at the same depth.
    pub(crate) const DEEPEST: u8 = 128;

    /// For what providers send: as lenient as the grammar allows.
    pub(crate) const ANSWER: Self = Self {
        depth: Self::DEEPEST,
        lone_surrogates: true,
    };
}

/// A place where the text stops being JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Syntax {
    /// In bytes from the start of the text.
    pub(crate) offset: usize,
    pub(crate) problem: Problem,
}

/// What is wrong there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    UnexpectedEnd,
    NoValue,
    NoKey,
    NoColon,
    NoCommaOrBrace,
    NoCommaOrBracket,
    ControlCharacter,
    BadEscape,
    LoneSurrogate,
    BadNumber,
    BadWord,
    TrailingText,
    TooDeep,
}

impl Problem {
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::UnexpectedEnd => "the text ends in the middle of a value",
            Self::NoValue => "a value was expected",
            Self::NoKey => "a member name in double quotes was expected",
            Self::NoColon => "a ':' was expected after the member name",
            Self::NoCommaOrBrace => "a ',' or '}' was expected",
            Self::NoCommaOrBracket => "a ',' or ']' was expected",
            Self::ControlCharacter => {
                "a string holds a bare control character, write it as an escape such as \\n"
            }
            Self::BadEscape => "a string holds an escape that JSON does not know",
            Self::LoneSurrogate => "a string holds half of a surrogate pair, which is no character",
            Self::BadNumber => "a number is malformed",
            Self::BadWord => "only true, false and null may stand without quotes",
            Self::TrailingText => "there is text after the end of the value",
            Self::TooDeep => "it is nested too deep",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// A place in a JSON text, moved forward value by value.
///
/// ```text
/// enter_object, (next_member, then skip or enter_…)*, end
/// ```
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    source: &'a str,
    text: &'a [u8],
    at: usize,
    rules: Rules,
    /// How many containers were entered and not left.
    depth: u8,
    /// Whether a container was entered and nothing of it read.
    fresh: bool,
}

/// The containers that are open within a value that is skipped, innermost in the lowest bit.
struct Nesting {
    objects: u128,
    depth: u8,
}

/// A string as it stands in the text.
#[derive(Clone, Debug)]
pub(crate) struct Quoted {
    /// Its place, quotes included.
    pub(crate) span: Range<usize>,
    /// Whether there are escapes in it.
    pub(crate) escaped: bool,
}

impl<'a> Cursor<'a> {
    /// A cursor at the start of `text`.
    pub(crate) fn new(text: &'a str, rules: Rules) -> Self {
        let depth = rules.depth.min(Rules::DEEPEST);
        Self {
            source: text,
            text: text.as_bytes(),
            at: 0,
            rules: Rules { depth, ..rules },
            depth: 0,
            fresh: false,
        }
    }

    /// A cursor within the outermost object of `text`, before the name of a member at `at`, where
    /// the text up to there has been read before.
    pub(crate) fn within_object(text: &'a str, at: usize, rules: Rules) -> Self {
        Self {
            at,
            depth: 1,
            fresh: true,
            ..Self::new(text, rules)
        }
    }

    /// Enters the object that comes next; if something else does, passes it and returns false.
    pub(crate) fn enter_object(&mut self) -> Result<bool, Syntax> {
        self.enter(b'{')
    }

    /// Enters the list that comes next; if something else does, passes it and returns false.
    pub(crate) fn enter_list(&mut self) -> Result<bool, Syntax> {
        self.enter(b'[')
    }

    /// Moves to the value of the object's next member and returns its name; `None` once the
    /// object is left. The value must be passed before the next call.
    #[inline]
    pub(crate) fn next_member(&mut self) -> Result<Option<Cow<'a, str>>, Syntax> {
        Ok(self.next_key()?.map(|key| self.name(&key)))
    }

    /// As [`Cursor::next_member`], but tells where the name stands.
    #[inline]
    pub(crate) fn next_key(&mut self) -> Result<Option<Quoted>, Syntax> {
        if self.next_in(b'}', Problem::NoCommaOrBrace)? {
            self.key().map(Some)
        } else {
            Ok(None)
        }
    }

    /// Moves to the list's next item, which must be passed before the next call; false once the
    /// list is left.
    #[inline]
    pub(crate) fn next_item(&mut self) -> Result<bool, Syntax> {
        self.next_in(b']', Problem::NoCommaOrBracket)
    }

    /// Passes one whole value, however deep, and tells where it stands.
    #[inline]
    pub(crate) fn skip(&mut self) -> Result<Range<usize>, Syntax> {
        let first = self.peek();
        let start = self.at;
        match first {
            Some(b'{' | b'[') => self.container()?,
            _ => self.scalar(first)?,
        }
        Ok(start..self.at)
    }

    /// Checks that nothing but whitespace is left.
    pub(crate) fn end(&mut self) -> Result<(), Syntax> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.wrong(Problem::TrailingText)),
        }
    }

    /// The text in a place that this cursor told.
    pub(crate) fn slice(&self, span: Range<usize>) -> &'a str {
        self.source.get(span).unwrap_or_default()
    }

    /// The text that a string in this cursor's text stands for.
    #[inline]
    pub(crate) fn name(&self, quoted: &Quoted) -> Cow<'a, str> {
        let Range { start, end } = quoted.span;
        if quoted.escaped {
            return decode(self.slice(start..end));
        }
        Cow::Borrowed(self.slice(start + 1..end - 1))
    }

    /// The next byte that is not whitespace, without passing it.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        while let Some(&byte) = self.text.get(self.at) {
            if byte > b' ' || !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    /// An error at the cursor: the text's end if that is where it stands.
    const fn wrong(&self, problem: Problem) -> Syntax {
        let problem = if self.at >= self.text.len() {
            Problem::UnexpectedEnd
        } else {
            problem
        };
        Syntax {
            offset: self.at,
            problem,
        }
    }

    #[inline]
    fn enter(&mut self, open: u8) -> Result<bool, Syntax> {
        if self.peek() != Some(open) {
            self.skip()?;
            return Ok(false);
        }
        if self.depth >= self.rules.depth {
            return Err(self.wrong(Problem::TooDeep));
        }
        self.at += 1;
        self.depth += 1;
        self.fresh = true;
        Ok(true)
    }

    /// Moves past the comma to the next member or item, or past `close` out of the container.
    #[inline]
    fn next_in(&mut self, close: u8, otherwise: Problem) -> Result<bool, Syntax> {
        let next = self.peek();
        let fresh = std::mem::take(&mut self.fresh);
        if next == Some(close) {
            self.at += 1;
            self.depth -= 1;
            return Ok(false);
        }
        if !fresh {
            if next != Some(b',') {
                return Err(self.wrong(otherwise));
            }
            self.at += 1;
        }
        Ok(true)
    }

    /// Passes a member's name and its colon.
    #[inline]
    fn key(&mut self) -> Result<Quoted, Syntax> {
        if self.peek() != Some(b'"') {
            return Err(self.wrong(Problem::NoKey));
        }
        let start = self.at;
        let escaped = self.string()?;
        let span = start..self.at;
        if self.peek() != Some(b':') {
            return Err(self.wrong(Problem::NoColon));
        }
        self.at += 1;
        Ok(Quoted { span, escaped })
    }

    /// Passes the scalar that begins with the byte just peeked.
    #[inline]
    fn scalar(&mut self, first: Option<u8>) -> Result<(), Syntax> {
        match first {
            Some(b'"') => self.string().map(|_| ()),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'n') => self.word(b"null"),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            _ => Err(self.wrong(Problem::NoValue)),
        }
    }

    /// Passes an object or list without recursion: depth costs a bit, not a stack frame.
    fn container(&mut self) -> Result<(), Syntax> {
        let mut nesting = Nesting {
            objects: 0,
            depth: 0,
        };
        loop {
            let first = self.peek();
            let opened = match first {
                Some(b'{') => self.open(&mut nesting, b'}')?,
                Some(b'[') => self.open(&mut nesting, b']')?,
                _ => self.scalar(first).map(|()| false)?,
            };
            if !opened && !self.next_value(&mut nesting)? {
                return Ok(());
            }
        }
    }

    /// Opens a container and moves to its first value; false if it is empty and closed again.
    #[inline]
    fn open(&mut self, nesting: &mut Nesting, close: u8) -> Result<bool, Syntax> {
        if self.depth + nesting.depth >= self.rules.depth {
            return Err(self.wrong(Problem::TooDeep));
        }
        self.at += 1;
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(false);
        }
        let object = close == b'}';
        nesting.objects = (nesting.objects << 1) | u128::from(object);
        nesting.depth += 1;
        if object {
            self.key()?;
        }
        Ok(true)
    }

    /// After a value: passes closing brackets and a comma up to the next value; false if the
    /// outermost container is closed.
    #[inline]
    fn next_value(&mut self, nesting: &mut Nesting) -> Result<bool, Syntax> {
        while nesting.depth > 0 {
            let object = nesting.objects & 1 == 1;
            match (self.peek(), object) {
                (Some(b','), true) => {
                    self.at += 1;
                    self.key()?;
                    return Ok(true);
                }
                (Some(b','), false) => {
                    self.at += 1;
                    return Ok(true);
                }
                (Some(b'}'), true) | (Some(b']'), false) => {
                    self.at += 1;
                    nesting.objects >>= 1;
                    nesting.depth -= 1;
                }
                (_, true) => return Err(self.wrong(Problem::NoCommaOrBrace)),
                (_, false) => return Err(self.wrong(Problem::NoCommaOrBracket)),
            }
        }
        Ok(false)
    }

    /// Passes a string, on whose opening quote the cursor stands; true if it holds escapes.
    #[inline]
    fn string(&mut self) -> Result<bool, Syntax> {
        self.at += 1;
        let mut escaped = false;
        loop {
            self.at = next_special(self.text, self.at);
            match self.text.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    self.escape()?;
                    escaped = true;
                }
                _ => return Err(self.wrong(Problem::ControlCharacter)),
            }
        }
    }

    #[inline]
    fn escape(&mut self) -> Result<(), Syntax> {
        // Nearly all escapes are of these kinds, in code one in every ten bytes.
        if let Some(b'n' | b'"' | b'\\' | b't') = self.text.get(self.at + 1) {
            self.at += 2;
            return Ok(());
        }
        self.rare_escape()
    }

    #[cold]
    fn rare_escape(&mut self) -> Result<(), Syntax> {
        let (escape, length) = escape_at(self.text, self.at);
        match escape {
            Escape::Char(_) => {}
            Escape::LoneSurrogate if self.rules.lone_surrogates => {}
            Escape::LoneSurrogate => return Err(self.wrong(Problem::LoneSurrogate)),
            Escape::Unknown => return Err(self.wrong(Problem::BadEscape)),
        }
        self.at += length;
        Ok(())
    }

    fn number(&mut self) -> Result<(), Syntax> {
        self.at += usize::from(self.text.get(self.at) == Some(&b'-'));
        if self.text.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.text.get(self.at) {
            self.at += 1;
            self.at += usize::from(matches!(self.text.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    /// Passes one or more digits.
    fn digits(&mut self) -> Result<(), Syntax> {
        let start = self.at;
        while self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.wrong(Problem::BadNumber));
        }
        Ok(())
    }

    #[inline]
    fn word(&mut self, word: &[u8]) -> Result<(), Syntax> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(self.wrong(Problem::BadWord));
        }
        self.at += word.len();
        Ok(())
    }
}
