//! Looking for any piece of very many secrets in any form, in one pass over a file.
//!
//! A piece is eight bytes of a secret. As text, reversed or in base64 it is looked for by eight bytes of the form; in
//! hex and UTF-16, of which eight bytes are four letters only and turn up by chance, by sixteen.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// What some bytes look like in a form.
pub(crate) type Form = (&'static str, fn(&[u8]) -> Vec<u8>);

pub(crate) const SHORT: [Form; 5] = [
    ("as they are", <[u8]>::to_vec),
    ("reversed", |bytes| bytes.iter().rev().copied().collect()),
    ("base64", |bytes| base64(bytes, 0)),
    ("base64 behind one byte", |bytes| base64(bytes, 1)),
    ("base64 behind two bytes", |bytes| base64(bytes, 2)),
];

pub(crate) const LONG: [Form; 4] = [
    ("hex", |bytes| hex(bytes, b"0123456789abcdef")),
    ("HEX", |bytes| hex(bytes, b"0123456789ABCDEF")),
    ("UTF-16LE", |bytes| {
        bytes.iter().flat_map(|byte| [*byte, 0]).collect()
    }),
    ("UTF-16BE", |bytes| {
        bytes.iter().flat_map(|byte| [0, *byte]).collect()
    }),
];

/// Without the letters that hang on what stands before and behind.
fn base64(bytes: &[u8], behind: usize) -> Vec<u8> {
    let mut whole = vec![0; behind];
    whole.extend(bytes);
    let letters = STANDARD_NO_PAD.encode(&whole).into_bytes();
    let first = (behind * 8).div_ceil(6);
    let last = whole.len() * 8 / 6;
    letters[first..last].to_vec()
}

fn hex(bytes: &[u8], digits: &[u8; 16]) -> Vec<u8> {
    let letters = |byte: &u8| [byte >> 4, byte & 15].map(|half| digits[usize::from(half)]);
    bytes.iter().flat_map(letters).collect()
}

/// Numbers, to be asked for very often: most that are not there cost one look.
#[derive(Debug)]
struct Numbers {
    places: Vec<u64>,
    shift: u32,
}

impl Numbers {
    fn for_about(count: usize) -> Self {
        let length = (2 * count).next_power_of_two();
        Self {
            places: vec![0; length],
            shift: 64 - length.trailing_zeros(),
        }
    }

    /// Where it is, or would be. No number is 0, which no form of a secret is.
    fn place(&self, number: u64) -> usize {
        let hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift;
        let mut place = usize::try_from(hash).unwrap();
        while self.places[place] != 0 && self.places[place] != number {
            place = (place + 1) % self.places.len();
        }
        place
    }

    fn add(&mut self, number: u64) {
        let place = self.place(number);
        self.places[place] = number;
    }

    fn have(&self, number: u64) -> bool {
        self.places[self.place(number)] == number
    }
}

/// All pieces of all secrets.
#[derive(Debug)]
pub(crate) struct Windows {
    /// The first eight bytes of each.
    begins: Numbers,
    /// Of the long ones both halves in one number.
    whole: Numbers,
}

impl Windows {
    pub(crate) fn of(secrets: &[String]) -> Self {
        let length: usize = secrets.iter().map(String::len).sum();
        let mut windows = Self {
            begins: Numbers::for_about(8 * length),
            whole: Numbers::for_about(8 * length),
        };
        for secret in secrets {
            windows.add(secret.as_bytes());
        }
        windows
    }

    fn add(&mut self, secret: &[u8]) {
        for (_, form) in SHORT {
            for piece in form(secret).windows(8) {
                self.begins.add(number(piece));
                self.whole.add(number(piece));
            }
        }
        for (_, form) in LONG {
            for piece in form(secret).windows(16).step_by(2) {
                self.begins.add(number(piece));
                self.whole.add(both(number(piece), number(&piece[8..])));
            }
        }
    }

    /// Where pieces are found.
    pub(crate) fn hits(&self, bytes: &[u8]) -> Vec<usize> {
        let mut hits = Vec::new();
        let mut window = 0;
        for (place, byte) in bytes.iter().enumerate() {
            window = (window >> 8) | (u64::from(*byte) << 56);
            if window != 0 && place >= 7 && self.begins.have(window) {
                let behind = bytes.get(place + 1..place + 9);
                if self.is_piece(window, behind) {
                    hits.push(place - 7);
                }
            }
        }
        hits
    }

    fn is_piece(&self, window: u64, behind: Option<&[u8]>) -> bool {
        let long = |behind| self.whole.have(both(window, number(behind)));
        self.whole.have(window) || behind.is_some_and(long)
    }
}

/// The first eight bytes.
fn number(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(*bytes.first_chunk().unwrap())
}

const fn both(first: u64, second: u64) -> u64 {
    first.rotate_left(17).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ second
}
