//! An invisible salamander: one ciphertext that AES-GCM takes under two keys.
//!
//! GCM's tag is linear in each block of the ciphertext. So for two keys and one nonce a block can be computed
//! with which both tags are the same (Dodis, Grubbs, Ristenpart and Woodage, "Fast Message Franking: From Invisible
//! Salamanders to Encryptment", 2018, section 3). Whoever may write to the database and knows two keys could so let
//! one record show a different secret to each; the commitment is against that.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, Nonce, Tag};

use super::galois::{Element, ghash};
use super::*;
use crate::format::sealed::{Purpose, Sealed, keys};
use crate::format::{Reader, Writer};

/// What the two keys make of a nonce: GHASH's key, and what hides the tag.
struct Gcm {
    cipher: Aes256Gcm,
    h: Element,
    mask: Element,
}

impl Gcm {
    /// GHASH's key and the mask are not given out, so they are told from tags that they make: of nothing at all the
    /// tag is the mask, of one block of associated data it is `mask + block h^2 + lengths h`.
    fn of(cipher: Aes256Gcm, nonce: &[u8; 12]) -> Self {
        let tag = |aad: &[u8]| {
            let nonce = Nonce::from(*nonce);
            let tag = cipher.encrypt_inout_detached(&nonce, aad, (&mut [][..]).into());
            Element::of(&tag.unwrap())
        };
        // The lengths are the same, so the difference of the tags of two blocks is (their difference) h^2.
        let block = |bit: u128| Element(bit).bytes();
        let difference = Element(1) + Element(2);
        let square = (tag(&block(1)) + tag(&block(2))) * difference.inverse();
        // In this field everything has one square root: its 2^127th power.
        let (h, mask) = (square.power(1 << 127), tag(b""));
        Self { cipher, h, mask }
    }

    fn open(&self, nonce: &[u8; 12], aad: &[u8], text: &[u8], tag: [u8; 16]) -> Option<Vec<u8>> {
        let mut plain = text.to_vec();
        self.cipher
            .decrypt_inout_detached(
                &Nonce::from(*nonce),
                aad,
                plain.as_mut_slice().into(),
                &Tag::from(tag),
            )
            .ok()?;
        Some(plain)
    }
}

/// Changes the last block of the text so that both make the same tag, and gives it.
fn collide(one: &Gcm, other: &Gcm, aad: &[u8], text: &mut [u8]) -> [u8; 16] {
    let end = text.len() - 16;
    text[end..].fill(0);
    let tag = |gcm: &Gcm, text: &[u8]| ghash(gcm.h, aad, text) + gcm.mask;
    // The last block is multiplied by h twice: by itself, and with the lengths.
    let difference = tag(one, text) + tag(other, text);
    let slope = one.h.power(2) + other.h.power(2);
    text[end..].copy_from_slice(&(difference * slope.inverse()).bytes());
    assert_eq!(tag(one, text), tag(other, text));
    tag(one, text).bytes()
}

#[test]
fn a_ciphertext_for_two_keys_opens_under_one_at_most() {
    let (aad, salt, nonce) = (b"the same place", [5; 32], [6; 12]);
    let [first, second] = [key(1), key(2)];
    let (cipher, commitment) = keys(&first, Purpose::Secret, aad, &salt);
    let (other, other_commitment) = keys(&second, Purpose::Secret, aad, &salt);
    let (one, other) = (Gcm::of(cipher, &nonce), Gcm::of(other, &nonce));
    let mut text = vec![0x5a; 64];
    let tag = collide(&one, &other, aad, &mut text);

    // GCM alone takes it under both, and shows two texts.
    let shown = one.open(&nonce, aad, &text, tag).unwrap();
    let also = other.open(&nonce, aad, &text, tag).unwrap();
    assert_ne!(shown, also);

    let boxed = |commitment: &[u8; 32]| {
        let writer = Writer::default().u8(Sealed::SUITE).raw(&salt).raw(&nonce);
        let writer = writer.raw(commitment).bytes(&[&text[..], &tag].concat());
        Sealed::read(&mut Reader::new(&writer.finish())).unwrap()
    };
    let open = |sealed: &Sealed, key| {
        let plain = sealed.open(key, Purpose::Secret, aad);
        plain.map(|plain| plain.to_vec())
    };
    let sealed = boxed(&commitment);
    assert_eq!(open(&sealed, &first), Ok(shown));
    assert_eq!(open(&sealed, &second), Err(FormatError::Refused));
    let sealed = boxed(&other_commitment);
    assert_eq!(open(&sealed, &first), Err(FormatError::Refused));
    assert_eq!(open(&sealed, &second), Ok(also));
    for neither in [[0; 32], [0xff; 32]] {
        for key in [&first, &second] {
            assert_eq!(open(&boxed(&neither), key), Err(FormatError::Refused));
        }
    }
}
