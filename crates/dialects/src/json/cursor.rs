//! Walks JSON text byte by byte where it must and in leaps where it can.

use std::fmt;
use std::ops::Range;

use super::kind::JsonKind;
use super::skim::next_special;
use super::text::{Escape, escape_at};

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

/// A place in a JSON text.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    rules: Rules,
}

/// The containers that are open around the cursor, innermost in the lowest bit.
#[derive(Default)]
struct Nesting {
    objects: u128,
    depth: u8,
}

impl Nesting {
    fn open(&mut self, is_object: bool) {
        self.objects = (self.objects << 1) | u128::from(is_object);
        self.depth += 1;
    }

    fn close(&mut self) {
        self.objects >>= 1;
        self.depth -= 1;
    }

    const fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }
}

impl<'a> Cursor<'a> {
    /// A cursor at the start of `text`.
    pub(crate) fn new(text: &'a str, rules: Rules) -> Self {
        let depth = rules.depth.min(Rules::DEEPEST);
        Self {
            text: text.as_bytes(),
            at: 0,
            rules: Rules { depth, ..rules },
        }
    }

    /// The next byte that is not whitespace, without passing it.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        while let Some(&byte) = self.text.get(self.at) {
            if byte > b' ' || !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    /// Passes the byte that [`Cursor::peek`] showed.
    pub(crate) const fn pass(&mut self) {
        self.at += 1;
    }

    /// An error at the cursor: the text's end if that is where it stands.
    pub(crate) const fn wrong(&self, problem: Problem) -> Syntax {
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

    /// Checks that nothing but whitespace is left.
    pub(crate) fn end(&mut self) -> Result<(), Syntax> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.wrong(Problem::TrailingText)),
        }
    }

    /// Passes a member's name and its colon; the range includes the quotes.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<Range<usize>, Syntax> {
        if self.peek() != Some(b'"') {
            return Err(self.wrong(Problem::NoKey));
        }
        let start = self.at;
        self.string()?;
        let key = start..self.at;
        if self.peek() != Some(b':') {
            return Err(self.wrong(Problem::NoColon));
        }
        self.at += 1;
        Ok(key)
    }

    /// Passes one whole value, however deep, with `open` containers around it already.
    pub(crate) fn skip(&mut self, open: u8) -> Result<Range<usize>, Syntax> {
        self.peek();
        let start = self.at;
        let room = self.rules.depth.saturating_sub(open);
        let mut nesting = Nesting::default();
        loop {
            let opened = self.scalar_or_opening(&mut nesting, room)?;
            if !opened && !self.next_value(&mut nesting)? {
                return Ok(start..self.at);
            }
        }
    }

    /// Passes a scalar, an empty container, or what opens a container up to its first value;
    /// true in the last case.
    #[inline]
    fn scalar_or_opening(&mut self, nesting: &mut Nesting, room: u8) -> Result<bool, Syntax> {
        match self.peek().and_then(JsonKind::beginning_with) {
            Some(JsonKind::Text) => self.string()?,
            Some(JsonKind::Number) => self.number()?,
            Some(JsonKind::Flag | JsonKind::Null) => self.word()?,
            Some(kind @ (JsonKind::Object | JsonKind::List)) => {
                return self.opening(kind == JsonKind::Object, nesting, room);
            }
            None => return Err(self.wrong(Problem::NoValue)),
        }
        Ok(false)
    }

    fn opening(&mut self, object: bool, nesting: &mut Nesting, room: u8) -> Result<bool, Syntax> {
        if nesting.depth >= room {
            return Err(self.wrong(Problem::TooDeep));
        }
        self.at += 1;
        if self.peek() == Some(if object { b'}' } else { b']' }) {
            self.at += 1;
            return Ok(false);
        }
        nesting.open(object);
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
            let object = nesting.in_object();
            match (self.peek(), object) {
                (Some(b'}'), true) | (Some(b']'), false) => {
                    self.at += 1;
                    nesting.close();
                }
                (Some(b','), _) => {
                    self.at += 1;
                    if object {
                        self.key()?;
                    }
                    return Ok(true);
                }
                (_, true) => return Err(self.wrong(Problem::NoCommaOrBrace)),
                (_, false) => return Err(self.wrong(Problem::NoCommaOrBracket)),
            }
        }
        Ok(false)
    }

    /// Passes a string; the cursor stands on its opening quote.
    #[inline]
    fn string(&mut self) -> Result<(), Syntax> {
        self.at += 1;
        loop {
            self.at = next_special(self.text, self.at);
            match self.text.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                _ => return Err(self.wrong(Problem::ControlCharacter)),
            }
        }
    }

    #[inline]
    fn escape(&mut self) -> Result<(), Syntax> {
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

    fn word(&mut self) -> Result<(), Syntax> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        for word in ["null", "true", "false"] {
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(());
            }
        }
        Err(self.wrong(Problem::BadWord))
    }
}
