//! Whoever sends bytes cannot make us reserve more than twice as many.

use allocation_counter::measure;

use super::*;

/// What a ciphertext is bound to is put together before it is opened, however short it is.
const BINDING: u64 = 1024;

/// The bytes that were reserved in all while these were read.
fn reserved(read: Reading<'_>, bytes: &[u8]) -> u64 {
    let reading = || {
        read(bytes);
    };
    measure(reading).bytes_total
}

/// Changes to a thing that its reader refuses.
fn spoiled(bytes: &[u8]) -> Vec<Vec<u8>> {
    let cut = (0..=bytes.len()).map(|length| bytes[..length].to_vec());
    // Any four bytes may be a length.
    let huge = (0..bytes.len() - 4).map(|start| {
        let mut huge = bytes.to_vec();
        huge[start..start + 4].fill(0xff);
        huge
    });
    let longer = [64, 4096, 1 << 20].map(|more| [bytes, &vec![0; more][..]].concat());
    cut.chain(huge).chain(longer).collect()
}

#[test]
fn nothing_reserves_more_than_twice_what_it_reads() {
    with_each_kind(|kind, bytes, read| {
        for bytes in spoiled(bytes) {
            let (reserved, given) = (reserved(read, &bytes), bytes.len());
            assert!(
                reserved <= 2 * given as u64 + BINDING,
                "{kind}: {reserved} for {given} bytes"
            );
        }
    });
}

/// Reading what is genuine takes memory of course, but not much more.
#[test]
fn what_is_genuine_takes_little_more() {
    with_each_kind(|kind, bytes, read| {
        let reserved = reserved(read, bytes);
        assert!(reserved > 0, "{kind}: nothing was measured");
        assert!(
            reserved <= 4 * bytes.len() as u64 + BINDING,
            "{kind}: {reserved}"
        );
    });
}
