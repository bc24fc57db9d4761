//! Server-sent events, cut from chunks of any size.
//!
//! Follows the parsing rules of the WHATWG HTML standard, section 9.2.6, with a bound on the
//! length of a frame. `id` and `retry` serve browsers that reconnect; no provider uses them.

/// One event of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The value of its last `event` field, if it has one.
    pub event: Option<&'a [u8]>,
    /// The values of its `data` fields, joined by line feeds.
    pub data: &'a [u8],
}

/// A stream that cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SseError {
    /// A frame, its line ends included, is longer than allowed. Feeding on repeats the error.
    #[error("an event of the stream is longer than {limit} bytes")]
    FrameTooLong {
        /// The bound that was given, in bytes.
        limit: usize,
        /// How many bytes of this chunk, from its start, belong to frames that were complete.
        complete: usize,
    },
}

/// Reads frames from a byte stream, indifferent to where its chunks are cut.
///
/// Memory stays below twice the bound on a frame. A frame that lies wholly in one chunk and has
/// one `data` line is not copied.
#[derive(Debug)]
pub struct SseReader {
    limit: usize,
    /// Bytes since the last boundary, in the chunks before the present one.
    held: usize,
    /// The start of a line whose end has not come.
    line: Vec<u8>,
    event: Kept,
    data: Kept,
    /// Whether a field was read since the last boundary.
    open: bool,
    /// The last byte was a carriage return: a line feed now belongs to it.
    after_return: bool,
    /// The first line may begin with a byte order mark.
    at_first_line: bool,
}

/// What the receiver of a frame wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next frame.
    GoOn,
    /// No more: the frame is the last that counts as complete.
    StopBehind,
    /// No more: the frame does not count as complete either.
    StopBefore,
}

/// A field that had to be copied out of its chunk.
#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    present: bool,
}

/// Fields of the open frame that lie in the present chunk.
#[derive(Clone, Copy, Default)]
struct Here<'c> {
    event: Option<&'c [u8]>,
    data: Option<&'c [u8]>,
}

/// Where one call of [`SseReader::feed`] stands in its chunk.
#[derive(Default)]
struct Place {
    at: usize,
    complete: usize,
}

enum Line<'l> {
    Blank,
    Comment,
    Event(&'l [u8]),
    Data(&'l [u8]),
    Other,
}

impl SseReader {
    /// A reader at the start of a stream; no frame may be longer than `max_frame_bytes`.
    #[must_use]
    pub fn new(max_frame_bytes: usize) -> Self {
        Self {
            limit: max_frame_bytes,
            held: 0,
            line: Vec::new(),
            event: Kept::default(),
            data: Kept::default(),
            open: false,
            after_return: false,
            at_first_line: true,
        }
    }

    /// Takes the next chunk and hands on every frame that it completes.
    ///
    /// Returns how many bytes of this chunk, from its start, lie before the last boundary between
    /// frames. Comments and blank lines outside of frames are complete at once; a frame at the
    /// end of the stream without its blank line never is.
    ///
    /// # Errors
    /// [`SseError::FrameTooLong`], again and again once it occurred.
    pub fn feed(
        &mut self,
        chunk: &[u8],
        mut on_frame: impl FnMut(Frame<'_>),
    ) -> Result<usize, SseError> {
        self.feed_until(chunk, |frame| {
            on_frame(frame);
            Next::GoOn
        })
    }

    /// As [`SseReader::feed`], but the receiver of the frames may stop the reading. Nothing may be
    /// fed after that.
    pub(crate) fn feed_until(
        &mut self,
        chunk: &[u8],
        mut on_frame: impl FnMut(Frame<'_>) -> Next,
    ) -> Result<usize, SseError> {
        let mut place = Place::default();
        let mut here = Here::default();
        while let Some(rest) = chunk.get(place.at..).filter(|rest| !rest.is_empty()) {
            if std::mem::take(&mut self.after_return) && rest[0] == b'\n' {
                self.pass_line_feed(&mut place)?;
                continue;
            }
            let Some(length) = memchr::memchr2(b'\n', b'\r', rest) else {
                self.advance(&mut place, rest.len())?;
                self.line.extend_from_slice(rest);
                break;
            };
            self.after_return = rest[length] == b'\r';
            self.advance(&mut place, length + 1)?;
            if self.end_line(&rest[..length], &mut here) {
                match self.dispatch(&mut here, &mut on_frame) {
                    Next::GoOn => place.complete = place.at,
                    Next::StopBehind => {
                        return Ok(place.at + self.trailing_line_feed(&chunk[place.at..]));
                    }
                    Next::StopBefore => return Ok(place.complete),
                }
            }
        }
        self.keep(here);
        self.held = self.since_boundary(&place);
        Ok(place.complete)
    }

    /// The length of the line feed that belongs to a carriage return before `rest`, 0 if none does.
    pub(crate) fn trailing_line_feed(&mut self, rest: &[u8]) -> usize {
        let awaited = !rest.is_empty() && std::mem::take(&mut self.after_return);
        usize::from(awaited && rest.starts_with(b"\n"))
    }

    /// The line feed after a carriage return ends no second line, and belongs to the same frame.
    fn pass_line_feed(&mut self, place: &mut Place) -> Result<(), SseError> {
        let at_boundary = self.since_boundary(place) == 0;
        self.advance(place, 1)?;
        if at_boundary {
            place.complete = place.at;
        }
        Ok(())
    }

    /// Counts every byte, empty lines and ignored fields too, so that nothing grows unseen.
    fn advance(&mut self, place: &mut Place, length: usize) -> Result<(), SseError> {
        place.at += length;
        let frame = self.since_boundary(place);
        if frame <= self.limit {
            return Ok(());
        }
        self.held = frame;
        Err(SseError::FrameTooLong {
            limit: self.limit,
            complete: place.complete,
        })
    }

    const fn since_boundary(&self, place: &Place) -> usize {
        match place.complete {
            0 => self.held.saturating_add(place.at),
            complete => place.at - complete,
        }
    }

    /// Ends a line with `tail`; true if that closes a frame, or a comment outside of any.
    fn end_line<'c>(&mut self, tail: &'c [u8], here: &mut Here<'c>) -> bool {
        let first = std::mem::take(&mut self.at_first_line);
        if self.line.is_empty() {
            return self.line_here(Line::parse(tail, first), here);
        }
        let mut line = std::mem::take(&mut self.line);
        line.extend_from_slice(tail);
        let closes = self.split_line(Line::parse(&line, first));
        line.clear();
        self.line = line;
        closes
    }

    fn line_here<'c>(&mut self, line: Line<'c>, here: &mut Here<'c>) -> bool {
        match line {
            Line::Event(value) => here.event = Some(value),
            Line::Data(value) if here.data.is_none() && !self.data.present => {
                here.data = Some(value);
            }
            Line::Data(value) => {
                if let Some(first) = here.data.take() {
                    self.data.set(first);
                }
                self.data.join(value);
            }
            Line::Blank | Line::Comment | Line::Other => {}
        }
        self.closes(&line)
    }

    /// A line that began in an earlier chunk is the first to end in this one, so that no field
    /// lies in this chunk yet.
    fn split_line(&mut self, line: Line<'_>) -> bool {
        match line {
            Line::Event(value) => self.event.set(value),
            Line::Data(value) if self.data.present => self.data.join(value),
            Line::Data(value) => self.data.set(value),
            Line::Blank | Line::Comment | Line::Other => {}
        }
        self.closes(&line)
    }

    const fn closes(&mut self, line: &Line<'_>) -> bool {
        match line {
            Line::Blank => true,
            Line::Comment => !self.open,
            Line::Event(_) | Line::Data(_) | Line::Other => {
                self.open = true;
                false
            }
        }
    }

    fn dispatch(
        &mut self,
        here: &mut Here<'_>,
        on_frame: &mut impl FnMut(Frame<'_>) -> Next,
    ) -> Next {
        let Here { event, data } = std::mem::take(here);
        let mut next = Next::GoOn;
        if let Some(data) = data.or_else(|| self.data.value()) {
            let event = event.or_else(|| self.event.value());
            next = on_frame(Frame { event, data });
        }
        self.event.clear();
        self.data.clear();
        self.open = false;
        next
    }

    fn keep(&mut self, here: Here<'_>) {
        if let Some(event) = here.event {
            self.event.set(event);
        }
        if let Some(data) = here.data {
            self.data.set(data);
        }
    }
}

impl Kept {
    fn set(&mut self, value: &[u8]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(value);
        self.present = true;
    }

    fn join(&mut self, value: &[u8]) {
        self.bytes.push(b'\n');
        self.bytes.extend_from_slice(value);
    }

    fn value(&self) -> Option<&[u8]> {
        self.present.then_some(&*self.bytes)
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.present = false;
    }
}

impl<'l> Line<'l> {
    fn parse(mut line: &'l [u8], first: bool) -> Self {
        if first {
            line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
        }
        match line.first() {
            None => return Self::Blank,
            Some(b':') => return Self::Comment,
            Some(_) => {}
        }
        if let Some(value) = field(line, b"data") {
            return Self::Data(value);
        }
        field(line, b"event").map_or(Self::Other, Self::Event)
    }
}

/// The value of the field `name`, if that is what the line holds.
fn field<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    match line.strip_prefix(name)? {
        [] => Some(&[]),
        [b':', value @ ..] => Some(value.strip_prefix(b" ").unwrap_or(value)),
        _ => None,
    }
}
