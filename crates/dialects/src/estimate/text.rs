//! What text costs, judged by its letters alone.
//!
//! Tokenizers cut text into words, groups of digits, runs of signs and runs of blanks, and then those
//! words that they do not know whole. The costs here are in hundredths of a token; they were fitted to
//! `o200k_base` on prose in 24 languages, source code, JSON, tables and random bytes, with an estimate
//! that is too low weighing four times as much as one that is too high.

/// Estimates the tokens of `text`, rounded up.
pub(super) fn tokens(text: &str) -> u64 {
    let mut hundredths = 0;
    let mut rest = text;
    while let Some(kind) = rest.chars().next().map(Kind::of) {
        let (run, behind) = rest.split_at(kind.run(rest));
        hundredths += kind.cost(run, behind);
        rest = behind;
    }
    hundredths.div_ceil(100)
}

/// What tokenizers tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Blanks and line ends.
    Blank,
    /// Latin letters and ASCII digits.
    Word,
    /// Every other ASCII character.
    Sign,
    Cyrillic,
    /// The other scripts that are written with letters, marks and syllables: Greek to Khmer.
    Script,
    Han,
    Kana,
    Hangul,
    /// Signs outside ASCII, and what is not known here.
    Symbol,
    /// Emoji and everything else beyond the first plane.
    Wide,
}

impl Kind {
    /// By Unicode's blocks.
    const fn of(char: char) -> Self {
        match char {
            ' ' | '\t' | '\n' | '\r' => Self::Blank,
            'a'..='z' | 'A'..='Z' | '0'..='9' => Self::Word,
            '\0'..='\x7f' => Self::Sign,
            '\u{c0}'..='\u{24f}' | '\u{300}'..='\u{36f}' | '\u{1e00}'..='\u{1eff}' => Self::Word,
            '\u{400}'..='\u{52f}' => Self::Cyrillic,
            '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7af}' => {
                Self::Hangul
            }
            '\u{370}'..='\u{1cff}' | '\u{1f00}'..='\u{1fff}' => Self::Script,
            '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff9f}' => {
                Self::Kana
            }
            '\u{2e80}'..='\u{2fdf}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{3ffff}' => Self::Han,
            '\u{10000}'.. => Self::Wide,
            _ => Self::Symbol,
        }
    }

    /// The length of the run of this kind at the start of `text`.
    fn run(self, text: &str) -> usize {
        text.find(|char| Self::of(char) != self)
            .unwrap_or(text.len())
    }

    fn cost(self, run: &str, behind: &str) -> u64 {
        let each = |cost| cost * count(run);
        match self {
            Self::Blank => blank(run, behind),
            Self::Word => word(run),
            Self::Sign => 55 + each(20),
            Self::Cyrillic => 80 + each(18),
            Self::Script => each(42),
            Self::Han => each(94),
            Self::Kana => each(88),
            Self::Hangul | Self::Symbol => each(76),
            Self::Wide => each(160),
        }
    }
}

/// A single blank belongs to the word behind it, but digits stand alone.
fn blank(run: &str, behind: &str) -> u64 {
    let number = behind.starts_with(|char: char| char.is_ascii_digit());
    match (run, number) {
        (" ", false) => 0,
        (" ", true) => 80,
        _ => 146 + count(run) * 2,
    }
}

/// Letters and digits without a gap.
fn word(run: &str) -> u64 {
    if is_noise(run) {
        return count(run) * 74;
    }
    let pieces = || Pieces(run);
    let mixed = pieces().nth(1).is_some();
    pieces().map(|piece| cost_of_piece(piece, mixed)).sum()
}

/// Whether this is no word in any language: base64, a key, a hash.
fn is_noise(run: &str) -> bool {
    const LONGEST_NAME: usize = 16;
    let has = |class: fn(&u8) -> bool| run.as_bytes().iter().any(class);
    run.len() >= LONGEST_NAME
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
}

fn cost_of_piece(piece: &str, mixed: bool) -> u64 {
    let letters = count(piece);
    if piece.starts_with(|char: char| char.is_ascii_digit()) {
        return letters.div_ceil(3) * 108;
    }
    if mixed {
        return 136 + letters.saturating_sub(8) * 20;
    }
    if !piece.is_ascii() {
        return 216 + letters * 16;
    }
    if letters > 1 && piece.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return 112 + letters.saturating_sub(3) * 16;
    }
    match letters {
        0..=3 => 85,
        4..=6 => 105,
        7..=9 => 134,
        10..=12 => 236,
        _ => 236 + (letters - 12) * 60,
    }
}

/// The pieces of a run of letters and digits: `getHTTPUrl2` is `get`, `HTTPUrl`, `2`.
struct Pieces<'a>(&'a str);

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let mut before = self.0.chars().next()?;
        let cut = self.0.char_indices().skip(1).find_map(|(at, char)| {
            let digit = char.is_ascii_digit() != before.is_ascii_digit();
            let hump = before.is_lowercase() && char.is_uppercase();
            before = char;
            (digit || hump).then_some(at)
        });
        let (piece, rest) = self.0.split_at(cut.unwrap_or(self.0.len()));
        self.0 = rest;
        Some(piece)
    }
}

fn count(text: &str) -> u64 {
    text.chars().fold(0, |count, _| count + 1)
}
